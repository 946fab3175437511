//! Sorting the pairs of a new table: by bucket, and in each bucket in the order of its pages.

use std::cmp::Ordering;

use kv_file_core::{Datum, Entries, both};

use crate::format::{HashFunction, address, page_order};
use crate::hash::layout::is_big;
use crate::same_keys::SameKeys;
use crate::sort::{MANY, sort_in_parts};

/// A pair's place in the table: its bucket above the index of its entry, so that to sort the
/// numbers is to sort the pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    /// The place of a pair whose bucket has not been found.
    pub fn unknown(index: u32) -> Self {
        Place(u64::from(index))
    }

    pub fn new(bucket: u32, index: u32) -> Self {
        Place(u64::from(bucket) << 32 | u64::from(index))
    }

    #[inline]
    pub fn bucket(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline]
    pub fn index(self) -> u32 {
        self.0 as u32
    }
}

/// Keys that are hashed together.
const TOGETHER: usize = 8;

/// Finds the buckets of all pairs, and sorts the pairs by them.
pub(super) fn sort_by_bucket(places: &mut [Place], entries: &Entries<'_>, max_bucket: u32) {
    let (high_mask, low_mask) = address::masks(max_bucket);
    sort_in_parts(places, |places| {
        for group in places.chunks_mut(TOGETHER) {
            let mut keys = [Datum::EMPTY; TOGETHER];
            for (key, place) in keys.iter_mut().zip(&*group) {
                *key = entries.key(place.index());
            }
            let hashes = HashFunction::Fnv.hash_keys(&keys);
            for (place, hash) in group.iter_mut().zip(hashes) {
                let bucket = address::bucket(hash, max_bucket, high_mask, low_mask);
                *place = Place::new(bucket, place.index());
            }
        }
        places.sort_unstable();
    });
}

/// Sorts each bucket's pairs into the order of its pages, and takes out those that are not to stay;
/// gives their indices.
///
/// Big keys come last, for pages of their own: the order of a page that mixes them with their own
/// prefixes is ambiguous, and libdb then fails to find keys (section 12.2).
pub(super) fn sort_buckets(
    places: &mut Vec<Place>,
    entries: &Entries<'_>,
    page_size: usize,
    same_keys: SameKeys,
) -> Vec<u32> {
    let sort = |places: &mut [Place]| sort_buckets_in(places, entries, page_size, same_keys);
    if places.len() < MANY {
        let (kept, dropped) = sort(places);
        places.truncate(kept);
        return dropped;
    }
    let middle = places[places.len() / 2].bucket();
    let middle = places.partition_point(|place| place.bucket() < middle);
    let (one, other) = places.split_at_mut(middle);
    let ((kept, mut dropped), (kept_of_other, dropped_of_other)) =
        both(|| sort(one), || sort(other));
    places.copy_within(middle..middle + kept_of_other, kept);
    places.truncate(kept + kept_of_other);
    dropped.extend(dropped_of_other);
    dropped
}

/// As [`sort_buckets`], in some of the buckets: the places that are kept come first, and are
/// counted.
fn sort_buckets_in(
    places: &mut [Place],
    entries: &Entries<'_>,
    page_size: usize,
    same_keys: SameKeys,
) -> (usize, Vec<u32>) {
    let mut dropped = Vec::new();
    let mut keys = Vec::new();
    let (mut touched, mut read, mut written) = (0, 0, 0);
    while let Some(first) = places.get(read) {
        let bucket = places[read..].iter().take_while(|place| place.bucket() == first.bucket());
        let end = read + bucket.count();
        if touched < end {
            let ahead = places.iter().skip(touched.max(read)).take(Entries::AHEAD);
            entries.touch(ahead.map(|place| place.index()));
            touched = touched.max(read) + Entries::AHEAD;
        }
        keys.clear();
        keys.extend(places[read..end].iter().map(|place| Key::new(*place, entries, page_size)));
        // A sort, since whoever writes the map can make all hashes collide.
        keys.sort_unstable_by(Key::cmp);
        for same in keys.chunk_by_mut(|a, b| a.key == b.key) {
            same_keys.settle(
                same,
                entries,
                |key| key.place.index(),
                |key| {
                    places[written] = key.place;
                    written += 1;
                },
                &mut dropped,
            );
        }
        read = end;
    }
    (written, dropped)
}

/// A key to be sorted.
struct Key<'a> {
    is_big: bool,
    /// The first bytes of a key that has as many, in which most keys differ.
    start: Option<[u8; 8]>,
    key: Datum<'a>,
    place: Place,
}

impl<'a> Key<'a> {
    fn new(place: Place, entries: &'a Entries<'_>, page_size: usize) -> Self {
        let key = entries.key(place.index());
        let start = key.bytes.first_chunk().copied();
        Key { is_big: is_big(key.len(), page_size), start, key, place }
    }

    /// In the order of the pages; equal keys in the order of the input.
    fn cmp(&self, other: &Self) -> Ordering {
        self.is_big.cmp(&other.is_big).then_with(|| {
            match (self.start, other.start) {
                (Some(start), Some(of_other)) if start != of_other => start.cmp(&of_other),
                _ if self.is_big => self.key.cmp(&other.key),
                _ => page_order(self.key, other.key),
            }
            .then(self.place.cmp(&other.place))
        })
    }
}
