//! A page of a tree that is being made.

use crate::format::PageLayout;
use crate::format::page::Header;
use crate::format::tree_item::{ALIGNMENT, OFFSET};
use crate::new_pages::NewPages;

/// Items for a page of a tree: they will lie at its end, one behind the other in their order.
#[derive(Debug, Default)]
pub(super) struct TreePage {
    items: Vec<u8>,
    /// Where each starts, from the first on. Some start where others do.
    starts: Vec<u16>,
}

impl TreePage {
    /// Starts another item: whatever is added to the bytes is its.
    pub fn start_item(&mut self) -> &mut Vec<u8> {
        self.items.resize(self.items.len().next_multiple_of(ALIGNMENT), 0);
        self.starts.push(self.items.len() as u16);
        &mut self.items
    }

    /// Number of the next item.
    pub fn next_item(&self) -> usize {
        self.starts.len()
    }

    /// Refers to an item once more.
    pub fn repeat(&mut self, item: usize) {
        self.starts.push(self.starts[item]);
    }

    /// Makes the page of these items, and starts another one.
    pub fn finish(&mut self, header: Header, pages: &mut NewPages) {
        let layout: PageLayout = pages.layout;
        self.items.resize(self.items.len().next_multiple_of(ALIGNMENT), 0);
        let page = pages.zeros();
        let lowest = layout.page_size - self.items.len();
        page[lowest..].copy_from_slice(&self.items);
        for (i, start) in self.starts.iter().enumerate() {
            let offset = lowest + usize::from(*start);
            layout.order.put_u16(page, layout.header_len() + OFFSET * i, offset as u16);
        }
        let header = Header {
            entries: self.starts.len() as u16,
            // 65536 wraps to 0, as the format has it for an empty page of that size.
            high_offset: lowest as u16,
            ..header
        };
        layout.finish(page, &header);
        self.items.clear();
        self.starts.clear();
    }
}
