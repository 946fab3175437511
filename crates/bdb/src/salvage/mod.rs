//! Reading all that a damaged file still holds.
//!
//! First what page 0 leads to, bucket by bucket, or leaf by leaf: a link between pages of a bucket is
//! followed only where the page that it leads to links back, and one down a tree only where the keys
//! of the leaf are looked for there, so that a damaged page does not claim those of others. Then,
//! from front to back, the pages of pairs to which nothing has led, and last data without keys. Each
//! page of pairs is given once; of each page, one byte is kept.

mod btree;
mod found;
mod hash;
mod layout;
mod leftover;
mod list;
mod parts;

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::ops::ControlFlow;

pub use found::{Doubt, Salvaged};

use kv_file_core::Source;

use self::found::{Doubts, Output};
use self::hash::Table;
use crate::error::{Error, ErrorKind, Result, Unsupported};
use crate::fault::Fault;
use crate::file::{Budget, Page, PageFile};
use crate::format::page::Header;
use crate::format::{ByteOrder, Method, checksum};
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
/// those that are found by their keys; without a [`Doubt`], they are what a sound file would list. Then come
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
/// [`Unsupported`](crate::ErrorKind::Unsupported) for a file that holds neither hash nor btree
/// databases,
/// [`Io`](crate::ErrorKind::Io). Damage is no error.
///
/// # Complexity
/// Reads the pages of buckets in the order of the buckets and those of trees in the order of keys,
/// then the file from front to back; once more before, if page 0 is lost or the file is one of
/// several databases. Keeps one byte a page, and eight for each key of the bucket or the leaf at
/// hand.
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
        separators: file.budget().twice(),
        compressed: matches!(
            meta.as_ref().map_err(Error::kind),
            Err(ErrorKind::Unsupported(Unsupported::Compressed))
        ),
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
    /// For reading separators that are big items.
    separators: Budget,
    /// Whether page 0 says that items are packed.
    compressed: bool,
}

/// A database of the file.
struct Database {
    name: Option<Vec<u8>>,
    kind: Kind,
}

/// Where its pairs are.
enum Kind {
    Hash(Table),
    /// Under a root page.
    Btree(u32),
}

/// A hash of a key that tells it from the others of its bucket or leaf.
fn digest(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

impl<'c, S: Source> Rescue<'c, '_, S> {
    fn run(&mut self, method: Option<&Method>) -> Result<(), Stop> {
        let databases = self.databases(method)?;
        for database in &databases {
            let name = database.name.as_deref();
            match &database.kind {
                Kind::Hash(table) => self.hash(name, table)?,
                Kind::Btree(root) => self.btree(name, *root)?,
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
        Doubts::when(self.compressed, Doubt::Compressed)
            | Doubts::when(wrong_sum, Fault::Checksum)
            | Doubts::when(page.header.number != page.number, Fault::PageNumber)
    }
}
