//! Reading all that a damaged file still holds.
//!
//! First what page 0 leads to, bucket by bucket: a link is followed only where the page that it
//! leads to links back, so that a damaged page does not claim those of others. Then, from front to
//! back, the hash pages to which nothing has led, and last data without keys. Each page of pairs is
//! read once; of each page, one byte is kept.

mod found;
mod layout;
mod leftover;
mod list;
mod page;
mod parts;

use std::collections::HashSet;
use std::ops::ControlFlow;

pub use found::{Doubt, Salvaged};

use kv_file_core::Source;

use self::found::{Doubts, Output};
use crate::error::Result;
use crate::fault::Fault;
use crate::file::{Page, PageFile};
use crate::format::page::Header;
use crate::format::{Address, HashFunction};
use crate::format::{ByteOrder, HashMeta, Method, checksum};
use crate::stop::Stop;

/// What [`salvage`] has to say of a file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvage {
    /// Page size in bytes.
    pub page_size: u32,
    /// Byte order of the file's numbers, as page 0 or the other pages show it.
    pub byte_order: ByteOrder,
    /// Whether page 0 was of no use: the page size and the byte order were taken from the other
    /// pages.
    pub meta_lost: bool,
    /// Number of certain pairs.
    pub certain: u64,
    /// Number of doubtful pairs.
    pub doubtful: u64,
    /// Whether the whole file was read: `found` did not ask to stop.
    pub complete: bool,
}

/// Reads every pair that a file still holds, damaged as it may be, and hands each to `found`, until
/// that breaks off.
///
/// Pairs come in the order of trust: whoever keeps the first of each key keeps the best. First come
/// those of the buckets; without a [`Doubt`], they are what a sound file would list. Then come
/// those of pages to which nothing leads, then data whose key is lost. Whatever lies on undamaged
/// pages comes: at least as data without a key, where the page that held the key is damaged.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use bdb_file::{HashBuilder, BuildOptions, Keep, salvage};
///
/// let mut builder = HashBuilder::new(BuildOptions::default());
/// builder.push(b"root", b"admin@example.com")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
/// file[..512].fill(0);
///
/// let summary = salvage(&file, |pair| {
///     assert_eq!(*pair.data, *b"admin@example.com");
///     assert!(!pair.is_certain());
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((summary.certain, summary.doubtful), (0, 1));
/// # Ok::<(), bdb_file::Error>(())
/// ```
///
/// # Errors
/// [`NotADatabase`](crate::ErrorKind::NotADatabase) where not even a page can be told,
/// [`Unsupported`](crate::ErrorKind::Unsupported) for a file that holds no hash database,
/// [`Io`](crate::ErrorKind::Io). Damage is no error.
///
/// # Complexity
/// Reads the pages of buckets in the order of the buckets, then the file from front to back; once
/// more before, if page 0 is lost or the file is one of several databases. Keeps one byte a page,
/// and eight for each key of the bucket at hand.
pub fn salvage<S: Source>(
    source: S,
    mut found: impl FnMut(Salvaged<'_>) -> ControlFlow<()>,
) -> Result<Salvage> {
    let (file, meta) = layout::open(source)?;
    let mut rescue = Rescue {
        file: &file,
        output: Output { call: &mut found, certain: 0, doubtful: 0 },
        state: vec![UNSEEN; file.last_page as usize + 1],
        again: 4 * (u64::from(file.last_page) + 1),
    };
    let end = rescue.run(meta.as_ref().ok().map(|meta| &meta.method));
    let Output { certain, doubtful, .. } = rescue.output;
    let complete = Stop::is_complete(end)?;
    Ok(Salvage {
        page_size: file.layout.page_size as u32,
        byte_order: file.layout.order,
        meta_lost: meta.is_err(),
        certain,
        doubtful,
        complete,
    })
}

/// States of a page: not read yet; read; to be looked at when all pairs have been read, as a leaf
/// or a big item.
const UNSEEN: u8 = 0;
const SEEN: u8 = 1;
const LEFT_LEAF: u8 = 2;
const LEFT_OVERFLOW: u8 = 3;

/// A rescue under way.
struct Rescue<'c, 'r, S> {
    file: &'c PageFile<S>,
    output: Output<'r>,
    state: Vec<u8>,
    /// How often pages of big items and of trees can be read again: a damaged reference may have
    /// led to them before the right one does, but not as often as a loop would.
    again: u64,
}

/// A hash database of the file.
struct Database {
    name: Option<Vec<u8>>,
    address: Address,
    /// Nothing for a hash function of its own: its keys cannot be held against their buckets.
    function: Option<HashFunction>,
}

impl Database {
    /// The database of a meta page, if its pages can be found.
    fn new(name: Option<Vec<u8>>, meta: &HashMeta, meta_page: u32, last_page: u32) -> Option<Self> {
        let address = Address::new(meta, meta_page, last_page).ok()?;
        let function = HashFunction::from_charkey(meta.charkey);
        Some(Database { name, address, function })
    }

    /// The bucket of a key.
    fn bucket(&self, key: &[u8]) -> Option<u32> {
        self.function.map(|function| self.address.bucket(function.hash(key)))
    }
}

impl<'c, S: Source> Rescue<'c, '_, S> {
    fn run(&mut self, method: Option<&Method>) -> Result<(), Stop> {
        let databases = self.databases(method)?;
        for database in &databases {
            for bucket in 0..=database.address.max_bucket {
                self.bucket(database, bucket)?;
            }
        }
        self.leftovers(&databases)
    }

    /// Reads a page; nothing for page 0 and for a page that the file does not have.
    fn read(&self, number: u32) -> Result<Option<Page<'c>>, Stop> {
        if number == 0 || number > self.file.last_page {
            return Ok(None);
        }
        let bytes = self.file.read(number)?;
        let header = Header::parse(&bytes, self.file.layout.order);
        Ok(header.map(|header| Page { header, bytes, number }))
    }

    fn is_unseen(&self, number: u32) -> bool {
        self.state.get(number as usize) != Some(&SEEN)
    }

    /// Notes that a page has been read.
    fn see(&mut self, number: u32) {
        if let Some(state) = self.state.get_mut(number as usize) {
            *state = SEEN;
        }
    }

    /// Returns `true` if a page that others may have read can be read.
    fn may_see(&self, number: u32) -> bool {
        self.again > 0 || self.is_unseen(number)
    }

    /// Notes that a page has been read that others may have read, too.
    fn see_again(&mut self, number: u32) {
        if !self.is_unseen(number) {
            self.again = self.again.saturating_sub(1);
        }
        self.see(number);
    }

    /// What speaks against all that lies on a page.
    fn page_doubts(&self, page: &Page<'_>) -> Doubts {
        let wrong_sum =
            self.file.layout.checksums && !checksum::matches(&page.bytes, self.file.layout.order);
        Doubts::when(wrong_sum, Fault::Checksum)
            | Doubts::when(page.header.number != page.number, Fault::PageNumber)
    }

    /// Reads the pages of a bucket as far as they hang together.
    fn bucket(&mut self, database: &Database, bucket: u32) -> Result<(), Stop> {
        let mut keys = HashSet::new();
        let (mut number, mut prev) = (database.address.page(bucket), 0);
        while self.is_unseen(number)
            && let Some(page) = self.read(number)?
        {
            let links_back = prev == 0 || page.header.prev == prev;
            if !links_back || !self.is_hash_page(&page) {
                return Ok(());
            }
            self.see(number);
            let doubts = self.page_doubts(&page);
            self.pairs(&page, database.name.as_deref(), doubts, |key| {
                let elsewhere = database.bucket(key).is_some_and(|right| right != bucket);
                let twice = !keys.insert(page::digest(key));
                Doubts::when(elsewhere, Fault::WrongBucket) | Doubts::when(twice, Fault::KeyTwice)
            })?;
            (prev, number) = (number, page.header.next);
        }
        Ok(())
    }
}
