//! Looking many keys up at once.
//!
//! A lookup in a table larger than the processor's caches waits for memory twice: for the page's offsets, then for the
//! items. Keys of one group wait together: first all are hashed, then the offsets of all their pages are read, then the
//! items whose length is right, and only then is each key looked up as usual, in memory that is near by now.

use std::borrow::Cow;
use std::hint::black_box;

use super::function::HashFunction;
use super::read::Hash;
use super::stored::Stored;
use crate::error::{Error, Unsupported};
use crate::format::packed::Items;
use crate::format::page;
use crate::pages::Pages;

/// Keys of one group: about as many loads as a processor core has under way at once.
const GROUP: usize = 16;

/// Iterates over the values of many keys, in the order of the keys: [`Hash::get_many`].
///
/// A key whose value cannot be read has an error of its own; the others are not concerned.
#[derive(Debug)]
pub struct GetMany<'a, 'k, K, P> {
    hash: &'a Hash<P>,
    /// The keys that have not been asked for yet.
    keys: &'k [K],
    nul: bool,
    /// The primary pages of the keys of the group at hand.
    primaries: [u32; GROUP],
    /// How many of these have been used; all of them before the first group.
    used: usize,
}

impl<'a, 'k, K: AsRef<[u8]>, P: Pages> GetMany<'a, 'k, K, P> {
    pub(super) fn new(hash: &'a Hash<P>, keys: &'k [K], nul: bool) -> Self {
        GetMany { hash, keys, nul, primaries: [0; GROUP], used: GROUP }
    }

    fn stored(&self, key: &'k K) -> Stored<'k> {
        Stored { bytes: key.as_ref(), nul: self.nul }
    }

    /// Hashes the next keys and has memory bring what their lookups will read.
    fn start_group(&mut self, function: HashFunction) {
        let keys = &self.keys[..self.keys.len().min(GROUP)];
        for (i, key) in keys.iter().enumerate() {
            self.primaries[i] = self.hash.primary_page(function, self.stored(key));
        }
        let Some(bytes) = self.hash.file.pages.in_memory() else { return };
        let size = self.hash.file.page_size;
        let pages = self.primaries.map(|primary| {
            let start = usize::try_from(u64::from(primary) * size as u64).unwrap_or(usize::MAX);
            bytes.get(start..).and_then(|rest| rest.get(..size)).unwrap_or_default()
        });
        // Only loads whose results are used are made.
        let mut seen = 0;
        for page in &pages {
            seen ^= page.get(page::ENTRIES_AT).copied().unwrap_or(0);
        }
        black_box(seen);
        for (page, key) in pages.iter().zip(keys) {
            let item = self.first_of_length(page, self.stored(key).len() + 1);
            seen ^= item.and_then(|item| page.get(item)).copied().unwrap_or(0);
        }
        black_box(seen);
    }

    /// Where the first key of this length, its type byte included, lies on a page.
    fn first_of_length(&self, page: &[u8], len: usize) -> Option<usize> {
        let (order, header_len) = (self.hash.file.order, self.hash.file.header_len);
        let entries = order.u16(page, page::ENTRIES_AT)?;
        let keys = Items::on(page, header_len, entries, order)?.step_by(2).map_while(Result::ok);
        keys.map(|key| (key.start, key.len())).find(|(_, of_key)| *of_key == len).map(|(at, _)| at)
    }
}

impl<'a, K: AsRef<[u8]>, P: Pages> Iterator for GetMany<'a, '_, K, P> {
    type Item = Result<Option<Cow<'a, [u8]>>, Error>;

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
        let primary = self.primaries[self.used];
        self.used += 1;
        self.keys = rest;
        Some(self.hash.get_from(primary, self.stored(key)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys.len(), Some(self.keys.len()))
    }
}

impl<K: AsRef<[u8]>, P: Pages> ExactSizeIterator for GetMany<'_, '_, K, P> {}
