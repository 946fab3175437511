//! Opening a file and finding keys in it (sections 3 and 6).

use std::borrow::Cow;
use std::io;
use std::iter::FusedIterator;
use std::path::Path;

use kv_file_core::{Datum, FileSource, Source};

use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem};
use crate::format::{HEAD, LONGEST, PAIR, first_slot, hash, pair, table};
use crate::iter::Iter;
use crate::many::GetMany;
use crate::search::InMemory;

/// A cdb file, open for reading.
///
/// `open` has looked at the file's length and at where its records end; everything else is checked
/// when it is used. See [`Source`] for what a file can be read from.
///
/// ```
/// use cdb_file::{Cdb, CdbBuilder, Keep};
///
/// let mut builder = CdbBuilder::new();
/// builder.push("example.com", "OK")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
///
/// let database = Cdb::open(file)?;
/// assert_eq!(database.get("example.com")?.as_deref(), Some(&b"OK"[..]));
/// assert_eq!(database.get("example.org")?, None);
/// # Ok::<(), cdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct Cdb<S> {
    pub(crate) source: S,
    pub(crate) len: u64,
    /// Where the records end and the first table starts.
    pub(crate) end: u64,
}

/// A hash table, found to lie in the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub at: u64,
    pub slots: u32,
}

/// The slots in which a key may be, from the first one on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    table: Table,
    hash: u32,
    /// The next slot, and how many are left to be looked at.
    slot: u32,
    left: u32,
    /// Bytes of records that are left to be looked at: no record of a sound file is in two slots.
    budget: u64,
}

/// A record, found to lie between the pointers and the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Where its key starts. The value starts where that ends.
    pub key: u64,
    pub key_len: u32,
    pub value_len: u32,
}

impl Record {
    pub fn value(self) -> u64 {
        self.key + u64::from(self.key_len)
    }

    pub fn end(self) -> u64 {
        self.value() + u64::from(self.value_len)
    }
}

impl Table {
    /// Where a slot lies.
    #[inline]
    pub fn slot(self, slot: u32) -> u64 {
        self.at + u64::from(slot) * PAIR as u64
    }
}

impl Chain {
    /// Counts bytes of records: who makes a file may let all slots lead to one long record.
    #[inline]
    fn spend(&mut self, bytes: usize) -> Result<()> {
        match self.budget.checked_sub(bytes as u64) {
            Some(left) => self.budget = left,
            None => return Err(Problem::at(self.table.at, Fault::SlotTwice).into()),
        }
        Ok(())
    }
}

impl Cdb<FileSource> {
    /// Opens a file by its path, to be read as it is needed ([`FileSource`]).
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::Io`] where there is no such file.
    ///
    /// # Complexity
    /// As [`open`](Self::open).
    pub fn open_path(path: impl AsRef<Path>) -> Result<Self> {
        Cdb::open(FileSource::open(path)?)
    }
}

impl<S: Source> Cdb<S> {
    /// Opens a file.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`] for a file that is too short or too long to be one,
    /// [`ErrorKind::Damaged`] where it does not have all of its records, [`ErrorKind::Io`].
    ///
    /// # Complexity
    /// Reads 8 bytes.
    pub fn open(source: S) -> Result<Self> {
        let len = source.len()?;
        if !(HEAD..=LONGEST).contains(&len) {
            return Err(ErrorKind::NotADatabase.into());
        }
        let (end, _) = pair(&source.read_at(0, PAIR)?).ok_or(ErrorKind::NotADatabase)?;
        if !(HEAD..=len).contains(&u64::from(end)) {
            return Err(Problem::at(0, Fault::EndOfData).value(end).into());
        }
        Ok(Cdb { source, len, end: end.into() })
    }

    /// Where the bytes of the file are.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The value stored under `key`; that of the first record where there are several.
    ///
    /// Keys are compared byte by byte, a terminating NUL included where the file has one.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for damage on the way, [`ErrorKind::Io`].
    ///
    /// # Complexity
    /// Reads a pointer, some slots that lie one behind the other, and the record. From memory it
    /// allocates and copies nothing.
    #[inline]
    pub fn get<'k>(&self, key: impl Into<Datum<'k>>) -> Result<Option<Cow<'_, [u8]>>> {
        let key = key.into();
        let hash = hash(key);
        match self.in_memory().and_then(|file| file.search(hash, key)) {
            Some(found) => Ok(found.map(Cow::Borrowed)),
            None => self.find_first(hash, key),
        }
    }

    /// The value of the first record with a key of this hash, wherever the file is.
    #[inline(never)]
    pub(crate) fn find_first(&self, hash: u32, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>> {
        match self.chain(hash)? {
            Some(mut chain) => self.find(&mut chain, key),
            None => Ok(None),
        }
    }

    /// The file, if it is in memory.
    #[inline]
    pub(crate) fn in_memory(&self) -> Option<InMemory<'_>> {
        let bytes = self.source.as_slice()?;
        Some(InMemory { bytes, records: bytes.get(..self.end as usize)? })
    }

    /// The values stored under each of `keys`, in their order, as [`get`](Self::get) finds it.
    ///
    /// Faster than one `get` after the other where the file is in memory but not in the processor's
    /// caches.
    pub fn get_many<'k, K>(&self, keys: &'k [K]) -> GetMany<'_, 'k, K, S>
    where
        &'k K: Into<Datum<'k>>,
    {
        GetMany::new(self, keys)
    }

    /// All values stored under `key`, in the order of the file.
    ///
    /// # Errors
    /// As [`get`](Self::get), also while iterating, after which the iterator ends.
    pub fn get_all<'a, 'k>(&'a self, key: impl Into<Datum<'k>>) -> Result<Values<'a, 'k, S>> {
        let key = key.into();
        Ok(Values { database: self, key, chain: self.chain(hash(key))? })
    }

    /// All records, in the order of the file: that in which they were added.
    ///
    /// # Complexity
    /// Reads the records once.
    pub fn iter(&self) -> Iter<'_, S> {
        Iter::new(self)
    }

    /// Length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.len
    }

    /// Two numbers of the file.
    #[inline]
    fn pair(&self, at: u64) -> Result<(u32, u32)> {
        let bytes = self.source.read_at(at, PAIR)?;
        Ok(pair(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?)
    }

    /// A hash table; `None` where it has no slots.
    #[inline]
    pub(crate) fn table(&self, table: usize) -> Result<Option<Table>> {
        let pointer = (table * PAIR) as u64;
        let (at, slots) = self.pair(pointer)?;
        if slots == 0 {
            return Ok(None);
        }
        let at = u64::from(at);
        if at < self.end || at + u64::from(slots) * PAIR as u64 > self.len {
            return Err(Problem::at(pointer, Fault::TablePlace).value(at).into());
        }
        Ok(Some(Table { at, slots }))
    }

    /// The slots in which keys of a hash may be.
    #[inline]
    pub(crate) fn chain(&self, hash: u32) -> Result<Option<Chain>> {
        let Some(table) = self.table(table(hash))? else { return Ok(None) };
        let slot = first_slot(hash, table.slots);
        Ok(Some(Chain { table, hash, slot, left: table.slots, budget: self.end - HEAD }))
    }

    /// The next record whose key has the hash of a chain.
    #[inline]
    pub(crate) fn next_record(&self, chain: &mut Chain) -> Result<Option<Record>> {
        while chain.left > 0 {
            let at = chain.table.slot(chain.slot);
            let (hash, record) = self.pair(at)?;
            if record == 0 {
                chain.left = 0;
                break;
            }
            chain.left -= 1;
            chain.slot = if chain.slot + 1 == chain.table.slots { 0 } else { chain.slot + 1 };
            if hash == chain.hash {
                let place = u64::from(record);
                if place < HEAD || place + PAIR as u64 > self.end {
                    return Err(Problem::at(at, Fault::SlotPosition).value(record).into());
                }
                return self.record(place).map(Some);
            }
        }
        Ok(None)
    }

    /// The record at a place from which at least its lengths lie before the tables.
    #[inline]
    pub(crate) fn record(&self, at: u64) -> Result<Record> {
        let (key_len, value_len) = self.pair(at)?;
        let record = Record { key: at + PAIR as u64, key_len, value_len };
        if record.end() > self.end {
            return Err(Problem::at(at, Fault::Record).value(record.end()).into());
        }
        Ok(record)
    }

    /// The next record of a chain that has the key.
    #[inline]
    pub(crate) fn find(&self, chain: &mut Chain, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>> {
        while let Some(record) = self.next_record(chain)? {
            if record.key_len as usize != key.len() {
                continue;
            }
            if key.is(&self.source.read_at(record.key, key.len())?) {
                let value = self.source.read_at(record.value(), record.value_len as usize)?;
                return Ok(Some(value));
            }
            chain.spend(key.len())?;
        }
        Ok(None)
    }
}

/// Returns `true` if a file that begins with these bytes looks like a cdb file: its 256 pointers, for
/// which `head` must have 2048 bytes, lead to tables that lie one behind the other.
///
/// The format has no magic number; by chance nothing else looks so.
pub fn is_database(head: &[u8]) -> bool {
    let Some(pointers) = head.get(..HEAD as usize) else { return false };
    let mut end = None;
    pointers.chunks_exact(PAIR).filter_map(pair).all(|(at, slots)| {
        let at = u64::from(at);
        let follows = at >= HEAD && end.is_none_or(|end| at == end);
        end = Some(at + u64::from(slots) * PAIR as u64);
        follows
    })
}

impl<'a, S: Source> IntoIterator for &'a Cdb<S> {
    type Item = Result<(Cow<'a, [u8]>, Cow<'a, [u8]>)>;
    type IntoIter = Iter<'a, S>;

    fn into_iter(self) -> Iter<'a, S> {
        self.iter()
    }
}

/// Iterates over the values of one key: [`Cdb::get_all`].
///
/// After an error it ends.
#[derive(Debug)]
pub struct Values<'a, 'k, S> {
    database: &'a Cdb<S>,
    key: Datum<'k>,
    chain: Option<Chain>,
}

impl<'a, S: Source> Iterator for Values<'a, '_, S> {
    type Item = Result<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        let chain = self.chain.as_mut()?;
        let found = self.database.find(chain, self.key).and_then(|found| {
            chain.spend(found.as_ref().map_or(0, |value| self.key.len() + value.len()))?;
            Ok(found)
        });
        let found = found.transpose();
        if !matches!(found, Some(Ok(_))) {
            self.chain = None;
        }
        found
    }
}

impl<S: Source> FusedIterator for Values<'_, '_, S> {}
