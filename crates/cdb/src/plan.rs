//! Settling which records a new file has, and where (section 5).

use std::io::{self, Write};

use kv_file_core::{Contents, Datum, Entries, both};

use crate::build::Keep;
use crate::error::{ErrorKind, Result};
use crate::format::{HEAD, LONGEST, PAIR, TABLES, hash_four, table};

/// A file whose every byte is settled: made by [`CdbBuilder::plan`](crate::CdbBuilder::plan).
#[derive(Debug)]
pub struct Plan<'t> {
    pub(crate) entries: Entries<'t>,
    /// The records that are stored, by table, and those of a table in their order.
    pub(crate) places: Vec<Place>,
    /// Number of records of each table.
    pub(crate) counts: [u32; TABLES],
    /// The entries that are left out, in their order.
    pub(crate) dropped: Vec<u32>,
    /// Where the records end.
    pub(crate) end: u32,
}

/// A key's hash above another number: the index of its entry, or its record's position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    fn new(hash: u32, number: u32) -> Self {
        Place(u64::from(hash) << 32 | u64::from(number))
    }

    pub fn hash(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn number(self) -> u32 {
        self.0 as u32
    }
}

/// Where fewer entries are looked at, a second thread takes longer to start than it saves.
const MANY: usize = 1 << 15;

impl<'t> Plan<'t> {
    pub(crate) fn new(entries: Entries<'t>, keep: Keep) -> Result<Self> {
        let hashes = hashes(&entries);
        let mut counts = [0u32; TABLES];
        for hash in &hashes {
            counts[table(*hash)] += 1;
        }
        // Numbers are put in the order of the tables as they come: a walk over the entries for each
        // table would wait for memory at every step.
        let mut places = vec![Place::default(); hashes.len()];
        let mut dropped = Vec::new();
        if keep != Keep::All {
            let mut next = starts(&counts);
            for (index, hash) in entries.indices().zip(&hashes) {
                put_next(&mut places, &mut next, *hash, index);
            }
            dropped = find_dropped(&entries, &mut places, &counts, keep == Keep::Last);
            for index in &dropped {
                counts[table(hashes[*index as usize])] -= 1;
            }
            places.truncate(hashes.len() - dropped.len());
        }

        let mut next = starts(&counts);
        let mut left_out = dropped.iter().copied().peekable();
        let mut at = HEAD;
        for (index, hash) in entries.indices().zip(&hashes) {
            if left_out.next_if_eq(&index).is_some() {
                continue;
            }
            // A position that does not fit is found below.
            put_next(&mut places, &mut next, *hash, at as u32);
            let (key, value) = entries.lens(index);
            at = at.saturating_add(PAIR as u64 + key as u64 + value as u64);
        }
        if at.saturating_add(2 * PAIR as u64 * places.len() as u64) > LONGEST {
            return Err(ErrorKind::TooLarge.into());
        }
        Ok(Plan { entries, places, counts, dropped, end: at as u32 })
    }

    /// The records that are not stored because another with the same key is, in the order in which
    /// they were pushed: the number of the push (from 0), and the key without its NUL.
    pub fn dropped(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.dropped.iter().map(|index| (*index, self.entries.key(*index).bytes))
    }

    /// Number of records that are stored.
    pub fn records(&self) -> u32 {
        self.places.len() as u32
    }

    /// Length of the file, in bytes.
    pub fn file_len(&self) -> u64 {
        u64::from(self.end) + 2 * PAIR as u64 * u64::from(self.records())
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// One pass over the records in their order, and one over the slots, by a thread of their own
    /// where there are many. Memory beside the plan's own: a few blocks of 2 MiB, or of the longest
    /// record or table if that is longer, and 4 bytes a slot of the longest table.
    pub fn write_to<W: Write>(&self, mut out: W) -> io::Result<()> {
        self.blocks(&mut |_, block| out.write_all(block))?;
        out.flush()
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

/// Where the places of each table start.
fn starts(counts: &[u32; TABLES]) -> [usize; TABLES] {
    let mut sum = 0;
    counts.map(|count| {
        let start = sum;
        sum += count as usize;
        start
    })
}

/// Puts the next place of a hash's table.
#[inline]
fn put_next(places: &mut [Place], next: &mut [usize; TABLES], hash: u32, number: u32) {
    let next = &mut next[table(hash)];
    places[*next] = Place::new(hash, number);
    *next += 1;
}

/// The entries that are left out, in their order: of those with one key all but the first, or all but
/// the last. `places` has the indices of all; within each table their order changes.
fn find_dropped(
    entries: &Entries<'_>,
    places: &mut [Place],
    counts: &[u32; TABLES],
    keep_last: bool,
) -> Vec<u32> {
    let in_tables = |mut places: &mut [Place], counts: &[u32]| {
        let mut dropped = Vec::new();
        for count in counts {
            let of_table = places.split_off_mut(..*count as usize).unwrap_or_default();
            of_table.sort_unstable();
            for same in of_table.chunk_by_mut(|a, b| a.hash() == b.hash()) {
                if same.len() > 1 {
                    drop_same(entries, same, keep_last, &mut dropped);
                }
            }
        }
        dropped
    };
    let mut all = if places.len() < MANY {
        in_tables(places, counts)
    } else {
        let half = TABLES / 2;
        let (one, other) = places.split_at_mut(starts(counts)[half]);
        let (of_one, of_other) =
            both(|| in_tables(one, &counts[..half]), || in_tables(other, &counts[half..]));
        [of_one, of_other].concat()
    };
    all.sort_unstable();
    all
}

/// Drops entries whose keys have one hash, in their order, if the keys are the same.
#[inline(never)]
fn drop_same(entries: &Entries<'_>, same: &mut [Place], keep_last: bool, dropped: &mut Vec<u32>) {
    let key = |place: &Place| entries.key(place.number());
    // A sort, since whoever writes the source can make all hashes collide. It is a stable one.
    same.sort_by(|a, b| key(a).cmp(&key(b)));
    for same in same.chunk_by(|a, b| key(a) == key(b)) {
        let others = if keep_last { &same[..same.len() - 1] } else { &same[1..] };
        dropped.extend(others.iter().map(|place| place.number()));
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
