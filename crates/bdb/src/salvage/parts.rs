//! What lies off the page: big items, and trees of duplicates.

use std::borrow::Cow;

use kv_file_core::Source;

use super::Rescue;
use super::found::{Doubt, Doubts, Place};
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Page;
use crate::format::item::BigRef;
use crate::format::page_type;
use crate::format::tree_item::{Content, TreeItem};
use crate::stop::Stop;
use crate::tree;

/// A big item, as far as it could be read.
pub(super) struct Big<'c> {
    pub bytes: Cow<'c, [u8]>,
    pub whole: bool,
    pub doubts: Doubts,
}

/// The leaves of a tree, as far as they could be reached.
pub(super) struct Tree {
    pub leaves: Vec<u32>,
    /// Keys of internal pages that are big items: of the tree, but nobody's data.
    pub big_keys: Vec<BigRef>,
    pub whole: bool,
    pub doubts: Doubts,
}

impl<'c, S: Source> Rescue<'c, '_, S> {
    /// Reads a big item up to where its chain breaks.
    pub(super) fn big(&mut self, big: BigRef) -> Result<Big<'c>, Stop> {
        let shared = !self.is_unseen(big.first);
        let mut bytes = Cow::Borrowed(&[][..]);
        let mut doubts = Doubts::when(shared, Fault::Shared);
        let (mut number, mut prev) = (big.first, 0);
        let mut left = big.len as usize;
        while left > 0
            && self.may_see(number)
            && let Some(page) = self.read(number)?.filter(|page| page.header.prev == prev)
        {
            let Some(len) = self.overflow_bytes(&page) else { break };
            self.see_again(number);
            doubts |= self.page_doubts(&page);
            let start = self.file.layout.header_len();
            let part = start..start + len.min(left);
            if bytes.is_empty() {
                bytes = page.part(part);
            } else {
                // Grows with the pages that are there, never by the length that the reference
                // claims.
                bytes.to_mut().extend_from_slice(page.bytes.get(part).unwrap_or_default());
            }
            (prev, number) = (number, page.header.next);
            if len > left {
                return Ok(Big { bytes, whole: false, doubts });
            }
            left -= len;
        }
        Ok(Big { bytes, whole: left == 0 && number == 0, doubts })
    }

    /// The number of data bytes on an overflow page, if it is one.
    pub(super) fn overflow_bytes(&self, page: &Page<'_>) -> Option<usize> {
        let len = usize::from(page.header.high_offset);
        let fits = len != 0 && self.file.layout.header_len() + len <= self.file.layout.page_size;
        (page.header.kind == page_type::OVERFLOW && fits).then_some(len)
    }

    /// Finds the leaves of the tree under `root`, in order. They are of one of the types `leaf`.
    pub(super) fn tree(&mut self, root: u32, leaf: &[u8]) -> Result<Tree, Stop> {
        let (leaves, big_keys) = (Vec::new(), Vec::new());
        let mut tree = Tree { leaves, big_keys, whole: true, doubts: Doubts::default() };
        // Levels fall with each step, and the last page comes first: what waits are the siblings on
        // one way down.
        let mut to_visit = vec![(root, None)];
        while let Some((number, level)) = to_visit.pop() {
            let page = if self.may_see(number) { self.read(number)? } else { None };
            let page = page.filter(|page| level.is_none_or(|level| page.header.level == level));
            let Some(page) = page else {
                tree.whole = false;
                continue;
            };
            if leaf.contains(&page.header.kind) {
                self.see_again(number);
                tree.leaves.push(number);
                continue;
            }
            let internal = tree::is_internal(page.header.kind);
            let below = page.header.level.checked_sub(1).filter(|below| internal && *below > 0);
            let Some(below) = below else {
                tree.whole = false;
                continue;
            };
            self.see_again(number);
            tree.doubts |= self.page_doubts(&page);
            for index in (0..usize::from(page.header.entries)).rev() {
                match tree::item(self.file, &page, index) {
                    Ok(TreeItem { child: Some(child), content, .. }) => {
                        to_visit.push((child.page, Some(below)));
                        // The first is none, whatever it says.
                        if let Content::Big(big) = content
                            && index > 0
                        {
                            tree.big_keys.push(big);
                        }
                    }
                    _ => tree.whole = false,
                }
            }
        }
        Ok(tree)
    }

    /// Gives the items of a leaf that holds data.
    pub(super) fn leaf(
        &mut self,
        number: u32,
        database: Option<&[u8]>,
        key: Option<&[u8]>,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        let Some(page) = self.read(number)? else { return Ok(()) };
        let entries = usize::from(page.header.entries);
        let items = || (0..entries).map(|index| tree::item(self.file, &page, index).ok());
        let broken = items().any(|item| item.is_none());
        let doubts = doubts | self.page_doubts(&page) | Doubts::when(broken, Doubt::PageDamaged);
        for index in 0..entries {
            let place = Place { database, page: number, item: Some(index) };
            match tree::item(self.file, &page, index).ok().filter(|item| !item.deleted) {
                Some(TreeItem { content: Content::Plain(data), .. }) => {
                    self.output.give(place, key, data, doubts)?;
                }
                Some(TreeItem { content: Content::Big(big), .. }) => {
                    let big = self.big(big)?;
                    let broken = Doubts::when(!big.whole, Doubt::BrokenData);
                    self.output.give(place, key, &big.bytes, doubts | big.doubts | broken)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
