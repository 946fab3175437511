//! Items that are stored, and released, with the pages that they have of their own.

use kv_file_core::{Datum, Source};

use super::edit::{big_item, plain_item};
use super::layout::is_big;
use super::update::HashUpdate;
use crate::error::{Damage, Error};
use crate::format::item::{BigRef, Item};
use crate::format::page::Header;
use crate::format::page_type;
use crate::overflow;
use crate::tree;
use crate::verify::{Fault, refuse_page};

impl<S: Source> HashUpdate<S> {
    /// The item for a key or data; long ones go to overflow pages.
    pub(super) fn store(&mut self, stored: Datum<'_>) -> Result<Vec<u8>, Error> {
        if !is_big(stored.len(), self.file.page_size) {
            return Ok(plain_item(stored));
        }
        let bytes = stored.pieces().concat();
        let mut chunks = bytes.chunks(self.file.page_size - self.file.header_len).peekable();
        let first = self.free.take(&mut self.file, &self.address)?;
        let big = BigRef { first, len: bytes.len() as u32 };
        let (mut number, mut prev) = (first, 0);
        while let Some(chunk) = chunks.next() {
            // Taken pages count as put: taking the next one must not depend on what is on this one.
            let next = if chunks.peek().is_some() {
                self.free.take(&mut self.file, &self.address)?
            } else {
                0
            };
            let mut page = vec![0; self.file.page_size];
            page[self.file.header_len..][..chunk.len()].copy_from_slice(chunk);
            let header = Header {
                number,
                prev,
                next,
                entries: 1,
                high_offset: chunk.len() as u16,
                level: 0,
                kind: page_type::OVERFLOW,
            };
            header.put(&mut page, self.file.order);
            self.file.put(number, page)?;
            (prev, number) = (number, next);
        }
        Ok(big_item(big, self.file.order))
    }

    /// Gives back the pages that an item has of its own. All have been found to be sound by then.
    pub(super) fn release(&mut self, item: &[u8], page: u32) -> Result<(), Error> {
        let item =
            Item::parse(item, self.file.order).map_err(|damage| Error::corrupt(page, damage))?;
        let budget = self.file.budget();
        let pages = match item {
            Item::Plain(_) | Item::Duplicates(_) => return Ok(()),
            Item::Big(big) => overflow::pages(&self.file, big, &budget)?,
            Item::DuplicateTree(root) => tree::pages(&self.file, root)?,
        };
        for number in &pages {
            let page = self.file.page(*number, &self.file.budget())?;
            refuse_page(&self.file, &page)?;
            // Whoever else refers to an item would be left without it.
            if page.header.kind == page_type::OVERFLOW && page.header.entries > 1 {
                return Err(page.corrupt(Damage::Fault(Fault::ReferenceCount)));
            }
        }
        for number in pages {
            self.free.give(&mut self.file, &self.address, number)?;
        }
        Ok(())
    }
}
