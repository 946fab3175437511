//! Changing a database: adding, replacing and removing pairs (sections 14 to 18).
//!
//! Nothing is written: the pages that change are gathered in memory, and become one commit of whoever owns the file.

use super::address::Address;
use super::build::Keep;
use super::edit::{EditedPage, StoredPair, big_item, key_of, plain_item, stored_pair};
use super::function::HashFunction;
use super::layout::{is_big, item_len, pair_len};
use super::page::HashPage;
use super::stored::Stored;
use crate::changes::{Changes, Overlay};
use crate::error::{Damage, Error, Unsupported};
use crate::file::PageFile;
use crate::format::item::{BigRef, Item};
use crate::format::page::Header;
use crate::format::{HashMeta, Method, page_type};
use crate::freelist::FreeList;
use crate::overflow;
use crate::pages::Pages;
use crate::tree;

/// A hash database that is being changed.
///
/// Takes what libdb or this crate has written: any page size, byte order and version that [`Hash`](crate::Hash) reads up
/// to 9, with or without checksums and duplicates. Of a key with several data items, all are replaced or removed.
///
/// After an error the value is of no more use, and nothing has happened to the file.
///
/// ```
/// use bdb_file::{Builder, BuildOptions, Hash, Keep, Update};
///
/// let mut builder = Builder::new(BuildOptions::default());
/// builder.push(b"example.com", b"OK")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
///
/// let mut update = Update::open(&file)?;
/// assert!(update.put(b"example.org", b"REJECT", Keep::First)?);
/// assert!(!update.put(b"example.com", b"REJECT", Keep::First)?, "it is there already");
/// assert!(update.delete(b"example.com")?);
/// let changes = update.finish()?;
///
/// file.resize(changes.file_len() as usize, 0);
/// for (offset, page) in changes.pages() {
///     file[offset as usize..][..page.len()].copy_from_slice(page);
/// }
/// let database = Hash::open(file)?;
/// assert_eq!(database.get(b"example.com")?, None);
/// assert_eq!(database.get(b"example.org")?.as_deref(), Some(&b"REJECT"[..]));
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct Update<P> {
    file: PageFile<Overlay<P>>,
    meta: HashMeta,
    address: Address,
    function: HashFunction,
    free: FreeList,
}

/// Where a key is, or could go.
enum Place {
    Present {
        page: EditedPage,
        pair: usize,
    },
    Absent {
        /// The bucket's first page with room, if there is one.
        room: Option<EditedPage>,
        /// The bucket's last page.
        last: u32,
    },
}

impl<P: Pages> Update<P> {
    /// Opens a file that is one hash database.
    ///
    /// # Errors
    /// As [`Hash::open`](crate::Hash::open), and [`Error::Unsupported`] for version 10 and for a hash function of the
    /// database's own.
    pub fn open(pages: P) -> Result<Self, Error> {
        let (file, meta) = PageFile::open(pages)?;
        let last_page = meta.last_page;
        let meta = match meta.method {
            Method::Hash(meta) if meta.version <= 9 => meta,
            Method::Hash(meta) => return Err(Unsupported::Version(meta.version).into()),
            Method::Btree(list) if list.several_databases => return Err(Error::SeveralDatabases),
            Method::Btree(_) => return Err(Unsupported::AccessMethod("btree").into()),
        };
        let function = HashFunction::from_charkey(meta.charkey).ok_or(Unsupported::HashFunction)?;
        Ok(Update {
            address: Address::new(&meta, 0, file.last_page)?,
            file: file.into_overlay(last_page),
            free: FreeList(meta.free),
            function,
            meta,
        })
    }

    /// Stores a pair. Where the key is there already, `keep` decides which data stay. Tells whether the pair is stored.
    ///
    /// # Errors
    /// As [`Hash::get`](crate::Hash::get), and [`Error::TooLarge`] beyond the limits of the format.
    ///
    /// # Complexity
    /// Reads the key's bucket up to the key's page, or all of it, and changes one page; a bucket that needs a further page
    /// makes the table grow by one bucket, which changes all pages of another.
    pub fn put(&mut self, key: &[u8], data: &[u8], keep: Keep) -> Result<bool, Error> {
        let plain = |bytes| Stored { bytes, nul: false };
        self.put_stored(plain(key), plain(data), keep)
    }

    /// As [`put`](Self::put), with one NUL stored after the key and one after the data.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_terminated(&mut self, key: &[u8], data: &[u8], keep: Keep) -> Result<bool, Error> {
        let terminated = |bytes| Stored { bytes, nul: true };
        self.put_stored(terminated(key), terminated(data), keep)
    }

    /// Removes a key and all that is stored under it. Tells whether it was there.
    ///
    /// # Errors
    /// As [`Hash::get`](crate::Hash::get).
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Error> {
        self.delete_stored(Stored { bytes: key, nul: false })
    }

    /// As [`delete`](Self::delete), for the key with one NUL after it.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_terminated(&mut self, key: &[u8]) -> Result<bool, Error> {
        self.delete_stored(Stored { bytes: key, nul: true })
    }

    /// What is to be written. Nothing, if nothing was changed.
    ///
    /// # Errors
    /// [`Error::Io`] from reading page 0.
    pub fn finish(mut self) -> Result<Changes, Error> {
        if !self.file.pages.is_changed() {
            return Ok(self.file.into_changes());
        }
        self.meta.free = self.free.0;
        self.address.put(&mut self.meta);
        let mut page = self.file.pages.read(0, self.file.page_size)?.into_owned();
        self.meta.put_changed(&mut page, self.file.order, self.file.last_page);
        self.file.put(0, page);
        Ok(self.file.into_changes())
    }

    fn put_stored(&mut self, key: Stored<'_>, data: Stored<'_>, keep: Keep) -> Result<bool, Error> {
        u32::try_from(key.len().max(data.len())).map_err(|_| Error::TooLarge)?;
        match self.find(key, data)? {
            Place::Present { .. } if keep == Keep::First => return Ok(false),
            Place::Present { page, pair } => self.replace(page, pair, key, data)?,
            Place::Absent { room, last } => self.insert(key, data, room, last)?,
        }
        Ok(true)
    }

    fn delete_stored(&mut self, key: Stored<'_>) -> Result<bool, Error> {
        match self.find(key, Stored { bytes: b"", nul: false })? {
            Place::Present { page, pair } => {
                self.remove(page, pair)?;
                Ok(true)
            }
            Place::Absent { .. } => Ok(false),
        }
    }

    /// Finds a key, or room for it and the data.
    fn find(&self, key: Stored<'_>, data: Stored<'_>) -> Result<Place, Error> {
        let page_size = self.file.page_size;
        let need = pair_len(key.len(), data.len(), page_size);
        let big = is_big(key.len(), page_size);
        let bucket = self.address.bucket(key.hash(self.function));
        let budget = self.file.budget();
        let mut page = HashPage::primary(&self.file, self.address.page(bucket), &budget)?;
        let mut room = None;
        loop {
            if let Some(pair) = page.find(&self.file, key, &budget)? {
                let page = EditedPage::read(&self.file, &page)?;
                return Ok(Place::Present { page, pair: pair.index / 2 });
            }
            if room.is_none() && page.room() >= need {
                room =
                    Some(EditedPage::read(&self.file, &page)?).filter(|page| page.takes(big, need));
            }
            match page.next(&self.file, &budget)? {
                Some(next) => page = next,
                None => return Ok(Place::Absent { room, last: page.page.number }),
            }
        }
    }

    /// Adds a pair whose key is not there, on a page with room or on a new one behind the bucket's last.
    fn insert(
        &mut self,
        key: Stored<'_>,
        data: Stored<'_>,
        room: Option<EditedPage>,
        last: u32,
    ) -> Result<(), Error> {
        let expand = room.is_none();
        let mut page = match room {
            Some(page) => page,
            None => self.append_page(last)?,
        };
        let pair = StoredPair { key: self.store(key)?, data: self.store(data)? };
        page.insert(&self.file, &pair)?;
        self.write(&page);
        self.meta.elements = self.meta.elements.wrapping_add(1);
        let fill_factor = self.meta.fill_factor as usize;
        if expand || fill_factor != 0 && page.pairs() > fill_factor {
            self.expand()?;
        }
        Ok(())
    }

    fn replace(
        &mut self,
        mut page: EditedPage,
        pair: usize,
        key: Stored<'_>,
        data: Stored<'_>,
    ) -> Result<(), Error> {
        let old_len = page.data(pair).len();
        if item_len(data.len(), self.file.page_size) <= old_len + page.room() {
            let old = page.data(pair).to_vec();
            self.release(&old, page.number)?;
            let data = self.store(data)?;
            page.set_data(pair, &data);
            self.write(&page);
            return Ok(());
        }
        self.remove(page, pair)?;
        match self.find(key, data)? {
            Place::Absent { room, last } => self.insert(key, data, room, last),
            Place::Present { page, .. } => {
                // The same key twice in one bucket.
                Err(Error::corrupt(page.number, Damage::DuplicateKey))
            }
        }
    }

    /// Removes a pair, and its page if that becomes empty and is not the bucket's only one.
    fn remove(&mut self, mut page: EditedPage, pair: usize) -> Result<(), Error> {
        let StoredPair { key, data } = page.remove(pair);
        self.release(&key, page.number)?;
        self.release(&data, page.number)?;
        self.meta.elements = self.meta.elements.saturating_sub(1);
        if !page.is_empty() || (page.prev == 0 && page.next == 0) {
            self.write(&page);
            return Ok(());
        }
        if page.prev != 0 {
            let mut before = self.read(page.prev)?;
            before.next = page.next;
            self.write(&before);
            self.relink(page.next, before.number)?;
            self.free.give(&mut self.file, page.number);
            return Ok(());
        }
        // A bucket's primary page is found by its number: the second page moves into it.
        let mut second = self.read(page.next)?;
        let emptied = second.number;
        second.number = page.number;
        second.prev = 0;
        self.relink(second.next, second.number)?;
        self.write(&second);
        self.free.give(&mut self.file, emptied);
        Ok(())
    }

    /// Tells a page which one is before it, if there is a page.
    fn relink(&mut self, number: u32, prev: u32) -> Result<(), Error> {
        if number != 0 {
            let mut page = self.read(number)?;
            page.prev = prev;
            self.write(&page);
        }
        Ok(())
    }

    /// Adds a bucket, and divides the pairs of the one that has served its hashes so far (section 18).
    fn expand(&mut self) -> Result<(), Error> {
        let (old, first_of_group) = self.address.grow()?;
        let new = self.address.max_bucket;
        if first_of_group {
            // A group has as many buckets as there were before it.
            let first = self.file.grow(new)?;
            self.address.place_group(first);
            let last = EditedPage::new(&self.file, self.file.last_page, 0);
            self.write(&last);
        }
        let (old_page, new_page) = (self.address.page(old), self.address.page(new));
        let mut staying = Vec::new();
        let mut moving = Vec::new();
        let budget = self.file.budget();
        let mut emptied = Vec::new();
        let mut page = HashPage::primary(&self.file, old_page, &budget)?;
        loop {
            let mut at = page.start();
            while let Some(pair) = page.next_pair(self.file.order, &mut at)? {
                let pair = stored_pair(&page, &pair);
                let key = key_of(&self.file, page.page.number, &pair.key)?;
                let hash = self.function.hash(&key);
                if self.address.bucket(hash) == old { &mut staying } else { &mut moving }
                    .push(pair);
            }
            match page.next(&self.file, &budget)? {
                Some(next) => page = next,
                None => break,
            }
            emptied.push(page.page.number);
        }
        for number in emptied {
            self.free.give(&mut self.file, number);
        }
        self.write_bucket(old_page, staying)?;
        self.write_bucket(new_page, moving)
    }

    /// Writes a bucket anew, from its primary page on.
    fn write_bucket(&mut self, primary: u32, pairs: Vec<StoredPair>) -> Result<(), Error> {
        let mut page = EditedPage::new(&self.file, primary, 0);
        let (big, plain): (Vec<_>, Vec<_>) = pairs.into_iter().partition(StoredPair::has_big_key);
        for pair in plain.into_iter().chain(big) {
            if !page.takes(pair.has_big_key(), pair.len()) {
                let next = self.free.take(&mut self.file)?;
                let prev = page.number;
                page.next = next;
                self.write(&page);
                page = EditedPage::new(&self.file, next, prev);
            }
            page.insert(&self.file, &pair)?;
        }
        self.write(&page);
        Ok(())
    }

    /// A new page behind a bucket's last one.
    fn append_page(&mut self, last: u32) -> Result<EditedPage, Error> {
        let number = self.free.take(&mut self.file)?;
        let mut before = self.read(last)?;
        before.next = number;
        self.write(&before);
        Ok(EditedPage::new(&self.file, number, last))
    }

    fn read(&self, number: u32) -> Result<EditedPage, Error> {
        let page = HashPage::primary(&self.file, number, &self.file.budget())?;
        EditedPage::read(&self.file, &page)
    }

    fn write(&mut self, page: &EditedPage) {
        let bytes = page.write();
        self.file.put(page.number, bytes);
    }

    /// The item for a key or data; long ones go to overflow pages.
    fn store(&mut self, stored: Stored<'_>) -> Result<Vec<u8>, Error> {
        if !is_big(stored.len(), self.file.page_size) {
            return Ok(plain_item(stored));
        }
        let bytes = stored.pieces().concat();
        let mut chunks = bytes.chunks(self.file.page_size - self.file.header_len).peekable();
        let first = self.free.take(&mut self.file)?;
        let big = BigRef { first, len: bytes.len() as u32 };
        let (mut number, mut prev) = (first, 0);
        while let Some(chunk) = chunks.next() {
            // Taken pages count as put: taking the next one must not depend on what is on this one.
            let next = if chunks.peek().is_some() { self.free.take(&mut self.file)? } else { 0 };
            let mut page = vec![0; self.file.page_size];
            page[self.file.header_len..][..chunk.len()].copy_from_slice(chunk);
            let header = Header {
                number,
                prev,
                next,
                entries: 1,
                high_offset: chunk.len() as u16,
                level: 0,
                kind: page_type::OVERFLOW,
            };
            header.put(&mut page, self.file.order);
            self.file.put(number, page);
            (prev, number) = (number, next);
        }
        Ok(big_item(big, self.file.order))
    }

    /// Gives back the pages that an item has of its own.
    fn release(&mut self, item: &[u8], page: u32) -> Result<(), Error> {
        let item =
            Item::parse(item, self.file.order).map_err(|damage| Error::corrupt(page, damage))?;
        let pages = match item {
            Item::Plain(_) | Item::Duplicates(_) => return Ok(()),
            Item::Big(big) => overflow::pages(&self.file, big, &self.file.budget())?,
            Item::DuplicateTree(root) => tree::pages(&self.file, root)?,
        };
        for number in pages {
            self.free.give(&mut self.file, number);
        }
        Ok(())
    }
}
