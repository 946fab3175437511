//! Several data items of one key in a new table: as a set on the page, or in a tree of their own (section 9; trees: btree
//! specification, sections 3 to 6).

use std::ops::Range;

use super::arrange::Place;
use super::entries::Entries;
use super::layout::is_big;
use super::plan::Plan;
use super::stored::Stored;
use super::write::{PageMaker, seal};
use crate::error::Error;
use crate::format::item::BigRef;
use crate::format::page::Header;
use crate::format::tree_item::{
    ALIGNMENT, Child, NewContent, OFFSET, UNSORTED_INTERNAL_LEN, internal_len, leaf_len,
    longest_item,
};
use crate::format::{ByteOrder, page_type};

/// The order of the data items of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateOrder {
    /// That in which they were pushed.
    Insertion,
    /// Byte order; each is stored once.
    Sorted,
}

/// Makes one entry of all with the same key, which lie one behind the other.
pub(super) fn join(
    places: &mut Vec<Place>,
    entries: &mut Entries<'_>,
    page_size: usize,
    order: ByteOrder,
) -> Result<(), Error> {
    let (mut read, mut written) = (0, 0);
    while let Some(first) = places.get(read).copied() {
        let key = entries.key(first.index());
        let is_same =
            |place: &&Place| place.bucket() == first.bucket() && entries.key(place.index()) == key;
        let same = places[read..].iter().take_while(is_same);
        let indices: Vec<u32> = same.map(|place| place.index()).collect();
        places[written] = match indices[..] {
            [_] => first,
            _ => {
                let set = set(entries, &indices, page_size, order);
                Place::new(first.bucket(), entries.join(&indices, set.as_deref())?)
            }
        };
        read += indices.len();
        written += 1;
    }
    places.truncate(written);
    Ok(())
}

/// The data items of some entries as a set on a page, if libdb would not give them a tree.
fn set(
    entries: &Entries<'_>,
    indices: &[u32],
    page_size: usize,
    order: ByteOrder,
) -> Option<Vec<u8>> {
    let mut set = Vec::new();
    for index in indices {
        let data = entries.data(*index);
        let mut len = [0; 2];
        order.put_u16(&mut len, 0, u16::try_from(data.len()).ok()?);
        let pieces = data.pieces();
        for piece in [&len, pieces[0], pieces[1], &len] {
            set.extend_from_slice(piece);
        }
        if is_big(set.len(), page_size) {
            return None;
        }
    }
    Some(set)
}

/// A tree of data items that is to be made: its leaves come first, then the pages of each level above them up to the
/// root, then the overflow pages of all that is big.
pub(super) struct NewTree<'e> {
    sorted: bool,
    /// The longest item that is not big.
    longest: usize,
    items: Vec<Stored<'e>>,
    /// The pages of each level, from the leaves up.
    levels: Vec<Vec<Node<'e>>>,
    /// All that is big, in the order in which it is referred to.
    big: Vec<Stored<'e>>,
}

/// A page of a tree.
struct Node<'e> {
    /// What lies on it: items, or the pages of the level below.
    below: Range<usize>,
    /// How many items there are under it.
    records: u32,
    /// Greater than all items before this page, and not greater than those under it. Empty without an order.
    separator: Stored<'e>,
}

const EMPTY: Stored<'_> = Stored { bytes: &[], nul: false };

impl<'e> NewTree<'e> {
    /// `room` is that of a page without its header.
    fn new(items: Vec<Stored<'e>>, sorted: bool, room: usize) -> Self {
        let longest = longest_item(room);
        let is_big = |stored: &Stored<'_>| stored.len() > longest;
        let leaves = fill(items.len(), room, |i, _| leaf_len(items[i].len(), longest));
        let leaf = |below: Range<usize>| Node {
            records: below.len() as u32,
            separator: if sorted { separator(&items, below.start) } else { EMPTY },
            below,
        };
        let mut level: Vec<_> = leaves.into_iter().map(leaf).collect();
        let mut big: Vec<_> = items.iter().copied().filter(is_big).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let mut pages = fill(level.len(), room, |i, is_first| match (sorted, is_first) {
                (false, _) => UNSORTED_INTERNAL_LEN,
                (true, true) => internal_len(0, longest),
                (true, false) => internal_len(level[i].separator.len(), longest),
            });
            // A page that leads to one page only would be of no use.
            if let [.., before, last] = &mut pages[..]
                && last.len() == 1
            {
                before.end -= 1;
                last.start -= 1;
            }
            let keys = pages.iter().flat_map(|below| &level[below.clone()][1..]);
            big.extend(keys.map(|node| node.separator).filter(is_big));
            let node = |below: Range<usize>| Node {
                records: level[below.clone()].iter().map(|node| node.records).sum(),
                separator: level[below.start].separator,
                below,
            };
            let above = pages.into_iter().map(node).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        NewTree { sorted, longest, items, levels, big }
    }

    /// The number of the root, of a tree whose first page has the number `first`.
    pub fn root(&self, first: u32) -> u32 {
        first + self.levels.iter().map(Vec::len).sum::<usize>() as u32 - 1
    }
}

/// The separator before an item: as much of it as tells it from the item before.
fn separator<'e>(items: &[Stored<'e>], item: usize) -> Stored<'e> {
    match item.checked_sub(1) {
        Some(before) => items[item].prefix(items[item].common_prefix(items[before]) + 1),
        None => EMPTY,
    }
}

/// Distributes things over pages in their order, as many on each as fit. `len` says how long the item of one is, and gets
/// told whether that is the first of its page.
fn fill(count: usize, room: usize, len: impl Fn(usize, bool) -> usize) -> Vec<Range<usize>> {
    let mut pages = Vec::new();
    let mut page = 0..0;
    let mut left = room;
    while page.end < count {
        let needed = |is_first| len(page.end, is_first).next_multiple_of(ALIGNMENT) + OFFSET;
        match left.checked_sub(needed(page.is_empty())) {
            Some(rest) => {
                left = rest;
                page.end += 1;
            }
            // No item is so long that it would not fit on an empty page.
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

impl Plan<'_> {
    /// The tree of an entry whose data need one.
    pub(super) fn tree(&self, index: u32) -> NewTree<'_> {
        let sorted = self.duplicates == Some(DuplicateOrder::Sorted);
        NewTree::new(self.entries.tree_items(index), sorted, self.page_size - self.header_len)
    }

    /// Number of pages that a tree takes.
    pub(super) fn tree_pages(&self, tree: &NewTree<'_>) -> u32 {
        let chains = tree.big.iter().map(|stored| self.chain_pages(stored.len()));
        tree.root(1) + chains.sum::<u32>()
    }
}

impl PageMaker<'_> {
    /// Makes the pages of a tree from page `first` on; returns the number of the page after it.
    pub(super) fn make_tree<'e>(&mut self, tree: &NewTree<'e>, first: u32) -> u32 {
        let plan = self.plan;
        let mut next_chain = tree.root(first) + 1;
        let mut content = |stored: Stored<'e>| {
            if stored.len() <= tree.longest {
                return NewContent::Plain(stored.pieces());
            }
            let big = BigRef { first: next_chain, len: stored.len() as u32 };
            next_chain += plan.chain_pages(stored.len());
            NewContent::Big(big)
        };
        let mut number = first;
        let mut below: (u32, &[Node<'_>]) = (0, &[]);
        for (height, nodes) in tree.levels.iter().enumerate() {
            let start = number;
            for (i, node) in nodes.iter().enumerate() {
                let items = node.below.clone().map(|at| {
                    let mut item = Vec::new();
                    if height == 0 {
                        content(tree.items[at]).push_leaf(&mut item, plan.byte_order);
                        return item;
                    }
                    let child = Child { page: below.0 + at as u32, records: below.1[at].records };
                    if tree.sorted {
                        let is_first = at == node.below.start;
                        let key = if is_first { EMPTY } else { below.1[at].separator };
                        content(key).push_internal(&mut item, child, plan.byte_order);
                    } else {
                        child.push(&mut item, plan.byte_order);
                    }
                    item
                });
                let (is_leaf, is_root) = (height == 0, height + 1 == tree.levels.len());
                let header = Header {
                    number,
                    prev: match (is_leaf, is_root) {
                        (true, _) => {
                            if i > 0 {
                                number - 1
                            } else {
                                0
                            }
                        }
                        (false, true) => node.records,
                        (false, false) => 0,
                    },
                    next: if is_leaf && i + 1 < nodes.len() { number + 1 } else { 0 },
                    entries: node.below.len() as u16,
                    high_offset: 0,
                    level: height as u8 + 1,
                    kind: match (is_leaf, tree.sorted) {
                        (true, true) => page_type::DUPLICATE_LEAF,
                        (true, false) => page_type::RECNO_LEAF,
                        (false, true) => page_type::BTREE_INTERNAL,
                        (false, false) => page_type::RECNO_INTERNAL,
                    },
                };
                self.make_tree_page(header, items);
                number += 1;
            }
            below = (start, nodes);
        }
        for stored in &tree.big {
            number = self.make_chain(*stored, number);
        }
        number
    }

    /// Makes one page of a tree.
    fn make_tree_page(&mut self, header: Header, items: impl Iterator<Item = Vec<u8>>) {
        let plan = self.plan;
        let page = self.new_page();
        let mut high_offset = plan.page_size;
        let mut table = plan.header_len;
        for item in items {
            high_offset -= item.len().next_multiple_of(ALIGNMENT);
            page[high_offset..][..item.len()].copy_from_slice(&item);
            plan.byte_order.put_u16(page, table, high_offset as u16);
            table += OFFSET;
        }
        seal(plan, page, &Header { high_offset: high_offset as u16, ..header });
    }
}
