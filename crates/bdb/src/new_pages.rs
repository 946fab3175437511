//! Pages of a new file, as they are made: one behind the other.

use std::io;

use kv_file_core::{Datum, make_and_put};

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

/// Bytes handed to the writer at a time: as many as a huge page has. Linux then keeps the file in
/// such pages, if the file system can, and maps them as such into programs that look keys up.
const BLOCK: usize = 2 << 20;

/// Makes the pages of a database, and hands them to `put` in blocks, front to back.
///
/// `meta_page` is the first, and lies at `start` in a file of `file_len` bytes. `make_next` adds
/// the next pages, and returns `true` if there may be more: where there are many, on a thread of
/// its own.
pub(crate) fn put_blocks(
    layout: PageLayout,
    meta_page: Vec<u8>,
    (start, file_len): (u64, u64),
    mut make_next: impl FnMut(&mut NewPages) -> bool + Send,
    put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let make = |block: &mut Vec<u8>| {
        let mut pages = NewPages { layout, bytes: std::mem::take(block) };
        let mut more = true;
        while more && pages.bytes.len() < BLOCK {
            more = make_next(&mut pages);
        }
        *block = pages.bytes;
        more
    };
    let several = file_len > BLOCK as u64;
    make_and_put(meta_page, several, make, &mut |at, block| put(start + at, block))
}
