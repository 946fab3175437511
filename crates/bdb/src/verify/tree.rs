//! Trees: those of duplicates, the list of a file's databases, and btree databases (btree
//! specification, section 12).

use std::borrow::Cow;

use kv_file_core::Source;

use super::Check;
use crate::databases;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::Page;
use crate::format::tree_item::{Content, TreeItem};
use crate::format::{BtreeMeta, page_type};
use crate::stop::Stop;
use crate::tree;

/// What kind of tree one is.
pub(super) struct Shape {
    leaf: u8,
    internal: u8,
    /// Whether items are in byte order.
    sorted: bool,
    /// Whether internal entries and the root hold numbers of records.
    counted: bool,
    /// For the leaves of a btree: whether a key has several data items, and these are in byte
    /// order.
    duplicates: Option<bool>,
}

impl Shape {
    /// The tree of one key's duplicates.
    pub fn duplicates(sorted: bool) -> Self {
        let (leaf, internal) = if sorted {
            (page_type::DUPLICATE_LEAF, page_type::BTREE_INTERNAL)
        } else {
            (page_type::RECNO_LEAF, page_type::RECNO_INTERNAL)
        };
        Shape { leaf, internal, sorted, counted: true, duplicates: None }
    }

    fn btree(meta: &BtreeMeta) -> Self {
        Shape {
            leaf: page_type::BTREE_LEAF,
            internal: page_type::BTREE_INTERNAL,
            sorted: true,
            counted: meta.record_numbers,
            duplicates: meta.duplicates.then_some(meta.sorted_duplicates),
        }
    }
}

/// A tree that is being walked.
struct Walk<'w> {
    shape: &'w Shape,
    /// The leaf before, 0 for none; nothing where it could not be read.
    leaf: Option<u32>,
    /// Where the entries of a list of databases go.
    databases: Option<&'w mut Vec<u32>>,
}

/// Keys between which those of a page must lie, where they are known.
type Bounds<'b> = [Option<&'b [u8]>; 2];
/// The first and the last key of a page, where they are known.
type Ends<'p> = [Option<Cow<'p, [u8]>>; 2];

/// An entry of an internal page, and its key, where that is known.
struct Separator<'p> {
    item: TreeItem<'p>,
    key: Option<Cow<'p, [u8]>>,
}

impl<'c, S: Source> Check<'c, '_, S> {
    pub(super) fn btree_database(
        &mut self,
        number: u32,
        btree: &BtreeMeta,
        databases: Option<&mut Vec<u32>>,
    ) -> Result<(), Stop> {
        self.walk((number, None), btree.root, &Shape::btree(btree), databases)
    }

    /// Checks the tree of duplicates to which an item leads.
    pub(super) fn tree(
        &mut self,
        from: (u32, Option<usize>),
        root: u32,
        shape: &Shape,
    ) -> Result<(), Stop> {
        self.walk(from, root, shape, None)
    }

    fn walk(
        &mut self,
        from: (u32, Option<usize>),
        root: u32,
        shape: &Shape,
        databases: Option<&mut Vec<u32>>,
    ) -> Result<(), Stop> {
        let mut walk = Walk { shape, leaf: Some(0), databases };
        let Some(page) = self.tree_page_at(from, root, shape)? else {
            // Where databases are listed, some may be lost.
            self.lost |= walk.databases.is_some();
            return Ok(());
        };
        let records = self.subtree(&mut walk, &page, [None, None])?;
        if let Some(records) = records
            && shape.counted
            && page.header.kind == shape.internal
            && u64::from(page.header.prev) != records
        {
            self.report.add(Problem::on(root, Fault::RecordCount).value(page.header.prev))?;
        }
        if let Some(last) = walk.leaf.filter(|leaf| *leaf != 0)
            && self.entry(last).is_some_and(|entry| entry.next != 0)
        {
            self.report.add(Problem::on(last, Fault::LeafOrder))?;
        }
        Ok(())
    }

    /// Claims a page of a tree, and reads it if there is a point in that.
    fn tree_page_at(
        &mut self,
        (page, item): (u32, Option<usize>),
        number: u32,
        shape: &Shape,
    ) -> Result<Option<Page<'c>>, Stop> {
        // A reference that leads nowhere has been reported.
        let Some(entry) = self.entry(number) else { return Ok(None) };
        if !entry.claim() {
            self.report.add(Problem::on(number, Fault::Shared))?;
            return Ok(None);
        }
        if entry.is_broken() {
            return Ok(None);
        }
        if entry.is_hole() || (entry.kind != shape.leaf && entry.kind != shape.internal) {
            let problem = Problem::on(page, Fault::LinkedType).value(number);
            let problem = item.map_or(problem, |item| problem.item(item));
            self.report.add(problem)?;
            return Ok(None);
        }
        self.read(number).map(Some)
    }

    /// Checks the pages from this one on downwards; returns the number of records, if it could be
    /// found.
    ///
    /// Levels fall with each step, so that there are at most 255.
    fn subtree(
        &mut self,
        walk: &mut Walk<'_>,
        page: &Page<'c>,
        bounds: Bounds<'_>,
    ) -> Result<Option<u64>, Stop> {
        if page.header.kind == walk.shape.leaf {
            return self.leaf(walk, page, bounds);
        }
        if !self.has_whole_items(page) {
            walk.leaf = None;
            self.lost |= walk.databases.is_some();
            return Ok(None);
        }
        let separators = self.separators(walk.shape, page)?;
        let mut total = Some(0u64);
        for (index, Separator { item, .. }) in separators.iter().enumerate() {
            let Some(child) = item.child else { continue };
            let bounds = match index {
                // Nothing is said of what comes before the first separator and after the last.
                0 => [None, separators.get(1)],
                _ => [separators.get(index), separators.get(index + 1)],
            };
            let bounds = bounds.map(|separator| {
                separator.and_then(|separator: &Separator<'_>| separator.key.as_deref())
            });
            let records = match self.child(walk, page, index, child.page)? {
                Some(below) => self.subtree(walk, &below, bounds)?,
                None => {
                    walk.leaf = None;
                    self.lost |= walk.databases.is_some();
                    None
                }
            };
            if let Some(records) = records
                && walk.shape.counted
                && records != u64::from(child.records)
            {
                let problem = Problem::on(page.number, Fault::RecordCount).item(index);
                self.report.add(problem.value(child.records))?;
            }
            total = total.zip(records).map(|(total, records)| total + records);
        }
        Ok(total)
    }

    fn has_whole_items(&mut self, page: &Page<'_>) -> bool {
        page.header.entries == 0 || self.entry(page.number).is_some_and(|entry| entry.has_items())
    }

    fn child(
        &mut self,
        walk: &Walk<'_>,
        parent: &Page<'c>,
        index: usize,
        number: u32,
    ) -> Result<Option<Page<'c>>, Stop> {
        let page = self.tree_page_at((parent.number, Some(index)), number, walk.shape)?;
        let Some(page) = page else { return Ok(None) };
        if parent.header.level.checked_sub(1) != Some(page.header.level) {
            let problem = Problem::on(number, Fault::LevelStep).value(page.header.level);
            self.report.add(problem)?;
            return Ok(None);
        }
        Ok(Some(page))
    }

    /// The entries of an internal page, each with its key if it has one that can be read.
    fn separators<'p>(
        &mut self,
        shape: &Shape,
        page: &'p Page<'c>,
    ) -> Result<Vec<Separator<'p>>, Stop> {
        let mut separators = Vec::new();
        for index in 0..page.header.entries.into() {
            let Ok(item) = tree::item(self.file, page, index) else { break };
            let key = self.content(shape, page.number, index, &item, false)?;
            separators.push(Separator { item, key });
        }
        // The first stands for all that is less than the second.
        let keys = || separators.iter().skip(1).map(|separator| separator.key.as_deref());
        if shape.sorted {
            for (index, (key, next)) in (2..).zip(keys().zip(keys().skip(1))) {
                if key.zip(next).is_some_and(|(key, next)| key >= next) {
                    self.report.add(Problem::on(page.number, Fault::Unsorted).item(index))?;
                }
            }
        }
        Ok(separators)
    }

    fn leaf(
        &mut self,
        walk: &mut Walk<'_>,
        page: &Page<'c>,
        [low, high]: Bounds<'_>,
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
        let [first, last] = match page.header.kind {
            page_type::BTREE_LEAF => self.pairs(walk, page)?,
            _ => self.sorted_items(walk.shape, page)?,
        };
        let below = |bound: Option<&[u8]>, key: &Option<Cow<'_, [u8]>>| {
            bound.zip(key.as_deref()).map(|(bound, key)| bound.cmp(key))
        };
        if below(low, &first).is_some_and(|order| order.is_gt())
            || below(high, &last).is_some_and(|order| order.is_lt())
        {
            self.report.add(Problem::on(number, Fault::Separator))?;
        }
        let pairs = page.header.kind == page_type::BTREE_LEAF;
        Ok(Some(u64::from(if pairs { entries / 2 } else { entries })))
    }

    /// Checks the items of a leaf that holds nothing else than data; returns the first and the
    /// last, if they are in order.
    fn sorted_items<'p>(&mut self, shape: &Shape, page: &'p Page<'c>) -> Result<Ends<'p>, Stop> {
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
    fn pairs<'p>(&mut self, walk: &mut Walk<'_>, page: &'p Page<'c>) -> Result<Ends<'p>, Stop> {
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

    /// The bytes of an item, or of the key of an internal entry. Big ones are followed, and read
    /// where order matters.
    fn content<'p>(
        &mut self,
        shape: &Shape,
        page: u32,
        index: usize,
        item: &TreeItem<'p>,
        from_leaf: bool,
    ) -> Result<Option<Cow<'p, [u8]>>, Stop>
    where
        'c: 'p,
    {
        Ok(match item.content {
            Content::Plain(bytes) => Some(bytes.into()),
            Content::Big(big) if self.big(page, index, big, from_leaf)? && shape.sorted => {
                self.read_big(big)?
            }
            Content::Big(_) | Content::DuplicateTree(_) => None,
        })
    }
}
