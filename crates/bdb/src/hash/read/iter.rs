//! Listing a hash database: buckets in order, each bucket's pages along its chain, each page's
//! pairs in index order.

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::Source;

use super::HashDb;
use super::values::DataItems;
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Budget;
use crate::format::item::Item;
use crate::hash::page::{Cursor, Entry, HashPage, Pair};
use crate::overflow;

/// Iterates over all pairs of a database: [`HashDb::iter`].
///
/// After an error it ends: what follows a damaged page cannot be told from here.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct HashIter<'a, S> {
    hash: &'a HashDb<S>,
    budget: Budget,
    /// The next bucket to visit; past `max_bucket` when all were.
    bucket: u64,
    /// A page, and how far it has been read.
    page: Option<(HashPage<'a>, Cursor)>,
    /// A key with several data items, and what is left of them.
    key: Cow<'a, [u8]>,
    values: DataItems<'a>,
}

impl<'a, S: Source> HashIter<'a, S> {
    pub(super) fn new(hash: &'a HashDb<S>) -> Self {
        HashIter {
            hash,
            budget: hash.file.budget(),
            bucket: 0,
            page: None,
            key: Cow::Borrowed(&[]),
            values: DataItems::One(None),
        }
    }

    fn advance(&mut self) -> Result<Option<Entry<'a>>> {
        let file = &self.hash.file;
        loop {
            if let Some(value) = self.values.next(file, &self.budget)? {
                return Ok(Some((self.key.clone(), value)));
            }
            if let Some((page, at)) = &mut self.page
                && let Some(pair) = page.next_pair(file.layout.order, at)?
            {
                if let Some(plain) = page.plain(&pair) {
                    return Ok(Some(plain));
                }
                let key = key(self.hash, page, &pair, &self.budget)?;
                match DataItems::of(file, page, &pair, &self.budget)? {
                    DataItems::One(Some(value)) => return Ok(Some((key, value))),
                    several => (self.key, self.values) = (key, several),
                }
                continue;
            }
            if !self.turn_page()? {
                return Ok(None);
            }
        }
    }

    /// Goes to the next page of the bucket, or to the first of the next bucket.
    fn turn_page(&mut self) -> Result<bool> {
        let file = &self.hash.file;
        let next = match &self.page {
            Some((page, _)) => page.next(file, &self.budget)?,
            None => None,
        };
        let page = match next {
            Some(page) => page,
            None => {
                let Ok(bucket) = u32::try_from(self.bucket) else { return Ok(false) };
                if bucket > self.hash.address.max_bucket {
                    return Ok(false);
                }
                self.bucket += 1;
                HashPage::primary(file, self.hash.address.page(bucket), &self.budget)?
            }
        };
        let start = page.start();
        self.page = Some((page, start));
        Ok(true)
    }

    fn end(&mut self) {
        self.bucket = u64::MAX;
        self.page = None;
        self.values = DataItems::One(None);
    }
}

/// The key of a pair.
fn key<'a, S: Source>(
    hash: &'a HashDb<S>,
    page: &HashPage<'a>,
    pair: &Pair,
    budget: &Budget,
) -> Result<Cow<'a, [u8]>> {
    let item = page.page.bytes.get(pair.key.clone()).unwrap_or_default();
    match page.item(item, pair.index, hash.file.layout.order)? {
        Item::Plain(_) => Ok(page.page.part(pair.key.start + 1..pair.key.end)),
        Item::Big(big) => overflow::read(&hash.file, big, budget),
        Item::Duplicates(_) | Item::DuplicateTree(_) => {
            Err(page.page.problem(Fault::ItemType).item(pair.index).value(item[0]).into())
        }
    }
}

impl<'a, S: Source> Iterator for HashIter<'a, S> {
    type Item = Result<Entry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.end();
        }
        next
    }
}

impl<S: Source> FusedIterator for HashIter<'_, S> {}
