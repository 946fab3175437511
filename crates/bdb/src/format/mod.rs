//! What the file format is made of: numbers, offsets and layouts, shared by everything that reads
//! or writes a file.
//!
//! The formats in words: [`specification`](crate::specification). Section numbers in comments are
//! those of the hash format unless they say otherwise.

pub(crate) mod address;
mod bytes;
pub(crate) mod checksum;
mod hash_function;
pub(crate) mod item;
pub(crate) mod meta;
pub(crate) mod packed;
pub(crate) mod page;
pub(crate) mod tree_item;

pub(crate) use address::Address;
pub use bytes::ByteOrder;
pub(crate) use hash_function::HashFunction;
pub use meta::{BtreeMeta, HashMeta, MAX_BUCKET_GROUPS, is_btree, is_database};
pub(crate) use meta::{Meta, Method};
pub(crate) use page::{PageLayout, page_order};

/// Smallest page size that the format knows, in bytes.
pub const MIN_PAGE_SIZE: u32 = 512;
/// Largest page size that the format knows, in bytes.
pub const MAX_PAGE_SIZE: u32 = 65536;

/// The page sizes of the format, smallest first.
pub(crate) fn page_sizes() -> impl Iterator<Item = u32> {
    (MIN_PAGE_SIZE.trailing_zeros()..=MAX_PAGE_SIZE.trailing_zeros()).map(|bits| 1 << bits)
}

/// How many there are.
pub(crate) const PAGE_SIZES: usize = (MAX_PAGE_SIZE / MIN_PAGE_SIZE).trailing_zeros() as usize + 1;

/// Significant bytes of a meta page, whatever the page size.
pub(crate) const META_LEN: usize = 512;

/// Page types (byte 25 of every page).
pub(crate) mod page_type {
    pub const FREE: u8 = 0;
    pub const HASH_UNSORTED: u8 = 2;
    pub const BTREE_INTERNAL: u8 = 3;
    pub const RECNO_INTERNAL: u8 = 4;
    pub const BTREE_LEAF: u8 = 5;
    pub const RECNO_LEAF: u8 = 6;
    pub const OVERFLOW: u8 = 7;
    pub const HASH_META: u8 = 8;
    pub const BTREE_META: u8 = 9;
    pub const QUEUE_META: u8 = 10;
    pub const DUPLICATE_LEAF: u8 = 12;
    pub const HASH: u8 = 13;
    pub const HEAP_META: u8 = 14;
}

/// Magic numbers (offset 12 of page 0).
pub(crate) mod magic {
    pub const HASH: u32 = 0x0006_1561;
    pub const BTREE: u32 = 0x0005_3162;
    pub const QUEUE: u32 = 0x0004_2253;
    pub const HEAP: u32 = 0x0007_4582;
}

/// Root of a btree whose meta page is page 0: a database, or the list of a file's databases (btree
/// specification, section 2).
pub(crate) const MAIN_ROOT: u32 = 1;

/// The log sequence number of a page that no transaction wrote: file 0, offset 1.
pub(crate) const NOT_LOGGED: [u32; 2] = [0, 1];
