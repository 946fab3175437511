//! The pairs of one hash page, as far as its offsets make sense.

use std::borrow::Cow;
use std::ops::Range;

use kv_file_core::Source;

use super::super::Rescue;
use super::super::found::{Doubt, Doubts, Place};
use super::super::layout::is_hash;
use crate::databases::AccessMethod;
use crate::error::Result;
use crate::file::Page;
use crate::format::item::Item;
use crate::format::packed::Elements;
use crate::format::page_type;
use crate::stop::Stop;

/// The places of a pair's items.
struct Pair {
    index: usize,
    key: Range<usize>,
    data: Range<usize>,
}

impl<S: Source> Rescue<'_, '_, S> {
    /// The pairs of a page whose three offsets are in order, and whether all are.
    fn places(&self, page: &Page<'_>) -> (Vec<Pair>, bool) {
        let file = self.file;
        let offset =
            |index| file.layout.order.u16(&page.bytes, file.layout.header_len() + 2 * index);
        let entries = usize::from(page.header.entries);
        let fits = entries.is_multiple_of(2)
            && file.layout.header_len() + 2 * entries <= file.layout.page_size;
        // Where the number of entries makes no sense, the offsets themselves must tell where they
        // end.
        let most = if fits { entries } else { file.layout.room() / 2 };
        let (mut pairs, mut whole) = (Vec::new(), fits);
        let mut end = file.layout.page_size;
        for index in (0..most).step_by(2) {
            let Some((key, data)) = offset(index).zip(offset(index + 1)) else { break };
            let (key, data) = (usize::from(key), usize::from(data));
            let table_end = file.layout.header_len() + 2 * if fits { entries } else { index + 2 };
            if table_end <= data && data < key && key < end {
                pairs.push(Pair { index, key: key..end, data: data..key });
                end = data;
                continue;
            }
            whole = false;
            if !fits {
                break;
            }
            // The next pair ends where this one's data should start.
            if table_end <= data && data < end {
                end = data;
            }
        }
        (pairs, whole)
    }

    /// Returns `true` if a page is one of pairs: by its type, or where that is none, by its
    /// offsets.
    pub(in crate::salvage) fn is_hash_page(&self, page: &Page<'_>) -> bool {
        match page.header.kind {
            kind if is_hash(kind) => true,
            page_type::FREE
            | page_type::BTREE_INTERNAL..=page_type::BTREE_META
            | page_type::DUPLICATE_LEAF => false,
            _ => {
                let (pairs, whole) = self.places(page);
                whole && !pairs.is_empty()
            }
        }
    }

    /// Gives the pairs of a page. `judge` says what speaks against a key, if it is whole.
    pub(super) fn pairs(
        &mut self,
        page: &Page<'_>,
        database: Option<&[u8]>,
        doubts: Doubts,
        mut judge: impl FnMut(&[u8]) -> Doubts,
    ) -> Result<(), Stop> {
        let (pairs, whole) = self.places(page);
        let damaged = !whole || !is_hash(page.header.kind);
        let doubts = doubts | Doubts::when(damaged, Doubt::PageDamaged);
        for pair in pairs {
            let bytes = |place: Range<usize>| page.bytes.get(place).unwrap_or_default();
            let (key, mut doubts) = match Item::parse(bytes(pair.key), self.file.layout.order) {
                Ok(Item::Plain(key)) => (Some(Cow::Borrowed(key)), doubts),
                Ok(Item::Big(big)) => {
                    let big = self.big(big)?;
                    let broken = Doubts::when(!big.whole, Doubt::BrokenKey);
                    let key =
                        if big.whole || !big.bytes.is_empty() { Some(big.bytes) } else { None };
                    (key, doubts | big.doubts | broken)
                }
                _ => (None, doubts | Doubt::BrokenKey),
            };
            if let Some(key) = &key
                && !doubts.has(Doubt::BrokenKey)
            {
                doubts |= judge(key);
            }
            let place = Place {
                database,
                method: Some(AccessMethod::Hash),
                page: page.number,
                item: Some(pair.index + 1),
            };
            self.data(place, key.as_deref(), bytes(pair.data), doubts)?;
        }
        Ok(())
    }

    /// Gives the data of a key.
    fn data(
        &mut self,
        place: Place<'_>,
        key: Option<&[u8]>,
        item: &[u8],
        doubts: Doubts,
    ) -> Result<(), Stop> {
        match Item::parse(item, self.file.layout.order) {
            Ok(Item::Plain(data)) => self.output.give(place, key, data, doubts),
            Ok(Item::Big(big)) => self.big_data(place, key, big, doubts),
            Ok(Item::Duplicates(set)) => {
                let elements = Elements::of(set, self.file.layout.order);
                let broken = elements.clone().any(|element| element.is_err());
                let doubts = doubts | Doubts::when(broken, Doubt::BrokenDuplicates);
                let before = self.output.given();
                for element in elements.flatten() {
                    self.output.give(place, key, element, doubts)?;
                }
                self.key_alone(before, place, key, doubts)
            }
            Ok(Item::DuplicateTree(root)) => self.duplicate_tree(place, key, root, doubts),
            // The key is all that there is.
            Err(_) => self.output.give(place, key, &[], doubts | Doubt::BrokenData),
        }
    }
}
