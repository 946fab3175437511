//! Making a tree at once (btree specification, sections 3 to 6): the data items of a key, or the
//! list of a file's databases.

use std::ops::Range;

use kv_file_core::Datum;

use crate::format::item::BigRef;
use crate::format::page::Header;
use crate::format::tree_item::{
    ALIGNMENT, Child, NewContent, OFFSET, UNSORTED_INTERNAL_LEN, internal_len, leaf_len,
    longest_item,
};
use crate::format::{PageLayout, page_type};
use crate::new_pages::NewPages;

/// What a tree is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TreeKind {
    /// The data items of a key, in any order.
    Duplicates,
    /// The data items of a key, in byte order.
    SortedDuplicates,
    /// Keys in byte order, each with its data behind it.
    Pairs,
}

impl TreeKind {
    fn leaf(self) -> u8 {
        match self {
            TreeKind::Duplicates => page_type::RECNO_LEAF,
            TreeKind::SortedDuplicates => page_type::DUPLICATE_LEAF,
            TreeKind::Pairs => page_type::BTREE_LEAF,
        }
    }

    fn internal(self) -> u8 {
        if self.is_sorted() { page_type::BTREE_INTERNAL } else { page_type::RECNO_INTERNAL }
    }

    fn is_sorted(self) -> bool {
        self != TreeKind::Duplicates
    }

    /// Items that stay together.
    fn together(self) -> usize {
        if self == TreeKind::Pairs { 2 } else { 1 }
    }

    /// Returns `true` if internal pages say how many records are under them.
    fn counts(self) -> bool {
        self != TreeKind::Pairs
    }
}

/// A tree that is to be made: its root comes first, then the pages of each level below it, then the
/// overflow pages of all that is big.
pub(crate) struct NewTree<'e> {
    kind: TreeKind,
    layout: PageLayout,
    items: Vec<Datum<'e>>,
    /// The pages of each level, from the leaves up.
    levels: Vec<Vec<Node<'e>>>,
    /// All that is big, in the order in which it is referred to.
    big: Vec<Datum<'e>>,
}

/// A page of a tree.
struct Node<'e> {
    /// What lies on it: items, or the pages of the level below.
    below: Range<usize>,
    /// How many records there are under it.
    records: u32,
    /// Greater than all items before this page, and not greater than those under it. Empty without
    /// an order.
    separator: Datum<'e>,
}

impl<'e> NewTree<'e> {
    /// `items` are in the order of the tree.
    pub fn new(kind: TreeKind, items: Vec<Datum<'e>>, layout: PageLayout) -> Self {
        let longest = longest_item(layout.room());
        let is_big = |stored: &Datum<'_>| stored.len() > longest;
        let (room, together) = (layout.room(), kind.together());
        let leaves = fill(items.len() / together, room, |i, _| {
            let items = &items[i * together..][..together];
            items.iter().map(|item| on_page(leaf_len(item.len(), longest))).sum()
        });
        let leaf = |records: Range<usize>| {
            let below = records.start * together..records.end * together;
            let separator = if kind.is_sorted() {
                separator(&items, below.start, together)
            } else {
                Datum::EMPTY
            };
            Node { records: records.len() as u32, separator, below }
        };
        let mut level: Vec<_> = leaves.into_iter().map(leaf).collect();
        let mut big: Vec<Vec<_>> = vec![items.iter().copied().filter(is_big).collect()];
        let mut levels = Vec::new();
        while level.len() > 1 {
            let mut pages = fill(level.len(), room, |i, is_first| {
                on_page(match (kind.is_sorted(), is_first) {
                    (false, _) => UNSORTED_INTERNAL_LEN,
                    (true, true) => internal_len(0, longest),
                    (true, false) => internal_len(level[i].separator.len(), longest),
                })
            });
            // A page that leads to one page only would be of no use.
            if let [.., before, last] = &mut pages[..]
                && last.len() == 1
            {
                before.end -= 1;
                last.start -= 1;
            }
            let keys = pages.iter().flat_map(|below| &level[below.clone()][1..]);
            big.push(keys.map(|node| node.separator).filter(is_big).collect());
            let node = |below: Range<usize>| Node {
                records: level[below.clone()].iter().map(|node| node.records).sum(),
                separator: level[below.start].separator,
                below,
            };
            let above = pages.into_iter().map(node).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        let big = big.into_iter().rev().flatten().collect();
        NewTree { kind, layout, items, levels, big }
    }

    /// Number of pages that the tree takes.
    pub fn page_count(&self) -> u32 {
        let chains = self.big.iter().map(|stored| self.layout.chain_pages(stored.len()));
        self.own_pages() + chains.sum::<u32>()
    }

    /// Those of them that are no overflow pages.
    fn own_pages(&self) -> u32 {
        self.levels.iter().map(Vec::len).sum::<usize>() as u32
    }

    /// Makes the pages from page `root` on; returns the number of the page after them.
    pub fn make(&self, root: u32, pages: &mut NewPages) -> u32 {
        let longest = longest_item(self.layout.room());
        let mut next_chain = root + self.own_pages();
        let mut content = |stored: Datum<'e>| {
            if stored.len() <= longest {
                return NewContent::Plain(stored.pieces());
            }
            let big = BigRef { first: next_chain, len: stored.len() as u32 };
            next_chain += self.layout.chain_pages(stored.len());
            NewContent::Big(big)
        };
        let order = self.layout.order;
        let mut number = root;
        for (height, nodes) in self.levels.iter().enumerate().rev() {
            let children = number + nodes.len() as u32;
            for (i, node) in nodes.iter().enumerate() {
                let items = node.below.clone().map(|at| {
                    let mut item = Vec::new();
                    let Some(below) = height.checked_sub(1).map(|below| &self.levels[below][at])
                    else {
                        content(self.items[at]).push_leaf(&mut item, order);
                        return item;
                    };
                    let records = if self.kind.counts() { below.records } else { 0 };
                    let child = Child { page: children + at as u32, records };
                    if self.kind.is_sorted() {
                        let is_first = at == node.below.start;
                        let key = if is_first { Datum::EMPTY } else { below.separator };
                        content(key).push_internal(&mut item, child, order);
                    } else {
                        child.push(&mut item, order);
                    }
                    item
                });
                let (is_leaf, is_root) = (height == 0, number == root);
                let header = Header {
                    number,
                    prev: match (is_leaf, is_root) {
                        (true, _) if i > 0 => number - 1,
                        (false, true) if self.kind.counts() => node.records,
                        _ => 0,
                    },
                    next: if is_leaf && i + 1 < nodes.len() { number + 1 } else { 0 },
                    entries: node.below.len() as u16,
                    high_offset: 0,
                    level: height as u8 + 1,
                    kind: if is_leaf { self.kind.leaf() } else { self.kind.internal() },
                };
                make_page(header, items, pages);
                number += 1;
            }
        }
        for stored in &self.big {
            number = pages.chain(*stored, number);
        }
        number
    }
}

/// Makes one page of these items.
fn make_page(header: Header, items: impl Iterator<Item = Vec<u8>>, pages: &mut NewPages) {
    let layout = pages.layout;
    let page = pages.zeros();
    let mut high_offset = layout.page_size;
    let mut table = layout.header_len();
    for item in items {
        high_offset -= item.len().next_multiple_of(ALIGNMENT);
        page[high_offset..][..item.len()].copy_from_slice(&item);
        layout.order.put_u16(page, table, high_offset as u16);
        table += OFFSET;
    }
    // 65536 wraps to 0, as the format has it for an empty page of that size.
    layout.finish(page, &Header { high_offset: high_offset as u16, ..header });
}

/// The separator before an item: as much of it as tells it from the one before.
fn separator<'e>(items: &[Datum<'e>], item: usize, together: usize) -> Datum<'e> {
    match item.checked_sub(together) {
        Some(before) => items[item].prefix(items[item].common_prefix(items[before]) + 1),
        None => Datum::EMPTY,
    }
}

/// What an item of this length takes on a page.
fn on_page(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT) + OFFSET
}

/// Distributes things over pages in their order, as many on each as fit. `needed` says what one
/// takes on a page, and gets told whether it is the first there.
fn fill(count: usize, room: usize, needed: impl Fn(usize, bool) -> usize) -> Vec<Range<usize>> {
    let mut pages = Vec::new();
    let mut page = 0..0;
    let mut left = room;
    while page.end < count {
        match left.checked_sub(needed(page.end, page.is_empty())) {
            Some(rest) => {
                left = rest;
                page.end += 1;
            }
            // Nothing is so long that it would not fit on an empty page.
            None => {
                pages.push(page.clone());
                page.start = page.end;
                left = room;
            }
        }
    }
    pages.push(page);
    pages
}
