//! Finding a key in a file in memory: the way that nearly every lookup takes.
//!
//! What contradicts the format, and what is rare, is left to the general search of [`Cdb`], which
//! knows what it is: nothing is reported from here. The two agree on every file, which is tested on
//! damaged ones.
//!
//! [`Cdb`]: crate::read::Cdb

use kv_file_core::{Datum, prefetch};

use crate::format::{HEAD, PAIR, first_slot, pair, table};

/// The result of a search that is not left to the general one.
pub(crate) type Found<'a> = Option<&'a [u8]>;

/// A file in memory.
#[derive(Clone, Copy)]
pub(crate) struct InMemory<'a> {
    pub bytes: &'a [u8],
    /// The bytes before the tables.
    pub records: &'a [u8],
}

/// Where in a table keys of a hash may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slots {
    hash: u32,
    /// Where the first of these slots lies, and the next one to be looked at.
    first: usize,
    at: usize,
    /// Where the table starts and ends.
    start: usize,
    end: usize,
}

impl<'a> InMemory<'a> {
    /// Looks for a key with this hash. `None` where this is for the general search.
    #[inline(always)]
    pub fn search(self, hash: u32, key: Datum<'_>) -> Option<Found<'a>> {
        self.find(self.slots(hash)?, key)
    }

    /// The slots of a hash. `None` where this is for the general search.
    #[inline(always)]
    pub fn slots(self, hash: u32) -> Option<Slots> {
        let (start, slots) = pair(self.bytes.get(table(hash) * PAIR..)?)?;
        let end = u64::from(start) + u64::from(slots) * PAIR as u64;
        let start = start as usize;
        if slots == 0 || start < self.records.len() || end > self.bytes.len() as u64 {
            return None;
        }
        let (end, first) = (end as usize, start + first_slot(hash, slots) as usize * PAIR);
        Some(Slots { hash, first, at: first, start, end })
    }

    /// Looks for a key in its slots, each of which is looked at once at most. `None` where this is
    /// for the general search.
    #[inline(always)]
    pub fn find(self, mut slots: Slots, key: Datum<'_>) -> Option<Found<'a>> {
        // Bytes of keys that are left to be looked at, as in the general search.
        let mut left = self.records.len() - HEAD as usize;
        loop {
            let (hash, record) = pair(self.bytes.get(slots.at..)?)?;
            if record == 0 {
                return Some(None);
            }
            if hash == slots.hash {
                let record = record as usize;
                let (key_len, value_len) = pair(self.records.get(record..)?)?;
                let end = (record + PAIR) as u64 + u64::from(key_len) + u64::from(value_len);
                if record < HEAD as usize || end > self.records.len() as u64 {
                    return None;
                }
                // Where the value is must not wait for the record's lengths.
                let (key_start, value_start) = (record + PAIR, record + PAIR + key.len());
                if key_len as usize == key.len() {
                    if key.is(self.records.get(key_start..value_start)?) {
                        let value = self.records.get(value_start..)?.get(..value_len as usize)?;
                        return Some(Some(value));
                    }
                    left = left.checked_sub(key.len())?;
                }
            }
            if !slots.step() {
                return Some(None);
            }
        }
    }

    /// Prefetches the first slot.
    #[inline(always)]
    pub fn ask_for_slot(self, slots: &Slots) {
        prefetch(self.bytes, slots.at);
    }

    /// Goes to the slot that most likely is the key's, and prefetches its record: the lines with the
    /// start of its key and of its value.
    #[inline(always)]
    pub fn ask_for_record(self, slots: &mut Slots, key: Datum<'_>) {
        while let Some((hash, record)) = self.bytes.get(slots.at..).and_then(pair) {
            if hash == slots.hash {
                prefetch(self.records, record as usize);
                let value = (record as usize).saturating_add(PAIR + key.len());
                prefetch(self.records, value);
                return;
            }
            let mut next = *slots;
            if record == 0 || !next.step() {
                return;
            }
            *slots = next;
        }
    }
}

impl Slots {
    /// Goes to the next slot. Returns `false` if all have been looked at.
    #[inline(always)]
    fn step(&mut self) -> bool {
        self.at += PAIR;
        if self.at == self.end {
            self.at = self.start;
        }
        self.at != self.first
    }
}
