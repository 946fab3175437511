//! Collecting the pairs of a new table and planning where each goes.
//!
//! The entries are sorted by their *bit-reversed* hash. A bucket is the low bits of a hash, so the entries of one
//! bucket are then neighbours, whatever the number of buckets; and so are those of equal keys, in input order, before a
//! number of buckets has been chosen.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::address::masks;
use super::function::HashFunction;
use super::layout::{Sizes, page_sizes};
use super::stored::Stored;
use super::write::Plan;
use crate::error::Error;
use crate::format::ByteOrder;

/// How a new table is laid out. The default suits Postfix: chosen from the sizes of the pairs, in this machine's byte
/// order, without checksums.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Page size in bytes, a power of two from 512 to 65536; nothing: the smallest that holds nearly all items.
    pub page_size: Option<u32>,
    /// Number of buckets, at least 2; nothing: as many as leave the pages about half full.
    pub buckets: Option<u32>,
    /// Byte order of the file's numbers. libdb reads either.
    pub byte_order: ByteOrder,
    /// Whether every page carries a checksum.
    pub checksums: bool,
    /// Where the file's identification comes from.
    pub file_id: FileId,
}

impl Default for BuildOptions {
    fn default() -> Self {
        BuildOptions {
            page_size: None,
            buckets: None,
            byte_order: ByteOrder::NATIVE,
            checksums: false,
            file_id: FileId::Unique,
        }
    }
}

/// The source of the 20 bytes that identify a file (section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileId {
    /// Unpredictable: no two files share it, as libdb's shared environments require.
    Unique,
    /// Computed from the pairs: the same input gives the same file, byte for byte.
    Contents,
}

/// Which of several pairs with the same key a table keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first that was pushed.
    First,
    /// The last that was pushed.
    Last,
}

/// Collects pairs for a new hash table.
///
/// Takes 40 bytes of memory a pair, and the pair's own bytes unless they lie in the text given to
/// [`over`](Self::over).
///
/// ```
/// use bdb_file::{Builder, BuildOptions, Hash, Keep};
///
/// let text = b"postmaster root";
/// let mut builder = Builder::over(text, BuildOptions::default());
/// builder.push_terminated(&text[..10], &text[11..])?; // not copied
/// builder.push_terminated(b"abuse", b"root")?; // copied
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
/// assert_eq!(Hash::open(file)?.get(b"postmaster\0")?.as_deref(), Some(&b"root\0"[..]));
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder<'t> {
    pub(super) options: BuildOptions,
    pub(super) text: &'t [u8],
    /// Bytes that did not lie in `text`; their positions count on from its end.
    pub(super) copies: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    /// For each entry, its bit-reversed hash above its index.
    pub(super) order: Vec<u64>,
    pub(super) sizes: Sizes,
}

/// A pair as positions in the text or behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    key: usize,
    data: usize,
    key_len: u32,
    data_len: u32,
    nul: bool,
}

/// The index of the entry that an element of [`Builder::order`] stands for.
pub(super) fn index(order: u64) -> usize {
    (order & u64::from(u32::MAX)) as usize
}

/// The bit-reversed hash in an element of [`Builder::order`].
pub(super) fn reversed_hash(order: u64) -> u32 {
    (order >> 32) as u32
}

impl Builder<'static> {
    /// A builder that copies every pair.
    pub fn new(options: BuildOptions) -> Self {
        Builder::over(&[], options)
    }
}

impl<'t> Builder<'t> {
    /// A builder that does not copy keys and data which are parts of `text`: it remembers their positions.
    pub fn over(text: &'t [u8], options: BuildOptions) -> Self {
        Builder {
            options,
            text,
            copies: Vec::new(),
            entries: Vec::new(),
            order: Vec::new(),
            sizes: Sizes::default(),
        }
    }

    /// Adds a pair as it is.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for an item of 4 GiB or more, and for the pair after 2^32 - 1 others.
    pub fn push(&mut self, key: &[u8], data: &[u8]) -> Result<(), Error> {
        self.add(key, data, false)
    }

    /// Adds a pair of C strings: key and data are each stored with one NUL after them.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_terminated(&mut self, key: &[u8], data: &[u8]) -> Result<(), Error> {
        self.add(key, data, true)
    }

    fn add(&mut self, key: &[u8], data: &[u8], nul: bool) -> Result<(), Error> {
        // One less than the largest length leaves room for the NUL.
        let len = |bytes: &[u8]| {
            u32::try_from(bytes.len()).ok().filter(|len| *len < u32::MAX).ok_or(Error::TooLarge)
        };
        let (key_len, data_len) = (len(key)?, len(data)?);
        let index = u32::try_from(self.entries.len()).ok().filter(|i| *i < u32::MAX);
        let index = index.ok_or(Error::TooLarge)?;
        let stored = Stored { bytes: key, nul };
        let hash = stored.hash(HashFunction::Fnv);
        self.order.push(u64::from(hash.reverse_bits()) << 32 | u64::from(index));
        self.sizes.add(stored.len(), Stored { bytes: data, nul }.len());
        let entry = Entry { key: self.place(key), data: self.place(data), key_len, data_len, nul };
        self.entries.push(entry);
        Ok(())
    }

    /// The position of bytes, which are copied unless they lie in the text.
    fn place(&mut self, bytes: &[u8]) -> usize {
        // Different objects have different addresses: bytes that lie between the text's ends are the text's.
        let offset = bytes.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        if offset.checked_add(bytes.len()).is_some_and(|end| end <= self.text.len()) {
            return offset;
        }
        let offset = self.text.len() + self.copies.len();
        self.copies.extend_from_slice(bytes);
        offset
    }

    /// The bytes at a position that [`place`](Self::place) gave.
    fn bytes(&self, position: usize, len: u32) -> &[u8] {
        let len = len as usize;
        match position.checked_sub(self.text.len()) {
            _ if len == 0 => &[],
            Some(behind) => &self.copies[behind..behind + len],
            None => &self.text[position..position + len],
        }
    }

    pub(super) fn key(&self, index: usize) -> Stored<'_> {
        let Entry { key, key_len, nul, .. } = self.entries[index];
        Stored { bytes: self.bytes(key, key_len), nul }
    }

    pub(super) fn data(&self, index: usize) -> Stored<'_> {
        let Entry { data, data_len, nul, .. } = self.entries[index];
        Stored { bytes: self.bytes(data, data_len), nul }
    }

    /// Lengths of key and data, without a look at their bytes.
    pub(super) fn lens(&self, index: usize) -> (usize, usize) {
        let Entry { key_len, data_len, nul, .. } = self.entries[index];
        let nul = usize::from(nul);
        (key_len as usize + nul, data_len as usize + nul)
    }

    /// Settles which pairs are stored and where.
    ///
    /// # Errors
    /// [`Error::Option`] for impossible options, [`Error::TooLarge`] for a table of more than 2^32 pages.
    ///
    /// # Complexity
    /// Sorts one number a pair; compares keys only where their hashes are equal.
    pub fn plan(mut self, keep: Keep) -> Result<Plan<'t>, Error> {
        let page_size = match self.options.page_size {
            Some(size) if page_sizes().any(|possible| possible == size) => size,
            Some(_) => {
                return Err(Error::Option("page size is not a power of two from 512 to 65536"));
            }
            None => 0,
        };
        self.order.sort_unstable();
        let dropped = self.drop_duplicates(keep);
        let page_size = if page_size == 0 { self.sizes.page_size() } else { page_size };
        let buckets = match self.options.buckets {
            Some(0 | 1) => return Err(Error::Option("a table has at least 2 buckets")),
            Some(buckets) => u64::from(buckets),
            None => self.sizes.buckets(page_size, self.options.checksums),
        };
        let max_bucket = u32::try_from(buckets - 1).map_err(|_| Error::TooLarge)?;
        if masks(max_bucket).0 == u32::MAX {
            // The bucket pages alone would be more than there are page numbers.
            return Err(Error::TooLarge);
        }
        Plan::new(self, dropped, page_size, max_bucket)
    }

    /// Takes all but one of the entries with equal keys out of the order; gives their indices, ascending.
    fn drop_duplicates(&mut self, keep: Keep) -> Vec<u32> {
        let mut order = std::mem::take(&mut self.order);
        let mut dropped = Vec::new();
        let mut run_of_one_key = Vec::new();
        for run in order.chunk_by_mut(|a, b| reversed_hash(*a) == reversed_hash(*b)) {
            if run.len() == 1 {
                continue;
            }
            // By key, then by input order: a sort, since whoever writes the map can make hashes collide at will.
            run.sort_unstable_by(|a, b| {
                self.key(index(*a)).cmp_bytes(self.key(index(*b))).then(a.cmp(b))
            });
            for same in run.chunk_by(|a, b| self.key(index(*a)) == self.key(index(*b))) {
                run_of_one_key.clear();
                run_of_one_key.extend(same.iter().map(|order| index(*order) as u32));
                match keep {
                    Keep::First => run_of_one_key.remove(0),
                    Keep::Last => run_of_one_key.pop().unwrap_or_default(),
                };
                dropped.append(&mut run_of_one_key);
            }
        }
        dropped.sort_unstable();
        for index in &dropped {
            let (key, data) = self.lens(*index as usize);
            self.sizes.remove(key, data);
        }
        if !dropped.is_empty() {
            order.retain(|order| dropped.binary_search(&(index(*order) as u32)).is_err());
        }
        self.order = order;
        dropped
    }
}

impl FileId {
    /// The 20 bytes for a file of these pairs.
    pub(super) fn bytes(self, builder: &Builder<'_>) -> [u8; 20] {
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
                let items = builder
                    .order
                    .iter()
                    .flat_map(|order| [builder.key(index(*order)), builder.data(index(*order))]);
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
