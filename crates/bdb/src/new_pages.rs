//! Pages of a new file, as they are made: one behind the other.

use kv_file_core::Datum;

use crate::format::page::{Header, header_len};
use crate::format::{ByteOrder, checksum, page_type};

/// What is the same on all pages of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLayout {
    pub byte_order: ByteOrder,
    pub checksums: bool,
    pub page_size: usize,
}

impl PageLayout {
    pub fn header_len(self) -> usize {
        header_len(self.checksums)
    }

    /// Bytes that a page has besides its header.
    pub fn room(self) -> usize {
        self.page_size - self.header_len()
    }

    /// Number of overflow pages that so many bytes fill.
    pub fn chain_pages(self, len: usize) -> u32 {
        len.div_ceil(self.room()) as u32
    }
}

/// Pages that have not been written.
pub(crate) struct NewPages {
    pub layout: PageLayout,
    pub bytes: Vec<u8>,
}

impl NewPages {
    /// A page of zeros behind those that have been made.
    pub fn zeros(&mut self) -> &mut [u8] {
        let start = self.bytes.len();
        self.bytes.resize(start + self.layout.page_size, 0);
        &mut self.bytes[start..]
    }

    /// Makes the overflow pages of a big item from page `first` on; returns the number of the page after them.
    pub fn chain(&mut self, stored: Datum<'_>, first: u32) -> u32 {
        let layout = self.layout;
        let end = first + layout.chain_pages(stored.len());
        let [mut bytes, mut tail] = stored.pieces();
        for number in first..end {
            let page = self.zeros();
            let mut place = &mut page[layout.header_len()..];
            let mut used = 0;
            for piece in [&mut bytes, &mut tail] {
                let (now, later) = piece.split_at(piece.len().min(place.len()));
                *piece = later;
                let (filled, rest) = place.split_at_mut(now.len());
                filled.copy_from_slice(now);
                place = rest;
                used += now.len();
            }
            let header = Header {
                number,
                prev: if number > first { number - 1 } else { 0 },
                next: if number + 1 < end { number + 1 } else { 0 },
                entries: 1,
                high_offset: used as u16,
                level: 0,
                kind: page_type::OVERFLOW,
            };
            seal(layout, page, &header);
        }
        end
    }
}

/// Finishes a page: puts its header in its place, and the checksum.
pub(crate) fn seal(layout: PageLayout, page: &mut [u8], header: &Header) {
    header.put(page, layout.byte_order);
    if layout.checksums {
        checksum::seal(page, layout.byte_order);
    }
}
