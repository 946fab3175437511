//! What is the same on all pages of a file.

use super::page::{Header, header_len};
use super::{ByteOrder, checksum};

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
