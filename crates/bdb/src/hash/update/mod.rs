//! Changing a database: adding, replacing and removing pairs (sections 14 to 18).
//!
//! Nothing is written: the pages that change are gathered in memory, and become one commit of
//! whoever owns the file.

mod bucket;
mod edit;
mod items;
mod summary;

use std::borrow::Cow;
use std::collections::BTreeSet;

use kv_file_core::{Changes, Datum, Source};

use self::edit::StoredPair;
use self::summary::{Summary, marks};
use super::layout::{is_big, item_len, pair_len};
use super::read::HashDb;
use crate::error::{Error, ErrorKind, Result, Unsupported};
use crate::fault::{Fault, Problem};
use crate::file::PageFile;
use crate::format::{HashFunction, Method};
use crate::freelist::FreeList;
use crate::options::Keep;
use crate::overlay::Overlay;
use crate::verify::{MAX_ELEMENTS, refuse_meta};

/// A hash database that is being changed.
///
/// Takes what libdb or this crate has written: any page size, byte order and version that
/// [`HashDb`] reads up to 9, with or without checksums and duplicates. Of a key with several data
/// items, all are replaced or removed.
///
/// After an error the value is of no more use, and nothing has happened to the file.
///
/// ```
/// use bdb_file::{HashBuilder, BuildOptions, HashDb, Keep, HashUpdate};
///
/// let mut builder = HashBuilder::new(BuildOptions::default());
/// builder.push(b"example.com", b"OK")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
///
/// let mut update = HashUpdate::open(&file)?;
/// assert!(update.put(b"example.org", b"REJECT", Keep::First)?);
/// assert!(!update.put(b"example.com", b"REJECT", Keep::First)?, "it is there already");
/// assert!(update.delete(b"example.com")?);
/// let changes = update.finish()?;
///
/// changes.apply(&mut file);
/// let database = HashDb::open(file)?;
/// assert_eq!(database.get(b"example.com")?, None);
/// assert_eq!(database.get(b"example.org")?.as_deref(), Some(&b"REJECT"[..]));
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[must_use = "nothing changes until what `finish` returns is written"]
#[derive(Debug)]
pub struct HashUpdate<S> {
    /// The database with the changes so far. Its meta page is brought up to date at the end.
    db: HashDb<Overlay<S, Summary>>,
    function: HashFunction,
    free: FreeList,
    /// Primary pages whose buckets have no other page that readers may be led to already.
    alone: BTreeSet<u32>,
    /// Pages of other buckets that have lost pairs, or a link to a page that had them.
    lost: BTreeSet<u32>,
}

/// Where a key is, or could go.
pub(super) enum Place {
    Present(Present),
    Absent(Absent),
}

/// Where a key is: the index of the pair on the page.
#[derive(Clone, Copy)]
pub(super) struct Present {
    pub bucket: u32,
    pub page: u32,
    pub pair: usize,
}

/// Where a key could go.
#[derive(Clone, Copy)]
pub(super) struct Absent {
    pub bucket: u32,
    /// The bucket's first page with room that may gain a pair, if there is one.
    room: Option<u32>,
    /// The bucket's last page.
    last: u32,
}

impl<S: Source> HashUpdate<S> {
    /// Opens a file that is one hash database.
    ///
    /// # Errors
    /// As [`HashDb::open`], and [`ErrorKind::Unsupported`] for version 10 and for a hash function
    /// of the database's own; [`ErrorKind::Corrupt`] for all that [`verify`](crate::verify()) calls
    /// damage on page 0.
    pub fn open(source: S) -> Result<Self> {
        let (file, meta) = PageFile::open(source)?;
        let (function, free) = match &meta.method {
            Method::Hash(meta) if meta.version <= 9 => {
                (HashFunction::from_charkey(meta.charkey), meta.free)
            }
            Method::Hash(meta) => return Err(Unsupported::Version(meta.version).into()),
            Method::Btree(list) if list.several_databases => {
                return Err(ErrorKind::SeveralDatabases.into());
            }
            Method::Btree(_) => return Err(Unsupported::AccessMethod("btree").into()),
        };
        let function = function.ok_or(Unsupported::HashFunction)?;
        let file = file.into_overlay(meta.last_page)?;
        refuse_meta(&file)?;
        Ok(HashUpdate {
            db: HashDb::new(file, 0, meta)?,
            function,
            free: FreeList::new(free),
            alone: BTreeSet::new(),
            lost: BTreeSet::new(),
        })
    }

    /// The data stored under `key`, with the changes so far; the first item where there are
    /// duplicates.
    ///
    /// # Errors
    /// As [`HashDb::get`].
    ///
    /// # Complexity
    /// As [`HashDb::get`]; pages that have been read are kept in memory.
    ///
    /// ```
    /// use bdb_file::{BuildOptions, HashBuilder, HashUpdate, Keep};
    ///
    /// let mut file = Vec::new();
    /// HashBuilder::new(BuildOptions::default()).plan(Keep::First)?.write_to(&mut file)?;
    ///
    /// let mut update = HashUpdate::open(&file)?;
    /// update.put(b"example.com", b"OK", Keep::First)?;
    /// assert_eq!(update.get(b"example.com")?.as_deref(), Some(&b"OK"[..]));
    /// update.delete(b"example.com")?;
    /// assert_eq!(update.get(b"example.com")?, None);
    /// # Ok::<(), bdb_file::Error>(())
    /// ```
    pub fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>> {
        self.db.get(key)
    }

    /// Stores a pair. Where the key is there already, `keep` decides which data stay. Returns
    /// `true` if the pair is stored.
    ///
    /// # Errors
    /// As [`HashDb::get`], and [`ErrorKind::TooLarge`] beyond the limits of the format. What
    /// [`verify`](crate::verify()) would say of a page that is used is an error, too.
    ///
    /// # Complexity
    /// Reads the key's bucket up to the key's page, or all of it, and changes one page; a bucket
    /// that needs a further page makes the table grow by one bucket, which changes all pages of
    /// another.
    pub fn put<'d>(
        &mut self,
        key: impl Into<Datum<'d>>,
        data: impl Into<Datum<'d>>,
        keep: Keep,
    ) -> Result<bool> {
        let (key, data) = (key.into(), data.into());
        u32::try_from(key.len().max(data.len())).map_err(|_| ErrorKind::TooLarge)?;
        match self.find(key, data.len())? {
            Place::Present(_) if keep == Keep::First => return Ok(false),
            Place::Present(at) => self.replace(at, key, data)?,
            Place::Absent(at) => self.insert(at, key, data)?,
        }
        Ok(true)
    }

    /// Removes a key and all that is stored under it. Returns `true` if it was there.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn delete<'k>(&mut self, key: impl Into<Datum<'k>>) -> Result<bool> {
        let key = key.into();
        match self.find(key, 0)? {
            Place::Present(at) => self.remove(at, key).map(|()| true),
            Place::Absent(_) => Ok(false),
        }
    }

    /// What is to be written: changed pages, or nothing if nothing was changed.
    ///
    /// The pages come in an order in which they can be written over the old file one by one:
    ///
    /// 1. pages that belonged to nothing: behind the old last page, on the list of free pages, or
    ///    reserved for new buckets;
    /// 2. page 0, which leads to the new buckets;
    /// 3. pages that gain pairs which other pages of their bucket lose, or that lead to new pages
    ///    which do;
    /// 4. all other pages of buckets;
    /// 5. pages that belong to nothing from now on. None of them is used for anything new, so that
    ///    all that a reader may still be led to is as it was.
    ///
    /// Who looks up a key when the file has been made as long as the new one and some pages, in
    /// this order, have been written, each as a whole, finds what is stored under the key before or
    /// after the update. A key that is in both is never missed. The new file is shorter only where
    /// the old one had pages behind the last one that it told of.
    ///
    /// The limits: this holds for a lookup that reads page 0 and the pages of the bucket at one
    /// state, not for one that has kept page 0 or others from before. A listing may meet a pair
    /// twice. A writer must not start from such a state, since the list of free pages is not whole
    /// before the end, nor does [`verify`](crate::verify()) accept it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] from reading page 0.
    pub fn finish(mut self) -> Result<Changes> {
        if !self.db.file.source.is_changed() {
            return Ok(self.db.file.into_changes());
        }
        self.db.meta.free = self.free.finish(&mut self.db.file)?;
        self.db.address.put(&mut self.db.meta);
        let (order, last_page) = (self.db.file.layout.order, self.db.file.last_page);
        self.db.file.put_meta(|page| self.db.meta.put_changed(page, order, last_page))?;
        Ok(self.db.file.into_changes())
    }

    /// Finds a key, or room for it and data of this length.
    fn find(&self, key: Datum<'_>, data_len: usize) -> Result<Place> {
        let page_size = self.db.file.layout.page_size;
        let need = pair_len(key.len(), data_len, page_size);
        let big = is_big(key.len(), page_size);
        let bucket = self.db.address.bucket(self.function.hash_key(key));
        let budget = self.db.file.budget();
        let marks = marks(key);
        let (mut page, mut prev) = (self.db.address.page(bucket), 0);
        let mut room = None;
        loop {
            let summary = self.summary(bucket, page, prev, &budget)?;
            if summary.may_have(marks)
                && let Some(pair) = self.page_again(page)?.find(&self.db.file, key, &budget)?
            {
                return Ok(Place::Present(Present { bucket, page, pair: pair.index / 2 }));
            }
            if room.is_none()
                && summary.room >= need
                && !summary.mixes_with(big)
                && self.may_gain(bucket, page, summary.next)?
            {
                room = Some(page);
            }
            if summary.next == 0 {
                return Ok(Place::Absent(Absent { bucket, room, last: page }));
            }
            (prev, page) = (page, summary.next);
        }
    }

    /// Adds a pair whose key is not there, on a page with room or on a new one behind the bucket's
    /// last.
    fn insert(&mut self, at: Absent, key: Datum<'_>, data: Datum<'_>) -> Result<()> {
        let Absent { bucket, room, last } = at;
        let mut page = match room {
            Some(number) => self.edit(number)?,
            None => match self.append_page(bucket, last)? {
                Some(page) => page,
                None => {
                    self.rewrite(bucket)?;
                    return self.insert_in_rewritten(key, data);
                }
            },
        };
        let pair = StoredPair { key: self.store(key)?, data: self.store(data)? };
        page.insert(&self.db.file, &pair)?;
        let pairs = page.pairs();
        self.gain(bucket, page)?;
        self.db.meta.elements = self.db.meta.elements.saturating_add(1).min(MAX_ELEMENTS);
        let fill_factor = self.db.meta.fill_factor as usize;
        if room.is_none() || fill_factor != 0 && pairs > fill_factor {
            self.expand()?;
        }
        Ok(())
    }

    /// As [`insert`](Self::insert), in a bucket all pages of which may gain pairs.
    fn insert_in_rewritten(&mut self, key: Datum<'_>, data: Datum<'_>) -> Result<()> {
        match self.find(key, data.len())? {
            Place::Absent(at) => self.insert(at, key, data),
            Place::Present(at) => Err(at.twice()),
        }
    }

    fn replace(&mut self, at: Present, key: Datum<'_>, data: Datum<'_>) -> Result<()> {
        let mut page = self.edit(at.page)?;
        let old_len = page.data(at.pair).len();
        if item_len(data.len(), self.db.file.layout.page_size) <= old_len + page.room() {
            let old = page.data(at.pair).to_vec();
            self.release(&old, page.number)?;
            let data = self.store(data)?;
            page.set_data(at.pair, &data);
            return self.write(page);
        }
        self.remove(at, key)?;
        match self.find(key, data.len())? {
            Place::Absent(at) => self.insert(at, key, data),
            Place::Present(at) => Err(at.twice()),
        }
    }

    /// Removes a pair, and its page if that becomes empty and is not the bucket's only one.
    fn remove(&mut self, at: Present, key: Datum<'_>) -> Result<()> {
        let mut page = self.edit(at.page)?;
        let mut pair = at.pair;
        if !self.may_lose(at.bucket, &page) {
            self.rewrite(at.bucket)?;
            let Place::Present(at) = self.find(key, 0)? else { return Err(at.twice()) };
            page = self.edit(at.page)?;
            pair = at.pair;
        }
        let StoredPair { key, data } = page.remove(pair);
        self.release(&key, page.number)?;
        self.release(&data, page.number)?;
        self.db.meta.elements = self.db.meta.elements.saturating_sub(1);
        self.lose(at.bucket, page)
    }
}

impl Present {
    /// The same key twice in one bucket, or on pages that change from one look to the next.
    fn twice(self) -> Error {
        Problem::on(self.page, Fault::KeyTwice).into()
    }
}
