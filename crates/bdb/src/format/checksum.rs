//! Page checksums (section 20).

use super::{ByteOrder, HashFunction, META_LEN, page_type};

/// Where the checksum lies on a meta page.
const ON_META: usize = 492;
/// Where the checksum lies on any other page.
const ON_PAGE: usize = 28;

/// The place of the checksum on this page, and how many of the page's bytes it covers.
fn extent(page: &[u8]) -> (usize, usize) {
    match page.get(25).copied().unwrap_or(0) {
        page_type::HASH_META
        | page_type::BTREE_META
        | page_type::QUEUE_META
        | page_type::HEAP_META => (ON_META, META_LEN.min(page.len())),
        _ => (ON_PAGE, page.len()),
    }
}

/// The sum of a page's bytes as they are on disk, the four of the checksum counted as zero.
fn sum(page: &[u8], at: usize, len: usize) -> u32 {
    let (before, after) = (&page[..at], &page[at + 4..len]);
    let hash = HashFunction::Times33.extend(0, before);
    let hash = HashFunction::Times33.extend(hash, &[0; 4]);
    HashFunction::Times33.extend(hash, after)
}

/// Returns `true` if a page of at least 512 bytes carries the checksum of its contents.
pub(crate) fn matches(page: &[u8], order: ByteOrder) -> bool {
    let (at, len) = extent(page);
    order.u32(page, at) == Some(sum(page, at, len))
}

/// Stores the checksum of a finished page of at least 512 bytes.
pub(crate) fn seal(page: &mut [u8], order: ByteOrder) {
    let (at, len) = extent(page);
    let sum = sum(page, at, len);
    order.put_u32(page, at, sum);
}
