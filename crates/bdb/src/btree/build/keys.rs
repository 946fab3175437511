//! The keys of a new btree in their order, each with its data.

use std::ops::Range;
use std::slice;

use kv_file_core::{Datum, Entries};

use super::sort::Sorted;
use crate::format::tree_item::{ALIGNMENT, OFFSET, leaf_len};
use crate::new_tree::{NewTree, RecordItem, Records, TreeShape, on_page};

/// The keys of a new btree in their order, each with its data.
#[derive(Debug)]
pub(super) struct Keys<'t> {
    entries: Entries<'t>,
    sorted: Sorted,
    /// The trees of data that do not stay on the page.
    trees: TreeShape,
}

impl<'t> Keys<'t> {
    pub fn new(entries: Entries<'t>, sorted: Sorted, trees: TreeShape) -> Self {
        Keys { entries, sorted, trees }
    }

    /// Number of data items that are stored.
    pub fn pairs(&self) -> u64 {
        self.sorted.stored.len() as u64
    }

    /// Entries that are not stored, in the order of the input, with their keys.
    pub fn dropped(&self) -> impl Iterator<Item = (u32, Datum<'_>)> {
        self.sorted.dropped.iter().map(|index| (*index, self.entries.key(*index)))
    }

    /// All keys and data, in their order.
    pub fn all(&self) -> impl Iterator<Item = Datum<'_>> {
        let pair = |index: &u32| [self.entries.key(*index), self.entries.data(*index)];
        self.sorted.stored.iter().flat_map(pair)
    }

    /// Where the entries of some keys lie among those that are stored.
    fn range(&self, keys: Range<u32>) -> Range<usize> {
        let start = |key: u32| match &self.sorted.starts {
            None => key as usize,
            Some(starts) => {
                starts.get(key as usize).map_or(self.sorted.stored.len(), |start| *start as usize)
            }
        };
        start(keys.start)..start(keys.end)
    }

    /// The entries of a key.
    fn entries_of(&self, key: u32) -> &[u32] {
        match self.sorted.starts {
            None => slice::from_ref(&self.sorted.stored[key as usize]),
            Some(_) => &self.sorted.stored[self.range(key..key + 1)],
        }
    }

    /// Whether libdb would give the data of these entries, which have the same key, a tree (btree
    /// specification, section 6).
    fn has_tree(&self, entries: &[u32]) -> bool {
        let [first, _, ..] = entries else { return false };
        let longest = self.trees.longest();
        let (key, _) = self.entries.lens(*first);
        let mut len = leaf_len(key, longest).next_multiple_of(ALIGNMENT);
        entries.iter().any(|index| {
            let (_, data) = self.entries.lens(*index);
            len += OFFSET + on_page(leaf_len(data, longest));
            len >= self.trees.layout.page_size / 4
        })
    }
}

impl Records for Keys<'_> {
    fn count(&self) -> u32 {
        let Sorted { stored, starts, .. } = &self.sorted;
        starts.as_ref().map_or(stored.len(), Vec::len) as u32
    }

    fn key(&self, record: u32) -> Datum<'_> {
        self.entries.key(self.entries_of(record)[0])
    }

    #[inline]
    fn items<'r>(&'r self, record: u32, mut take: impl FnMut(RecordItem<'r>)) {
        let entries = self.entries_of(record);
        take(RecordItem::Bytes(self.entries.key(entries[0])));
        let mut data = entries.iter().map(|index| self.entries.data(*index));
        if self.has_tree(entries) {
            return take(RecordItem::Tree(NewTree::new(self.trees, data.collect())));
        }
        data.next().into_iter().for_each(|data| take(RecordItem::Bytes(data)));
        for data in data {
            take(RecordItem::SameKey);
            take(RecordItem::Bytes(data));
        }
    }

    fn touch_lens(&self, records: Range<u32>) {
        let entries = &self.sorted.stored[self.range(records)];
        entries.chunks(Entries::AHEAD).for_each(|group| {
            self.entries.touch_lens(group.iter().copied());
        });
    }

    fn touch(&self, records: Range<u32>) {
        for group in self.sorted.stored[self.range(records)].chunks(Entries::AHEAD) {
            self.entries.touch(group.iter().copied());
        }
    }
}
