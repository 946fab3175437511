//! The pairs of one hash page (section 5).
//!
//! Items lie one below the other from the page's end, in the order of the offset array and without gaps, so each ends
//! where its predecessor starts: an item's length is the difference of two offsets. Comparing lengths therefore
//! rejects nearly every key without touching the items, which lie in other cache lines.

use std::ops::Range;

use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};

use super::stored::Stored;
use crate::error::{Damage, Error};
use crate::file::{Budget, Page, PageFile};
use crate::format::item::{self, Item};
use crate::format::{ByteOrder, page_type};
use crate::overflow;
use crate::pages::Pages;

/// The items of a pair, as their places on the page.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub key: Range<usize>,
    pub data: Range<usize>,
    /// Index of the key's item.
    pub index: usize,
}

/// A page of a bucket, found to have a plausible header.
#[derive(Clone, Debug)]
pub(crate) struct HashPage<'a> {
    pub page: Page<'a>,
    /// Offset array: four bytes a pair.
    table: Range<usize>,
}

impl<'a> HashPage<'a> {
    /// Reads the first page of a bucket. A page that was never written is an empty one.
    #[inline]
    pub fn primary<P: Pages>(
        file: &'a PageFile<P>,
        number: u32,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let page = file.page_or_hole(number, budget)?;
        if page.is_hole() {
            return Ok(HashPage { page, table: 0..0 });
        }
        Self::new(file, page)
    }

    /// Reads the page after this one in its bucket.
    #[inline]
    pub fn next<P: Pages>(
        &self,
        file: &'a PageFile<P>,
        budget: &Budget,
    ) -> Result<Option<Self>, Error> {
        match self.page.header.next {
            0 => Ok(None),
            next => Self::new(file, file.page(next, budget)?).map(Some),
        }
    }

    #[inline]
    fn new<P: Pages>(file: &PageFile<P>, page: Page<'a>) -> Result<Self, Error> {
        let header = page.header;
        if header.number != page.number {
            return Err(page.corrupt(Damage::PageNumber(header.number)));
        }
        if !matches!(header.kind, page_type::HASH | page_type::HASH_UNSORTED) {
            return Err(page.corrupt(Damage::PageType(header.kind)));
        }
        let table = file.header_len..file.header_len + 2 * usize::from(header.entries);
        if !header.entries.is_multiple_of(2) || table.end > file.page_size {
            return Err(page.corrupt(Damage::Entries(header.entries)));
        }
        Ok(HashPage { page, table })
    }

    /// The first pair that `wanted` accepts; it is shown the places of both items.
    #[inline]
    fn search<E: Endian>(
        &self,
        mut wanted: impl FnMut(&Pair) -> Result<bool, Error>,
    ) -> Result<Option<Pair>, Error> {
        let bytes = &*self.page.bytes;
        let table = bytes.get(self.table.clone()).unwrap_or_default();
        let mut end = bytes.len();
        for (i, offsets) in table.chunks_exact(4).enumerate() {
            let (key, data) = offsets.split_at(2);
            let (key, data) = (usize::from(E::read_u16(key)), usize::from(E::read_u16(data)));
            if !(self.table.end <= data && data < key && key < end) {
                return Err(self.page.corrupt_item(2 * i, Damage::Offset));
            }
            let pair = Pair { key: key..end, data: data..key, index: 2 * i };
            if wanted(&pair)? {
                return Ok(Some(pair));
            }
            end = data;
        }
        Ok(None)
    }

    /// The pair whose key is `key`.
    ///
    /// Every key is looked at, whatever the order on the page: that also finds the keys which a binary search misses on
    /// pages that mix big keys with short ones (section 12.2).
    #[inline]
    pub fn find<P: Pages>(
        &self,
        file: &PageFile<P>,
        key: Stored<'_>,
        budget: &Budget,
    ) -> Result<Option<Pair>, Error> {
        let bytes = &*self.page.bytes;
        let wanted = |pair: &Pair| {
            let len = pair.key.len();
            if len != key.len() + 1 && len != item::BIG_LEN {
                return Ok(false);
            }
            let stored = bytes.get(pair.key.clone()).unwrap_or_default();
            match stored.split_first() {
                Some((&item::PLAIN, stored)) => Ok(key.is(stored)),
                _ => match self.item(stored, pair.index, file.order)? {
                    Item::Big(big) => overflow::equals(file, big, key.pieces(), budget),
                    _ => Err(self.page.corrupt_item(pair.index, Damage::ItemType(stored[0]))),
                },
            }
        };
        match file.order {
            ByteOrder::Little => self.search::<LittleEndian>(wanted),
            ByteOrder::Big => self.search::<BigEndian>(wanted),
        }
    }

    /// The places of all pairs, each checked to lie on the page.
    pub fn pairs(&self, order: ByteOrder) -> Result<Vec<Pair>, Error> {
        let mut pairs = Vec::with_capacity(self.table.len() / 4);
        let collect = |pair: &Pair| {
            pairs.push(pair.clone());
            Ok(false)
        };
        match order {
            ByteOrder::Little => self.search::<LittleEndian>(collect)?,
            ByteOrder::Big => self.search::<BigEndian>(collect)?,
        };
        Ok(pairs)
    }

    /// Number of pairs, and the offset of the lowest item, after all have been checked to lie on the page.
    pub fn extent(&self, order: ByteOrder) -> Result<(usize, usize), Error> {
        let (mut count, mut low) = (0, self.page.bytes.len());
        let measure = |pair: &Pair| {
            count += 1;
            low = pair.data.start;
            Ok(false)
        };
        match order {
            ByteOrder::Little => self.search::<LittleEndian>(measure)?,
            ByteOrder::Big => self.search::<BigEndian>(measure)?,
        };
        Ok((count, low))
    }

    /// Bytes that are left between the offsets and the items; an estimate, as long as nothing has been checked.
    pub fn room(&self) -> usize {
        let low = match usize::from(self.page.header.high_offset) {
            // An empty page of 65536 bytes, or one that was never written.
            0 => self.page.bytes.len(),
            low => low,
        };
        low.saturating_sub(self.table.end)
    }

    /// Reads an item, with this page's number in the error.
    pub fn item<'i>(
        &self,
        item: &'i [u8],
        index: usize,
        order: ByteOrder,
    ) -> Result<Item<'i>, Error> {
        Item::parse(item, order).map_err(|damage| self.page.corrupt_item(index, damage))
    }
}
