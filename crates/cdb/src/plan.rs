//! A new file whose every byte is settled (section 5).

use std::io::{self, Write};

use kv_file_core::{Contents, Datum, Entries, both};

use crate::build::Keep;
use crate::error::{ErrorKind, Result};
use crate::format::{HEAD, LONGEST, PAIR, TABLES, first_slot, hash_four, put_pair, table};

/// A file whose every byte is settled: made by [`CdbBuilder::plan`](crate::CdbBuilder::plan).
#[derive(Debug)]
pub struct Plan<'t> {
    entries: Entries<'t>,
    /// The hash of each entry's key.
    hashes: Vec<u32>,
    /// Where each entry's record starts; 0 for one that is left out.
    positions: Vec<u32>,
    /// The entries of each table, in their order, and where those of a table start.
    by_table: Vec<u32>,
    starts: [usize; TABLES + 1],
    /// Number of records of each table.
    counts: [u32; TABLES],
    dropped: Vec<u32>,
    /// Where the records end.
    end: u32,
    /// Number of records.
    records: u32,
}

/// Bytes that are handed out at a time.
const BLOCK: usize = 2 << 20;

/// Where fewer entries are looked at, a second thread takes longer to start than it saves.
const MANY: usize = 1 << 15;

impl<'t> Plan<'t> {
    pub(crate) fn new(entries: Entries<'t>, keep: Keep) -> Result<Self> {
        let hashes = hashes(&entries);
        let (by_table, starts) = by_table(&hashes);
        let dropped = match keep {
            Keep::All => Vec::new(),
            Keep::First | Keep::Last => {
                dropped(&entries, &hashes, &by_table, &starts, keep == Keep::Last)
            }
        };
        let mut counts = [0; TABLES];
        let mut left_out = dropped.iter().copied().peekable();
        let mut at = HEAD;
        let mut positions = Vec::with_capacity(hashes.len());
        for (index, hash) in entries.indices().zip(&hashes) {
            if left_out.next_if_eq(&index).is_some() {
                positions.push(0);
                continue;
            }
            // Whatever does not fit is found below: no sum of so many lengths wraps 64 bits.
            positions.push(at as u32);
            let (key, value) = entries.lens(index);
            at += (PAIR + key + value) as u64;
            counts[table(*hash)] += 1;
        }
        let records = hashes.len() as u32 - dropped.len() as u32;
        if at + 2 * PAIR as u64 * u64::from(records) > LONGEST {
            return Err(ErrorKind::TooLarge.into());
        }
        let end = at as u32;
        Ok(Plan { entries, hashes, positions, by_table, starts, counts, dropped, end, records })
    }

    /// The records that are not stored because another with the same key is, in the order in which
    /// they were pushed: the number of the push (from 0), and the key without its NUL.
    pub fn dropped(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.dropped.iter().map(|index| (*index, self.entries.key(*index).bytes))
    }

    /// Number of records that are stored.
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Length of the file, in bytes.
    pub fn file_len(&self) -> u64 {
        u64::from(self.end) + 2 * PAIR as u64 * u64::from(self.records)
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// One pass over the records in their order, and one over the slots.
    pub fn write_to<W: Write>(&self, mut out: W) -> io::Result<()> {
        self.blocks(&mut |_, block| out.write_all(block))?;
        out.flush()
    }

    /// The pointers at the start of the file.
    fn pointers(&self) -> Vec<u8> {
        let mut pointers = Vec::with_capacity(HEAD as usize);
        let mut at = self.end;
        for count in self.counts {
            put_pair(&mut pointers, at, 2 * count);
            at += 2 * PAIR as u32 * count;
        }
        pointers
    }

    /// Adds the slots of a table.
    fn put_table(&self, number: usize, to: &mut Vec<u8>) {
        let slots = 2 * self.counts[number];
        let mut table = vec![(0u32, 0u32); slots as usize];
        let mut free = FreeSlots::new(slots);
        for index in &self.by_table[self.starts[number]..self.starts[number + 1]] {
            let (hash, position) = (self.hashes[*index as usize], self.positions[*index as usize]);
            if position != 0 {
                table[free.take(first_slot(hash, slots)) as usize] = (hash, position);
            }
        }
        for (hash, position) in table {
            put_pair(to, hash, position);
        }
    }
}

impl Contents for Plan<'_> {
    fn file_len(&self) -> u64 {
        self.file_len()
    }

    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut at = 0;
        let mut block = self.pointers();
        let mut put_full = |block: &mut Vec<u8>, least: usize| {
            if block.len() < least {
                return Ok(());
            }
            put(at, block)?;
            at += block.len() as u64;
            block.clear();
            Ok::<_, io::Error>(())
        };
        for (index, position) in self.entries.indices().zip(&self.positions) {
            if *position == 0 {
                continue;
            }
            let (key, value) = (self.entries.key(index), self.entries.data(index));
            put_pair(&mut block, key.len() as u32, value.len() as u32);
            for piece in [key.pieces(), value.pieces()].as_flattened() {
                block.extend_from_slice(piece);
            }
            put_full(&mut block, BLOCK)?;
        }
        for number in 0..TABLES {
            self.put_table(number, &mut block);
            put_full(&mut block, BLOCK)?;
        }
        put_full(&mut block, 1)
    }

    fn dropped(&self, each: &mut dyn FnMut(u32, &[u8])) {
        self.dropped().for_each(|(index, key)| each(index, key));
    }
}

/// The hashes of all keys.
fn hashes(entries: &Entries<'_>) -> Vec<u32> {
    let mut hashes = vec![0; entries.len() as usize];
    let hash = |first: usize, hashes: &mut [u32]| {
        for (four, index) in hashes.chunks_mut(4).zip((first as u32..).step_by(4)) {
            let mut keys = [Datum::EMPTY; 4];
            for (key, index) in keys.iter_mut().zip(index..).take(four.len()) {
                *key = entries.key(index);
            }
            four.copy_from_slice(&hash_four(keys)[..four.len()]);
        }
    };
    if hashes.len() < MANY {
        hash(0, &mut hashes);
        return hashes;
    }
    let middle = hashes.len() / 2;
    let (one, other) = hashes.split_at_mut(middle);
    both(|| hash(0, one), || hash(middle, other));
    hashes
}

/// The entries of each table, in their order, and where those of a table start.
fn by_table(hashes: &[u32]) -> (Vec<u32>, [usize; TABLES + 1]) {
    let mut starts = [0; TABLES + 1];
    for hash in hashes {
        starts[table(*hash) + 1] += 1;
    }
    for number in 0..TABLES {
        starts[number + 1] += starts[number];
    }
    let mut next = starts;
    let mut by_table = vec![0; hashes.len()];
    for (index, hash) in (0u32..).zip(hashes) {
        let place = &mut next[table(*hash)];
        by_table[*place] = index;
        *place += 1;
    }
    (by_table, starts)
}

/// The entries that are left out, in their order: of those with one key all but the first, or all but
/// the last.
fn dropped(
    entries: &Entries<'_>,
    hashes: &[u32],
    by_table: &[u32],
    starts: &[usize; TABLES + 1],
    keep_last: bool,
) -> Vec<u32> {
    let in_tables = |tables: std::ops::Range<usize>| {
        let mut dropped = Vec::new();
        let mut sorted: Vec<u64> = Vec::new();
        for number in tables {
            sorted.clear();
            let indices = &by_table[starts[number]..starts[number + 1]];
            let number = |index: &u32| u64::from(hashes[*index as usize]) << 32 | u64::from(*index);
            sorted.extend(indices.iter().map(number));
            sorted.sort_unstable();
            for same in sorted.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
                if same.len() > 1 {
                    drop_same(entries, same, keep_last, &mut dropped);
                }
            }
        }
        dropped
    };
    let mut all = if hashes.len() < MANY {
        in_tables(0..TABLES)
    } else {
        let (one, other) = both(|| in_tables(0..TABLES / 2), || in_tables(TABLES / 2..TABLES));
        [one, other].concat()
    };
    all.sort_unstable();
    all
}

/// Drops entries whose keys have one hash, in their order, if the keys are the same.
#[inline(never)]
fn drop_same(entries: &Entries<'_>, same: &mut [u64], keep_last: bool, dropped: &mut Vec<u32>) {
    let key = |number: &u64| entries.key(*number as u32);
    // A sort, since whoever writes the source can make all hashes collide. It is a stable one.
    same.sort_by(|a, b| key(a).cmp(&key(b)));
    for same in same.chunk_by(|a, b| key(a) == key(b)) {
        let others = if keep_last { &same[..same.len() - 1] } else { &same[1..] };
        dropped.extend(others.iter().map(|number| *number as u32));
    }
}

/// The slots of a table that are free. Each is found in about one step, also where all entries of a
/// table want the same one.
struct FreeSlots {
    /// For each slot, one from which on the next free slot is to be looked for: itself, if it is
    /// free.
    next: Vec<u32>,
}

impl FreeSlots {
    fn new(slots: u32) -> Self {
        FreeSlots { next: (0..slots).collect() }
    }

    /// Takes the first free slot from this one on, around the end. There is one.
    fn take(&mut self, wanted: u32) -> u32 {
        let mut slot = wanted;
        while self.next[slot as usize] != slot {
            let further = self.next[self.next[slot as usize] as usize];
            self.next[slot as usize] = further;
            slot = further;
        }
        self.next[slot as usize] = if slot as usize + 1 == self.next.len() { 0 } else { slot + 1 };
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of section 10.
    #[test]
    fn the_worked_example() {
        let mut entries = Entries::over(&[]);
        for (key, value) in
            [("root", "admin@example.com"), ("abuse", "postmaster"), ("info@example.org", "bob")]
        {
            entries.push(key, value).unwrap();
        }
        let mut file = Vec::new();
        Plan::new(entries, Keep::First).unwrap().write_to(&mut file).unwrap();
        assert_eq!(file.len(), 2175);
        assert_eq!(file[..8], [0x4f, 8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(file[0x3b8..][..8], [0x4f, 8, 0, 0, 2, 0, 0, 0]);
        assert_eq!(file[0x720..][..8], [0x6f, 8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&file[0x800..0x81d], b"\x04\0\0\0\x11\0\0\0rootadmin@example.com");
        let tables = b"\0\0\0\0\0\0\0\0\x77\x85\xa6\x84\x34\x08\0\0\xe3\x02\x79\x7c\0\x08\0\0\
            \0\0\0\0\0\0\0\0\xe5\x14\x1e\x0a\x1d\x08\0\0\0\0\0\0\0\0\0\0";
        assert_eq!(&file[0x84f..], tables);
    }

    #[test]
    fn slots_are_taken_one_after_the_other_around_the_end() {
        let mut free = FreeSlots::new(4);
        assert_eq!([2, 2, 2, 3].map(|wanted| free.take(wanted)), [2, 3, 0, 1]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let text = vec![0; 1 << 28];
        let mut entries = Entries::over(&text);
        for _ in 0..15 {
            entries.push(&text[..4], &text[..]).unwrap();
        }
        assert!(Plan::new(entries.clone(), Keep::All).is_ok());
        entries.push(&text[..4], &text[..]).unwrap();
        assert!(Plan::new(entries, Keep::All).is_err());
    }
}
