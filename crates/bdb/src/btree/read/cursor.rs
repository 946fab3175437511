//! A place in a leaf, which moves from pair to pair.

use std::borrow::Cow;

use kv_file_core::Source;

use crate::error::Result;
use crate::fault::Fault;
use crate::file::{Budget, Page, PageFile};
use crate::format::page_type;
use crate::format::tree_item::Content;
use crate::tree::{self, Leaves};

/// A leaf, and how far it has been read.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub leaf: Page<'a>,
    /// The next pair.
    pub pair: usize,
    /// What is left of the data items of the pair before, if they have a tree of their own.
    tree: Option<Leaves<'a>>,
}

impl<'a> Cursor<'a> {
    /// Before the first pair of a page, found to be a leaf.
    pub fn on(leaf: Page<'a>) -> Result<Self> {
        if leaf.header.kind != page_type::BTREE_LEAF {
            return Err(leaf.problem(Fault::LinkedType).value(leaf.header.kind).into());
        }
        if !leaf.header.entries.is_multiple_of(2) {
            return Err(leaf.problem(Fault::Entries).value(leaf.header.entries).into());
        }
        Ok(Cursor { leaf, pair: 0, tree: None })
    }

    /// The number of pairs on the leaf.
    pub fn pairs(&self) -> usize {
        usize::from(self.leaf.header.entries / 2)
    }

    /// The next data item of the pairs before `end`, and the pair that it belongs to.
    pub fn next_data<S: Source>(
        &mut self,
        file: &'a PageFile<S>,
        end: usize,
        budget: &Budget,
    ) -> Result<Option<(usize, Cow<'a, [u8]>)>> {
        loop {
            if let Some(tree) = &mut self.tree {
                match tree.next(file, budget)? {
                    Some(item) if item.deleted => continue,
                    Some(item) => return Ok(Some((self.pair - 1, item.bytes))),
                    None => self.tree = None,
                }
            }
            if self.pair >= end {
                return Ok(None);
            }
            let pair = self.pair;
            self.pair += 1;
            let item = tree::item(file, &self.leaf, 2 * pair + 1)?;
            match item.content {
                // Left by a crash.
                _ if item.deleted => {}
                Content::DuplicateTree(root) => {
                    self.tree = Some(Leaves::under(file, root, budget)?);
                }
                _ => {
                    let data = tree::bytes(file, &self.leaf, 2 * pair + 1, &item, budget)?;
                    return Ok(Some((pair, data)));
                }
            }
        }
    }

    /// Goes to the leaf behind this one, if there is one.
    pub fn next_leaf<S: Source>(&mut self, file: &'a PageFile<S>, budget: &Budget) -> Result<bool> {
        let next = self.leaf.header.next;
        if next == 0 {
            return Ok(false);
        }
        *self = Cursor::on(file.page(next, budget)?)?;
        Ok(true)
    }
}
