//! Finding all that is wrong with a file.
//!
//! In two passes. The first reads the file from front to back and looks at each page by itself; of
//! each it keeps 16 bytes ([`table`]). The second follows the links from page 0 on, in memory, and
//! reads again only the pages whose items matter there. In a sound file every page has one owner:
//! pages are claimed as they are reached, and the second claim of a page is a fault, so that no
//! link leads in a circle.

mod big;
mod btree;
mod bucket;
mod hash;
mod leftover;
mod meta;
mod page;
mod refuse;
mod table;
mod tree;

use std::ops::{ControlFlow, RangeInclusive};

pub(crate) use hash::MAX_ELEMENTS;
pub(crate) use refuse::{refuse_bucket_page, refuse_meta, refuse_page, refuse_tree_page};

use kv_file_core::Source;

use self::table::Entry;
use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem, Severity};
use crate::file::{Budget, Page, PageFile};
use crate::format::meta::RawMeta;
use crate::format::page::Header;
use crate::format::{META_LEN, Meta, Method};
use crate::stop::Stop;

/// What [`verify`] has to say of a file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whole pages of the file.
    pub pages: u64,
    /// Keys of its databases, as far as they could be read.
    pub keys: u64,
    /// Number of problems that are damage.
    pub damage: u64,
    /// Number of problems that are none to worry about.
    pub notes: u64,
    /// Whether all was looked at: `report` did not ask to stop.
    pub complete: bool,
}

impl Verdict {
    /// Returns `true` if everything in the file can be relied on.
    pub fn is_sound(&self) -> bool {
        self.complete && self.damage == 0
    }
}

/// Checks a whole file, with all databases in it, and hands every problem to `report`, until that
/// breaks off.
///
/// The checks are those of libdb's verifier and more: see [`Fault`]. A file without
/// [`Severity::Damage`] is one that libdb accepts and from which [`HashDb`](struct@crate::HashDb) and
/// [`BtreeDb`](crate::BtreeDb) read every pair without an error, and find it by its key. Files that
/// libdb has written are without, though they may give rise to a [`Severity::Note`].
///
/// # Errors
/// [`ErrorKind::NotADatabase`] and [`ErrorKind::Unsupported`] for files that cannot be judged,
/// [`ErrorKind::Io`]. Damage is reported, and is no error.
///
/// # Complexity
/// Reads the file once from front to back. Reads once more, page by page, the pages of buckets that
/// have several pages, big keys or sets of duplicates, and trees. Keeps 16 bytes a page, and of one
/// bucket at a time 16 bytes a key.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use bdb_file::{HashBuilder, BuildOptions, Keep, verify};
///
/// let mut file = Vec::new();
/// HashBuilder::new(BuildOptions::default()).plan(Keep::First)?.write_to(&mut file)?;
/// file.truncate(file.len() - 1);
///
/// let verdict = verify(&file, |problem| {
///     println!("{}: {problem}", problem.fault.code());
///     ControlFlow::Continue(())
/// })?;
/// assert!(!verdict.is_sound());
/// # Ok::<(), bdb_file::Error>(())
/// ```
pub fn verify<S: Source>(
    source: S,
    mut report: impl FnMut(Problem) -> ControlFlow<()>,
) -> Result<Verdict> {
    let mut report = Report { call: &mut report, verdict: Verdict::default() };
    let end = check(source, &mut report);
    report.verdict.complete = Stop::is_complete(end)?;
    Ok(report.verdict)
}

fn check<S: Source>(source: S, report: &mut Report<'_>) -> Result<(), Stop> {
    let len = source.len()?;
    if len < META_LEN as u64 {
        return Err(ErrorKind::NotADatabase.into());
    }
    let page_0 = source.read_at(0, META_LEN)?.into_owned();
    refuse_unsupported(&page_0, 0)?;
    let raw = RawMeta::read(&page_0)?;
    let Some(layout) = raw.layout() else {
        return report.add(Problem::on(0, Fault::PageSize).value(raw.page_size));
    };
    if !len.is_multiple_of(raw.page_size.into()) {
        report.add(Problem::on(0, Fault::FileLength).value(len))?;
    }
    if len < raw.page_size.into() {
        return Ok(());
    }
    let file = PageFile::new(source, layout)?;
    report.verdict.pages = u64::from(file.last_page) + 1;
    let budget = file.budget().twice();
    let (table, reserved) = (Vec::new(), Vec::new());
    Check { file: &file, table, report, reserved, budget, lost: false }.run()
}

/// Ends the check of a file with a database that this crate cannot judge.
fn refuse_unsupported(page: &[u8], number: u32) -> Result<()> {
    match Meta::parse(page, number) {
        Err(error) if !matches!(error.kind(), ErrorKind::Corrupt(_)) => Err(error),
        _ => Ok(()),
    }
}

/// Where problems go.
struct Report<'r> {
    call: &'r mut dyn FnMut(Problem) -> ControlFlow<()>,
    verdict: Verdict,
}

impl Report<'_> {
    fn add(&mut self, problem: Problem) -> Result<(), Stop> {
        match problem.severity() {
            Severity::Note => self.verdict.notes += 1,
            Severity::Damage => self.verdict.damage += 1,
        }
        Stop::unless((self.call)(problem))
    }
}

/// A check under way.
struct Check<'c, 'r, S> {
    file: &'c PageFile<S>,
    /// An entry for each page, from the end of the first pass on.
    table: Vec<Entry>,
    report: &'c mut Report<'r>,
    /// Pages onto which tables are to grow.
    reserved: Vec<RangeInclusive<u32>>,
    /// For reading big keys: of a tree, some are both a leaf's and a separator.
    budget: Budget,
    /// Whether a database could not be followed, so that nothing can be said of pages to which
    /// nothing leads.
    lost: bool,
}

impl<'c, S: Source> Check<'c, '_, S> {
    fn run(&mut self) -> Result<(), Stop> {
        self.each_page()?;
        let mut databases = Vec::new();
        let main = self.meta(0)?;
        let main_is_hash = matches!(main, Method::Hash(_));
        self.database(0, main, Some(&mut databases))?;
        for number in databases {
            if self.claim_database(number)? {
                let database = self.meta(number)?;
                self.database(number, database, None)?;
            }
        }
        self.leftovers(main_is_hash)
    }

    /// What is known of a page; nothing for page 0, to which nothing leads, and for a page that the
    /// file does not have.
    fn entry(&mut self, number: u32) -> Option<&mut Entry> {
        self.table.get_mut(number as usize).filter(|_| number != 0)
    }

    /// Reads a page again.
    fn read(&self, number: u32) -> Result<Page<'c>, Stop> {
        let bytes = self.file.read(number)?;
        let header =
            Header::parse(&bytes, self.file.layout.order).ok_or(ErrorKind::NotADatabase)?;
        Ok(Page { header, bytes, number })
    }

    /// Returns `true` if the file has a page of this number to which something can lead.
    fn exists(&self, number: u32) -> bool {
        number != 0 && number <= self.file.last_page
    }
}
