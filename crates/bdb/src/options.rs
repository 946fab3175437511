//! What a new database is to be like.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use kv_file_core::Datum;

use crate::error::{ErrorKind, Result};
use crate::format::{ByteOrder, PageLayout, page_sizes};

/// How a new database is laid out. The default suits Postfix: chosen from the sizes of the pairs, in
/// this machine's byte order, without checksums.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BuildOptions {
    /// Page size in bytes, a power of two from 512 to 65536. `None`: the smallest that holds nearly
    /// all items.
    pub page_size: Option<u32>,
    /// Number of buckets of a hash database, at least 2. `None`: as many as leave the pages about
    /// half full.
    pub buckets: Option<u32>,
    /// Byte order of the file's numbers. libdb reads either.
    pub byte_order: ByteOrder,
    /// Whether every page carries a checksum.
    pub checksums: bool,
    /// Where the file's identification comes from.
    pub file_id: FileId,
    /// The order of several data items of one key. `None`: a key has but one, as in Postfix's
    /// tables.
    pub data_order: Option<DataOrder>,
    /// Number of keys for which each page of a btree has room, at least 2. `None`: 2.
    pub minimum_keys: Option<u32>,
    /// Whether a btree counts the records under each page, so that libdb finds them by their
    /// number. Not with several data items of a key.
    pub record_numbers: bool,
}

impl Default for BuildOptions {
    fn default() -> Self {
        BuildOptions {
            page_size: None,
            buckets: None,
            byte_order: ByteOrder::NATIVE,
            checksums: false,
            file_id: FileId::Unique,
            data_order: None,
            minimum_keys: None,
            record_numbers: false,
        }
    }
}

impl BuildOptions {
    /// Sets the page size in bytes, or `None` for one that is chosen from the pairs.
    #[must_use]
    pub fn page_size(self, page_size: impl Into<Option<u32>>) -> Self {
        BuildOptions { page_size: page_size.into(), ..self }
    }

    /// Sets the number of buckets of a hash database, or `None` for one that is chosen from the pairs.
    #[must_use]
    pub fn buckets(self, buckets: impl Into<Option<u32>>) -> Self {
        BuildOptions { buckets: buckets.into(), ..self }
    }

    /// Sets the byte order of the file's numbers.
    #[must_use]
    pub fn byte_order(self, byte_order: ByteOrder) -> Self {
        BuildOptions { byte_order, ..self }
    }

    /// Sets whether every page carries a checksum.
    #[must_use]
    pub fn checksums(self, checksums: bool) -> Self {
        BuildOptions { checksums, ..self }
    }

    /// Sets where the file's identification comes from.
    #[must_use]
    pub fn file_id(self, file_id: FileId) -> Self {
        BuildOptions { file_id, ..self }
    }

    /// Sets the order of the data items of one key, or `None` where a key has but one.
    #[must_use]
    pub fn data_order(self, data_order: impl Into<Option<DataOrder>>) -> Self {
        BuildOptions { data_order: data_order.into(), ..self }
    }

    /// Sets the number of keys for which each page of a btree has room, or `None` for 2.
    #[must_use]
    pub fn minimum_keys(self, minimum_keys: impl Into<Option<u32>>) -> Self {
        BuildOptions { minimum_keys: minimum_keys.into(), ..self }
    }

    /// Sets whether a btree counts the records under each page.
    #[must_use]
    pub fn record_numbers(self, record_numbers: bool) -> Self {
        BuildOptions { record_numbers, ..self }
    }
}

impl BuildOptions {
    /// The page size that is asked for.
    pub(crate) fn stated_page_size(&self) -> Result<Option<u32>> {
        match self.page_size {
            Some(size) if !page_sizes().any(|possible| possible == size) => {
                Err(ErrorKind::Option("page size is not a power of two from 512 to 65536").into())
            }
            stated => Ok(stated),
        }
    }

    /// The layout of pages of this size.
    pub(crate) fn page_layout(&self, page_size: u32) -> PageLayout {
        PageLayout {
            order: self.byte_order,
            page_size: page_size as usize,
            checksums: self.checksums,
        }
    }
}

/// The source of the 20 bytes that identify a file ([section 3.1]).
///
/// [section 3.1]: crate::specification::hash#31-uid
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileId {
    /// Unpredictable: no two files share it, as libdb's shared environments require.
    Unique,
    /// Computed from the pairs: the same input gives the same file, byte for byte.
    Contents,
}

impl FileId {
    /// The 20 bytes for a file of these keys and data.
    pub(crate) fn bytes<'a>(self, items: impl Iterator<Item = Datum<'a>>) -> [u8; 20] {
        let number = match self {
            FileId::Unique => {
                // Each state has random keys of its own.
                let random = || RandomState::new().build_hasher().finish();
                u128::from(random()) << 64 | u128::from(random())
            }
            FileId::Contents => {
                // FNV-1a of 128 bits over every item, each behind its length.
                let fnv = |hash: u128, byte: u8| {
                    (hash ^ u128::from(byte))
                        .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
                };
                items.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, item| {
                    let len = (item.len() as u64).to_le_bytes();
                    let pieces = item.pieces();
                    len.iter().chain(pieces[0]).chain(pieces[1]).copied().fold(hash, fnv)
                })
            }
        };
        let mut uid = [0; 20];
        uid[..16].copy_from_slice(&number.to_le_bytes());
        uid
    }
}

/// Which of several pairs with the same key a table keeps, unless a key may have several data
/// items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// The first that was pushed.
    First,
    /// The last that was pushed.
    Last,
}

/// The order of the data items of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataOrder {
    /// That in which they were pushed.
    Insertion,
    /// Byte order; each is stored once.
    Sorted,
}
