//! Big items: their chains of overflow pages, and how often each is referred to.

use std::borrow::Cow;

use kv_file_core::Source;

use super::Check;
use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem};
use crate::format::item::BigRef;
use crate::format::page_type;
use crate::overflow;
use crate::stop::Stop;

impl<'c, S: Source> Check<'c, '_, S> {
    /// Follows a reference in item `index` of `page`; says whether the item can be read.
    ///
    /// A bucket or a leaf must be the only one to refer to an item; separators of trees can refer
    /// to it, too.
    pub(super) fn big(
        &mut self,
        page: u32,
        index: usize,
        big: BigRef,
        from_leaf: bool,
    ) -> Result<bool, Stop> {
        let Some(first) = self.entry(big.first) else { return Ok(false) };
        let (kind, referred) = (first.kind, from_leaf && !first.refer());
        if first.is_broken() {
            first.claim();
            return Ok(false);
        }
        if kind != page_type::OVERFLOW {
            let problem = Problem::on(page, Fault::LinkedType).item(index);
            return self.report.add(problem.value(big.first)).map(|()| false);
        }
        if referred {
            let problem = Problem::on(page, Fault::Shared).item(index);
            return self.report.add(problem.value(big.first)).map(|()| false);
        }
        first.references = first.references.saturating_add(1);
        if first.references > 1 {
            return Ok(true);
        }
        let count = first.entries;
        self.chain_of_overflow_pages(big, count)
    }

    /// Claims the pages of an item whose first page has the reference count `count`. On the others
    /// it is the same or 1.
    fn chain_of_overflow_pages(&mut self, big: BigRef, count: u16) -> Result<bool, Stop> {
        let (mut number, mut prev, mut sum) = (big.first, 0, 0u64);
        // 0 ends the chain, and other links that lead nowhere have been reported.
        while let Some(entry) = self.entry(number) {
            if !entry.claim() {
                return self.report.add(Problem::on(number, Fault::Shared)).map(|()| false);
            }
            let entry = *entry;
            if entry.is_broken() {
                return Ok(false);
            }
            if entry.kind != page_type::OVERFLOW {
                let problem = Problem::on(number, Fault::LinkedType).value(entry.kind);
                return self.report.add(problem).map(|()| false);
            }
            if entry.prev != prev {
                self.report.add(Problem::on(number, Fault::BackLink).value(entry.prev))?;
            }
            if entry.entries > 1 && entry.entries != count {
                let problem = Problem::on(number, Fault::ReferenceCount);
                self.report.add(problem.value(entry.entries))?;
            }
            sum += u64::from(entry.bytes);
            (prev, number) = (number, entry.next);
        }
        if sum != u64::from(big.len) {
            let problem = Problem::on(big.first, Fault::ChainLength).value(sum);
            return self.report.add(problem).map(|()| false);
        }
        Ok(true)
    }

    /// The bytes of a big item, where its pages are whole and there is a point in reading more.
    pub(super) fn read_big(&self, big: BigRef) -> Result<Option<Cow<'c, [u8]>>, Stop> {
        match overflow::read(self.file, big, &self.budget) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::Io(_)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}
