//! Making a tree at once (btree specification, sections 3 to 6 and 10): a btree database, the data
//! items of a key, or the list of a file's databases.

mod make;
mod page;

use std::ops::Range;

use kv_file_core::{Datum, Entries};

use self::make::TreeMaker;
use crate::format::tree_item::{
    ALIGNMENT, OFFSET, REFERENCE_LEN, UNSORTED_INTERNAL_LEN, internal_len, leaf_len, longest_item,
};
use crate::format::{PageLayout, page_type};
use crate::new_pages::NewPages;
use crate::options::DataOrder;

/// What a tree is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TreeKind {
    /// The data items of a key, in any order.
    Duplicates,
    /// The data items of a key, in byte order.
    SortedDuplicates,
    /// Keys in byte order, each with its data behind it. Where they are counted, each has one data
    /// item.
    Pairs { counted: bool },
}

impl TreeKind {
    /// The tree of a key's data items.
    pub fn of_data(order: Option<DataOrder>) -> Self {
        match order {
            Some(DataOrder::Sorted) => TreeKind::SortedDuplicates,
            _ => TreeKind::Duplicates,
        }
    }

    fn leaf(self) -> u8 {
        match self {
            TreeKind::Duplicates => page_type::RECNO_LEAF,
            TreeKind::SortedDuplicates => page_type::DUPLICATE_LEAF,
            TreeKind::Pairs { .. } => page_type::BTREE_LEAF,
        }
    }

    fn internal(self) -> u8 {
        if self.is_sorted() { page_type::BTREE_INTERNAL } else { page_type::RECNO_INTERNAL }
    }

    fn is_sorted(self) -> bool {
        self != TreeKind::Duplicates
    }

    /// Returns `true` if internal pages say how many records are under them.
    fn counts(self) -> bool {
        self != TreeKind::Pairs { counted: false }
    }
}

/// How a tree is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeShape {
    pub kind: TreeKind,
    pub layout: PageLayout,
    /// Number of keys for which each page has room.
    pub minimum_keys: u32,
}

impl TreeShape {
    /// The longest item that stays on its page.
    pub fn longest(&self) -> usize {
        longest_item(self.layout.room(), self.minimum_keys)
    }

    /// Number of pages off the page that an item of this length needs.
    fn chain_pages(&self, len: usize) -> u32 {
        if len > self.longest() { self.layout.chain_pages(len) } else { 0 }
    }
}

/// The records of a tree, in its order. The items of one stay together on a leaf.
pub(crate) trait Records {
    /// Number of records.
    fn count(&self) -> u32;

    /// What records are ordered by: the first of the record's items.
    fn key(&self, record: u32) -> Datum<'_>;

    /// Hands the items of a record to `take`, in their order on the leaf.
    fn items<'r>(&'r self, record: u32, take: impl FnMut(RecordItem<'r>));

    /// Loads the lengths of what these records are made of, where they may lie anywhere in memory.
    fn touch_lens(&self, records: Range<u32>) {
        let _ = records;
    }

    /// Loads what records will be made of, where that may lie anywhere in memory.
    fn touch(&self, records: Range<u32>) {
        let _ = records;
    }
}

/// An item of a record.
pub(crate) enum RecordItem<'r> {
    /// A key or data: on the leaf, or if it is big on pages of its own.
    Bytes(Datum<'r>),
    /// The record's key once more, for the next of its data.
    SameKey,
    /// All data items of the key, which have a tree of their own.
    Tree(NewTree<Vec<Datum<'r>>>),
}

/// The data items of a key.
impl Records for Vec<Datum<'_>> {
    fn count(&self) -> u32 {
        self.len() as u32
    }

    fn key(&self, record: u32) -> Datum<'_> {
        self[record as usize]
    }

    fn items<'r>(&'r self, record: u32, mut take: impl FnMut(RecordItem<'r>)) {
        take(RecordItem::Bytes(self[record as usize]));
    }
}

/// Keys, each with its data.
impl Records for Vec<[Datum<'_>; 2]> {
    fn count(&self) -> u32 {
        self.len() as u32
    }

    fn key(&self, record: u32) -> Datum<'_> {
        self[record as usize][0]
    }

    fn items<'r>(&'r self, record: u32, take: impl FnMut(RecordItem<'r>)) {
        self[record as usize].map(RecordItem::Bytes).into_iter().for_each(take);
    }
}

/// Records whose lengths are loaded together.
const TOUCHED: u32 = Entries::AHEAD as u32;

/// A tree that is to be made: its root comes first, then the pages of each level below it, then all
/// that does not lie on them: the big keys of internal pages, and what the leaves refer to.
#[derive(Debug)]
pub(crate) struct NewTree<R> {
    shape: TreeShape,
    records: R,
    /// The pages of each level, from the leaves up.
    levels: Vec<Vec<Node>>,
    /// Number of pages that are not those of the levels.
    off_page: u64,
}

/// A page of a tree.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The first thing on it: a record, or a page of the level below.
    first: u32,
    /// The first record under it.
    record: u32,
    /// How many bytes of that record's key tell it from all keys before. 0 without an order, or if
    /// there are none.
    separator: u32,
}

impl<R: Records> NewTree<R> {
    /// Settles what lies on which page: every page but the last of its level is full.
    pub fn new(shape: TreeShape, records: R) -> Self {
        let room = shape.layout.room();
        let longest = shape.longest();
        let mut off_page = 0;
        let starts = fill(records.count(), room, |record| {
            if record.is_multiple_of(TOUCHED) {
                records.touch_lens(record..records.count().min(record.saturating_add(TOUCHED)));
            }
            let mut len = 0;
            records.items(record, |item| {
                len += match item {
                    RecordItem::Bytes(stored) => {
                        off_page += u64::from(shape.chain_pages(stored.len()));
                        on_page(leaf_len(stored.len(), longest))
                    }
                    RecordItem::SameKey => OFFSET,
                    RecordItem::Tree(tree) => {
                        off_page += tree.page_count();
                        on_page(REFERENCE_LEN)
                    }
                };
            });
            [len; 2]
        });
        let leaf = |first: u32| Node {
            first,
            record: first,
            separator: if shape.kind.is_sorted() { separator(&records, first) } else { 0 },
        };
        let mut levels = vec![starts.into_iter().map(leaf).collect::<Vec<_>>()];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let mut starts = fill(level.len() as u32, room, |page| {
                if !shape.kind.is_sorted() {
                    return [on_page(UNSORTED_INTERNAL_LEN); 2];
                }
                let separator = level[page as usize].separator as usize;
                [0, separator].map(|len| on_page(internal_len(len, longest)))
            });
            // A page that leads to one page only would be of no use.
            if let [.., last] = &mut starts[1..]
                && *last == level.len() as u32 - 1
            {
                *last -= 1;
            }
            let above: Vec<_> =
                starts.into_iter().map(|first| Node { first, ..level[first as usize] }).collect();
            levels.push(above);
        }
        let mut tree = NewTree { shape, records, levels, off_page };
        let heights = 1..tree.levels.len();
        let nodes = heights.flat_map(|height| tree.nodes(height).map(move |node| (height, node)));
        let separators = nodes.flat_map(|(height, node)| tree.separators(height, node));
        let chains = separators.map(|key| u64::from(shape.chain_pages(key.len())));
        tree.off_page += chains.sum::<u64>();
        tree
    }

    /// The records of the tree.
    pub fn records(&self) -> &R {
        &self.records
    }

    /// How the tree is made.
    pub fn shape(&self) -> &TreeShape {
        &self.shape
    }

    /// Number of pages that the tree takes.
    pub fn page_count(&self) -> u64 {
        self.levels.iter().map(|level| level.len() as u64).sum::<u64>() + self.off_page
    }

    /// Number of pages on the way from the root to a leaf.
    pub fn height(&self) -> usize {
        self.levels.len()
    }

    /// Makes the pages one after the other, from page `root` on.
    pub fn maker(&self, root: u32) -> TreeMaker<'_, R> {
        TreeMaker::new(self, root)
    }

    /// Makes all pages at once, from page `root` on.
    pub fn make(&self, root: u32, pages: &mut NewPages) {
        let mut maker = self.maker(root);
        while maker.make_next(pages) {}
    }

    /// The numbers of the pages of a level, from 0.
    fn nodes(&self, height: usize) -> Range<usize> {
        0..self.levels[height].len()
    }

    /// What lies on a page: records, or pages of the level below.
    fn below(&self, height: usize, node: usize) -> Range<u32> {
        let level = &self.levels[height];
        let all = match height.checked_sub(1) {
            Some(below) => self.levels[below].len() as u32,
            None => self.records.count(),
        };
        level[node].first..level.get(node + 1).map_or(all, |next| next.first)
    }

    /// Number of records under a page.
    fn records_under(&self, height: usize, node: usize) -> u32 {
        let level = &self.levels[height];
        let end = level.get(node + 1).map_or(self.records.count(), |next| next.record);
        end - level[node].record
    }

    /// The keys of the entries of an internal page. The first has none: it stands for all that is
    /// less than the second.
    fn separators(&self, height: usize, node: usize) -> impl Iterator<Item = Datum<'_>> {
        let below = self.below(height, node);
        (below.start + 1..below.end).map(move |page| self.separator(height - 1, page))
    }

    /// The key that leads to a page. It is greater than all before that page, and not greater than
    /// those under it.
    fn separator(&self, height: usize, node: u32) -> Datum<'_> {
        let Node { record, separator, .. } = self.levels[height][node as usize];
        match separator {
            0 => Datum::EMPTY,
            len => self.records.key(record).prefix(len as usize),
        }
    }
}

/// How much of a record's key tells it from the one before.
fn separator(records: &impl Records, record: u32) -> u32 {
    let Some(before) = record.checked_sub(1) else { return 0 };
    let common = records.key(record).common_prefix(records.key(before));
    common as u32 + 1
}

/// What an item of this length takes on a page.
pub(crate) fn on_page(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT) + OFFSET
}

/// Distributes things over pages in their order, as many on each as fit; returns what is first on
/// each page, of which there is at least one. `needed` says what a thing takes as the first of a
/// page, and behind others.
fn fill(count: u32, room: usize, mut needed: impl FnMut(u32) -> [usize; 2]) -> Vec<u32> {
    let mut starts = vec![0];
    let mut left = room;
    for thing in 0..count {
        let [as_first, behind] = needed(thing);
        let needed = if thing == 0 { as_first } else { behind };
        left = left.checked_sub(needed).unwrap_or_else(|| {
            starts.push(thing);
            // Nothing is so long that it would not fit on an empty page.
            room.saturating_sub(as_first)
        });
    }
    starts
}
