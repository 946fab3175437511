//! Opening a btree database and finding keys in it (btree specification, section 7).

mod cursor;
mod iter;
mod many;
mod search;
mod stat;
mod values;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::path::Path;

use kv_file_core::{Datum, FileSource, Source};

pub use self::iter::BtreeIter;
pub use self::many::BtreeGetMany;
pub use self::stat::BtreeStat;
pub use self::values::BtreeValues;

use self::cursor::Cursor;
use self::search::Pages;
use crate::databases;
use crate::error::{ErrorKind, Result, Unsupported};
use crate::fault::{Fault, Problem};
use crate::file::{Budget, Page, PageFile};
use crate::format::tree_item::Content;
use crate::format::{BtreeMeta, ByteOrder, MAIN_ROOT, Meta, Method, page_type};
use crate::{overflow, tree};

/// A btree database, open for reading.
///
/// Reads versions 8 and 9 of the format, and 10 as long as no item is an external file; both byte
/// orders, all page sizes, checksums, record numbers, duplicates, and named databases in a file of
/// several. `open` has checked page 0 only: every other page is checked when it is read. See
/// [`Source`] for what a database can be read from.
///
/// ```no_run
/// use bdb_file::BtreeDb;
///
/// let database = BtreeDb::open_path("/var/lib/postfix/postscreen_cache.db")?;
/// for pair in &database {
///     let (key, data) = pair?;
///     println!("{} {}", key.escape_ascii(), data.escape_ascii());
/// }
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct BtreeDb<S> {
    pub(in crate::btree) file: PageFile<S>,
    pub(in crate::btree) meta: BtreeMeta,
}

impl BtreeDb<FileSource> {
    /// Opens a file by its path, to be read as it is needed ([`FileSource`]). It is not locked: of
    /// one that others may change, [`FileSource::new`] reads it under a lock of yours.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::Io`] where there is no such file.
    ///
    /// # Complexity
    /// As [`open`](Self::open).
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        BtreeDb::open(FileSource::open(path)?)
    }
}

impl<S: Source> BtreeDb<S> {
    /// Opens a file that is one btree database.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`] and [`ErrorKind::Unsupported`] for another kind of file,
    /// [`ErrorKind::SeveralDatabases`] for one that needs [`open_named`](Self::open_named),
    /// [`ErrorKind::Length`], [`ErrorKind::Truncated`] and [`ErrorKind::Corrupt`] for damage that
    /// shows at once, [`ErrorKind::Io`].
    ///
    /// # Complexity
    /// Reads the first 512 bytes.
    pub fn open(source: S) -> Result<Self> {
        let (file, meta) = PageFile::open(source)?;
        if let Method::Btree(meta) = &meta.method {
            if meta.several_databases {
                return Err(ErrorKind::SeveralDatabases.into());
            }
            if meta.root != MAIN_ROOT {
                return Err(Problem::on(0, Fault::BtreeRoot).value(meta.root).into());
            }
        }
        Self::new(file, meta)
    }

    /// Opens the btree database `name` of a file that holds several ([`database_names`]).
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`ErrorKind::NoSuchDatabase`].
    ///
    /// # Complexity
    /// Reads the pages of the list of databases, and one more.
    ///
    /// [`database_names`]: crate::database_names
    pub fn open_named(source: S, name: &[u8]) -> Result<Self> {
        let (file, meta) = PageFile::open(source)?;
        match &meta.method {
            Method::Btree(list) if list.several_databases => {
                let (_, meta) = databases::find(&file, list, name)?;
                Self::new(file, meta)
            }
            _ => Err(ErrorKind::NoSuchDatabase.into()),
        }
    }

    pub(in crate::btree) fn new(file: PageFile<S>, meta: Meta) -> Result<Self> {
        let Method::Btree(meta) = meta.method else {
            return Err(Unsupported::AccessMethod("hash").into());
        };
        Ok(BtreeDb { file, meta })
    }

    /// Where the bytes of the file are.
    pub fn source(&self) -> &S {
        &self.file.source
    }

    /// What the database's meta page says.
    pub fn meta(&self) -> &BtreeMeta {
        &self.meta
    }

    /// The byte order of the file's numbers.
    pub fn byte_order(&self) -> ByteOrder {
        self.file.layout.order
    }

    /// The page size, in bytes.
    pub fn page_size(&self) -> u32 {
        self.file.layout.page_size as u32
    }

    /// Returns `true` if every page carries a checksum.
    pub fn has_checksums(&self) -> bool {
        self.file.layout.checksums
    }

    /// The number of pages in the file, page 0 included.
    pub fn page_count(&self) -> u64 {
        u64::from(self.file.last_page) + 1
    }

    /// The data stored under `key`; the first item where there are duplicates.
    ///
    /// Keys are compared byte by byte, a terminating NUL included where the table has one: C
    /// programs store strings so ([`Datum::terminated`]).
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] for damage on the way, [`ErrorKind::Io`].
    ///
    /// # Complexity
    /// Reads one page for each level of the tree, and a few pages of the big keys that are compared
    /// with. From memory it allocates and copies nothing, unless the data fills several overflow
    /// pages.
    #[inline]
    pub fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>> {
        let key = key.into();
        if let Some(pages) = self.searchable()
            && let Some(found) = pages.search(self.meta.root, key)
        {
            return Ok(found.map(Cow::Borrowed));
        }
        self.find_first(key)
    }

    /// The data stored under each of `keys`, in their order, as [`get`](Self::get) finds it.
    ///
    /// Faster than one `get` after the other where the table is in memory but not in the
    /// processor's caches.
    ///
    /// ```no_run
    /// # let database = bdb_file::BtreeDb::open_path("")?;
    /// for found in database.get_many(&["example.com", "example.org"]) {
    ///     println!("{:?}", found?.as_deref().map(<[u8]>::escape_ascii));
    /// }
    /// # Ok::<(), bdb_file::Error>(())
    /// ```
    ///
    /// # Errors
    /// Each key has its own, as [`get`](Self::get) would.
    ///
    /// # Complexity
    /// As so many [`get`](Self::get)s.
    pub fn get_many<'k, K>(&self, keys: &'k [K]) -> BtreeGetMany<'_, 'k, K, S>
    where
        &'k K: Into<Datum<'k>>,
    {
        BtreeGetMany::new(self, keys)
    }

    /// The file's pages, if they can be searched in memory.
    #[inline]
    fn searchable(&self) -> Option<Pages<'_>> {
        Pages::new(self.file.source.as_slice()?, self.file.layout)
    }

    /// As [`get`](Self::get), for whatever the source of the pages, and whatever is on them.
    #[cold]
    #[inline(never)]
    fn find_first(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>> {
        self.get_all(key)?.next().transpose()
    }

    /// All data items stored under `key`: none, one, or a set of duplicates in the database's
    /// order.
    ///
    /// # Errors
    /// As [`get`](Self::get), also while iterating.
    ///
    /// # Complexity
    /// As [`get`](Self::get), and reads each page of the duplicates once.
    pub fn get_all<'k>(&self, key: impl Into<Datum<'k>>) -> Result<BtreeValues<'_, S>> {
        let budget = self.file.budget();
        let (cursor, found) = self.seek(key.into(), &budget)?;
        Ok(BtreeValues::new(&self.file, cursor, found, budget))
    }

    /// All pairs, in the order of their keys. A key with several data items comes once for each.
    ///
    /// # Errors
    /// After the first error the iterator ends: what lies behind damage, [`salvage`](crate::salvage)
    /// finds.
    ///
    /// # Complexity
    /// Reads every leaf once.
    pub fn iter(&self) -> BtreeIter<'_, S> {
        BtreeIter::new(self, None)
    }

    /// The pairs from `key` on, or from the key that would follow it, in the order of their keys.
    ///
    /// ```no_run
    /// # let database = bdb_file::BtreeDb::open_path("")?;
    /// // All keys that start so.
    /// let names = database.range(b"user.").map_while(|pair| match pair {
    ///     Ok((key, _)) if !key.starts_with(b"user.") => None,
    ///     pair => Some(pair),
    /// });
    /// # Ok::<(), bdb_file::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`iter`](Self::iter).
    ///
    /// # Complexity
    /// As [`get`](Self::get) for the first pair; then as [`iter`](Self::iter).
    pub fn range<'k>(&self, from: impl Into<Datum<'k>>) -> BtreeIter<'_, S> {
        BtreeIter::new(self, Some(from.into()))
    }

    /// The place of the first pair whose key is not less than `key`, on the leaf where it would be:
    /// behind its last pair, where it has none. And whether it is this key.
    fn seek<'a>(&'a self, key: Datum<'_>, budget: &Budget) -> Result<(Cursor<'a>, bool)> {
        let mut page = self.file.page(self.meta.root, budget)?;
        while page.header.kind == page_type::BTREE_INTERNAL {
            let entry = self.entry_for(&page, key)?;
            page = tree::below(&self.file, &page, entry, budget)?;
        }
        let mut cursor = Cursor::on(page)?;
        let (pair, found) = self.pair_for(&cursor.leaf, key)?;
        cursor.pair = pair;
        Ok((cursor, found))
    }

    /// The entry of an internal page that leads to `key`.
    pub(in crate::btree) fn entry_for(&self, page: &Page<'_>, key: Datum<'_>) -> Result<usize> {
        // The first entry stands for all that is less than the second.
        self.last_not_greater(page, page.header.entries.into(), 1, key)
    }

    /// The first pair of a leaf whose key is not less than `key`, or the place behind the last, where
    /// there is none; and whether it is this key.
    pub(in crate::btree) fn pair_for(
        &self,
        leaf: &Page<'_>,
        key: Datum<'_>,
    ) -> Result<(usize, bool)> {
        let pairs = usize::from(leaf.header.entries / 2);
        if pairs == 0 {
            return Ok((0, false));
        }
        let mut pair = self.last_not_greater(leaf, pairs, 2, key)?;
        let order = self.compare(leaf, 2 * pair, key)?;
        match order {
            Ordering::Less => pair += 1,
            Ordering::Equal => {
                while pair > 0 && tree::shares_key(&self.file, leaf, pair - 1)? {
                    pair -= 1;
                }
            }
            Ordering::Greater => {}
        }
        Ok((pair, order.is_eq()))
    }

    /// The last of the first `count` keys of a page that is not greater than `key`; the first counts
    /// as such, whatever it is. `each` is the distance of a key from the next, in items.
    ///
    /// Keys are looked at in the same order as in [`search`].
    fn last_not_greater(
        &self,
        page: &Page<'_>,
        mut count: usize,
        each: usize,
        key: Datum<'_>,
    ) -> Result<usize> {
        let mut low = 0;
        while count > 1 {
            let half = count / 2;
            if self.compare(page, each * (low + half), key)?.is_le() {
                low += half;
            }
            count -= half;
        }
        Ok(low)
    }

    /// Compares the key of an item with another one.
    fn compare(&self, page: &Page<'_>, index: usize, key: Datum<'_>) -> Result<Ordering> {
        match tree::item(&self.file, page, index)?.content {
            Content::Plain(stored) => Ok(tree::compare(stored, key)),
            // Some chains are those of several items: each comparison has a budget of its own. It
            // ends at the first byte that differs.
            Content::Big(big) => overflow::compare(&self.file, big, key, &self.file.budget()),
            Content::DuplicateTree(_) => Err(tree::tree_in_tree(page, index)),
        }
    }
}

impl<'a, S: Source> IntoIterator for &'a BtreeDb<S> {
    type Item = Result<(Cow<'a, [u8]>, Cow<'a, [u8]>)>;
    type IntoIter = BtreeIter<'a, S>;

    fn into_iter(self) -> BtreeIter<'a, S> {
        self.iter()
    }
}
