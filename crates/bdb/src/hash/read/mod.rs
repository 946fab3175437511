//! Opening a hash database and finding keys in it (section 12.3).

mod iter;
mod many;
mod search;
mod stat;
mod values;

use std::borrow::Cow;
use std::path::Path;

use kv_file_core::{Datum, FileSource, Source};

pub use self::iter::HashIter;
pub use self::many::HashGetMany;
pub use self::stat::HashStat;
pub use self::values::HashValues;

use self::values::DataItems;
use super::page::HashPage;
use crate::databases;
use crate::error::{ErrorKind, Result, Unsupported};
use crate::file::{Budget, PageFile};
use crate::format::{Address, ByteOrder, HashFunction, HashMeta, Meta, Method};

/// A hash database, open for reading.
///
/// Reads versions 7 to 9 of the format, and 10 as long as no item is an external file; both byte
/// orders, all page sizes, checksums, duplicates, and named databases in a file of several. `open`
/// has checked page 0 only: every other page is checked when it is read. See [`Source`] for what a
/// database can be read from.
///
/// ```
/// use bdb_file::{HashBuilder, BuildOptions, HashDb, Keep};
///
/// let mut builder = HashBuilder::new(BuildOptions::default());
/// builder.push(b"example.com", b"OK")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
///
/// let database = HashDb::open(file)?;
/// assert_eq!(database.get(b"example.com")?.as_deref(), Some(&b"OK"[..]));
/// assert_eq!(database.get(b"example.org")?, None);
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct HashDb<S> {
    pub(super) file: PageFile<S>,
    pub(super) address: Address,
    pub(super) function: Option<HashFunction>,
    suits_search: bool,
    pub(super) meta: HashMeta,
}

impl HashDb<FileSource> {
    /// Opens a file by its path, to be read as it is needed ([`FileSource`]). It is not locked: of
    /// one that others may change, [`FileSource::new`] reads it under a lock of yours.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::Io`] where there is no such file.
    ///
    /// # Complexity
    /// As [`open`](Self::open).
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        HashDb::open(FileSource::open(path)?)
    }
}

impl<S: Source> HashDb<S> {
    /// Opens a file that is one hash database.
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
        if let Method::Btree(list) = &meta.method
            && list.several_databases
        {
            return Err(ErrorKind::SeveralDatabases.into());
        }
        Self::new(file, 0, meta)
    }

    /// Opens the hash database `name` of a file that holds several ([section 21]).
    /// [`database_names`](crate::database_names) lists their names.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`ErrorKind::NoSuchDatabase`].
    ///
    /// # Complexity
    /// Reads the pages of the list of databases, and one more.
    ///
    /// [section 21]: crate::specification::hash#21-subdatabases-v
    pub fn open_named(source: S, name: &[u8]) -> Result<Self> {
        let (file, meta) = PageFile::open(source)?;
        match &meta.method {
            Method::Btree(list) if list.several_databases => {
                let (number, meta) = databases::find(&file, list, name)?;
                Self::new(file, number, meta)
            }
            _ => Err(ErrorKind::NoSuchDatabase.into()),
        }
    }

    /// The database with this meta page.
    pub(super) fn new(file: PageFile<S>, number: u32, meta: Meta) -> Result<Self> {
        let Method::Hash(meta) = meta.method else {
            return Err(Unsupported::AccessMethod("btree").into());
        };
        Ok(HashDb {
            address: Address::new(&meta, number, file.last_page)?,
            function: HashFunction::from_charkey(meta.charkey),
            suits_search: search::suits(&file),
            file,
            meta,
        })
    }

    /// Where the bytes of the file are.
    pub fn source(&self) -> &S {
        &self.file.source
    }

    /// What the database's meta page says.
    pub fn meta(&self) -> &HashMeta {
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
    /// [`ErrorKind::Corrupt`] for damage on the way, [`ErrorKind::Io`], and
    /// [`Unsupported::HashFunction`] for a table with a hash function of its own.
    ///
    /// # Complexity
    /// Reads one page for each page of the key's bucket up to the key's: one, in most tables. From
    /// memory it allocates and copies nothing, unless the data fills several overflow pages.
    #[inline]
    pub fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>> {
        let key = key.into();
        let function = self.function.ok_or(Unsupported::HashFunction)?;
        self.get_from(self.primary_page(function, key), key)
    }

    /// The data stored under each of `keys`, in their order, as [`get`](Self::get) finds it.
    ///
    /// Faster than one `get` after the other where the table is in memory but not in the
    /// processor's caches.
    ///
    /// ```
    /// # use bdb_file::{HashBuilder, BuildOptions, HashDb, Keep};
    /// # let mut builder = HashBuilder::new(BuildOptions::default());
    /// # builder.push(b"example.com", b"OK")?;
    /// # let mut file = Vec::new();
    /// # builder.plan(Keep::First)?.write_to(&mut file)?;
    /// let database = HashDb::open(file)?;
    /// let found: Vec<_> = database.get_many(&["example.com", "example.org"]).collect::<Result<_, _>>()?;
    /// assert_eq!(found[0].as_deref(), Some(&b"OK"[..]));
    /// assert_eq!(found[1], None);
    /// # Ok::<(), bdb_file::Error>(())
    /// ```
    pub fn get_many<'k, K>(&self, keys: &'k [K]) -> HashGetMany<'_, 'k, K, S>
    where
        &'k K: Into<Datum<'k>>,
    {
        HashGetMany::new(self, keys)
    }

    /// The primary page of a key's bucket.
    #[inline]
    pub(super) fn primary_page(&self, function: HashFunction, key: Datum<'_>) -> u32 {
        self.address.page(self.address.bucket(function.hash_key(key)))
    }

    /// Finds a key in the bucket with the primary page `primary`.
    #[inline]
    pub(super) fn get_from<'a>(
        &'a self,
        primary: u32,
        key: Datum<'_>,
    ) -> Result<Option<Cow<'a, [u8]>>> {
        if let Some(bytes) = self.searchable()
            && let Some(found) = search::search(&self.file, bytes, primary, key)
        {
            return Ok(found.map(Cow::Borrowed));
        }
        self.find_first(primary, key)
    }

    /// The file's bytes, if they can be searched in memory.
    #[inline]
    pub(super) fn searchable(&self) -> Option<&[u8]> {
        if self.suits_search { self.file.source.as_slice() } else { None }
    }

    /// As [`get_from`](Self::get_from), for whatever the source of the pages, and whatever is on
    /// them.
    #[cold]
    #[inline(never)]
    fn find_first(&self, primary: u32, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>> {
        let budget = self.file.budget();
        match self.find(primary, key, &budget)? {
            Some(mut source) => source.next(&self.file, &budget),
            None => Ok(None),
        }
    }

    /// All data items stored under `key`: none, one, or a set of duplicates in the database's
    /// order.
    ///
    /// # Errors
    /// As [`get`](Self::get), also while iterating.
    pub fn get_all<'k>(&self, key: impl Into<Datum<'k>>) -> Result<HashValues<'_, S>> {
        let budget = self.file.budget();
        let key = key.into();
        let function = self.function.ok_or(Unsupported::HashFunction)?;
        let source = self.find(self.primary_page(function, key), key, &budget)?;
        let source = source.unwrap_or(DataItems::One(None));
        Ok(HashValues::new(&self.file, source, budget))
    }

    /// All pairs, in the order of the file, which is libdb's too: bucket by bucket. A key with
    /// several data items comes once for each.
    ///
    /// # Errors
    /// After the first error the iterator ends: what lies behind damage, [`salvage`](crate::salvage)
    /// finds.
    ///
    /// # Complexity
    /// Reads every page in use once.
    pub fn iter(&self) -> HashIter<'_, S> {
        HashIter::new(self)
    }

    /// What is stored under a key, which is looked for on the pages of the bucket with the primary
    /// page `primary`.
    fn find<'a>(
        &'a self,
        primary: u32,
        key: Datum<'_>,
        budget: &Budget,
    ) -> Result<Option<DataItems<'a>>> {
        let mut page = HashPage::primary(&self.file, primary, budget)?;
        loop {
            if let Some(pair) = page.find(&self.file, key, budget)? {
                return DataItems::of(&self.file, &page, &pair, budget).map(Some);
            }
            match page.next(&self.file, budget)? {
                Some(next) => page = next,
                None => return Ok(None),
            }
        }
    }
}

impl<'a, S: Source> IntoIterator for &'a HashDb<S> {
    type Item = Result<(Cow<'a, [u8]>, Cow<'a, [u8]>)>;
    type IntoIter = HashIter<'a, S>;

    fn into_iter(self) -> HashIter<'a, S> {
        self.iter()
    }
}
