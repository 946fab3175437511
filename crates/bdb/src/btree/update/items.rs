//! Items that are stored, and released, with the pages that they have of their own; the free list.

use std::borrow::Cow;

use kv_file_core::{Datum, Source};

use super::BtreeUpdate;
use super::edit::{internal_item, leaf_item};
use crate::error::Result;
use crate::fault::Fault;
use crate::format::item::BigRef;
use crate::format::page_type;
use crate::format::tree_item::{Child, Content, NewContent, longest_item};
use crate::verify::refuse_page;
use crate::{overflow, tree};

/// What an item has besides its place on a page.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owned {
    Big(BigRef),
    /// The root of a tree of duplicates.
    Tree(u32),
}

impl Owned {
    /// What an item of such contents has; a plain one has nothing.
    pub fn of(content: Content<'_>) -> Option<Self> {
        match content {
            Content::Plain(_) => None,
            Content::Big(big) => Some(Owned::Big(big)),
            Content::DuplicateTree(root) => Some(Owned::Tree(root)),
        }
    }
}

impl<S: Source> BtreeUpdate<S> {
    /// The contents of an item for a key or data; long ones go to overflow pages (section 5).
    fn store<'d>(&mut self, stored: Datum<'d>) -> Result<NewContent<'d>> {
        let longest = longest_item(self.db.file.layout.room(), self.db.meta.minimum_keys);
        if stored.len() <= longest {
            return Ok(NewContent::Plain(stored.pieces()));
        }
        self.check_free_list()?;
        overflow::write(&mut self.db.file, &mut self.free, stored).map(NewContent::Big)
    }

    /// A key, wherever it is.
    pub(super) fn whole_key<'p>(&'p self, content: Content<'p>) -> Result<Cow<'p, [u8]>> {
        match content {
            Content::Big(big) => overflow::read(&self.db.file, big, &self.db.file.budget()),
            Content::Plain(key) => Ok(key.into()),
            Content::DuplicateTree(_) => Ok([][..].into()),
        }
    }

    /// The item of a leaf for a key or data.
    pub(super) fn store_leaf_item(&mut self, stored: Datum<'_>) -> Result<Vec<u8>> {
        Ok(leaf_item(self.store(stored)?, self.db.file.layout))
    }

    /// The entry of an internal page with this key.
    pub(super) fn store_entry(&mut self, key: &[u8], child: Child) -> Result<Vec<u8>> {
        Ok(internal_item(self.store(key.into())?, child, self.db.file.layout))
    }

    /// Gives back what an item has of its own. All its pages have been found to be sound by then.
    pub(super) fn release(&mut self, owned: Option<Owned>) -> Result<()> {
        match owned {
            None => Ok(()),
            Some(Owned::Big(big)) => {
                self.check_free_list()?;
                overflow::release(&mut self.db.file, &mut self.free, big, refuse_page)
            }
            Some(Owned::Tree(root)) => self.release_tree(root),
        }
    }

    fn release_tree(&mut self, root: u32) -> Result<()> {
        let pages = tree::pages(&self.db.file, root)?;
        self.check_free_list()?;
        let kinds = match self.db.meta.sorted_duplicates {
            true => [page_type::DUPLICATE_LEAF, page_type::BTREE_INTERNAL, page_type::OVERFLOW],
            false => [page_type::RECNO_LEAF, page_type::RECNO_INTERNAL, page_type::OVERFLOW],
        };
        overflow::free(&mut self.db.file, &mut self.free, &pages, |file, page| {
            refuse_page(file, page)?;
            match kinds.contains(&page.header.kind) {
                true => Ok(()),
                // A leaf of the database's own tree, say.
                false => Err(page.problem(Fault::LinkedType).value(page.header.kind).into()),
            }
        })
    }

    /// A page of the free list, the caller's to put.
    pub(super) fn take(&mut self) -> Result<u32> {
        self.check_free_list()?;
        self.free.take(&mut self.db.file)
    }

    /// Gives a page of the tree back.
    pub(super) fn give(&mut self, number: u32) -> Result<()> {
        self.check_free_list()?;
        self.free.give(&mut self.db.file, number)
    }

    /// Refuses a damaged free list before it is used.
    fn check_free_list(&mut self) -> Result<()> {
        let file = &self.db.file;
        self.free.check(file, |page| refuse_page(file, page))
    }
}
