//! Pages that belong to nothing: taking one, and giving one back (section 14).

use crate::changes::Overlay;
use crate::error::{Damage, Error};
use crate::file::PageFile;
use crate::format::page::Header;
use crate::format::page_type;
use crate::pages::Pages;

/// The free list: its first page, or 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FreeList(pub u32);

impl FreeList {
    /// A page for new contents, the caller's to put: the first of the list, or one at the end of the file.
    pub fn take<P: Pages>(&mut self, file: &mut PageFile<Overlay<P>>) -> Result<u32, Error> {
        if self.0 == 0 {
            return file.grow(1);
        }
        let number = self.0;
        let page = file.page(number, &file.budget())?;
        if page.header.kind != page_type::FREE {
            return Err(page.corrupt(Damage::PageType(page.header.kind)));
        }
        if page.header.next > file.last_page || page.header.next == number {
            return Err(page.corrupt(Damage::NoSuchPage(page.header.next)));
        }
        self.0 = page.header.next;
        Ok(number)
    }

    /// Gives a page back. The last page of the file is cut off instead.
    pub fn give<P: Pages>(&mut self, file: &mut PageFile<Overlay<P>>, number: u32) {
        if number == file.last_page {
            file.shrink();
            return;
        }
        let mut page = vec![0; file.page_size];
        let header = Header {
            number,
            prev: 0,
            next: self.0,
            entries: 0,
            high_offset: file.page_size as u16,
            level: 0,
            kind: page_type::FREE,
        };
        header.put(&mut page, file.order);
        file.put(number, page);
        self.0 = number;
    }
}
