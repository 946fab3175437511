//! The numbers on the pages of a btree file, looked at and changed without the crate under test.
// Each file of tests uses a part of it.
#![allow(dead_code)]

/// Page types.
pub const INTERNAL: u8 = 3;
pub const RECNO_INTERNAL: u8 = 4;
pub const LEAF: u8 = 5;
pub const RECNO_LEAF: u8 = 6;
pub const OVERFLOW: u8 = 7;
pub const HASH_META: u8 = 8;
pub const BTREE_META: u8 = 9;
pub const DUPLICATE_LEAF: u8 = 12;

/// Item types.
pub const PLAIN: u8 = 1;
pub const DUPLICATE_TREE: u8 = 2;
pub const BIG: u8 = 3;

/// Fields of a page header (hash specification, section 4).
pub mod header {
    pub const NUMBER: usize = 8;
    pub const PREVIOUS: usize = 12;
    pub const NEXT: usize = 16;
    pub const ENTRIES: usize = 20;
    pub const HIGH_OFFSET: usize = 22;
    pub const LEVEL: usize = 24;
    pub const TYPE: usize = 25;
    pub const CHECKSUM: usize = 28;
}

/// Fields of a meta page (btree specification, section 2).
pub mod meta {
    pub const MAGIC: usize = 12;
    pub const VERSION: usize = 16;
    pub const PAGE_SIZE: usize = 20;
    pub const ENCRYPTION: usize = 24;
    pub const META_FLAGS: usize = 26;
    pub const FREE: usize = 28;
    pub const LAST_PAGE: usize = 32;
    pub const PARTITIONS: usize = 36;
    pub const FLAGS: usize = 48;
    pub const MINIMUM_KEYS: usize = 76;
    pub const RECORD_LEN: usize = 80;
    pub const ROOT: usize = 88;
    pub const CRYPTO_MAGIC: usize = 460;
    pub const CHECKSUM: usize = 492;
    /// Significant bytes.
    pub const LEN: usize = 512;
}

/// A file, as its page 0 lays it out when it is read.
#[derive(Clone, Debug)]
pub struct Pages {
    pub bytes: Vec<u8>,
    pub page_size: usize,
    big_endian: bool,
    checksums: bool,
}

impl Pages {
    pub fn of(bytes: Vec<u8>) -> Self {
        let size = *bytes[meta::PAGE_SIZE..].first_chunk().unwrap();
        let big_endian = !(512..=65536).contains(&u32::from_le_bytes(size));
        let page_size =
            if big_endian { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) };
        let checksums = bytes[meta::META_FLAGS] & 1 != 0;
        Pages { bytes, page_size: page_size as usize, big_endian, checksums }
    }

    pub fn count(&self) -> usize {
        self.bytes.len() / self.page_size
    }

    pub fn page(&mut self, page: usize) -> &mut [u8] {
        &mut self.bytes[page * self.page_size..][..self.page_size]
    }

    pub fn u8(&self, page: usize, at: usize) -> u8 {
        self.bytes[page * self.page_size + at]
    }

    pub fn u16(&self, page: usize, at: usize) -> u16 {
        let bytes = *self.bytes[page * self.page_size + at..].first_chunk().unwrap();
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub fn u32(&self, page: usize, at: usize) -> u32 {
        let bytes = *self.bytes[page * self.page_size + at..].first_chunk().unwrap();
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    pub fn put_u8(&mut self, page: usize, at: usize, value: u8) {
        self.page(page)[at] = value;
    }

    pub fn put_u16(&mut self, page: usize, at: usize, value: u16) {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.page(page)[at..at + 2].copy_from_slice(&bytes);
    }

    pub fn put_u32(&mut self, page: usize, at: usize, value: u32) {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.page(page)[at..at + 4].copy_from_slice(&bytes);
    }

    pub fn kind(&self, page: usize) -> u8 {
        self.u8(page, header::TYPE)
    }

    /// The pages of some types.
    pub fn of_kinds(&self, kinds: &[u8]) -> Vec<usize> {
        (0..self.count()).filter(|page| kinds.contains(&self.kind(*page))).collect()
    }

    pub fn entries(&self, page: usize) -> usize {
        self.u16(page, header::ENTRIES).into()
    }

    /// Where the offset of an item lies.
    pub fn slot(&self, index: usize) -> usize {
        (if self.checksums { 32 } else { 26 }) + 2 * index
    }

    /// Where an item lies.
    pub fn item(&self, page: usize, index: usize) -> usize {
        self.u16(page, self.slot(index)).into()
    }

    /// The items of a page of pairs or data that are of a type: their indexes.
    pub fn items(&self, page: usize, item_type: u8) -> Vec<usize> {
        let is = |index: &usize| self.u8(page, self.item(page, *index) + 2) & 0x7f == item_type;
        (0..self.entries(page)).filter(is).collect()
    }

    /// Puts a copy of a page in place of another, or behind the last, under the right number.
    pub fn copy_page(&mut self, from: usize, to: usize) {
        let page = self.page(from).to_vec();
        let len = self.bytes.len().max((to + 1) * self.page_size);
        self.bytes.resize(len, 0);
        self.page(to).copy_from_slice(&page);
        self.put_u32(to, header::NUMBER, to as u32);
        let last = self.count() as u32 - 1;
        self.put_u32(0, meta::LAST_PAGE, last);
    }

    /// Sets the checksums of pages that differ from those of the sound file, so that what else is
    /// wrong with them is looked at.
    pub fn reseal(&mut self, sound: &[u8]) {
        if !self.checksums {
            return;
        }
        for page in 0..self.count() {
            let range = page * self.page_size..(page + 1) * self.page_size;
            if sound.get(range.clone()) == Some(&self.bytes[range]) {
                continue;
            }
            let (at, len) = match self.kind(page) {
                HASH_META | BTREE_META => (meta::CHECKSUM, meta::LEN),
                _ => (header::CHECKSUM, self.page_size),
            };
            self.put_u32(page, at, 0);
            let hash = |hash: u32, byte: &u8| hash.wrapping_mul(33).wrapping_add((*byte).into());
            let sum = self.page(page)[..len].iter().fold(0, hash);
            self.put_u32(page, at, sum);
        }
    }
}
