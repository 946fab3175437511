//! The data items of one key: usually one, several in a database with duplicates (section 9).

use std::borrow::Cow;
use std::iter::FusedIterator;

use kv_file_core::Source;

use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::{Budget, PageFile};
use crate::format::item::Item;
use crate::format::packed::element;
use crate::hash::page::{HashPage, Pair};
use crate::overflow;
use crate::tree::Leaves;

/// The data items of one key, in the order in which the database keeps them.
#[derive(Debug)]
pub(crate) enum DataItems<'a> {
    /// One item, until it is taken.
    One(Option<Cow<'a, [u8]>>),
    /// A set on the page: what of it is still to be read, and where it stands, for messages.
    Set { rest: Cow<'a, [u8]>, at: usize, page: u32, index: usize },
    /// A tree of their own.
    Tree(Leaves<'a>),
}

impl<'a> DataItems<'a> {
    /// The data items of a pair on `page`.
    pub fn of<S: Source>(
        file: &'a PageFile<S>,
        page: &HashPage<'a>,
        pair: &Pair,
        budget: &Budget,
    ) -> Result<Self> {
        let index = pair.index + 1;
        let item = page.page.bytes.get(pair.data.clone()).unwrap_or_default();
        Ok(match page.item(item, index, file.layout.order)? {
            Item::Plain(_) => {
                DataItems::One(Some(page.page.part(pair.data.start + 1..pair.data.end)))
            }
            Item::Big(big) => DataItems::One(Some(overflow::read(file, big, budget)?)),
            Item::Duplicates(_) => DataItems::Set {
                rest: page.page.part(pair.data.start + 1..pair.data.end),
                at: 0,
                page: page.page.number,
                index,
            },
            Item::DuplicateTree(root) => DataItems::Tree(Leaves::under(file, root, budget)?),
        })
    }

    /// The next item.
    pub fn next<S: Source>(
        &mut self,
        file: &'a PageFile<S>,
        budget: &Budget,
    ) -> Result<Option<Cow<'a, [u8]>>> {
        match self {
            DataItems::One(item) => Ok(item.take()),
            DataItems::Set { rest, at, page, index } => {
                if *at == rest.len() {
                    return Ok(None);
                }
                let malformed = || Problem::on(*page, Fault::DuplicateSet).item(*index);
                let place = element(rest, *at, file.layout.order).ok_or_else(malformed)?;
                *at = place.end + 2;
                Ok(Some(match rest {
                    Cow::Borrowed(rest) => Cow::Borrowed(&rest[place]),
                    Cow::Owned(rest) => Cow::Owned(rest[place].to_vec()),
                }))
            }
            DataItems::Tree(leaves) => loop {
                match leaves.next(file, budget)? {
                    Some(item) if item.deleted => {}
                    Some(item) => return Ok(Some(item.bytes)),
                    None => return Ok(None),
                }
            },
        }
    }
}

/// Iterates over the data items of one key: [`HashDb::get_all`](super::HashDb::get_all).
///
/// After an error it ends.
#[must_use = "iterators are lazy"]
#[derive(Debug)]
pub struct HashValues<'a, S> {
    file: &'a PageFile<S>,
    budget: Budget,
    source: DataItems<'a>,
}

impl<'a, S: Source> HashValues<'a, S> {
    pub(super) fn new(file: &'a PageFile<S>, source: DataItems<'a>, budget: Budget) -> Self {
        HashValues { file, budget, source }
    }
}

impl<'a, S: Source> Iterator for HashValues<'a, S> {
    type Item = Result<Cow<'a, [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.source.next(self.file, &self.budget).transpose();
        if matches!(next, Some(Err(_))) {
            self.source = DataItems::One(None);
        }
        next
    }
}

impl<S: Source> FusedIterator for HashValues<'_, S> {}
