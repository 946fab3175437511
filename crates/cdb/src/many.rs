//! Looking many keys up at once.
//!
//! A lookup in a file larger than the processor's caches waits for memory twice: for the slot, then
//! for the record. Keys of one group wait together, and while others are worked on: before the
//! records of a group are looked at, all of them are asked for, and then the slots of the next
//! group, whose keys are hashed side by side.

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::{Datum, Source};

use crate::error::Result;
use crate::format::hash_four;
use crate::read::Cdb;
use crate::search::Slots;

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
    /// What is known of the keys of the group at hand.
    group: [Place; GROUP],
    /// How many of these have been used; all of them before the first group.
    used: usize,
    /// The same of the group after it, whose slots have been asked for.
    next: Option<[Place; GROUP]>,
}

/// Where a key may be: its hash, and its slots unless they are for the general search.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    hash: u32,
    slots: Option<Slots>,
}

impl<'a, 'k, K, S: Source> GetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    pub(crate) fn new(database: &'a Cdb<S>, keys: &'k [K]) -> Self {
        GetMany { database, keys, group: [Place::default(); GROUP], used: GROUP, next: None }
    }

    /// Hashes the first keys of `keys` and asks for their slots.
    fn ask_for_slots(&self, keys: &'k [K]) -> [Place; GROUP] {
        let mut group = [Place::default(); GROUP];
        let file = self.database.in_memory();
        for (places, keys) in group.chunks_mut(4).zip(keys.chunks(4)) {
            let mut four = [Datum::EMPTY; 4];
            for (datum, key) in four.iter_mut().zip(keys) {
                *datum = key.into();
            }
            for (place, hash) in places.iter_mut().zip(hash_four(four)) {
                let slots = file.and_then(|file| {
                    let slots = file.slots(hash)?;
                    file.ask_for_slot(&slots);
                    Some(slots)
                });
                *place = Place { hash, slots };
            }
        }
        group
    }

    /// Asks for the records of the next keys, and for the slots of those after them.
    fn start_group(&mut self) {
        self.group = self.next.take().unwrap_or_else(|| self.ask_for_slots(self.keys));
        if let Some(file) = self.database.in_memory() {
            for (place, key) in self.group.iter_mut().zip(self.keys) {
                if let Some(slots) = &mut place.slots {
                    file.ask_for_record(slots, key.into());
                }
            }
        }
        let further = self.keys.get(GROUP..).filter(|keys| !keys.is_empty());
        self.next = further.map(|keys| self.ask_for_slots(keys));
    }
}

impl<'a, 'k, K, S: Source> Iterator for GetMany<'a, 'k, K, S>
where
    &'k K: Into<Datum<'k>>,
{
    type Item = Result<Option<Cow<'a, [u8]>>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = self.keys.split_first()?;
        if self.used == GROUP {
            self.start_group();
            self.used = 0;
        }
        let Place { hash, slots } = self.group[self.used];
        self.used += 1;
        self.keys = rest;
        let key = key.into();
        let file = self.database.in_memory();
        Some(match slots.and_then(|slots| file?.find(slots, key)) {
            Some(found) => Ok(found.map(Cow::Borrowed)),
            None => self.database.find_first(hash, key),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.keys.len(), Some(self.keys.len()))
    }
}

impl<'k, K, S: Source> ExactSizeIterator for GetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}

impl<'k, K, S: Source> FusedIterator for GetMany<'_, 'k, K, S> where &'k K: Into<Datum<'k>> {}
