//! Pages of trees, and the leaves of a tree in order: duplicates off the page, and the list of
//! databases in a file.
//!
//! Btree pages are specified in sections 2 to 7 of the btree specification.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use kv_file_core::{Datum, Source};

use crate::error::{Error, Result};
use crate::fault::{Fault, Flaw};
use crate::file::{Budget, Page, PageFile};
use crate::format::page_type;
use crate::format::tree_item::{Content, DUPLICATE_TREE, LEAF_ITEM_LEN, TreeItem};
use crate::overflow;

/// Iterates over the items of a tree's leaves.
#[derive(Debug)]
pub(crate) struct Leaves<'a> {
    leaf: Page<'a>,
    /// Index of the next item on the leaf.
    index: usize,
}

/// One item of a leaf.
#[derive(Debug)]
pub(crate) struct LeafItem<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub deleted: bool,
}

/// Returns `true` if a page of this type holds data items.
pub(crate) fn is_leaf(kind: u8) -> bool {
    matches!(kind, page_type::BTREE_LEAF | page_type::RECNO_LEAF | page_type::DUPLICATE_LEAF)
}

/// Returns `true` if a page of this type leads to pages below it.
pub(crate) fn is_internal(kind: u8) -> bool {
    matches!(kind, page_type::BTREE_INTERNAL | page_type::RECNO_INTERNAL)
}

impl<'a> Leaves<'a> {
    /// Starts at the leftmost leaf under the page `root`.
    pub fn under<S: Source>(file: &'a PageFile<S>, root: u32, budget: &Budget) -> Result<Self> {
        let mut page = file.page(root, budget)?;
        while !is_leaf(page.header.kind) {
            page = below(file, &page, 0, budget)?;
        }
        Ok(Leaves { leaf: page, index: 0 })
    }

    /// The next item, reading on to the following leaves.
    pub fn next<S: Source>(
        &mut self,
        file: &'a PageFile<S>,
        budget: &Budget,
    ) -> Result<Option<LeafItem<'a>>> {
        while self.index >= usize::from(self.leaf.header.entries) {
            if self.leaf.header.next == 0 {
                return Ok(None);
            }
            let leaf = file.page(self.leaf.header.next, budget)?;
            if leaf.header.kind != self.leaf.header.kind {
                return Err(leaf.problem(Fault::LinkedType).value(leaf.header.kind).into());
            }
            *self = Leaves { leaf, index: 0 };
        }
        let index = self.index;
        self.index += 1;
        leaf_item(file, &self.leaf, index, budget).map(Some)
    }
}

/// The page to which entry `index` of an internal page leads.
///
/// Levels fall by one with each step, which ends every descent.
pub(crate) fn below<'a, S: Source>(
    file: &'a PageFile<S>,
    page: &Page<'_>,
    index: usize,
    budget: &Budget,
) -> Result<Page<'a>> {
    let Some(child) = item(file, page, index)?.child else {
        return Err(page.problem(Fault::LinkedType).value(page.header.kind).into());
    };
    if page.header.level < 2 {
        return Err(page.problem(Fault::Level).value(page.header.level).into());
    }
    let below = file.page(child.page, budget)?;
    if below.header.level != page.header.level - 1 {
        return Err(below.problem(Fault::LevelStep).value(below.header.level).into());
    }
    Ok(below)
}

/// The order of keys and sorted data: that of their bytes, and what is longer comes last (section
/// 7).
pub(crate) fn compare(stored: &[u8], key: Datum<'_>) -> Ordering {
    let [bytes, tail] = key.pieces();
    match stored.split_at_checked(bytes.len()) {
        Some((start, rest)) => start.cmp(bytes).then_with(|| rest.cmp(tail)),
        None => stored.cmp(bytes),
    }
}

/// All pages of the tree under `root`, those of its big items included.
pub(crate) fn pages<S: Source>(file: &PageFile<S>, root: u32) -> Result<Vec<u32>> {
    let budget = file.budget();
    let mut pages = Vec::new();
    let mut big_items = BTreeMap::new();
    let mut to_visit = vec![file.page(root, &budget)?];
    while let Some(page) = to_visit.pop() {
        pages.push(page.number);
        for index in 0..usize::from(page.header.entries) {
            let item = item(file, &page, index)?;
            if item.child.is_some() {
                to_visit.push(below(file, &page, index, &budget)?);
            }
            match item.content {
                Content::Plain(_) => {}
                // The first key of an internal page is none, whatever it says.
                _ if item.child.is_some() && index == 0 => {}
                // The key of an internal page may be an item of a leaf, and on the same pages.
                Content::Big(big) => _ = big_items.insert(big.first, big),
                Content::DuplicateTree(_) => return Err(tree_in_tree(&page, index)),
            }
        }
    }
    for big in big_items.into_values() {
        pages.extend(overflow::pages(file, big, &budget)?);
    }
    Ok(pages)
}

/// The number of records on a leaf of a btree, or under an internal page as its entries tell.
pub(crate) fn records<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> Result<u64> {
    let entries = page.header.entries;
    if page.header.kind == page_type::BTREE_LEAF {
        return Ok(u64::from(entries / 2));
    }
    let count =
        |entry| Ok(item(file, page, entry)?.child.map_or(0, |child| u64::from(child.records)));
    (0..entries.into()).map(count).sum()
}

/// Returns `true` if a pair of a btree's leaf and the next one are duplicates: they share their key.
pub(crate) fn shares_key<S: Source>(
    file: &PageFile<S>,
    leaf: &Page<'_>,
    pair: usize,
) -> Result<bool> {
    let offset = |pair| offset(file, leaf, 2 * pair);
    Ok(pair + 1 < usize::from(leaf.header.entries / 2) && offset(pair)? == offset(pair + 1)?)
}

/// Where item `index` of a tree page starts, which has not been checked.
fn offset<S: Source>(file: &PageFile<S>, page: &Page<'_>, index: usize) -> Result<usize> {
    let flawed = |flaw: Flaw| flaw.on(page.number).item(index);
    Ok(TreeItem::offset(&page.bytes, file.layout, index).map_err(flawed)?)
}

/// The number of items on a tree page: `None` for more than there is room for on any, of which none
/// can be read.
pub(crate) fn items<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> Option<usize> {
    let count = usize::from(page.header.entries);
    (file.layout.header_len() + 2 * count <= file.layout.page_size).then_some(count)
}

/// Item `index` of a tree page.
pub(crate) fn item<'p, S: Source>(
    file: &PageFile<S>,
    page: &'p Page<'_>,
    index: usize,
) -> Result<TreeItem<'p>> {
    let (kind, entries) = (page.header.kind, page.header.entries);
    if !is_leaf(kind) && !is_internal(kind) {
        return Err(page.problem(Fault::LinkedType).value(kind).into());
    }
    if items(file, page).is_none_or(|count| index >= count) {
        return Err(page.problem(Fault::Entries).value(entries).into());
    }
    let flawed = |flaw: Flaw| flaw.on(page.number).item(index);
    Ok(TreeItem::parse(&page.bytes, file.layout, (kind, entries), index).map_err(flawed)?)
}

fn leaf_item<'a, S: Source>(
    file: &'a PageFile<S>,
    page: &Page<'a>,
    index: usize,
    budget: &Budget,
) -> Result<LeafItem<'a>> {
    let item = item(file, page, index)?;
    Ok(LeafItem { bytes: bytes(file, page, index, &item, budget)?, deleted: item.deleted })
}

/// The bytes of item `index` of a leaf, which is a key or data.
pub(crate) fn bytes<'a, S: Source>(
    file: &'a PageFile<S>,
    page: &Page<'a>,
    index: usize,
    item: &TreeItem<'_>,
    budget: &Budget,
) -> Result<Cow<'a, [u8]>> {
    let start = item.offset + LEAF_ITEM_LEN;
    match item.content {
        Content::Plain(plain) => Ok(page.part(start..start + plain.len())),
        Content::Big(big) => overflow::read(file, big, budget),
        Content::DuplicateTree(_) => Err(tree_in_tree(page, index)),
    }
}

/// There is a tree where the item of one must have bytes.
pub(crate) fn tree_in_tree(page: &Page<'_>, index: usize) -> Error {
    page.problem(Fault::ItemType).item(index).value(DUPLICATE_TREE).into()
}
