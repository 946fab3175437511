//! The first pass: each page by itself.

use kv_file_core::Source;

use super::Check;
use super::table::Entry;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::page::Header;
use crate::format::{checksum, page_type};
use crate::stop::Stop;
use crate::tree;

impl<S: Source> Check<'_, '_, S> {
    /// Reads the file from front to back.
    pub(super) fn each_page(&mut self) -> Result<(), Stop> {
        self.file.each_page(|number, page| {
            let entry = self.page(number, page)?;
            self.table.push(entry);
            Ok(())
        })
    }

    /// Checks one page.
    pub(super) fn page(&mut self, number: u32, page: &[u8]) -> Result<Entry, Stop> {
        let order = self.file.layout.order;
        let Some(header) = Header::parse(page, order) else { return Ok(Entry::broken(0)) };
        if header.number == 0 && number != 0 {
            if page.iter().all(|byte| *byte == 0) {
                return Ok(Entry::hole());
            }
            self.report.add(Problem::on(number, Fault::HoleNotEmpty))?;
            return Ok(Entry::broken(header.kind));
        }
        if self.file.layout.checksums && !checksum::matches(page, order) {
            self.report.add(Problem::on(number, Fault::Checksum))?;
            return Ok(Entry::broken(header.kind));
        }
        if header.number != number {
            self.report.add(Problem::on(number, Fault::PageNumber).value(header.number))?;
            return Ok(Entry::broken(header.kind));
        }
        let items_are_whole = match header.kind {
            page_type::HASH_META | page_type::BTREE_META => true,
            page_type::FREE => {
                self.link(number, header.next)?;
                true
            }
            page_type::HASH | page_type::HASH_UNSORTED => {
                self.links(&header)?;
                self.level(&header, 0..=0)?;
                self.hash_page(&header, page)?
            }
            page_type::OVERFLOW => {
                self.links(&header)?;
                self.level(&header, 0..=0)?;
                self.overflow_page(&header)?
            }
            kind if tree::is_leaf(kind) => {
                self.links(&header)?;
                self.level(&header, 1..=1)?;
                self.tree_page(&header, page)?
            }
            page_type::BTREE_INTERNAL | page_type::RECNO_INTERNAL => {
                self.level(&header, 2..=u8::MAX)?;
                self.tree_page(&header, page)?
            }
            other => {
                self.report.add(Problem::on(number, Fault::PageType).value(other))?;
                return Ok(Entry::broken(other));
            }
        };
        let entry = Entry::new(&header);
        Ok(if items_are_whole { entry } else { entry.with_broken_items() })
    }

    fn links(&mut self, header: &Header) -> Result<(), Stop> {
        self.link(header.number, header.prev)?;
        self.link(header.number, header.next)
    }

    fn link(&mut self, number: u32, to: u32) -> Result<(), Stop> {
        if to == number || to > self.file.last_page {
            self.report.add(Problem::on(number, Fault::Link).value(to))?;
        }
        Ok(())
    }

    fn level(&mut self, header: &Header, levels: std::ops::RangeInclusive<u8>) -> Result<(), Stop> {
        if !levels.contains(&header.level) {
            self.report.add(Problem::on(header.number, Fault::Level).value(header.level))?;
        }
        Ok(())
    }

    /// Checks a page of a big item; returns `true` if its bytes can be read.
    fn overflow_page(&mut self, header: &Header) -> Result<bool, Stop> {
        if header.entries == 0 {
            self.report.add(Problem::on(header.number, Fault::ReferenceCount).value(0u8))?;
        }
        let room = self.file.layout.room();
        if header.high_offset == 0 || usize::from(header.high_offset) > room {
            let problem = Problem::on(header.number, Fault::OverflowBytes);
            self.report.add(problem.value(header.high_offset))?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Holds the header's offset of the lowest item against the true one. A page of 65536 bytes
    /// without items has 0.
    pub(super) fn high_offset(&mut self, header: &Header, lowest: usize) -> Result<(), Stop> {
        if header.high_offset != lowest as u16 {
            let problem = Problem::on(header.number, Fault::HighOffset);
            self.report.add(problem.value(header.high_offset))?;
        }
        Ok(())
    }

    /// Checks the page number of a reference in item `index` of the page.
    pub(super) fn reference(&mut self, page: u32, index: usize, to: u32) -> Result<(), Stop> {
        if !self.exists(to) || to == page {
            self.report.add(Problem::on(page, Fault::Reference).item(index).value(to))?;
        }
        Ok(())
    }
}
