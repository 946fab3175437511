//! A page of a bucket, taken apart to be changed.

use std::borrow::Cow;
use std::ops::Range;

use super::page::HashPage;
use super::stored::Stored;
use crate::error::{Damage, Error};
use crate::file::PageFile;
use crate::format::item::{self, BigRef, Item};
use crate::format::page::Header;
use crate::format::{ByteOrder, page_type};
use crate::overflow;
use crate::pages::Pages;

/// The pairs of one page, each item as it is stored, in the order of the page.
#[derive(Clone, Debug)]
pub(crate) struct EditedPage {
    pub number: u32,
    pub prev: u32,
    pub next: u32,
    /// Sorted, or not: pages keep what they are.
    kind: u8,
    pub pairs: Vec<StoredPair>,
}

/// Both items of a pair, type bytes included.
#[derive(Clone, Debug)]
pub(crate) struct StoredPair {
    pub key: Vec<u8>,
    pub data: Vec<u8>,
}

/// Which keys a page has. Sorted pages that mix both kinds are ambiguous: nothing is added to them (section 12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    None,
    Plain,
    Big,
    Mixed,
}

impl StoredPair {
    pub fn len(&self) -> usize {
        self.key.len() + self.data.len() + 4
    }

    pub fn has_big_key(&self) -> bool {
        self.key.first() == Some(&item::BIG)
    }

    /// The key's own bytes.
    pub fn key<'a, P: Pages>(
        &'a self,
        file: &'a PageFile<P>,
        page: u32,
    ) -> Result<Cow<'a, [u8]>, Error> {
        match Item::parse(&self.key, file.order) {
            Ok(Item::Plain(key)) => Ok(key.into()),
            Ok(Item::Big(big)) => overflow::read(file, big, &file.budget()),
            Ok(_) => Err(Error::corrupt(page, Damage::ItemType(self.key[0]))),
            Err(damage) => Err(Error::corrupt(page, damage)),
        }
    }
}

/// Bytes of a plain item.
pub(crate) fn plain_item(bytes: Stored<'_>) -> Vec<u8> {
    let mut stored = vec![item::PLAIN; 1 + bytes.len()];
    bytes.put(&mut stored[1..]);
    stored
}

/// Bytes of a reference to a big item.
pub(crate) fn big_item(big: BigRef, order: ByteOrder) -> Vec<u8> {
    let mut stored = vec![0; item::BIG_LEN];
    big.put(&mut stored, order);
    stored
}

impl EditedPage {
    /// An empty page.
    pub fn new(number: u32, prev: u32) -> Self {
        EditedPage { number, prev, next: 0, kind: page_type::HASH, pairs: Vec::new() }
    }

    pub fn read(page: &HashPage<'_>, order: ByteOrder) -> Result<Self, Error> {
        let header = page.page.header;
        let item = |range: Range<usize>| page.page.part(range).into_owned();
        let pairs = page.pairs(order)?.into_iter();
        Ok(EditedPage {
            number: page.page.number,
            prev: header.prev,
            next: header.next,
            // A page that was never written is an empty one.
            kind: if header.number == 0 { page_type::HASH } else { header.kind },
            pairs: pairs
                .map(|pair| StoredPair { key: item(pair.key), data: item(pair.data) })
                .collect(),
        })
    }

    pub fn keys(&self) -> Keys {
        let big = self.pairs.iter().filter(|pair| pair.has_big_key()).count();
        match big {
            _ if self.pairs.is_empty() => Keys::None,
            0 => Keys::Plain,
            all if all == self.pairs.len() => Keys::Big,
            _ => Keys::Mixed,
        }
    }

    /// Bytes that are left on the page.
    pub fn room(&self, page_size: usize, header_len: usize) -> usize {
        let used: usize = self.pairs.iter().map(StoredPair::len).sum();
        page_size.saturating_sub(header_len + used)
    }

    /// Whether a pair may be added that takes `need` bytes and has a big key, or not.
    pub fn takes(&self, big_key: bool, need: usize, page_size: usize, header_len: usize) -> bool {
        let alike = match self.keys() {
            Keys::None => true,
            Keys::Plain => !big_key,
            Keys::Big => big_key,
            Keys::Mixed => false,
        };
        alike && self.room(page_size, header_len) >= need
    }

    /// Adds a pair where its key belongs.
    pub fn insert<P: Pages>(&mut self, file: &PageFile<P>, pair: StoredPair) -> Result<(), Error> {
        if self.kind != page_type::HASH {
            self.pairs.push(pair);
            return Ok(());
        }
        let key = pair.key(file, self.number)?;
        let key = Stored { bytes: &key, nul: false };
        let big = pair.has_big_key();
        let (mut low, mut high) = (0, self.pairs.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let other = self.pairs[middle].key(file, self.number)?;
            let other = Stored { bytes: &other, nul: false };
            let order = if big { other.cmp_bytes(key) } else { other.cmp_on_page(key) };
            if order.is_lt() { low = middle + 1 } else { high = middle }
        }
        self.pairs.insert(low, pair);
        Ok(())
    }

    /// The bytes of the page.
    pub fn write<P: Pages>(&self, file: &PageFile<P>) -> Vec<u8> {
        let mut page = vec![0; file.page_size];
        let mut high_offset = file.page_size;
        let mut table = file.header_len;
        for item in self.pairs.iter().flat_map(|pair| [&pair.key, &pair.data]) {
            let end = high_offset;
            high_offset -= item.len();
            page[high_offset..end].copy_from_slice(item);
            file.order.put_u16(&mut page, table, high_offset as u16);
            table += 2;
        }
        let header = Header {
            number: self.number,
            prev: self.prev,
            next: self.next,
            entries: 2 * self.pairs.len() as u16,
            high_offset: high_offset as u16,
            level: 0,
            kind: self.kind,
        };
        header.put(&mut page, file.order);
        page
    }
}
