//! Hash databases: buckets, and pages of pairs to which nothing leads.

mod page;

use std::collections::HashSet;

use kv_file_core::Source;

use super::found::{Doubt, Doubts};
use super::{Rescue, digest};
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Page;
use crate::format::item::Item;
use crate::format::packed::Items;
use crate::format::{Address, HashFunction, HashMeta};
use crate::stop::Stop;

/// The table of a hash database.
pub(super) struct Table {
    address: Address,
    /// Nothing for a hash function of its own: its keys cannot be held against their buckets.
    function: Option<HashFunction>,
}

impl Table {
    /// The table of a meta page, if its pages can be found.
    pub fn new(meta: &HashMeta, meta_page: u32, last_page: u32) -> Option<Self> {
        let address = Address::new(meta, meta_page, last_page).ok()?;
        Some(Table { address, function: HashFunction::from_charkey(meta.charkey) })
    }

    /// The bucket of a key.
    fn bucket(&self, key: &[u8]) -> Option<u32> {
        self.function.map(|function| self.address.bucket(function.hash(key)))
    }
}

/// The keys of a bucket.
#[derive(Default)]
pub(super) struct Keys {
    bucket: Option<u32>,
    digests: HashSet<u64>,
}

impl<S: Source> Rescue<'_, '_, S> {
    /// Gives the pairs of a hash database, bucket by bucket.
    pub(super) fn hash(&mut self, name: Option<&[u8]>, table: &Table) -> Result<(), Stop> {
        (0..=table.address.max_bucket).try_for_each(|bucket| self.bucket(name, table, bucket))
    }

    /// Reads the pages of a bucket as far as they hang together.
    fn bucket(&mut self, name: Option<&[u8]>, table: &Table, bucket: u32) -> Result<(), Stop> {
        let mut keys = HashSet::new();
        let (mut number, mut prev) = (table.address.page(bucket), 0);
        while self.is_unseen(number)
            && let Some(page) = self.read(number)?
        {
            let links_back = prev == 0 || page.header.prev == prev;
            if !links_back || !self.is_hash_page(&page) {
                return Ok(());
            }
            self.see(number);
            let doubts = self.page_doubts(&page);
            self.pairs(&page, name, doubts, |key| {
                let elsewhere = table.bucket(key).is_some_and(|right| right != bucket);
                let twice = !keys.insert(digest(key));
                Doubts::when(elsewhere, Fault::WrongBucket) | Doubts::when(twice, Fault::KeyTwice)
            })?;
            (prev, number) = (number, page.header.next);
        }
        Ok(())
    }

    /// Gives the pairs of a page to which nothing leads, of this table if that is known. `keys` is of
    /// the page before.
    pub(super) fn orphan_hash_page(
        &mut self,
        page: &Page<'_>,
        name: Option<&[u8]>,
        table: Option<&Table>,
        keys: &mut Keys,
    ) -> Result<(), Stop> {
        self.see(page.number);
        // The keys of a page are of one bucket, as a rule.
        if let Some(table) = table
            && let Some(bucket) = self.first_key(page).and_then(|key| table.bucket(key))
            && keys.bucket != Some(bucket)
        {
            *keys = Keys { bucket: Some(bucket), digests: self.keys(table, bucket)? };
        }
        let doubts = self.page_doubts(page) | Fault::Orphan;
        self.pairs(page, name, doubts, |key| {
            let elsewhere = keys.digests.contains(&digest(key));
            Doubts::when(elsewhere, Doubt::KeyElsewhere)
        })
    }

    /// The first key of a page, if it is on the page.
    fn first_key<'p>(&self, page: &'p Page<'_>) -> Option<&'p [u8]> {
        let (file, entries) = (self.file, page.header.entries);
        let place = Items::on(&page.bytes, file.layout, entries)?.next()?.ok()?;
        match Item::parse(page.bytes.get(place)?, file.layout.order) {
            Ok(Item::Plain(key)) => Some(key),
            _ => None,
        }
    }

    /// The keys that are on the pages of a bucket, as far as there is a point in reading them
    /// again.
    fn keys(&mut self, table: &Table, bucket: u32) -> Result<HashSet<u64>, Stop> {
        let mut digests = HashSet::new();
        let (mut number, mut prev) = (table.address.page(bucket), 0);
        while let Some(page) = self.read(number)?
            && (prev == 0 || page.header.prev == prev)
            && self.is_hash_page(&page)
            && !self.is_unseen(number)
            && self.may_see(number)
        {
            self.see_again(number);
            let (file, entries) = (self.file, page.header.entries);
            let items = Items::on(&page.bytes, file.layout, entries);
            for place in items.into_iter().flatten().map_while(Result::ok).step_by(2) {
                let item = page.bytes.get(place).unwrap_or_default();
                if let Ok(Item::Plain(key)) = Item::parse(item, file.layout.order) {
                    digests.insert(digest(key));
                }
            }
            (prev, number) = (number, page.header.next);
        }
        Ok(digests)
    }
}
