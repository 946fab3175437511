//! Pages that belong to nothing: taking one, and giving one back (section 14).

use std::collections::BTreeSet;

use kv_file_core::Source;

use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::{Page, PageFile};
use crate::format::page::Header;
use crate::format::page_type;
use crate::overlay::Overlay;

/// The free list of a file that is being changed.
///
/// Pages that are given up stay as they are until the end, and are not taken again: readers may
/// still be led to them.
#[derive(Debug)]
pub(crate) struct FreeList {
    /// The first page of what is left of the file's list, or 0.
    first: u32,
    /// Whether the list has been looked at.
    sound: bool,
    /// Pages that were taken, and given back.
    spare: BTreeSet<u32>,
    /// Pages that the file had in use.
    given_up: BTreeSet<u32>,
}

impl FreeList {
    pub fn new(first: u32) -> Self {
        FreeList { first, sound: false, spare: BTreeSet::new(), given_up: BTreeSet::new() }
    }

    /// Walks the whole list when it is used for the first time: it is to have free pages only, and
    /// each once. `check` refuses what is no sound page, and what belongs to somebody by its
    /// number.
    pub fn check<S: Source, N>(
        &mut self,
        file: &PageFile<Overlay<S, N>>,
        check: impl Fn(&Page<'_>) -> Result<()>,
    ) -> Result<()> {
        if self.sound {
            return Ok(());
        }
        let budget = file.budget();
        let mut number = self.first;
        while number != 0 {
            let page = file.old_page(number, &budget)?;
            check(&page)?;
            if page.header.kind != page_type::FREE || page.is_hole() {
                return Err(page.problem(Fault::FreeList).into());
            }
            number = page.header.next;
        }
        self.sound = true;
        Ok(())
    }

    /// A page for new contents, the caller's to put. The list has been [checked](Self::check).
    pub fn take<S: Source, N>(&mut self, file: &mut PageFile<Overlay<S, N>>) -> Result<u32> {
        debug_assert!(self.sound);
        if let Some(number) = self.spare.pop_first() {
            return Ok(number);
        }
        if self.first == 0 {
            return file.grow(1);
        }
        let number = self.first;
        self.first = file.old_page(number, &file.budget())?.header.next;
        file.take_new(number);
        Ok(number)
    }

    /// Gives a page back to which nothing leads any more. A page with two owners would be given
    /// twice. The list has been [checked](Self::check).
    pub fn give<S: Source, N>(
        &mut self,
        file: &mut PageFile<Overlay<S, N>>,
        number: u32,
    ) -> Result<()> {
        debug_assert!(self.sound);
        let is_new = match file.source.is_new(number) {
            true => self.spare.insert(number),
            false => {
                file.set_free(number);
                self.given_up.insert(number)
            }
        };
        match is_new && number != 0 {
            true => Ok(()),
            false => Err(Problem::on(number, Fault::Shared).into()),
        }
    }

    /// Puts all pages that were given back on the list. Those at the end of the file are cut off if
    /// it did not have them before: to others, pages that belong to nothing may still lead. Returns
    /// the first of the list.
    pub fn finish<S: Source, N>(self, file: &mut PageFile<Overlay<S, N>>) -> Result<u32> {
        let mut pages = self.given_up;
        pages.extend(self.spare);
        while pages.last() == Some(&file.last_page) && file.source.is_added(file.last_page) {
            pages.pop_last();
            file.shrink();
        }
        let mut first = self.first;
        for number in pages.into_iter().rev() {
            let mut page = vec![0; file.layout.page_size];
            let header = Header {
                number,
                prev: 0,
                next: first,
                entries: 0,
                high_offset: file.layout.page_size as u16,
                level: 0,
                kind: page_type::FREE,
            };
            header.put(&mut page, file.layout.order);
            file.put(number, page)?;
            first = number;
        }
        Ok(first)
    }
}
