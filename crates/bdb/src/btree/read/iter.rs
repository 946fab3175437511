//! Listing a btree database: leaves in order, each leaf's pairs in order.

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::{Datum, Source};

use super::BtreeDb;
use super::cursor::Cursor;
use crate::error::Result;
use crate::file::Budget;
use crate::tree;

/// A key and one of its data items.
type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Iterates over the pairs of a database: [`BtreeDb::iter`] and [`BtreeDb::range`].
///
/// After an error it ends: what follows a damaged page cannot be told from here.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct BtreeIter<'a, S> {
    btree: &'a BtreeDb<S>,
    budget: Budget,
    /// Where it is; why it is nowhere, until that is told.
    cursor: Result<Option<Cursor<'a>>>,
    /// A key, and where on the leaf it lies: that of several data items is read once.
    key: Option<(usize, Cow<'a, [u8]>)>,
}

impl<'a, S: Source> BtreeIter<'a, S> {
    pub(super) fn new(btree: &'a BtreeDb<S>, from: Option<Datum<'_>>) -> Self {
        let budget = btree.file.budget();
        // Nothing comes before an empty key.
        let cursor = btree.seek(from.unwrap_or_default(), &budget).map(|(cursor, _)| Some(cursor));
        BtreeIter { btree, budget, cursor, key: None }
    }

    fn advance(&mut self) -> Result<Option<Entry<'a>>> {
        let file = &self.btree.file;
        let cursor = match &mut self.cursor {
            Ok(Some(cursor)) => cursor,
            Ok(None) => return Ok(None),
            Err(_) => return std::mem::replace(&mut self.cursor, Ok(None)).map(|_| None),
        };
        loop {
            if let Some((pair, data)) = cursor.next_data(file, cursor.pairs(), &self.budget)? {
                let item = tree::item(file, &cursor.leaf, 2 * pair)?;
                let key = match self.key.take() {
                    Some((offset, key)) if offset == item.offset => key,
                    _ => tree::bytes(file, &cursor.leaf, 2 * pair, &item, &self.budget)?,
                };
                self.key = Some((item.offset, key.clone()));
                return Ok(Some((key, data)));
            }
            self.key = None;
            if !cursor.next_leaf(file, &self.budget)? {
                return Ok(None);
            }
        }
    }
}

impl<'a, S: Source> Iterator for BtreeIter<'a, S> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.cursor = Ok(None);
        }
        next
    }
}

impl<S: Source> FusedIterator for BtreeIter<'_, S> {}
