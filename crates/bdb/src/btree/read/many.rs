//! Looking many keys up at once.
//!
//! The keys of a group go down the tree together, level by level: while one is looked for on its
//! page, memory brings the pages of the others. Keys of a group are not sorted: two of them rarely
//! have pages in common but for the uppermost, which are in the caches anyway.

use std::borrow::Cow;
use std::iter::FusedIterator;

use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};
use kv_file_core::{Datum, Source};

use super::BtreeDb;
use super::search::{Found, Pages, Wanted};
use crate::error::Result;
use crate::format::ByteOrder;

/// Keys of one group, at most and at least.
const LARGEST_GROUP: usize = 16;
const SMALLEST_GROUP: usize = 4;

/// Bytes that the leaves of a group may have together, or the first would be gone from the
/// innermost cache before it is searched.
const GROUP_LEAVES: usize = 16 << 10;

/// Iterates over the values of many keys, in the order of the keys: [`BtreeDb::get_many`].
///
/// A key whose value cannot be read has an error of its own; the others are not concerned.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct BtreeGetMany<'a, 'k, K, S> {
    btree: &'a BtreeDb<S>,
    /// The keys that have not been looked up yet.
    keys: &'k [K],
    /// What was found for the keys of the group at hand. `None` for those that are left to the
    /// general search.
    group: [Option<Found<'a>>; LARGEST_GROUP],
    /// Keys of a group in this file.
    group_len: usize,
    /// How many of them have been used; all of them before the first group.
    used: usize,
}

impl<'a, 'k, K, S: Source> BtreeGetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    pub(super) fn new(btree: &'a BtreeDb<S>, keys: &'k [K]) -> Self {
        let fitting = GROUP_LEAVES / btree.file.layout.page_size;
        let group_len = fitting.clamp(SMALLEST_GROUP, LARGEST_GROUP);
        BtreeGetMany { btree, keys, group: [None; LARGEST_GROUP], group_len, used: group_len }
    }

    /// Looks for the next keys.
    fn start_group(&mut self) {
        let Some(pages) = self.btree.searchable() else { return };
        let mut wanted = [Wanted::new(Datum::EMPTY); LARGEST_GROUP];
        let mut count = 0;
        for (wanted, key) in wanted[..self.group_len].iter_mut().zip(self.keys) {
            *wanted = Wanted::new(key.into());
            count += 1;
        }
        self.group = [None; LARGEST_GROUP];
        let (wanted, found) = (&wanted[..count], &mut self.group[..count]);
        let root = self.btree.meta.root;
        match pages.order() {
            ByteOrder::Little => search::<LittleEndian>(pages, root, wanted, found),
            ByteOrder::Big => search::<BigEndian>(pages, root, wanted, found),
        }
    }
}

/// Looks for keys in the tree under the page `root`: leaves those that are for the general search
/// as they are in `found`.
#[inline(never)]
fn search<'a, E: Endian>(
    pages: Pages<'a>,
    root: u32,
    wanted: &[Wanted<'_>],
    found: &mut [Option<Found<'a>>],
) {
    let Some(top) = pages.page::<E>(root, None) else { return };
    // The page of each key. On page 0, the meta page, none is found.
    let mut numbers = [root; LARGEST_GROUP];
    let numbers = &mut numbers[..wanted.len()];
    for level in (1..top.header.level).rev() {
        for (number, wanted) in numbers.iter_mut().zip(wanted) {
            let page = pages.page::<E>(*number, Some(level + 1));
            *number = page.and_then(|page| page.below(wanted)).unwrap_or(0);
            pages.prefetch(*number, level);
        }
    }
    if pages.needs_keys(1) {
        for number in numbers.iter() {
            pages.page::<E>(*number, Some(1)).iter().for_each(|leaf| leaf.prefetch_keys());
        }
    }
    for ((number, wanted), found) in numbers.iter().zip(wanted).zip(found) {
        *found = pages.page::<E>(*number, Some(1)).and_then(|leaf| leaf.find(wanted));
    }
}

impl<'a, 'k, K, S: Source> Iterator for BtreeGetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    type Item = Result<Option<Cow<'a, [u8]>>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.used == self.group_len {
            self.start_group();
            self.used = 0;
        }
        let (key, rest) = self.keys.split_first()?;
        let found = self.group[self.used];
        self.used += 1;
        self.keys = rest;
        Some(match found {
            Some(found) => Ok(found.map(Cow::Borrowed)),
            None => self.btree.find_first(key.into()),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys.len(), Some(self.keys.len()))
    }
}

impl<'k, K, S: Source> ExactSizeIterator for BtreeGetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}

impl<'k, K, S: Source> FusedIterator for BtreeGetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}
