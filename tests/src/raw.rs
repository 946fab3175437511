//! The bytes of database files, looked at and changed without the crate under test.
//!
//! Section numbers are those of the hash file specification.

use std::collections::BTreeSet;

use bdb_file::ByteOrder;
use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};

const UNSORTED_PAGE: u8 = 2;
const META_PAGE: u8 = 8;
const BTREE_META_PAGE: u8 = 9;
const SORTED_PAGE: u8 = 13;

/// Significant bytes of a meta page.
const META_LEN: usize = 512;

/// Offsets of fields (sections 3, 4 and 20).
mod at {
    pub const VERSION: usize = 16;
    pub const PAGE_SIZE: usize = 20;
    pub const ENTRIES: usize = 20;
    pub const TYPE: usize = 25;
    pub const META_FLAGS: usize = 26;
    pub const CHECKSUM: usize = 28;
    pub const LAST_PAGE: usize = 32;
    pub const META_CHECKSUM: usize = 492;
}

/// The byte order of a file: that in which its page size is possible.
pub fn byte_order(file: &[u8]) -> ByteOrder {
    match LittleEndian::read_u32(&file[at::PAGE_SIZE..]) {
        512..=65536 => ByteOrder::Little,
        _ => ByteOrder::Big,
    }
}

/// The page size of a file.
pub fn page_size(file: &[u8]) -> u32 {
    match byte_order(file) {
        ByteOrder::Little => LittleEndian::read_u32(&file[at::PAGE_SIZE..]),
        ByteOrder::Big => BigEndian::read_u32(&file[at::PAGE_SIZE..]),
    }
}

/// Whether the pages of a file carry checksums.
pub fn has_checksums(file: &[u8]) -> bool {
    file[at::META_FLAGS] & 1 != 0
}

/// The types of page that occur in a file.
pub fn page_types(file: &[u8]) -> BTreeSet<u8> {
    file.chunks(page_size(file) as usize).map(|page| page[at::TYPE]).collect()
}

/// Makes a hash file of version 9 one of version 7 or 8, as Berkeley DB 3.1 to 4.5 wrote it: its
/// hash pages are of type 2, on which pairs have no order. Here it is the reverse of the sorted
/// one.
pub fn to_older_version(file: &mut [u8], version: u32) {
    match byte_order(file) {
        ByteOrder::Little => age::<LittleEndian>(file, version),
        ByteOrder::Big => age::<BigEndian>(file, version),
    }
}

/// Sets the number of the last page to nonsense, since version 7 did not keep it up. Nothing for
/// libdb 5.3, which relies on the number: at 0, it takes all pages to lie behind the end of the
/// file and writes empty ones over them, even when `db5.3_dump` reads.
pub fn spoil_last_page(file: &mut [u8]) {
    match byte_order(file) {
        ByteOrder::Little => set_meta::<LittleEndian>(file, at::LAST_PAGE, u32::MAX),
        ByteOrder::Big => set_meta::<BigEndian>(file, at::LAST_PAGE, u32::MAX),
    }
}

/// Sets the checksum of a page, which has been changed.
pub fn reseal(page: &mut [u8], order: ByteOrder) {
    match order {
        ByteOrder::Little => seal::<LittleEndian>(page),
        ByteOrder::Big => seal::<BigEndian>(page),
    }
}

fn age<E: Endian>(file: &mut [u8], version: u32) {
    let page_size = page_size(file) as usize;
    let checksums = has_checksums(file);
    set_meta::<E>(file, at::VERSION, version);
    let hash_pages = file.chunks_exact_mut(page_size).filter(|page| page[at::TYPE] == SORTED_PAGE);
    for page in hash_pages {
        page[at::TYPE] = UNSORTED_PAGE;
        reverse_pairs::<E>(page, if checksums { 32 } else { 26 });
        if checksums {
            seal::<E>(page);
        }
    }
}

/// Sets a number on page 0.
fn set_meta<E: Endian>(file: &mut [u8], at: usize, value: u32) {
    E::write_u32(&mut file[at..], value);
    if has_checksums(file) {
        seal::<E>(file);
    }
}

/// Reverses the order of a hash page's pairs (section 5).
fn reverse_pairs<E: Endian>(page: &mut [u8], table: usize) {
    let entries = usize::from(E::read_u16(&page[at::ENTRIES..]));
    let before = page.to_vec();
    let offset = |entry: usize| usize::from(E::read_u16(&before[table + 2 * entry..]));
    let mut end = page.len();
    for pair in 0..entries / 2 {
        let key = entries - 2 - 2 * pair;
        for (i, from) in [key, key + 1].into_iter().enumerate() {
            let from_end = if from == 0 { before.len() } else { offset(from - 1) };
            let item = &before[offset(from)..from_end];
            page[end - item.len()..end].copy_from_slice(item);
            end -= item.len();
            E::write_u16(&mut page[table + 4 * pair + 2 * i..], end as u16);
        }
    }
}

/// Sets a page's checksum: hash function F4 over the page with a checksum of zero (sections 10 and
/// 20).
fn seal<E: Endian>(page: &mut [u8]) {
    let (at, len) = match page[at::TYPE] {
        META_PAGE | BTREE_META_PAGE => (at::META_CHECKSUM, META_LEN),
        _ => (at::CHECKSUM, page.len()),
    };
    E::write_u32(&mut page[at..], 0);
    let f4 = |hash: u32, byte: &u8| hash.wrapping_mul(33).wrapping_add((*byte).into());
    let sum = page[..len].iter().fold(0, f4);
    E::write_u32(&mut page[at..], sum);
}
