//! Looking many keys up at once.
//!
//! A lookup in a file larger than the processor's caches waits for memory twice: for the slot, then
//! for the record. Keys of one group wait together: all slots are asked for, then all records, and
//! only then is a record looked at.

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::{Datum, Source, prefetch};

use crate::error::Result;
use crate::format::{hash_four, pair};
use crate::read::{Cdb, Chain};

/// Keys of one group.
const GROUP: usize = 16;

/// Iterates over the values of many keys, in the order of the keys: [`Cdb::get_many`].
///
/// A key whose value cannot be read has an error of its own; the others are not concerned.
#[derive(Debug)]
pub struct GetMany<'a, 'k, K, S> {
    database: &'a Cdb<S>,
    /// The keys that have not been looked up yet.
    keys: &'k [K],
    /// Where the keys of the group at hand may be; each is taken when it is used.
    group: [Option<Result<Option<Chain>>>; GROUP],
    /// How many of these have been used; all of them before the first group.
    used: usize,
}

impl<'a, 'k, K, S: Source> GetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    pub(crate) fn new(database: &'a Cdb<S>, keys: &'k [K]) -> Self {
        GetMany { database, keys, group: [const { None }; GROUP], used: GROUP }
    }

    /// Finds the chains of the next keys, and asks for their slots and the records that these most
    /// likely lead to.
    fn start_group(&mut self) {
        let database = self.database;
        let fours = self.group.chunks_mut(4).zip(self.keys.chunks(4));
        for (group, keys) in fours {
            let mut four = [Datum::EMPTY; 4];
            for (slot, key) in four.iter_mut().zip(keys) {
                *slot = key.into();
            }
            for (place, hash) in group.iter_mut().zip(hash_four(four)) {
                *place = Some(database.chain(hash));
            }
        }
        let Some(bytes) = database.source.as_slice() else { return };
        let chains = || self.group.iter().flatten().flatten().flatten();
        for chain in chains() {
            prefetch(bytes, chain.first() as usize);
        }
        for chain in chains() {
            let slot = bytes.get(chain.first() as usize..).and_then(pair);
            if let Some((_, record)) = slot {
                prefetch(bytes, record as usize);
            }
        }
    }
}

impl<'a, 'k, K, S: Source> Iterator for GetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    type Item = Result<Option<Cow<'a, [u8]>>>;

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.keys.first()?;
        if self.used == GROUP {
            self.start_group();
            self.used = 0;
        }
        let chain = self.group.get_mut(self.used).and_then(Option::take);
        self.used += 1;
        self.keys = self.keys.get(1..).unwrap_or_default();
        Some(match chain {
            Some(Ok(Some(mut chain))) => self.database.find(&mut chain, key.into()),
            Some(Err(error)) => Err(error),
            Some(Ok(None)) | None => Ok(None),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys.len(), Some(self.keys.len()))
    }
}

impl<'k, K, S: Source> ExactSizeIterator for GetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}

impl<'k, K, S: Source> FusedIterator for GetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}
