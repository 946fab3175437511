//! Choosing page size and number of buckets from the sizes of what is to be stored.
//!
//! The format leaves both to the writer (section 22). Small pages make a lookup touch few cache
//! lines, but every item longer than a quarter page moves to overflow pages of its own, so the page
//! must be large enough for nearly all items.

use crate::format::item::BIG_LEN;
use crate::format::page::header_len;
use crate::format::{MIN_PAGE_SIZE, PAGE_SIZES, page_sizes};

/// The largest page size chosen unasked: libdb's own upper limit for its default.
const LARGEST_CHOICE: u32 = 16384;
/// The page size for tables of which too many items are big whatever the choice.
const FALLBACK: u32 = 4096;
/// One pair in this many may have an item off the page.
const BIG_PAIRS: u64 = 100;

/// Bytes that a pair takes on a page besides its items: two offsets.
const OFFSETS: usize = 4;

/// Whether libdb would put an item of this length on pages of its own. Files need not follow the
/// rule; libdb, when it changes one, relies on room for a pair being left on every page.
pub(crate) fn is_big(len: usize, page_size: usize) -> bool {
    len > page_size / 4
}

/// Bytes that an item of `len` bytes takes on a page, its type byte or reference included.
pub(crate) fn item_len(len: usize, page_size: usize) -> usize {
    if is_big(len, page_size) { BIG_LEN } else { 1 + len }
}

/// Bytes that a pair takes on a page.
pub(crate) fn pair_len(key: usize, data: usize, page_size: usize) -> usize {
    item_len(key, page_size) + item_len(data, page_size) + OFFSETS
}

/// Sums over all pairs, for each page size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    /// Number of pairs.
    pub pairs: u64,
    /// Bytes on hash pages, of pairs that are the same for every page size.
    small: u64,
    /// Bytes on hash pages, of the other pairs.
    large: [u64; PAGE_SIZES],
    /// Number of pairs with a big item.
    big: [u64; PAGE_SIZES],
}

impl Sizes {
    pub fn add(&mut self, key: usize, data: usize) {
        self.pairs += 1;
        self.count(key, data, u64::wrapping_add);
    }

    /// Takes back what was added before.
    pub fn remove(&mut self, key: usize, data: usize) {
        self.pairs -= 1;
        self.count(key, data, u64::wrapping_sub);
    }

    fn count(&mut self, key: usize, data: usize, sum: impl Fn(u64, u64) -> u64) {
        let smallest = MIN_PAGE_SIZE as usize;
        if !is_big(key, smallest) && !is_big(data, smallest) {
            self.small = sum(self.small, pair_len(key, data, smallest) as u64);
            return;
        }
        for (i, page_size) in page_sizes().enumerate() {
            let page_size = page_size as usize;
            self.large[i] = sum(self.large[i], pair_len(key, data, page_size) as u64);
            let big = is_big(key, page_size) || is_big(data, page_size);
            self.big[i] = sum(self.big[i], u64::from(big));
        }
    }

    /// The smallest page size that leaves nearly every pair on its page.
    pub fn page_size(&self) -> u32 {
        page_sizes()
            .zip(self.big)
            .take_while(|(size, _)| *size <= LARGEST_CHOICE)
            .find(|(_, big)| big * BIG_PAIRS <= self.pairs)
            .map_or(FALLBACK, |(size, _)| size)
    }

    /// The number of buckets that fills pages to between three and six eighths: the smallest
    /// sufficient power of two, so that every bucket gets the same share of the hashes.
    pub fn buckets(&self, page_size: u32, checksums: bool) -> u64 {
        let index = page_sizes().take_while(|size| *size < page_size).count();
        let bytes = self.small + self.large.get(index).copied().unwrap_or(0);
        let per_page = (page_size as usize - header_len(checksums)) as u64 * 3 / 4;
        bytes.div_ceil(per_page).next_power_of_two().max(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(pairs: &[(u64, usize)]) -> Sizes {
        let mut sizes = Sizes::default();
        for (count, data) in pairs {
            for _ in 0..*count {
                sizes.add(20, *data);
            }
        }
        sizes
    }

    #[test]
    fn the_page_is_as_small_as_the_items_allow() {
        assert_eq!(sizes(&[]).page_size(), 512);
        assert_eq!(sizes(&[(1000, 30)]).page_size(), 512);
        assert_eq!(sizes(&[(1000, 128)]).page_size(), 512, "a quarter page still fits");
        assert_eq!(sizes(&[(1000, 129)]).page_size(), 1024);
        assert_eq!(sizes(&[(1000, 4096)]).page_size(), 16384);
        assert_eq!(sizes(&[(1000, 4097)]).page_size(), FALLBACK, "all big whatever the choice");
        assert_eq!(sizes(&[(990, 30), (10, 2000)]).page_size(), 512, "one in a hundred");
        assert_eq!(sizes(&[(989, 30), (11, 2000)]).page_size(), 8192, "more than that");
    }

    #[test]
    fn buckets_are_at_most_six_eighths_full_on_average() {
        assert_eq!(sizes(&[]).buckets(512, false), 2);
        // 20 + 30 bytes, two type bytes, four of offsets: 56 a pair; 364 of 486 bytes are to be
        // filled.
        assert_eq!(sizes(&[(52, 30)]).buckets(512, false), 8);
        assert_eq!(sizes(&[(53, 30)]).buckets(512, false), 16);
    }

    #[test]
    fn what_is_removed_leaves_no_trace() {
        let mut changed = sizes(&[(10, 30), (10, 3000)]);
        changed.add(5000, 10);
        changed.remove(5000, 10);
        assert_eq!(format!("{changed:?}"), format!("{:?}", sizes(&[(10, 30), (10, 3000)])));
    }
}
