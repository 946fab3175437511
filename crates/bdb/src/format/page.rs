//! The header that every page but a meta page starts with (section 4).

use super::{ByteOrder, NOT_LOGGED};

/// Length of the header without and with checksums: the offset array or the data of a big item starts there.
pub(crate) const fn header_len(checksums: bool) -> usize {
    if checksums { 32 } else { Header::LEN }
}

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
        Some(Header {
            number: order.u32(page, 8)?,
            prev: order.u32(page, 12)?,
            next: order.u32(page, 16)?,
            entries: order.u16(page, 20)?,
            high_offset: order.u16(page, 22)?,
            level: *page.get(24)?,
            kind: *page.get(25)?,
        })
    }

    /// Writes the header at the start of a page.
    pub fn put(&self, page: &mut [u8], order: ByteOrder) {
        order.put_u32(page, 0, NOT_LOGGED[0]);
        order.put_u32(page, 4, NOT_LOGGED[1]);
        order.put_u32(page, 8, self.number);
        order.put_u32(page, 12, self.prev);
        order.put_u32(page, 16, self.next);
        order.put_u16(page, 20, self.entries);
        order.put_u16(page, 22, self.high_offset);
        page[24] = self.level;
        page[25] = self.kind;
    }
}
