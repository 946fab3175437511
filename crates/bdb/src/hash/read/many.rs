//! Looking many keys up at once.
//!
//! A lookup in a table larger than the processor's caches waits for memory twice: for the page's
//! offsets, then for the items. Keys of one group wait together, and while others are worked on:
//! before the pairs of a group are looked at, all of them are asked for, and then the pages of the
//! next group, whose keys are hashed side by side.

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::{Datum, Source};

use super::HashDb;
use super::search::{self, Likely, Search};
use crate::error::{Result, Unsupported};
use crate::format::HashFunction;

/// Keys of one group. With the pages of the next, memory is asked for three lines a key: as many as
/// a core can wait for.
const GROUP: usize = 8;

/// Iterates over the values of many keys, in the order of the keys: [`HashDb::get_many`].
///
/// A key whose value cannot be read has an error of its own; the others are not concerned.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct HashGetMany<'a, 'k, K, S> {
    hash: &'a HashDb<S>,
    /// The keys that have not been looked up yet.
    keys: &'k [K],
    /// What is known of the keys of the group at hand.
    group: [Place<'a>; GROUP],
    /// How many of these have been used; all of them before the first group.
    used: usize,
    /// The primary pages of the group after it, which have been asked for.
    next: Option<[u32; GROUP]>,
}

/// Where a key may be.
#[derive(Clone, Copy, Debug, Default)]
struct Place<'a> {
    primary: u32,
    likely: Option<Likely<'a>>,
}

impl<'a, 'k, K, S: Source> HashGetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    pub(super) fn new(hash: &'a HashDb<S>, keys: &'k [K]) -> Self {
        HashGetMany { hash, keys, group: [Place::default(); GROUP], used: GROUP, next: None }
    }

    /// Hashes the first keys of `keys` and asks for their pages.
    fn ask_for_pages(&self, keys: &'k [K], function: HashFunction) -> [u32; GROUP] {
        let HashDb { file, address, .. } = self.hash;
        let mut group = [Datum::EMPTY; GROUP];
        for (slot, key) in group.iter_mut().zip(keys) {
            *slot = key.into();
        }
        let hashes = function.hash_keys(&group);
        let pages = hashes.map(|hash| address.page(address.bucket(hash)));
        if let Some(bytes) = self.hash.searchable() {
            for page in pages.iter().take(keys.len()) {
                search::ask_for_page(file, bytes, *page);
            }
        }
        pages
    }

    /// Asks for the likely pairs of the next keys, and for the pages of those after them.
    fn start_group(&mut self, function: HashFunction) {
        let pages = self.next.take().unwrap_or_else(|| self.ask_for_pages(self.keys, function));
        self.group = pages.map(|primary| Place { primary, likely: None });
        if let Some(bytes) = self.hash.searchable() {
            for (place, key) in self.group.iter_mut().zip(self.keys) {
                place.likely = Likely::new(&self.hash.file, bytes, place.primary, key.into());
                place.likely.iter().for_each(Likely::ask_for_pair);
            }
        }
        let further = self.keys.get(GROUP..).filter(|keys| !keys.is_empty());
        self.next = further.map(|keys| self.ask_for_pages(keys, function));
    }
}

impl<'a, 'k, K, S: Source> Iterator for HashGetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    type Item = Result<Option<Cow<'a, [u8]>>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.keys.split_first()?;
        let Some(function) = self.hash.function else {
            self.keys = rest;
            return Some(Err(Unsupported::HashFunction.into()));
        };
        if self.used == GROUP {
            self.start_group(function);
            self.used = 0;
        }
        let place = self.group[self.used];
        self.used += 1;
        self.keys = rest;
        let key = key.into();
        Some(match place.likely.map(|likely| likely.find(key)) {
            Some(Search::Over(found)) => Ok(found.map(Cow::Borrowed)),
            _ => self.hash.get_from(place.primary, key),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys.len(), Some(self.keys.len()))
    }
}

impl<'k, K, S: Source> ExactSizeIterator for HashGetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}

impl<'k, K, S: Source> FusedIterator for HashGetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}
