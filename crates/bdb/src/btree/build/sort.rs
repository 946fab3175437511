//! Sorting the pairs of a new btree by their keys.

use std::ops::Range;

use kv_file_core::{Datum, Entries, both};

use crate::same_keys::SameKeys;
use crate::sort::{MANY, sort_in_parts};

/// A pair's place in the order of keys, as far as some bytes of its key tell it: these bytes, below
/// them their number, and below that the index of the entry, so that to sort the numbers is to sort
/// the pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(u128);

/// How many bytes of a key a place has.
const BYTES: usize = 11;
/// The number that stands for more bytes than these.
const MORE: u8 = BYTES as u8 + 1;
/// Where the number of bytes lies.
const COUNT_AT: u32 = u32::BITS;
/// The key is that of the place before. Set only once nothing is sorted any more.
const SAME_KEY: u128 = 0x80 << COUNT_AT;

impl Place {
    fn unknown(index: u32) -> Self {
        Place(index.into())
    }

    /// By the bytes of the key from `depth` on, which is not more than its length.
    fn new(key: Datum<'_>, depth: usize, index: u32) -> Self {
        const LEN: usize = size_of::<u128>();
        let bytes = key.bytes.get(depth..).unwrap_or_default();
        let next = bytes.first_chunk().copied().unwrap_or_else(|| {
            let mut next = [0; LEN];
            next[..bytes.len()].copy_from_slice(bytes);
            next
        });
        let next = u128::from_be_bytes(next) >> (8 * (LEN - BYTES));
        // A key that ends here comes before one that goes on with NULs.
        let count = (key.len() - depth).min(MORE.into());
        Place(next << (8 * (LEN - BYTES)) | (count as u128) << COUNT_AT | u128::from(index))
    }

    #[inline]
    fn index(self) -> u32 {
        self.0 as u32
    }

    /// Returns `true` if the bytes of both keys are the same, as far as they are known.
    #[inline]
    fn is_like(&self, other: &Self) -> bool {
        self.0 >> COUNT_AT == other.0 >> COUNT_AT
    }

    /// Returns `true` if the key has no more bytes than are known.
    #[inline]
    fn has_ended(self) -> bool {
        ((self.0 >> COUNT_AT) as u8) < MORE
    }
}

/// The pairs that a btree stores, sorted.
#[derive(Debug)]
pub(super) struct Sorted {
    /// The entries that are stored, in the order of their keys, and of the data of each key.
    pub stored: Vec<u32>,
    /// Where the entries of each key start; `None` where each key has one.
    pub starts: Option<Vec<u32>>,
    /// The entries that are not stored, in the order of the input.
    pub dropped: Vec<u32>,
}

impl Sorted {
    pub fn new(entries: &Entries<'_>, same_keys: SameKeys) -> Self {
        let mut places: Vec<_> = entries.indices().map(Place::unknown).collect();
        sort(&mut places, entries);
        let mut stored = Vec::with_capacity(places.len());
        let mut starts = matches!(same_keys, SameKeys::Stay(_)).then(Vec::new);
        let mut dropped = Vec::new();
        for same in places.chunk_by_mut(|_, next| next.0 & SAME_KEY != 0) {
            if let Some(starts) = &mut starts {
                starts.push(stored.len() as u32);
            }
            let stay = |place: &Place| stored.push(place.index());
            same_keys.settle(same, entries, |place| place.index(), stay, &mut dropped);
        }
        dropped.sort_unstable();
        Sorted { stored, starts, dropped }
    }
}

/// Sorts places that are in the order of the input by their keys; those of the same key stay in the
/// order of the input, and all but the first are marked.
fn sort(places: &mut [Place], entries: &Entries<'_>) {
    let mut depth = 0;
    loop {
        sort_in_parts(places, |places| sort_by_bytes(places, entries, depth));
        match places {
            [first, .., last] if first.is_like(last) && !first.has_ended() => depth += BYTES,
            _ => break,
        }
    }
    let sort = |places: &mut [Place]| {
        let mut to_sort = Vec::new();
        for alike in places.chunk_by_mut(Place::is_like) {
            sort_alike(alike, entries, depth, &mut to_sort);
        }
    };
    if places.len() < MANY {
        return sort(places);
    }
    let middle = places[places.len() / 2];
    let middle = places.partition_point(|place| *place < middle && !place.is_like(&middle));
    let (one, other) = places.split_at_mut(middle);
    both(|| sort(one), || sort(other));
}

/// Sorts places by the bytes of their keys from `depth` on.
fn sort_by_bytes(places: &mut [Place], entries: &Entries<'_>, depth: usize) {
    for group in places.chunks_mut(Entries::AHEAD) {
        if depth > 0 {
            // They may lie anywhere.
            entries.touch(group.iter().map(|place| place.index()));
        }
        for place in group {
            *place = Place::new(entries.key(place.index()), depth, place.index());
        }
    }
    places.sort_unstable();
}

/// Sorts places that are alike in the bytes from `depth` on, and in all before these.
///
/// What takes long is to read the keys: each step reads the next bytes of those that are alike so
/// far. `to_sort` is empty.
fn sort_alike(
    places: &mut [Place],
    entries: &Entries<'_>,
    depth: usize,
    to_sort: &mut Vec<(Range<usize>, usize)>,
) {
    // No recursion: whoever writes the map can make it as deep as a key is long.
    to_sort.push((0..places.len(), depth));
    while let Some((range, depth)) = to_sort.pop() {
        let (start, alike) = (range.start, &mut places[range]);
        match alike {
            [] | [_] => {}
            [first, same @ ..] if first.has_ended() => {
                same.iter_mut().for_each(|place| place.0 |= SAME_KEY);
            }
            _ => {
                let depth = depth + BYTES;
                sort_by_bytes(alike, entries, depth);
                let mut end = start;
                let runs = alike.chunk_by(Place::is_like).map(|alike| {
                    let start = end;
                    end += alike.len();
                    (start..end, depth)
                });
                to_sort.extend(runs.filter(|(run, _)| run.len() > 1));
            }
        }
    }
}
