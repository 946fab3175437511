//! Looking many keys up at once.
//!
//! A lookup in a table larger than the processor's caches waits for memory twice: for the page's offsets, then for the
//! items. Keys of one group wait together: all are hashed, side by side; then the first lines of all their pages are
//! read, then the pairs that are likely to be theirs. Loops that wait for memory do nothing else, so that a processor
//! has the next loads under way before the first is done.

use std::borrow::Cow;
use std::hint::black_box;
use std::ops::BitXor;

use super::function::HashFunction;
use super::read::Hash;
use super::search::{self, Likely, Search};
use super::stored::Stored;
use crate::error::{Error, Unsupported};
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
    /// What is known of the keys of the group at hand.
    group: [Place<'a>; GROUP],
    /// How many of these have been used; all of them before the first group.
    used: usize,
}

/// Where a key may be.
#[derive(Clone, Copy, Debug, Default)]
struct Place<'a> {
    primary: u32,
    likely: Option<Likely<'a>>,
}

impl<'a, 'k, K: AsRef<[u8]>, P: Pages> GetMany<'a, 'k, K, P> {
    pub(super) fn new(hash: &'a Hash<P>, keys: &'k [K], nul: bool) -> Self {
        GetMany { hash, keys, nul, group: [Place::default(); GROUP], used: GROUP }
    }

    fn stored(&self, key: &'k K) -> Stored<'k> {
        Stored { bytes: key.as_ref(), nul: self.nul }
    }

    /// Hashes the next keys and has memory bring what their lookups will read.
    fn start_group(&mut self, function: HashFunction) {
        let Hash { file, address, .. } = self.hash;
        let mut keys = [Stored { bytes: &[], nul: self.nul }; GROUP];
        for (stored, key) in keys.iter_mut().zip(self.keys) {
            *stored = self.stored(key);
        }
        let count = self.keys.len().min(GROUP);
        let hashes = Stored::hash_all(&keys, function);
        self.group =
            hashes.map(|hash| Place { primary: address.page(address.bucket(hash)), likely: None });
        let Some(bytes) = self.hash.searchable() else { return };
        let group = &mut self.group[..count];

        // Only loads whose results are used are made.
        let touched = group.iter().map(|place| search::touch_page(file, bytes, place.primary));
        black_box(touched.fold(0, BitXor::bitxor));
        for (place, key) in group.iter_mut().zip(keys) {
            place.likely = Likely::new(file, bytes, place.primary, key);
        }
        let likely = group.iter().filter_map(|place| place.likely.as_ref());
        black_box(likely.map(Likely::touch).fold(0, BitXor::bitxor));
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
        let place = self.group[self.used];
        self.used += 1;
        self.keys = rest;
        let key = self.stored(key);
        Some(match place.likely.map(|likely| likely.find(key)) {
            Some(Search::Over(found)) => Ok(found.map(Cow::Borrowed)),
            _ => self.hash.get_from(place.primary, key),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys.len(), Some(self.keys.len()))
    }
}

impl<K: AsRef<[u8]>, P: Pages> ExactSizeIterator for GetMany<'_, '_, K, P> {}
