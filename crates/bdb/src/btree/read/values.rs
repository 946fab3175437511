//! The data items of one key: usually one, several in a database with duplicates (btree
//! specification, section 6).

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::Source;

use super::cursor::Cursor;
use crate::error::Result;
use crate::file::{Budget, PageFile};
use crate::tree;

/// Iterates over the data items of one key: [`BtreeDb::get_all`](super::BtreeDb::get_all).
///
/// After an error it ends.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct BtreeValues<'a, S> {
    file: &'a PageFile<S>,
    budget: Budget,
    /// At the pairs of the key, all of which are on one leaf; `None` where there are no more.
    cursor: Option<Cursor<'a>>,
    /// The first pair behind those that are known to be the key's.
    end: usize,
}

impl<'a, S: Source> BtreeValues<'a, S> {
    pub(super) fn new(
        file: &'a PageFile<S>,
        cursor: Cursor<'a>,
        found: bool,
        budget: Budget,
    ) -> Self {
        let end = cursor.pair + 1;
        BtreeValues { file, budget, cursor: found.then_some(cursor), end }
    }

    fn advance(&mut self) -> Result<Option<Cow<'a, [u8]>>> {
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        loop {
            if let Some((_, data)) = cursor.next_data(self.file, self.end, &self.budget)? {
                return Ok(Some(data));
            }
            // Not looked at before its turn comes: a lookup of one item needs no other pair.
            if !tree::shares_key(self.file, &cursor.leaf, self.end - 1)? {
                return Ok(None);
            }
            self.end += 1;
        }
    }
}

impl<'a, S: Source> Iterator for BtreeValues<'a, S> {
    type Item = Result<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.cursor = None;
        }
        next
    }
}

impl<S: Source> FusedIterator for BtreeValues<'_, S> {}
