//! Pages to which nothing has led: pairs first, then data without keys.

use std::borrow::Cow;
use std::collections::HashSet;

use kv_file_core::Source;

use super::found::{Doubt, Doubts, Place};
use super::{Database, LEFT_LEAF, LEFT_OVERFLOW, Rescue, page};
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Page;
use crate::format::item::Item;
use crate::format::packed::Items;
use crate::format::page::Header;
use crate::format::page_type;
use crate::stop::Stop;

/// The keys of a bucket.
#[derive(Default)]
struct Keys {
    bucket: Option<u32>,
    digests: HashSet<u64>,
}

impl<S: Source> Rescue<'_, '_, S> {
    pub(super) fn leftovers(&mut self, databases: &[Database]) -> Result<(), Stop> {
        // Only in a file of one database can be told whose page one is.
        let database = if let [database] = databases { Some(database) } else { None };
        let mut keys = Keys::default();
        let file = self.file;
        file.each_page(|number, bytes| {
            let header = Header::parse(bytes, file.layout.order);
            let Some(header) = header.filter(|_| number != 0 && self.is_unseen(number)) else {
                return Ok(());
            };
            let page = Page { header, bytes: Cow::Borrowed(bytes), number };
            if self.is_hash_page(&page) {
                return self.orphan(&page, database, &mut keys);
            }
            let left = match header.kind {
                page_type::RECNO_LEAF | page_type::DUPLICATE_LEAF => LEFT_LEAF,
                page_type::OVERFLOW => LEFT_OVERFLOW,
                _ => return Ok(()),
            };
            if let Some(state) = self.state.get_mut(number as usize) {
                *state = left;
            }
            Ok::<(), Stop>(())
        })?;
        for number in 0..=file.last_page {
            if self.has_state(number, LEFT_LEAF) {
                self.see(number);
                self.leaf(number, None, None, Fault::Orphan.into())?;
            }
        }
        // First the chains from their first pages, then what is left of others.
        for from_start in [true, false] {
            for number in 0..=file.last_page {
                if self.has_state(number, LEFT_OVERFLOW) {
                    self.fragment(number, from_start)?;
                }
            }
        }
        Ok(())
    }

    fn has_state(&self, number: u32, state: u8) -> bool {
        self.state.get(number as usize) == Some(&state)
    }

    /// Gives the pairs of a page to which nothing leads.
    fn orphan(
        &mut self,
        page: &Page<'_>,
        database: Option<&Database>,
        keys: &mut Keys,
    ) -> Result<(), Stop> {
        self.see(page.number);
        // The keys of a page are of one bucket, as a rule.
        if let Some(database) = database
            && let Some(bucket) = self.first_key(page).and_then(|key| database.bucket(key))
            && keys.bucket != Some(bucket)
        {
            *keys = Keys { bucket: Some(bucket), digests: self.keys(database, bucket)? };
        }
        let name = database.and_then(|database| database.name.as_deref());
        let doubts = self.page_doubts(page) | Fault::Orphan;
        self.pairs(page, name, doubts, |key| {
            let elsewhere = keys.digests.contains(&page::digest(key));
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
    fn keys(&mut self, database: &Database, bucket: u32) -> Result<HashSet<u64>, Stop> {
        let mut digests = HashSet::new();
        let (mut number, mut prev) = (database.address.page(bucket), 0);
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
                    digests.insert(page::digest(key));
                }
            }
            (prev, number) = (number, page.header.next);
        }
        Ok(digests)
    }

    /// Gives the bytes of a chain of overflow pages to which nothing leads, from this page on.
    fn fragment(&mut self, first: u32, from_start: bool) -> Result<(), Stop> {
        let Some(page) = self.read(first)? else { return Ok(()) };
        let prev = page.header.prev;
        if from_start
            && self.has_state(prev, LEFT_OVERFLOW)
            && self.read(prev)?.is_some_and(|prev| prev.header.next == first)
        {
            return Ok(());
        }
        let mut doubts = Doubts::when(prev != 0, Doubt::BrokenData) | Fault::Orphan;
        let mut bytes = Vec::new();
        let (mut number, mut prev) = (first, prev);
        while self.has_state(number, LEFT_OVERFLOW)
            && let Some(page) = self.read(number)?.filter(|page| page.header.prev == prev)
        {
            self.see(number);
            doubts |= self.page_doubts(&page);
            let Some(len) = self.overflow_bytes(&page) else { break };
            let start = self.file.layout.header_len();
            bytes.extend_from_slice(page.bytes.get(start..start + len).unwrap_or_default());
            (prev, number) = (number, page.header.next);
        }
        doubts |= Doubts::when(number != 0, Doubt::BrokenData);
        let place = Place { database: None, page: first, item: None };
        self.output.give(place, None, &bytes, doubts)
    }
}
