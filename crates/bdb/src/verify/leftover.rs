//! What is left when all databases have been followed: free pages, reserved pages, and pages to
//! which nothing leads.

use kv_file_core::Source;

use super::Check;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::meta::RawMeta;
use crate::format::page_type;
use crate::stop::Stop;

impl<S: Source> Check<'_, '_, S> {
    pub(super) fn leftovers(&mut self, main_is_hash: bool) -> Result<(), Stop> {
        self.free_list()?;
        self.reserved()?;
        self.reference_counts()?;
        // Of databases that could not be followed, no page has an owner.
        if self.lost { Ok(()) } else { self.orphans(main_is_hash) }
    }

    fn free_list(&mut self) -> Result<(), Stop> {
        let page_0 = self.file.read(0)?;
        let mut number = RawMeta::read(&page_0)?.free;
        while let Some(entry) = self.entry(number) {
            let is_free = entry.kind == page_type::FREE && !entry.is_hole();
            if !is_free && !entry.is_broken() {
                let kind = entry.kind;
                return self.report.add(Problem::on(number, Fault::FreeList).value(kind));
            }
            if !entry.claim() {
                return self.report.add(Problem::on(number, Fault::Shared));
            }
            number = entry.next;
        }
        Ok(())
    }

    /// A table grows onto its reserved pages without looking at them (section 11), so nothing else
    /// may lie there.
    fn reserved(&mut self) -> Result<(), Stop> {
        for range in std::mem::take(&mut self.reserved) {
            for number in range {
                let Some(entry) = self.entry(number) else { continue };
                let is_empty = match entry.kind {
                    // On the free list, or else an orphan.
                    page_type::FREE if !entry.is_hole() => continue,
                    page_type::FREE => !entry.is_used(),
                    page_type::HASH | page_type::HASH_UNSORTED => {
                        entry.entries == 0 && !entry.is_used()
                    }
                    _ => false,
                };
                entry.claim();
                if !is_empty && !entry.is_broken() {
                    self.report.add(Problem::on(number, Fault::ReservedBucket))?;
                }
            }
        }
        Ok(())
    }

    fn reference_counts(&mut self) -> Result<(), Stop> {
        for (number, entry) in (0..).zip(&self.table) {
            let right = entry.references == entry.entries || entry.entries == 0;
            if entry.references != 0 && !right {
                let problem = Problem::on(number, Fault::ReferenceCount);
                self.report.add(problem.value(entry.entries))?;
            }
        }
        Ok(())
    }

    /// Reports what nothing leads to. libdb leaves empty pages behind in files that are one hash
    /// database.
    fn orphans(&mut self, main_is_hash: bool) -> Result<(), Stop> {
        for (number, entry) in (0..).zip(&self.table).skip(1) {
            if entry.is_used() || entry.is_broken() {
                continue;
            }
            let is_empty = match entry.kind {
                page_type::FREE => true,
                page_type::HASH => entry.entries == 0,
                _ => false,
            };
            let fault = if main_is_hash && is_empty { Fault::Unused } else { Fault::Orphan };
            self.report.add(Problem::on(number, fault).value(entry.kind))?;
        }
        Ok(())
    }
}
