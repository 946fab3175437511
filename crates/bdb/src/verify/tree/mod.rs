//! The second pass over trees: btree databases, the list of a file's databases, and trees of
//! duplicates (btree specification, section 12).
//!
//! One walk, from the root down and from left to right, is for all of them; what differs is their
//! [`Shape`].

mod alone;
mod leaf;
mod page;

use std::borrow::Cow;

use kv_file_core::Source;

use super::Check;
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

/// Keys between which those of a page and of all pages under it must lie, where they are known: none
/// is less than the first, and all are less than the second, or else the search for them leads to
/// other pages.
pub(super) type Bounds<'b> = [Option<&'b [u8]>; 2];

/// An entry of an internal page, and its key, where that is known.
struct Separator<'p> {
    item: TreeItem<'p>,
    key: Option<Cow<'p, [u8]>>,
}

impl<'c, S: Source> Check<'c, '_, S> {
    /// Checks the tree of a btree database, whose meta page is `number`. A list of databases is
    /// gathered in `databases`.
    pub(super) fn btree(
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
            self.missing(&mut walk);
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
            self.missing(walk);
            return Ok(None);
        }
        let separators = self.separators(walk.shape, page, bounds)?;
        let key = |index: usize| separators.get(index).and_then(|entry| entry.key.as_deref());
        let mut total = Some(0u64);
        for (index, Separator { item, .. }) in separators.iter().enumerate() {
            let Some(child) = item.child else { continue };
            let low = if index == 0 { bounds[0] } else { key(index) };
            let is_last = index + 1 == separators.len();
            let high = if is_last { bounds[1] } else { key(index + 1) };
            let records = match self.child(walk, page, index, child.page)? {
                Some(below) => self.subtree(walk, &below, [low, high])?,
                None => {
                    self.missing(walk);
                    None
                }
            };
            let right = if walk.shape.counted { records } else { Some(0) };
            if right.is_some_and(|right| right != u64::from(child.records)) {
                let fault =
                    if walk.shape.counted { Fault::RecordCount } else { Fault::UnusedField };
                let problem = Problem::on(page.number, fault).item(index);
                self.report.add(problem.value(child.records))?;
            }
            total = total.zip(records).map(|(total, records)| total + records);
        }
        Ok(total)
    }

    /// Notes that a part of a tree cannot be walked: the leaf before the next one is not known, and
    /// where databases are listed, some may be lost.
    fn missing(&mut self, walk: &mut Walk<'_>) {
        walk.leaf = None;
        self.lost |= walk.databases.is_some();
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
        if page.header.kind == walk.shape.leaf && page.header.entries == 0 {
            self.report.add(Problem::on(number, Fault::EmptyLeaf))?;
        }
        Ok(Some(page))
    }

    /// The entries of an internal page, each with its key if it has one that can be read.
    fn separators<'p>(
        &mut self,
        shape: &Shape,
        page: &'p Page<'_>,
        [low, high]: Bounds<'_>,
    ) -> Result<Vec<Separator<'p>>, Stop>
    where
        'c: 'p,
    {
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
            let too_low = low.zip(keys().next().flatten()).is_some_and(|(low, key)| key < low);
            let too_high =
                high.zip(keys().next_back().flatten()).is_some_and(|(high, key)| high < key);
            if too_low || too_high {
                self.report.add(Problem::on(page.number, Fault::Separator))?;
            }
        }
        Ok(separators)
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
