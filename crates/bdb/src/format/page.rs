//! The header that every page but a meta page starts with (section 4).

use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};

use super::{ByteOrder, NOT_LOGGED};

/// Length of the header without and with checksums: the offset array or the data of a big item starts there.
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

    /// The header of a page, or nothing where the bytes are fewer than a header.
    #[inline]
    pub fn parse(page: &[u8], order: ByteOrder) -> Option<Self> {
        let header = page.first_chunk()?;
        Some(match order {
            ByteOrder::Little => Self::from_bytes::<LittleEndian>(header),
            ByteOrder::Big => Self::from_bytes::<BigEndian>(header),
        })
    }

    #[inline]
    fn from_bytes<E: Endian>(header: &[u8; Header::LEN]) -> Self {
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
