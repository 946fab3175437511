//! What may be changed: of page 0 and of single pages, the same checks, of which the first that
//! fails is an error.

use std::ops::ControlFlow;

use kv_file_core::Source;

use super::bucket::Table;
use super::tree::Bounds;
use super::{Check, Report, Verdict};
use crate::error::Result;
use crate::fault::{Problem, Severity};
use crate::file::{Page, PageFile};
use crate::format::{Address, BtreeMeta, HashFunction, HashMeta};
use crate::stop::Stop;

/// Refuses a file for what is wrong with its page 0.
pub(crate) fn refuse_meta<S: Source>(file: &PageFile<S>) -> Result<()> {
    first_damage(file, |check| check.meta(0).map(drop))
}

/// Refuses a page for what is wrong with it by itself.
pub(crate) fn refuse_page<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> Result<()> {
    first_damage(file, |check| check.page(page.number, &page.bytes).map(drop))
}

/// Refuses a page for what is wrong with it as a page of a bucket. Of big keys only the references
/// are looked at.
pub(crate) fn refuse_bucket_page<S: Source>(
    file: &PageFile<S>,
    (meta, address, function): (&HashMeta, &Address, HashFunction),
    bucket: u32,
    page: &Page<'_>,
) -> Result<()> {
    let table = Table { meta, address, function: Some(function) };
    first_damage(file, |check| {
        if check.page(page.number, &page.bytes)?.has_items() {
            check.bucket_page(&table, bucket, page, &mut Vec::new())?;
        }
        Ok(())
    })
}

/// Refuses a page of a btree for what is wrong with it by itself, or under the entry that leads to
/// it. The root has none above it. Of big keys only the references are looked at.
pub(crate) fn refuse_tree_page<S: Source>(
    file: &PageFile<S>,
    meta: &BtreeMeta,
    above: Option<(&Page<'_>, usize)>,
    bounds: Bounds<'_>,
    page: &Page<'_>,
) -> Result<()> {
    first_damage(file, |check| {
        check.page(page.number, &page.bytes)?;
        check.page_of_tree(meta, above, bounds, page)
    })
}

/// The first damage that a check finds which does not follow links: of other pages, nothing is
/// known.
fn first_damage<S: Source>(
    file: &PageFile<S>,
    look: impl FnOnce(&mut Check<'_, '_, S>) -> Result<(), Stop>,
) -> Result<()> {
    let mut first = None;
    let mut call = |problem: Problem| match problem.severity() {
        Severity::Note => ControlFlow::Continue(()),
        Severity::Damage => {
            first = Some(problem);
            ControlFlow::Break(())
        }
    };
    let mut report = Report { call: &mut call, verdict: Verdict::default() };
    let (table, reserved, budget) = (Vec::new(), Vec::new(), file.budget());
    let end = look(&mut Check { file, table, report: &mut report, reserved, budget, lost: false });
    Stop::is_complete(end)?;
    first.map_or(Ok(()), |problem| Err(problem.into()))
}
