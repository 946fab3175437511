//! The leaves of a tree: whether their items are in order, and lie where they are looked for.

use std::borrow::Cow;

use kv_file_core::Source;

use super::super::Check;
use super::{Bounds, Shape, Walk};
use crate::databases;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::Page;
use crate::format::page_type;
use crate::format::tree_item::Content;
use crate::stop::Stop;
use crate::tree;

/// The first and the last key of a leaf, or of its data where there are no keys, if they are known.
type Ends<'p> = [Option<Cow<'p, [u8]>>; 2];

impl<'c, S: Source> Check<'c, '_, S> {
    /// Checks a leaf; returns the number of its records, if its items can be read.
    pub(super) fn leaf(
        &mut self,
        walk: &mut Walk<'_>,
        page: &Page<'c>,
        bounds: Bounds<'_>,
    ) -> Result<Option<u64>, Stop> {
        let number = page.number;
        if let Some(before) = walk.leaf
            && (page.header.prev != before
                || self.entry(before).is_some_and(|before| before.next != number))
        {
            self.report.add(Problem::on(number, Fault::LeafOrder).value(page.header.prev))?;
        }
        walk.leaf = Some(number);
        let entries = page.header.entries;
        if !self.has_whole_items(page) {
            self.lost |= walk.databases.is_some();
            return Ok(None);
        }
        let ends = match page.header.kind {
            page_type::BTREE_LEAF => self.pairs(walk, page)?,
            _ => self.data_items(walk.shape, page)?,
        };
        self.between(number, bounds, ends)?;
        let pairs = page.header.kind == page_type::BTREE_LEAF;
        Ok(Some(u64::from(if pairs { entries / 2 } else { entries })))
    }

    /// Checks that the keys of a leaf are those that are looked for there.
    pub(super) fn between(
        &mut self,
        number: u32,
        [low, high]: Bounds<'_>,
        [first, last]: Ends<'_>,
    ) -> Result<(), Stop> {
        let too_low = low.zip(first.as_deref()).is_some_and(|(low, first)| first < low);
        // A key that is equal to the separator behind it is looked for behind it.
        let too_high = high.zip(last.as_deref()).is_some_and(|(high, last)| high <= last);
        if too_low || too_high {
            self.report.add(Problem::on(number, Fault::Separator))?;
        }
        Ok(())
    }

    /// Checks the items of a leaf that holds nothing else than data; returns the first and the
    /// last, if they are in order.
    fn data_items<'p>(&mut self, shape: &Shape, page: &'p Page<'c>) -> Result<Ends<'p>, Stop> {
        let mut first = None;
        let mut last: Option<Cow<'p, [u8]>> = None;
        for index in 0..page.header.entries.into() {
            let Ok(item) = tree::item(self.file, page, index) else { break };
            let bytes = self.content(shape, page.number, index, &item, true)?;
            if !shape.sorted {
                continue;
            }
            if last.as_ref().zip(bytes.as_ref()).is_some_and(|(last, bytes)| last >= bytes) {
                self.report.add(Problem::on(page.number, Fault::Unsorted).item(index))?;
            }
            if index == 0 {
                first.clone_from(&bytes);
            }
            last = bytes;
        }
        Ok([first, last])
    }

    /// Checks the keys and the data of a btree's leaf; returns the first key and the last.
    pub(super) fn pairs<'p>(
        &mut self,
        walk: &mut Walk<'_>,
        page: &'p Page<'_>,
    ) -> Result<Ends<'p>, Stop>
    where
        'c: 'p,
    {
        let on = |fault, index| Problem::on(page.number, fault).item(index);
        let mut first = None;
        let mut last: Option<Cow<'p, [u8]>> = None;
        let mut last_data: Option<Cow<'p, [u8]>> = None;
        let mut key_offset = None;
        for index in (0..usize::from(page.header.entries)).step_by(2) {
            let Ok(key) = tree::item(self.file, page, index) else { break };
            let Ok(data) = tree::item(self.file, page, index + 1) else { break };
            // Duplicates share their key.
            let same_key = key_offset.replace(key.offset) == Some(key.offset);
            if same_key && walk.shape.duplicates.is_none() {
                self.report.add(on(Fault::DuplicatesNotAllowed, index))?;
            }
            if !same_key {
                let bytes = self.content(walk.shape, page.number, index, &key, true)?;
                if last.as_ref().zip(bytes.as_ref()).is_some_and(|(last, key)| last >= key) {
                    self.report.add(on(Fault::Unsorted, index))?;
                }
                if index == 0 {
                    first.clone_from(&bytes);
                }
                last = bytes;
            }
            if let Some(databases) = &mut walk.databases {
                let number = match data.content {
                    Content::Plain(bytes) => databases::meta_page(bytes),
                    _ => None,
                };
                match number.filter(|number| self.exists(*number)) {
                    Some(number) => databases.push(number),
                    None => {
                        self.lost = true;
                        self.report.add(on(Fault::DatabaseEntry, index + 1))?;
                    }
                }
                continue;
            }
            self.report.verdict.keys += u64::from(!same_key);
            let bytes = match data.content {
                Content::DuplicateTree(root) => {
                    self.duplicate_tree(walk.shape, page.number, index + 1, root)?;
                    None
                }
                _ => self.content(walk.shape, page.number, index + 1, &data, true)?,
            };
            let disorder = last_data.as_ref().zip(bytes.as_ref());
            if same_key
                && walk.shape.duplicates == Some(true)
                && disorder.is_some_and(|(last, data)| last >= data)
            {
                self.report.add(on(Fault::Unsorted, index + 1))?;
            }
            last_data = bytes;
        }
        Ok([first, last])
    }

    fn duplicate_tree(
        &mut self,
        shape: &Shape,
        page: u32,
        index: usize,
        root: u32,
    ) -> Result<(), Stop> {
        match shape.duplicates {
            Some(sorted) => self.tree((page, Some(index)), root, &Shape::duplicates(sorted)),
            None => {
                let problem = Problem::on(page, Fault::DuplicatesNotAllowed).item(index);
                self.report.add(problem)
            }
        }
    }
}
