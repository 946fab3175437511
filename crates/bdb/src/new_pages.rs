//! Pages of a new file, as they are made: one behind the other.

use kv_file_core::Datum;

use crate::format::PageLayout;
use crate::overflow;

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

    /// Makes the overflow pages of a big item from page `first` on; returns the number of the page
    /// after them.
    pub fn chain(&mut self, stored: Datum<'_>, first: u32) -> u32 {
        let layout = self.layout;
        let end = first + layout.chain_pages(stored.len());
        let mut rest = stored.pieces();
        for number in first..end {
            let page = self.zeros();
            let prev = if number > first { number - 1 } else { 0 };
            let next = if number + 1 < end { number + 1 } else { 0 };
            overflow::fill(layout, page, &mut rest, (prev, number, next));
            layout.seal(page);
        }
        end
    }
}
