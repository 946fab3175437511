//! All records of a file, one behind the other.

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::Source;

use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::{HEAD, PAIR, pair};
use crate::read::{Cdb, Record};

/// Bytes that are read at once where the file is not in memory.
const BLOCK: u64 = 256 << 10;

/// Iterates over all records of a file: [`Cdb::iter`].
///
/// After an error it ends: what follows a damaged record cannot be told from here.
#[derive(Debug)]
pub struct Iter<'a, S> {
    database: &'a Cdb<S>,
    /// Where the next record starts.
    at: u64,
    /// Some bytes of the file, from `block_at` on, where it is not in memory.
    block: Cow<'a, [u8]>,
    block_at: u64,
}

impl<'a, S: Source> Iter<'a, S> {
    pub(crate) fn new(database: &'a Cdb<S>) -> Self {
        Iter { database, at: HEAD, block: Cow::Borrowed(&[]), block_at: HEAD }
    }

    /// Where the next record starts.
    pub(crate) fn position(&self) -> u64 {
        self.at
    }

    /// Bytes of the records, all of which lie before the tables.
    fn bytes(&mut self, at: u64, len: usize) -> Result<Cow<'a, [u8]>> {
        if self.database.source.as_slice().is_some() {
            return Ok(self.database.source.read_at(at, len)?);
        }
        let end = self.block_at + self.block.len() as u64;
        if at < self.block_at || at + len as u64 > end {
            let ahead = (len as u64).max(BLOCK).min(self.database.end - at);
            self.block = self.database.source.read_at(at, ahead as usize)?;
            self.block_at = at;
        }
        let start = (at - self.block_at) as usize;
        Ok(match &self.block {
            Cow::Borrowed(block) => block.get(start..start + len).unwrap_or_default().into(),
            Cow::Owned(block) => block.get(start..start + len).unwrap_or_default().to_vec().into(),
        })
    }

    /// The next record's place, if there is one more.
    fn next_place(&mut self) -> Result<Option<Record>> {
        let end = self.database.end;
        if self.at == end {
            return Ok(None);
        }
        let damaged = Problem::at(self.at, Fault::Record);
        if end - self.at < PAIR as u64 {
            return Err(damaged.value(end).into());
        }
        let lens = pair(&self.bytes(self.at, PAIR)?);
        let (key_len, value_len) = lens.unwrap_or_default();
        let record = Record { key: self.at + PAIR as u64, key_len, value_len };
        if record.end() > end {
            return Err(damaged.value(record.end()).into());
        }
        self.at = record.end();
        Ok(Some(record))
    }

    fn advance(&mut self) -> Result<Option<Entry<'a>>> {
        let Some(record) = self.next_place()? else { return Ok(None) };
        let key = self.bytes(record.key, record.key_len as usize)?;
        let value = self.bytes(record.value(), record.value_len as usize)?;
        Ok(Some((key, value)))
    }
}

/// A key and its value.
type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a, S: Source> Iterator for Iter<'a, S> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.at = self.database.end;
        }
        next
    }
}

impl<S: Source> FusedIterator for Iter<'_, S> {}
