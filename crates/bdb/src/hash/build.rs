//! Collecting the pairs of a new table and planning where each goes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use kv_file_core::{Datum, Entries};

use super::address::masks;
use super::arrange::{Place, SameKeys, sort_buckets, sort_by_bucket};
use super::duplicates::{self, DuplicateOrder, Keys};
use super::layout::{Sizes, page_sizes};
use super::plan::Plan;
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
    /// Whether a key may have several data items, and in which order they then are. In Postfix's tables it may not.
    pub duplicates: Option<DuplicateOrder>,
}

impl Default for BuildOptions {
    fn default() -> Self {
        BuildOptions {
            page_size: None,
            buckets: None,
            byte_order: ByteOrder::NATIVE,
            checksums: false,
            file_id: FileId::Unique,
            duplicates: None,
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

/// Which of several pairs with the same key a table keeps, unless a key may have several data items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first that was pushed.
    First,
    /// The last that was pushed.
    Last,
}

/// Collects pairs for a new hash table.
///
/// Takes 32 bytes of memory a pair, and the pair's own bytes unless they lie in the text given to
/// [`over`](Self::over).
///
/// ```
/// use bdb_file::{HashBuilder, BuildOptions, Datum, HashDb, Keep};
///
/// let text = b"postmaster root";
/// let mut builder = HashBuilder::over(text, BuildOptions::default());
/// builder.push(Datum::terminated(&text[..10]), Datum::terminated(&text[11..]))?; // not copied
/// builder.push(b"abuse\0", b"root\0")?; // copied
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
/// assert_eq!(HashDb::open(file)?.get(b"postmaster\0")?.as_deref(), Some(&b"root\0"[..]));
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct HashBuilder<'t> {
    options: BuildOptions,
    entries: Entries<'t>,
    sizes: Sizes,
}

impl HashBuilder<'static> {
    /// A builder that copies every pair.
    pub fn new(options: BuildOptions) -> Self {
        HashBuilder::over(&[], options)
    }
}

impl<'t> HashBuilder<'t> {
    /// A builder that does not copy keys and data which are parts of `text`: it remembers their positions.
    pub fn over(text: &'t [u8], options: BuildOptions) -> Self {
        HashBuilder { options, entries: Entries::over(text), sizes: Sizes::default() }
    }

    /// A builder of a table with these pairs.
    pub fn of(entries: Entries<'t>, options: BuildOptions) -> Self {
        let mut sizes = Sizes::default();
        for index in entries.indices() {
            let (key, data) = entries.lens(index);
            sizes.add(key, data);
        }
        HashBuilder { options, entries, sizes }
    }

    pub(crate) fn options(&self) -> &BuildOptions {
        &self.options
    }

    /// A builder without pairs, over the same text and with the same options.
    pub fn empty(&self) -> Self {
        HashBuilder {
            options: self.options.clone(),
            entries: self.entries.fork(),
            sizes: Sizes::default(),
        }
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for an item of 4 GiB or more, and for the pair after 2^32 - 1 others.
    pub fn push<'a>(
        &mut self,
        key: impl Into<Datum<'a>>,
        data: impl Into<Datum<'a>>,
    ) -> Result<(), Error> {
        let (key, data) = (key.into(), data.into());
        self.entries.push(key, data)?;
        self.sizes.add(key.len(), data.len());
        Ok(())
    }

    /// Adds all pairs of another builder, behind this one's. Its options do not count.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than 2^32 - 1 pairs together.
    ///
    /// # Complexity
    /// Copies 24 bytes a pair, and the pairs' own where the other builder had another text.
    pub fn append(&mut self, other: Self) -> Result<(), Error> {
        self.sizes.append(&other.sizes);
        Ok(self.entries.append(other.entries)?)
    }

    /// Settles which pairs are stored and where.
    ///
    /// # Errors
    /// [`Error::Option`] for impossible options, [`Error::TooLarge`] for a table of more than 2^32 pages.
    ///
    /// # Complexity
    /// Hashes every key, sorts one number a pair, and the keys of each bucket; twice, where so many pairs are left out that other pages
    /// or fewer buckets suit the rest.
    pub fn plan(self, keep: Keep) -> Result<Plan<'t>, Error> {
        self.plan_at(0, keep)
    }

    /// As [`plan`](Self::plan), for a database whose meta page has the number `meta`.
    pub(crate) fn plan_at(mut self, meta: u32, keep: Keep) -> Result<Plan<'t>, Error> {
        let mut places: Vec<Place> = self.entries.indices().map(Place::unknown).collect();
        let mut dropped = Vec::new();
        let mut layout = self.layout()?;
        let same_keys = self.options.duplicates.map_or(SameKeys::Keep(keep), SameKeys::Stay);
        loop {
            let (page_size, max_bucket) = layout;
            sort_by_bucket(&mut places, &self.entries, max_bucket);
            let more = sort_buckets(&mut places, &self.entries, page_size as usize, same_keys);
            for index in &more {
                let (key, data) = self.entries.lens(*index);
                self.sizes.remove(key, data);
            }
            dropped.extend(more);
            let of_the_rest = self.layout()?;
            if of_the_rest == layout {
                break;
            }
            layout = of_the_rest;
        }
        dropped.sort_unstable();
        let pairs = places.len() as u64;
        let mut keys = Keys::new(self.entries);
        if self.options.duplicates.is_some() {
            let (page_size, order) = (layout.0 as usize, self.options.byte_order);
            duplicates::join(&mut places, &mut keys, page_size, order)?;
        }
        Plan::new(&self.options, keys, places, (pairs, dropped), layout, meta)
    }

    /// The page size, as asked for or chosen for the pairs that there are.
    pub(crate) fn page_size(&self) -> Result<u32, Error> {
        match self.options.page_size {
            Some(size) if page_sizes().any(|possible| possible == size) => Ok(size),
            Some(_) => Err(Error::Option("page size is not a power of two from 512 to 65536")),
            None => Ok(self.sizes.page_size()),
        }
    }

    pub(crate) fn set_page_size(&mut self, page_size: u32) {
        self.options.page_size = Some(page_size);
    }

    /// Page size and highest bucket, for the pairs that there are.
    fn layout(&self) -> Result<(u32, u32), Error> {
        let page_size = self.page_size()?;
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
        Ok((page_size, max_bucket))
    }
}

impl FileId {
    /// The 20 bytes for a file of these pairs.
    pub(super) fn bytes(self, keys: &Keys<'_>, places: &[Place]) -> [u8; 20] {
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
                let items = places
                    .iter()
                    .flat_map(|place| [keys.key(place.index()), keys.data(place.index())]);
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
