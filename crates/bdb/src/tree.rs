//! The leaves of a tree in order: duplicates off the page, and the list of databases in a file.
//!
//! Btree pages are specified in sections 2 to 7 of the btree specification. Keys are not looked at: a tree is read
//! from its first leaf to its last.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Damage, Error};
use crate::file::{Budget, Page, PageFile};
use crate::format::item::BigRef;
use crate::format::page_type;
use crate::overflow;
use crate::pages::Pages;

/// Bit of an item's type: deleted, but still on the page.
const DELETED: u8 = 0x80;
/// Item types.
const PLAIN: u8 = 1;
const BIG: u8 = 3;

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

/// Whether a page of this type holds data items.
pub(crate) fn is_leaf(kind: u8) -> bool {
    matches!(kind, page_type::BTREE_LEAF | page_type::RECNO_LEAF | page_type::DUPLICATE_LEAF)
}

impl<'a> Leaves<'a> {
    /// Starts at the leftmost leaf under the page `root`.
    pub fn under<P: Pages>(
        file: &'a PageFile<P>,
        root: u32,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let mut page = file.page(root, budget)?;
        while !is_leaf(page.header.kind) {
            let child = child(file, &page, 0)?;
            if page.header.level < 2 {
                return Err(page.corrupt(Damage::Level(page.header.level)));
            }
            let below = file.page(child, budget)?;
            // Levels fall by one with each step, which also ends the descent.
            if below.header.level != page.header.level - 1 {
                return Err(below.corrupt(Damage::Level(below.header.level)));
            }
            page = below;
        }
        Ok(Leaves { leaf: page, index: 0 })
    }

    /// The next item, reading on to the following leaves.
    pub fn next<P: Pages>(
        &mut self,
        file: &'a PageFile<P>,
        budget: &Budget,
    ) -> Result<Option<LeafItem<'a>>, Error> {
        while self.index >= usize::from(self.leaf.header.entries) {
            if self.leaf.header.next == 0 {
                return Ok(None);
            }
            let leaf = file.page(self.leaf.header.next, budget)?;
            if leaf.header.kind != self.leaf.header.kind {
                return Err(leaf.corrupt(Damage::PageType(leaf.header.kind)));
            }
            *self = Leaves { leaf, index: 0 };
        }
        let index = self.index;
        self.index += 1;
        leaf_item(file, &self.leaf, index, budget).map(Some)
    }
}

/// All pages of the tree under `root`, those of its big items included.
pub(crate) fn pages<P: Pages>(file: &PageFile<P>, root: u32) -> Result<Vec<u32>, Error> {
    let budget = file.budget();
    let mut pages = Vec::new();
    let mut to_visit = vec![root];
    while let Some(number) = to_visit.pop() {
        let page = file.page(number, &budget)?;
        pages.push(number);
        for index in 0..usize::from(page.header.entries) {
            if is_leaf(page.header.kind) {
                if let LeafBytes::Big(big) = leaf_bytes(file, &page, index)? {
                    pages.extend(overflow::pages(file, big, &budget)?);
                }
            } else {
                to_visit.push(child(file, &page, index)?);
            }
        }
    }
    Ok(pages)
}

/// The page that entry `index` of an internal page leads to.
fn child<P: Pages>(file: &PageFile<P>, page: &Page<'_>, index: usize) -> Result<u32, Error> {
    let child_at = match page.header.kind {
        page_type::BTREE_INTERNAL => 4,
        page_type::RECNO_INTERNAL => 0,
        other => return Err(page.corrupt(Damage::PageType(other))),
    };
    let item = item_offset(file, page, index)?;
    file.order
        .u32(&page.bytes, item + child_at)
        .ok_or_else(|| page.corrupt_item(index, Damage::Offset))
}

/// Where item `index` starts on a tree page.
fn item_offset<P: Pages>(
    file: &PageFile<P>,
    page: &Page<'_>,
    index: usize,
) -> Result<usize, Error> {
    let entries = usize::from(page.header.entries);
    let table_end = file.header_len + 2 * entries;
    if index >= entries || table_end > file.page_size {
        return Err(page.corrupt(Damage::Entries(page.header.entries)));
    }
    let offset = file.order.u16(&page.bytes, file.header_len + 2 * index).map(usize::from);
    offset
        .filter(|offset| *offset >= table_end)
        .ok_or_else(|| page.corrupt_item(index, Damage::Offset))
}

/// Where the bytes of a leaf's item are.
enum LeafBytes {
    Plain(Range<usize>),
    Big(BigRef),
}

fn leaf_bytes<P: Pages>(
    file: &PageFile<P>,
    page: &Page<'_>,
    index: usize,
) -> Result<LeafBytes, Error> {
    let at = item_offset(file, page, index)?;
    let out_of_place = || page.corrupt_item(index, Damage::Offset);
    match item_kind(page, at).ok_or_else(out_of_place)? & !DELETED {
        PLAIN => {
            let len = file.order.u16(&page.bytes, at).ok_or_else(out_of_place)?;
            let range = at + 3..at + 3 + usize::from(len);
            if range.end > page.bytes.len() {
                return Err(out_of_place());
            }
            Ok(LeafBytes::Plain(range))
        }
        BIG => Ok(LeafBytes::Big(BigRef {
            first: file.order.u32(&page.bytes, at + 4).ok_or_else(out_of_place)?,
            len: file.order.u32(&page.bytes, at + 8).ok_or_else(out_of_place)?,
        })),
        other => Err(page.corrupt_item(index, Damage::ItemType(other))),
    }
}

fn item_kind(page: &Page<'_>, at: usize) -> Option<u8> {
    page.bytes.get(at + 2).copied()
}

fn leaf_item<'a, P: Pages>(
    file: &'a PageFile<P>,
    page: &Page<'a>,
    index: usize,
    budget: &Budget,
) -> Result<LeafItem<'a>, Error> {
    let bytes = match leaf_bytes(file, page, index)? {
        LeafBytes::Plain(range) => page.part(range),
        LeafBytes::Big(big) => overflow::read(file, big, budget)?,
    };
    let kind = item_kind(page, item_offset(file, page, index)?).unwrap_or_default();
    Ok(LeafItem { bytes, deleted: kind & DELETED != 0 })
}
