//! The pairs of one hash page (section 5).
//!
//! Items lie one below the other from the page's end, in the order of the offset array and without
//! gaps, so each ends where its predecessor starts: an item's length is the difference of two
//! offsets. Comparing lengths therefore rejects nearly every key without touching the items, which
//! lie in other cache lines.

use std::borrow::Cow;
use std::ops::Range;

use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};
use kv_file_core::{Datum, Source};

use crate::error::Result;
use crate::fault::{Fault, Flaw};
use crate::file::{Budget, Page, PageFile};
use crate::format::item::{self, Item};
use crate::format::{ByteOrder, page_type};
use crate::overflow;

/// A key and its data.
pub(crate) type Entry<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The items of a pair, as their places on the page.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub key: Range<usize>,
    pub data: Range<usize>,
    /// Index of the key's item.
    pub index: usize,
}

/// How far the pairs of a page have been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// Index of the next key's item.
    index: usize,
    /// Where that item ends.
    end: usize,
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
    pub fn primary<S: Source>(file: &'a PageFile<S>, number: u32, budget: &Budget) -> Result<Self> {
        let page = file.page_or_hole(number, budget)?;
        Self::of(file, page)
    }

    /// A page that has been read. One that was never written is an empty one.
    pub fn of<S: Source>(file: &PageFile<S>, page: Page<'a>) -> Result<Self> {
        match page.is_hole() {
            true => Ok(HashPage { page, table: 0..0 }),
            false => Self::new(file, page),
        }
    }

    /// Reads the page after this one in its bucket.
    pub fn next<S: Source>(&self, file: &'a PageFile<S>, budget: &Budget) -> Result<Option<Self>> {
        match self.page.header.next {
            0 => Ok(None),
            next => Self::new(file, file.page(next, budget)?).map(Some),
        }
    }

    fn new<S: Source>(file: &PageFile<S>, page: Page<'a>) -> Result<Self> {
        let header = page.header;
        if header.number != page.number {
            return Err(page.problem(Fault::PageNumber).value(header.number).into());
        }
        if !matches!(header.kind, page_type::HASH | page_type::HASH_UNSORTED) {
            return Err(page.problem(Fault::LinkedType).value(header.kind).into());
        }
        let table =
            file.layout.header_len()..file.layout.header_len() + 2 * usize::from(header.entries);
        if !header.entries.is_multiple_of(2) || table.end > file.layout.page_size {
            return Err(page.problem(Fault::Entries).value(header.entries).into());
        }
        Ok(HashPage { page, table })
    }

    /// The position before the first pair.
    #[inline]
    pub fn start(&self) -> Cursor {
        Cursor { index: 0, end: self.page.bytes.len() }
    }

    /// The pair at a position, if there is one more, found to lie on the page.
    #[inline]
    pub fn next_pair(&self, order: ByteOrder, at: &mut Cursor) -> Result<Option<Pair>> {
        match order {
            ByteOrder::Little => self.next_pair_in::<LittleEndian>(at),
            ByteOrder::Big => self.next_pair_in::<BigEndian>(at),
        }
    }

    #[inline(always)]
    fn next_pair_in<E: Endian>(&self, at: &mut Cursor) -> Result<Option<Pair>> {
        let Cursor { index, end } = *at;
        let table = self.page.bytes.get(self.table.clone()).unwrap_or_default();
        let Some(offsets) = table.get(2 * index..).and_then(|rest| rest.first_chunk()) else {
            return Ok(None);
        };
        let Some((key, data)) = starts::<E>(offsets, self.table.end, end) else {
            return Err(self.page.problem(Fault::Offset).item(index).into());
        };
        *at = Cursor { index: index + 2, end: data };
        Ok(Some(Pair { key: key..end, data: data..key, index }))
    }

    /// The pair whose key is `key`.
    ///
    /// Every key is looked at, whatever the order on the page: that also finds the keys which a
    /// binary search misses on pages that mix big keys with short ones (section 12.2).
    pub fn find<S: Source>(
        &self,
        file: &PageFile<S>,
        key: Datum<'_>,
        budget: &Budget,
    ) -> Result<Option<Pair>> {
        let mut at = self.start();
        while let Some(pair) = self.next_pair(file.layout.order, &mut at)? {
            let item = self.page.bytes.get(pair.key.clone()).unwrap_or_default();
            if item.len() != 1 + key.len() && item.len() != item::BIG_LEN {
                continue;
            }
            let found = match self.item(item, pair.index, file.layout.order)? {
                Item::Plain(stored) => key.is(stored),
                Item::Big(big) => overflow::equals(file, big, key.pieces(), budget)?,
                Item::Duplicates(_) | Item::DuplicateTree(_) => {
                    let problem = self.page.problem(Fault::ItemType).item(pair.index);
                    return Err(problem.value(item[0]).into());
                }
            };
            if found {
                return Ok(Some(pair));
            }
        }
        Ok(None)
    }

    /// Number of pairs, and the offset of the lowest item, after all have been checked to lie on
    /// the page.
    pub fn extent(&self, order: ByteOrder) -> Result<(usize, usize)> {
        let mut at = self.start();
        while self.next_pair(order, &mut at)?.is_some() {}
        Ok((at.index / 2, at.end))
    }

    /// Bytes that are left between the offsets and the items; an estimate, as long as nothing has
    /// been checked.
    pub fn room(&self) -> usize {
        let low = match usize::from(self.page.header.high_offset) {
            // An empty page of 65536 bytes, or one that was never written.
            0 => self.page.bytes.len(),
            low => low,
        };
        low.saturating_sub(self.table.end)
    }

    /// The key and the data of a pair, if both are plain items, as nearly all are.
    #[inline]
    pub fn plain(&self, pair: &Pair) -> Option<Entry<'a>> {
        let plain = |item: &Range<usize>| {
            let is_plain = self.page.bytes.get(item.start) == Some(&item::PLAIN);
            is_plain.then(|| self.page.part(item.start + 1..item.end))
        };
        Some((plain(&pair.key)?, plain(&pair.data)?))
    }

    /// Reads an item, with this page's number in the error.
    pub fn item<'i>(&self, item: &'i [u8], index: usize, order: ByteOrder) -> Result<Item<'i>> {
        let flawed = |flaw: Flaw| flaw.on(self.page.number).item(index);
        Ok(Item::parse(item, order).map_err(flawed)?)
    }
}

/// Where the two items of a pair start, if they lie between `low` and `end`.
#[inline(always)]
fn starts<E: Endian>([k0, k1, d0, d1]: &[u8; 4], low: usize, end: usize) -> Option<(usize, usize)> {
    let key = usize::from(E::read_u16(&[*k0, *k1]));
    let data = usize::from(E::read_u16(&[*d0, *d1]));
    (low <= data && data < key && key < end).then_some((key, data))
}
