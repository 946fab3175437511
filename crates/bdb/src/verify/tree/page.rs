//! The items of tree pages by themselves.

use kv_file_core::Source;

use super::super::Check;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::page::Header;
use crate::format::page_type;
use crate::format::tree_item::{Content, TreeItem};
use crate::stop::Stop;
use crate::tree::is_leaf;

impl<S: Source> Check<'_, '_, S> {
    /// Checks the items of a tree page by themselves; returns `true` if all can be read.
    pub(in crate::verify) fn tree_page(
        &mut self,
        header: &Header,
        page: &[u8],
    ) -> Result<bool, Stop> {
        let number = header.number;
        let on = |fault| Problem::on(number, fault);
        let odd = header.kind == page_type::BTREE_LEAF && !header.entries.is_multiple_of(2);
        let empty = !is_leaf(header.kind) && header.entries == 0;
        let table_end = self.file.layout.header_len() + 2 * usize::from(header.entries);
        if odd || empty || table_end > page.len() {
            self.report.add(on(Fault::Entries).value(header.entries))?;
            return Ok(false);
        }
        let mut whole = true;
        let mut places = Vec::new();
        for index in 0..header.entries.into() {
            let item =
                TreeItem::parse(page, self.file.layout, (header.kind, header.entries), index);
            let item = match item {
                Ok(item) => item,
                Err(flaw) => {
                    self.report.add(flaw.on(number).item(index))?;
                    whole = false;
                    continue;
                }
            };
            if item.deleted && header.kind != page_type::RECNO_LEAF {
                self.report.add(on(Fault::ItemDeleted).item(index))?;
            }
            if let Some(child) = item.child {
                self.reference(number, index, child.page)?;
            }
            match item.content {
                Content::Big(big) => self.reference(number, index, big.first)?,
                Content::DuplicateTree(root) => self.reference(number, index, root)?,
                Content::Plain(_) => {}
            }
            places.push((item.offset, item.size, index));
        }
        if whole {
            self.places(header, places)?;
        }
        Ok(whole)
    }

    /// The items of a tree page lie side by side up to the page's end, in any order.
    fn places(
        &mut self,
        header: &Header,
        mut places: Vec<(usize, usize, usize)>,
    ) -> Result<(), Stop> {
        let is_key = |index: usize| header.kind == page_type::BTREE_LEAF && index.is_multiple_of(2);
        places.sort_unstable();
        // Duplicates share their key.
        places.dedup_by(|a, b| a.0 == b.0 && is_key(a.2) && is_key(b.2));
        let lowest = places.first().map_or(self.file.layout.page_size, |place| place.0);
        self.high_offset(header, lowest)?;
        let starts = places.iter().skip(1).map(|place| place.0).chain([self.file.layout.page_size]);
        for (&(offset, size, index), next) in places.iter().zip(starts) {
            if offset + size != next {
                let problem = Problem::on(header.number, Fault::ItemOverlap).item(index);
                return self.report.add(problem);
            }
        }
        Ok(())
    }
}
