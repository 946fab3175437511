//! Changing a btree database: adding, replacing and removing pairs (btree specification, sections 8
//! and 9).
//!
//! Nothing is written: the pages that change are gathered in memory, and become one commit of
//! whoever owns the file.

mod edit;
mod items;
mod path;
mod split;
mod unlink;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use kv_file_core::{Changes, Datum, Source};

use self::edit::{EditedPage, NewUnit};
use self::items::Owned;
use super::read::BtreeDb;
use crate::error::{ErrorKind, Result, Unsupported};
use crate::file::PageFile;
use crate::format::Method;
use crate::freelist::FreeList;
use crate::options::Keep;
use crate::overlay::Overlay;
use crate::tree;
use crate::verify::refuse_meta;

/// A btree database that is being changed.
///
/// Takes what libdb or this crate has written: any page size, byte order and version that
/// [`BtreeDb`] reads up to 9, with or without checksums, record numbers and duplicates. Of a key
/// with several data items, all are replaced or removed.
///
/// After an error the value is of no more use, and nothing has happened to the file.
///
/// ```no_run
/// use bdb_file::{BtreeUpdate, Keep};
///
/// let mut file = std::fs::read("/var/lib/postfix/verify_cache.db")?;
/// let mut update = BtreeUpdate::open(&file)?;
/// update.put(b"example.org\0", b"0:0:0:250 OK\0", Keep::Last)?;
/// update.delete(b"example.com\0")?;
/// let changes = update.finish()?;
///
/// changes.apply(&mut file);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing changes until what `finish` returns is written"]
#[derive(Debug)]
pub struct BtreeUpdate<S> {
    /// The database with the changes so far. Its meta page is brought up to date at the end.
    db: BtreeDb<Overlay<S, ()>>,
    free: FreeList,
    /// Leaves that have become empty, each with a key that was on it. They stay in the tree until
    /// the end.
    emptied: BTreeMap<u32, Vec<u8>>,
}

impl<S: Source> BtreeUpdate<S> {
    /// Opens a file that is one btree database.
    ///
    /// # Errors
    /// As [`BtreeDb::open`], and [`ErrorKind::Unsupported`] for version 10;
    /// [`ErrorKind::Corrupt`] for all that [`verify`](crate::verify()) calls damage on page 0.
    ///
    /// # Complexity
    /// Reads page 0, and what the file has behind its last page.
    pub fn open(source: S) -> Result<Self> {
        let (file, meta) = PageFile::open(source)?;
        let free = match &meta.method {
            Method::Btree(list) if list.several_databases => {
                return Err(ErrorKind::SeveralDatabases.into());
            }
            Method::Btree(meta) if meta.version <= 9 => meta.free,
            Method::Btree(meta) => return Err(Unsupported::Version(meta.version).into()),
            Method::Hash(_) => return Err(Unsupported::AccessMethod("hash").into()),
        };
        let file = file.into_overlay(meta.last_page)?;
        refuse_meta(&file)?;
        let db = BtreeDb::new(file, meta)?;
        Ok(BtreeUpdate { db, free: FreeList::new(free), emptied: BTreeMap::new() })
    }

    /// The data stored under `key`, with the changes so far; the first item where there are
    /// duplicates.
    ///
    /// # Errors
    /// As [`BtreeDb::get`].
    ///
    /// # Complexity
    /// As [`BtreeDb::get`]; pages that have been read are kept in memory.
    pub fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>> {
        self.db.get(key)
    }

    /// Stores a pair. Where the key is there already, `keep` decides which data stay. Returns
    /// `true` if the pair is stored.
    ///
    /// # Errors
    /// As [`BtreeDb::get`], and [`ErrorKind::TooLarge`] beyond the limits of the format. What
    /// [`verify`](crate::verify()) would say of a page that is used is an error, too.
    ///
    /// # Complexity
    /// Reads one page for each level of the tree, and changes the leaf; with record numbers, all of
    /// these pages. A full leaf is divided: that takes a new page, and changes the leaf behind it
    /// and the page above, which may have to be divided, too. Each page is checked once.
    pub fn put<'d>(
        &mut self,
        key: impl Into<Datum<'d>>,
        data: impl Into<Datum<'d>>,
        keep: Keep,
    ) -> Result<bool> {
        let (key, data) = (key.into(), data.into());
        u32::try_from(key.len().max(data.len())).map_err(|_| ErrorKind::TooLarge)?;
        let path = self.descend(key)?;
        let pairs = self.pairs_of(key, path.leaf)?;
        if !pairs.is_empty() && keep == Keep::First {
            return Ok(false);
        }
        let mut leaf = self.edit(path.leaf)?;
        self.count(&path, 1 - pairs.len() as i32)?;
        let stored_key = if pairs.is_empty() {
            self.store_leaf_item(key)?
        } else {
            let stored = leaf.stored(2 * pairs.start)?.to_vec();
            self.remove_pairs(&mut leaf, pairs.clone())?;
            stored
        };
        let items = [stored_key, self.store_leaf_item(data)?];
        self.insert(&path, leaf, NewUnit { at: pairs.start, items: &items })?;
        Ok(true)
    }

    /// Removes a key and all that is stored under it. Returns `true` if it was there.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    ///
    /// # Complexity
    /// Reads one page for each level of the tree, and changes the leaf; with record numbers, all of
    /// these pages. For a leaf that stays empty, [`finish`](Self::finish) changes those beside it
    /// and the page above.
    pub fn delete<'k>(&mut self, key: impl Into<Datum<'k>>) -> Result<bool> {
        let key = key.into();
        let path = self.descend(key)?;
        let pairs = self.pairs_of(key, path.leaf)?;
        if pairs.is_empty() {
            return Ok(false);
        }
        let mut leaf = self.edit(path.leaf)?;
        self.count(&path, -(pairs.len() as i32))?;
        self.release(Owned::of(leaf.item(2 * pairs.start)?.content))?;
        self.remove_pairs(&mut leaf, pairs)?;
        if leaf.units() == 0 {
            self.emptied.insert(path.leaf, key.pieces().concat());
        }
        self.write(leaf)?;
        Ok(true)
    }

    /// What is to be written: changed pages, or nothing if nothing was changed.
    ///
    /// The pages come in an order in which they can be written over the old file one by one:
    ///
    /// 1. pages that belonged to nothing: behind the old last page, or on the list of free pages;
    /// 2. page 0;
    /// 3. pages of the tree from the root down: all of a level before those below it;
    /// 4. pages that belong to nothing from now on. None of them is used for anything new, so that
    ///    all that a reader may still be led to is as it was.
    ///
    /// Whoever looks up a key or lists the keys when the file has been made as long as the new one
    /// and some pages, in this order, have been written, each as a whole, finds every key that is
    /// there both before and after the update, once, with its data before or after. For at each such
    /// moment,
    ///
    /// - where the pages of a level are new ones, they lead to pages below that were written before,
    ///   or to pages of the old tree. Of those, each stands for the keys for which it stood before
    ///   or for fewer, since a page that is divided keeps what comes first on it. Only a page beside
    ///   one that has been emptied stands for more, none of which stays: a leaf is taken out of the
    ///   tree at the end, and if it is still empty;
    /// - an old page leads to pages of the old tree, all of which are as they were, since they lie
    ///   below it or are given up;
    /// - an old leaf leads to the leaf that was behind it, and has all that has moved to those
    ///   between the two.
    ///
    /// The limits: this holds for a reader that sees all pages at one moment. One that has kept a
    /// page from before (libdb caches them for as long as it has the file open), or reads on while
    /// pages are written, may look on a page from which the key has moved on to the next, and miss
    /// it. A listing backwards, and one by record number, may meet a pair twice or miss it. A writer
    /// must not start from such a state, since the list of free pages is not whole before the end,
    /// nor does [`verify`](crate::verify()) accept it.
    ///
    /// # Errors
    /// As [`put`](Self::put), for the pages around emptied leaves.
    pub fn finish(mut self) -> Result<Changes> {
        self.unlink_emptied()?;
        if self.db.file.source.is_changed() {
            self.db.meta.free = self.free.finish(&mut self.db.file)?;
            let (order, last_page) = (self.db.file.layout.order, self.db.file.last_page);
            self.db.file.put_meta(|page| self.db.meta.put_changed(page, order, last_page))?;
        }
        Ok(self.db.file.into_changes())
    }

    /// The pairs of a key on the leaf where it belongs: where it would be, if there are none.
    fn pairs_of(&self, key: Datum<'_>, leaf: u32) -> Result<Range<usize>> {
        let leaf = self.seen(leaf)?;
        let (start, found) = self.db.pair_for(&leaf, key)?;
        let mut end = start + usize::from(found);
        while start < end && tree::shares_key(&self.db.file, &leaf, end - 1)? {
            end += 1;
        }
        Ok(start..end)
    }

    /// Takes the pairs of a key off its leaf, and gives back what their data have of their own.
    fn remove_pairs(&mut self, leaf: &mut EditedPage, pairs: Range<usize>) -> Result<()> {
        for pair in pairs.rev() {
            self.release(Owned::of(leaf.item(2 * pair + 1)?.content))?;
            leaf.remove(2 * pair + 1)?;
            leaf.remove(2 * pair)?;
        }
        Ok(())
    }
}
