//! A page of a bucket that is being changed.

use std::borrow::Cow;

use kv_file_core::{Datum, Source};

use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::PageFile;
use crate::format::item::{self, BigRef, Item};
use crate::format::page::Header;
use crate::format::{ByteOrder, page_order, page_type};
use crate::hash::page::{HashPage, Pair};
use crate::overflow;

/// A page in memory. Pairs are counted from 0; the one at `i` has the items 2i and 2i + 1.
///
/// Items lie one below the other without gaps (section 5), so adding or removing a pair moves the
/// bytes of those after it.
#[derive(Clone, Debug)]
pub(crate) struct EditedPage {
    pub number: u32,
    pub prev: u32,
    pub next: u32,
    /// Sorted, or not: pages keep what they are.
    kind: u8,
    bytes: Vec<u8>,
    pairs: usize,
    /// Offset of the lowest item.
    low: usize,
    table: usize,
    order: ByteOrder,
}

/// Both items of a pair, type bytes included.
#[derive(Clone, Debug)]
pub(crate) struct StoredPair {
    pub key: Vec<u8>,
    pub data: Vec<u8>,
}

/// Which keys a page has. Sorted pages that mix both kinds are ambiguous: nothing is added to them
/// (section 12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    None,
    Plain,
    Big,
    Mixed,
}

/// Bytes of a plain item.
pub(crate) fn plain_item(bytes: Datum<'_>) -> Vec<u8> {
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

impl StoredPair {
    pub fn len(&self) -> usize {
        self.key.len() + self.data.len() + 4
    }

    pub fn has_big_key(&self) -> bool {
        is_big(&self.key)
    }
}

fn is_big(key: &[u8]) -> bool {
    key.first() == Some(&item::BIG)
}

/// The key that an item holds.
pub(crate) fn key_of<'a, S: Source>(
    file: &'a PageFile<S>,
    page: u32,
    item: &'a [u8],
) -> Result<Cow<'a, [u8]>> {
    match Item::parse(item, file.layout.order) {
        Ok(Item::Plain(key)) => Ok(key.into()),
        Ok(Item::Big(big)) => overflow::read(file, big, &file.budget()),
        Ok(_) => Err(Problem::on(page, Fault::ItemType).value(item[0]).into()),
        Err(flaw) => Err(flaw.on(page).into()),
    }
}

impl EditedPage {
    /// An empty page.
    pub fn new<S>(file: &PageFile<S>, number: u32, prev: u32) -> Self {
        EditedPage {
            number,
            prev,
            next: 0,
            kind: page_type::HASH,
            bytes: vec![0; file.layout.page_size],
            pairs: 0,
            low: file.layout.page_size,
            table: file.layout.header_len(),
            order: file.layout.order,
        }
    }

    /// A page of the file. All its items are checked to lie on it.
    pub fn read<S>(file: &PageFile<S>, page: &HashPage<'_>) -> Result<Self> {
        let header = page.page.header;
        let (pairs, low) = page.extent(file.layout.order)?;
        Ok(EditedPage {
            number: page.page.number,
            prev: header.prev,
            next: header.next,
            // A page that was never written is an empty one.
            kind: if header.number == 0 { page_type::HASH } else { header.kind },
            bytes: page.page.bytes.to_vec(),
            pairs,
            low,
            table: file.layout.header_len(),
            order: file.layout.order,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.pairs == 0
    }

    pub fn pairs(&self) -> usize {
        self.pairs
    }

    fn offset(&self, item: usize) -> usize {
        self.order.u16(&self.bytes, self.table + 2 * item).unwrap_or_default().into()
    }

    fn set_offset(&mut self, item: usize, offset: usize) {
        self.order.put_u16(&mut self.bytes, self.table + 2 * item, offset as u16);
    }

    /// Where item `item` ends: at the start of the one before.
    fn end(&self, item: usize) -> usize {
        match item {
            0 => self.bytes.len(),
            item => self.offset(item - 1),
        }
    }

    fn item(&self, item: usize) -> &[u8] {
        &self.bytes[self.offset(item)..self.end(item)]
    }

    pub fn key(&self, pair: usize) -> &[u8] {
        self.item(2 * pair)
    }

    pub fn data(&self, pair: usize) -> &[u8] {
        self.item(2 * pair + 1)
    }

    fn keys(&self) -> Keys {
        let big = (0..self.pairs).filter(|pair| is_big(self.key(*pair))).count();
        match big {
            _ if self.pairs == 0 => Keys::None,
            0 => Keys::Plain,
            all if all == self.pairs => Keys::Big,
            _ => Keys::Mixed,
        }
    }

    /// Bytes that are left on the page.
    pub fn room(&self) -> usize {
        self.low - (self.table + 4 * self.pairs)
    }

    /// Returns `true` if a pair may be added that takes `need` bytes and has a big key, or not.
    pub fn takes(&self, big_key: bool, need: usize) -> bool {
        self.room() >= need
            && match self.keys() {
                Keys::None => true,
                Keys::Plain => !big_key,
                Keys::Big => big_key,
                Keys::Mixed => false,
            }
    }

    /// Adds a pair, for which there is room, where its key belongs.
    pub fn insert<S: Source>(&mut self, file: &PageFile<S>, pair: &StoredPair) -> Result<()> {
        let at = if self.kind == page_type::HASH { self.position(file, pair)? } else { self.pairs };
        // The offsets after it make room for two more.
        let slot = self.table + 4 * at;
        self.bytes.copy_within(slot..self.table + 4 * self.pairs, slot + 4);
        self.pairs += 1;
        let end = self.end(2 * at);
        self.set_offset(2 * at, end);
        self.set_offset(2 * at + 1, end);
        self.resize(2 * at, 0, &pair.key);
        self.resize(2 * at + 1, 0, &pair.data);
        Ok(())
    }

    /// Where the key of a pair belongs on a sorted page.
    fn position<S: Source>(&self, file: &PageFile<S>, pair: &StoredPair) -> Result<usize> {
        let key = key_of(file, self.number, &pair.key)?;
        let key = Datum { bytes: &key, nul: false };
        let (mut low, mut high) = (0, self.pairs);
        while low < high {
            let middle = low + (high - low) / 2;
            let other = key_of(file, self.number, self.key(middle))?;
            let other = Datum { bytes: &other, nul: false };
            let big = pair.has_big_key();
            let order = if big { other.cmp(&key) } else { page_order(other, key) };
            if order.is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Gives a pair other data, for which there is room.
    pub fn set_data(&mut self, pair: usize, data: &[u8]) {
        let item = 2 * pair + 1;
        self.resize(item, self.item(item).len(), data);
    }

    /// Takes a pair off the page.
    pub fn remove(&mut self, pair: usize) -> StoredPair {
        let removed = StoredPair { key: self.key(pair).to_vec(), data: self.data(pair).to_vec() };
        self.resize(2 * pair + 1, removed.data.len(), b"");
        self.resize(2 * pair, removed.key.len(), b"");
        let slot = self.table + 4 * pair;
        self.bytes.copy_within(slot + 4..self.table + 4 * self.pairs, slot);
        self.pairs -= 1;
        removed
    }

    /// Puts `new` in the place of an item of `old_len` bytes; those after it move.
    fn resize(&mut self, item: usize, old_len: usize, new: &[u8]) {
        let end = self.end(item);
        let (from, to) = (self.low, self.low + old_len - new.len());
        self.bytes.copy_within(from..end - old_len, to);
        self.bytes[end - new.len()..end].copy_from_slice(new);
        // Modulo 2^16, like the offsets: the end of a page of 65536 bytes is 0.
        let shift = (old_len as u16).wrapping_sub(new.len() as u16);
        for after in item..2 * self.pairs {
            let offset = (self.offset(after) as u16).wrapping_add(shift);
            self.set_offset(after, offset.into());
        }
        self.low = to;
    }

    /// The bytes of the page.
    pub fn into_bytes(self) -> Vec<u8> {
        let mut page = self.bytes;
        // What lies between the offsets and the items is nobody's.
        page[self.table + 4 * self.pairs..self.low].fill(0);
        let header = Header {
            number: self.number,
            prev: self.prev,
            next: self.next,
            entries: 2 * self.pairs as u16,
            high_offset: self.low as u16,
            level: 0,
            kind: self.kind,
        };
        header.put(&mut page, self.order);
        page
    }
}

/// The items of a pair as they are stored.
pub(crate) fn stored_pair(page: &HashPage<'_>, pair: &Pair) -> StoredPair {
    let item = |range: &std::ops::Range<usize>| page.page.part(range.clone()).into_owned();
    StoredPair { key: item(&pair.key), data: item(&pair.data) }
}
