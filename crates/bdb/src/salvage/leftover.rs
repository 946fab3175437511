//! Pages to which nothing has led: pairs first, then data without keys.

use std::borrow::Cow;

use kv_file_core::Source;

use super::btree::LeafKeys;
use super::found::{Doubt, Doubts, Place};
use super::hash::Keys;
use super::{Database, Kind, LEFT_LEAF, LEFT_OVERFLOW, Rescue};
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Page;
use crate::format::page::Header;
use crate::format::page_type;
use crate::stop::Stop;

impl<S: Source> Rescue<'_, '_, S> {
    pub(super) fn leftovers(&mut self, databases: &[Database]) -> Result<(), Stop> {
        // Only in a file of one database can be told whose page one is.
        let database = if let [database] = databases { Some(database) } else { None };
        let name = database.and_then(|database| database.name.as_deref());
        let (table, root) = match database.map(|database| &database.kind) {
            Some(Kind::Hash(table)) => (Some(table), None),
            Some(Kind::Btree(root)) => (None, Some(*root)),
            None => (None, None),
        };
        let (mut keys, mut leaf_keys) = (Keys::default(), LeafKeys::default());
        let file = self.file;
        file.each_page(|number, bytes| {
            let header = Header::parse(bytes, file.layout.order);
            let Some(header) = header.filter(|_| number != 0 && self.is_unseen(number)) else {
                return Ok(());
            };
            let page = Page { header, bytes: Cow::Borrowed(bytes), number };
            if self.is_btree_leaf(&page) {
                return self.orphan_leaf(&page, name, root, &mut leaf_keys);
            }
            if self.is_hash_page(&page) {
                return self.orphan_hash_page(&page, name, table, &mut keys);
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
                let place = Place { database: None, method: None, page: number, item: None };
                self.data_leaf(place, None, Fault::Orphan.into())?;
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
        let place = Place { database: None, method: None, page: first, item: None };
        self.output.give(place, None, &bytes, doubts)
    }
}
