//! Items that are stored, and released, with the pages that they have of their own; the free list.

use kv_file_core::{Datum, Source};

use super::HashUpdate;
use super::edit::{big_item, plain_item};
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::item::Item;
use crate::hash::HashDb;
use crate::hash::layout::is_big;
use crate::overflow;
use crate::tree;
use crate::verify::refuse_page;

impl<S: Source> HashUpdate<S> {
    /// The item for a key or data; long ones go to overflow pages.
    pub(super) fn store(&mut self, stored: Datum<'_>) -> Result<Vec<u8>> {
        if !is_big(stored.len(), self.db.file.layout.page_size) {
            return Ok(plain_item(stored));
        }
        self.check_free_list()?;
        let big = overflow::write(&mut self.db.file, &mut self.free, stored)?;
        Ok(big_item(big, self.db.file.layout.order))
    }

    /// Gives back the pages that an item has of its own. All have been found to be sound by then.
    pub(super) fn release(&mut self, item: &[u8], page: u32) -> Result<()> {
        let item = Item::parse(item, self.db.file.layout.order).map_err(|flaw| flaw.on(page))?;
        let budget = self.db.file.budget();
        let pages = match item {
            Item::Plain(_) | Item::Duplicates(_) => return Ok(()),
            Item::Big(big) => overflow::pages(&self.db.file, big, &budget)?,
            Item::DuplicateTree(root) => tree::pages(&self.db.file, root)?,
        };
        self.check_free_list()?;
        let address = &self.db.address;
        overflow::free(&mut self.db.file, &mut self.free, &pages, |file, page| {
            refuse_page(file, page)?;
            if address.is_primary(page.number) {
                Err(page.problem(Fault::Shared).into())
            } else {
                Ok(())
            }
        })
    }

    /// A page of the free list, the caller's to put.
    pub(super) fn take(&mut self) -> Result<u32> {
        self.check_free_list()?;
        self.free.take(&mut self.db.file)
    }

    /// Gives a page of a bucket back.
    pub(super) fn give(&mut self, number: u32) -> Result<()> {
        self.check_free_list()?;
        if self.db.address.is_primary(number) {
            return Err(Problem::on(number, Fault::Shared).into());
        }
        self.free.give(&mut self.db.file, number)
    }

    /// Refuses a free list with pages that are damaged or belong to buckets, before it is used.
    fn check_free_list(&mut self) -> Result<()> {
        let HashDb { file, address, .. } = &self.db;
        self.free.check(file, |page| {
            refuse_page(file, page)?;
            match address.is_primary(page.number) {
                true => Err(page.problem(Fault::FreeList).into()),
                false => Ok(()),
            }
        })
    }
}
