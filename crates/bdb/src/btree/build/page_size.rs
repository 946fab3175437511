//! Choosing the page size of a new btree from the sizes of what is to be stored.

use crate::format::page::header_len;
use crate::format::tree_item::longest_item;
use crate::format::{PAGE_SIZES, page_sizes};

/// The page size for tables of small pairs, and of those of which too many items are big whatever
/// the choice.
const USUAL: u32 = 2048;
/// The largest page size chosen unasked: libdb's own upper limit for its default.
const LARGEST_CHOICE: u32 = 16384;
/// One pair in this many may have an item off the page.
const BIG_PAIRS: u64 = 100;

/// The smallest page size, from the usual one on, that leaves nearly every pair on its page.
///
/// `lens` are the lengths of the key and the data of each pair.
pub(super) fn page_size(
    lens: impl Iterator<Item = (usize, usize)>,
    minimum_keys: u32,
    checksums: bool,
) -> u32 {
    let longest =
        |page_size: u32| longest_item(page_size as usize - header_len(checksums), minimum_keys);
    // How many pairs have an item that is big on pages of each size.
    let mut big = [0; PAGE_SIZES];
    let mut pairs = 0;
    for (key, data) in lens {
        pairs += 1;
        let len = key.max(data);
        let too_small = page_sizes().take_while(|size| longest(*size) < len).count();
        big[..too_small].iter_mut().for_each(|big| *big += 1);
    }
    page_sizes()
        .zip(big)
        .filter(|(size, _)| (USUAL..=LARGEST_CHOICE).contains(size))
        .find(|(_, big)| big * BIG_PAIRS <= pairs)
        .map_or(USUAL, |(size, _)| size)
}
