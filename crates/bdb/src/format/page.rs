//! Pages: how a file lays them out, the header that every page but a meta page starts with (section
//! 4), and the order of keys on a hash page (section 12.2).

use std::cmp::Ordering;

use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};
use kv_file_core::Datum;

use super::{ByteOrder, NOT_LOGGED, checksum};

/// How the pages of a file are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLayout {
    pub order: ByteOrder,
    pub page_size: usize,
    /// Whether every page carries a checksum.
    pub checksums: bool,
}

impl PageLayout {
    /// Where the offset array or the data of a page starts.
    #[inline]
    pub fn header_len(self) -> usize {
        header_len(self.checksums)
    }

    /// Where a page starts in the file, if that can be in memory.
    #[inline]
    pub fn place(self, number: u32) -> Option<usize> {
        usize::try_from(u64::from(number) * self.page_size as u64).ok()
    }

    /// Bytes that a page has besides its header.
    pub fn room(self) -> usize {
        self.page_size - self.header_len()
    }

    /// Number of overflow pages that so many bytes fill.
    pub fn chain_pages(self, len: usize) -> u32 {
        len.div_ceil(self.room()) as u32
    }

    /// Stores the checksum of a finished page, where pages have one.
    pub fn seal(self, page: &mut [u8]) {
        if self.checksums {
            checksum::seal(page, self.order);
        }
    }

    /// Finishes a page: puts its header in its place, and the checksum.
    pub fn finish(self, page: &mut [u8], header: &Header) {
        header.put(page, self.order);
        self.seal(page);
    }
}

/// Length of the header without and with checksums: the offset array or the data of a big item
/// starts there.
pub(crate) const fn header_len(checksums: bool) -> usize {
    if checksums { 32 } else { Header::LEN }
}

/// Where the number of entries lies on a page.
pub(crate) const ENTRIES_AT: usize = 20;

/// The fields of a page header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The page's own number; 0 on a page that was never written.
    pub number: u32,
    pub prev: u32,
    pub next: u32,
    /// Number of offsets on the page; on an overflow page, its reference count.
    pub entries: u16,
    /// Offset of the lowest item; on an overflow page, the number of data bytes.
    pub high_offset: u16,
    pub level: u8,
    pub kind: u8,
}

impl Header {
    /// Length of the header without a checksum.
    pub const LEN: usize = 26;

    /// The header of a page, or `None` where the bytes are fewer than a header.
    #[inline]
    pub fn parse(page: &[u8], order: ByteOrder) -> Option<Self> {
        let header = page.first_chunk()?;
        Some(match order {
            ByteOrder::Little => Self::from_bytes::<LittleEndian>(header),
            ByteOrder::Big => Self::from_bytes::<BigEndian>(header),
        })
    }

    #[inline]
    pub fn from_bytes<E: Endian>(header: &[u8; Header::LEN]) -> Self {
        Header {
            number: E::read_u32(&header[8..12]),
            prev: E::read_u32(&header[12..16]),
            next: E::read_u32(&header[16..20]),
            entries: E::read_u16(&header[ENTRIES_AT..ENTRIES_AT + 2]),
            high_offset: E::read_u16(&header[22..24]),
            level: header[24],
            kind: header[25],
        }
    }

    /// Writes the header at the start of a page.
    pub fn put(&self, page: &mut [u8], order: ByteOrder) {
        order.put_u32(page, 0, NOT_LOGGED[0]);
        order.put_u32(page, 4, NOT_LOGGED[1]);
        order.put_u32(page, 8, self.number);
        order.put_u32(page, 12, self.prev);
        order.put_u32(page, 16, self.next);
        order.put_u16(page, ENTRIES_AT, self.entries);
        order.put_u16(page, 22, self.high_offset);
        page[24] = self.level;
        page[25] = self.kind;
    }
}

/// The order of keys on a sorted page: byte order, but a prefix *after* what it begins (section
/// 12.2).
pub(crate) fn page_order(a: Datum<'_>, b: Datum<'_>) -> Ordering {
    let (long, short) = (a.len().max(b.len()), a.len().min(b.len()));
    let order = a.cmp(&b);
    // Byte order puts a prefix first; only then do the rules differ.
    if long != short && a.starts_alike(b, short) { order.reverse() } else { order }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_section_12_2(a in "[\0ab]{0,4}", b in "[\0ab]{0,4}", nul: bool) {
            let flat = if nul { [b.as_bytes(), b"\0"].concat() } else { b.clone().into_bytes() };
            let common = a.len().min(flat.len());
            let order = a.as_bytes()[..common].cmp(&flat[..common]).then(flat.len().cmp(&a.len()));
            prop_assert_eq!(page_order((&a).into(), Datum { bytes: b.as_bytes(), nul }), order);
        }
    }
}
