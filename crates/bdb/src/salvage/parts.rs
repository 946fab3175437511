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
    /// Reads a big item up to where its chain breaks, whatever length the reference states. Where the
    /// pages behind the break make up that length, they belong to it all the same.
    pub(super) fn big(&mut self, big: BigRef) -> Result<Big<'c>, Stop> {
        let layout = self.file.layout;
        let mut doubts = Doubts::when(!self.is_unseen(big.first), Fault::Shared);
        let mut bytes = Cow::Borrowed(&[][..]);
        // Where the chain broke, and the pages behind.
        let mut sure = None;
        let mut unsure = Vec::new();
        let (mut number, mut prev) = (big.first, 0);
        while self.may_see(number)
            && let Some(page) = self.read(number)?
            && page.header.kind == page_type::OVERFLOW
        {
            let stated = self.overflow_bytes(&page);
            if page.header.prev != prev || stated.is_none() {
                sure.get_or_insert(bytes.len());
            }
            let left = (big.len as usize).saturating_sub(bytes.len());
            // All pages but the last are full.
            let len = stated.unwrap_or(left.min(layout.room()));
            if len == 0 {
                break;
            }
            if sure.is_none() {
                self.see_again(number);
                doubts |= self.page_doubts(&page);
            } else {
                self.again = self.again.saturating_sub(1);
                unsure.push(number);
            }
            let place = layout.header_len()..layout.header_len() + len;
            if bytes.is_empty() {
                bytes = page.part(place);
            } else {
                // Grows with the pages that are there, never by the length that the reference
                // claims.
                bytes.to_mut().extend_from_slice(page.bytes.get(place).unwrap_or_default());
            }
            (prev, number) = (number, page.header.next);
            if sure.is_some() && (self.again == 0 || bytes.len() > big.len as usize) {
                break;
            }
        }
        let agrees = number == 0 && bytes.len() as u64 == u64::from(big.len);
        match sure {
            Some(_) if agrees => unsure.into_iter().for_each(|page| self.see(page)),
            Some(sure) => truncate(&mut bytes, sure),
            None => {}
        }
        Ok(Big { bytes, whole: agrees && sure.is_none(), doubts })
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
            let count = tree::items(self.file, &page);
            tree.whole &= count.is_some();
            for index in (0..count.unwrap_or(0)).rev() {
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

    /// Gives a big data item of a key.
    pub(super) fn big_data(
        &mut self,
        place: Place<'_>,
        key: Option<&[u8]>,
        big: BigRef,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        let big = self.big(big)?;
        let broken = Doubts::when(!big.whole, Doubt::BrokenData);
        self.output.give(place, key, &big.bytes, doubts | big.doubts | broken)
    }

    /// Gives the data items of a key that are in a tree of their own.
    pub(super) fn duplicate_tree(
        &mut self,
        place: Place<'_>,
        key: Option<&[u8]>,
        root: u32,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        let tree = self.tree(root, &[page_type::DUPLICATE_LEAF, page_type::RECNO_LEAF])?;
        let broken = Doubts::when(!tree.whole, Doubt::BrokenDuplicates);
        let doubts = doubts | tree.doubts | broken;
        let before = self.output.given();
        for page in tree.leaves {
            self.data_leaf(Place { page, ..place }, key, doubts)?;
        }
        for big in tree.big_keys {
            self.claim(big)?;
        }
        self.key_alone(before, place, key, doubts)
    }

    /// Gives a key of whose duplicates none has been given: nothing more than `before`.
    pub(super) fn key_alone(
        &mut self,
        before: u64,
        place: Place<'_>,
        key: Option<&[u8]>,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        if self.output.given() > before {
            return Ok(());
        }
        self.output.give(place, key, &[], doubts | Doubt::BrokenDuplicates)
    }

    /// Takes the pages of a separator. libdb lets some be those of an item of a leaf, with which they
    /// have been read.
    pub(super) fn claim(&mut self, separator: BigRef) -> Result<(), Stop> {
        if self.is_unseen(separator.first) {
            self.big(separator)?;
        }
        Ok(())
    }

    /// Gives the items of the leaf at `place` that holds nothing else than data.
    pub(super) fn data_leaf(
        &mut self,
        place: Place<'_>,
        key: Option<&[u8]>,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        let Some(page) = self.read(place.page)? else { return Ok(()) };
        let count = tree::items(self.file, &page);
        let entries = count.unwrap_or(0);
        let mut items = (0..entries).map(|index| tree::item(self.file, &page, index));
        let broken = count.is_none() || items.any(|item| item.is_err());
        let doubts = doubts | self.page_doubts(&page) | Doubts::when(broken, Doubt::PageDamaged);
        for index in 0..entries {
            let Ok(item) = tree::item(self.file, &page, index) else { continue };
            let place = Place { item: Some(index), ..place };
            let doubts = doubts | Doubts::when(item.deleted, Fault::ItemDeleted);
            match item.content {
                Content::Plain(data) => self.output.give(place, key, data, doubts)?,
                Content::Big(big) => self.big_data(place, key, big, doubts)?,
                Content::DuplicateTree(_) => {}
            }
        }
        Ok(())
    }
}

fn truncate(bytes: &mut Cow<'_, [u8]>, len: usize) {
    match bytes {
        Cow::Borrowed(bytes) => *bytes = bytes.get(..len).unwrap_or_default(),
        Cow::Owned(bytes) => bytes.truncate(len),
    }
}
