//! Btree databases: leaves that are reached from the root, and leaves to which nothing leads.

mod leaf;

use std::borrow::Cow;
use std::collections::HashSet;

use kv_file_core::Source;

use super::found::{Doubt, Doubts};
use super::{Rescue, digest};
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Page;
use crate::format::item::BigRef;
use crate::format::page_type;
use crate::format::tree_item::Content;
use crate::stop::Stop;
use crate::{overflow, tree};

/// Keys between which those of a page are looked for: not less than the first, less than the second.
/// Nothing where there is no such key, or it is not known.
type Bounds<'b> = [Option<&'b [u8]>; 2];

fn is_between(key: &[u8], [low, high]: Bounds<'_>) -> bool {
    low.is_none_or(|low| low <= key) && high.is_none_or(|high| key < high)
}

/// An entry of an internal page.
struct Entry<'p> {
    child: u32,
    /// Its key, where that is known.
    key: Option<Cow<'p, [u8]>>,
    /// Where the key is off the page.
    big: Option<BigRef>,
}

/// The keys of a leaf that was given, and those between which they are looked for.
#[derive(Default)]
pub(super) struct LeafKeys {
    bounds: [Option<Vec<u8>>; 2],
    digests: HashSet<u64>,
    /// Whether this is of a leaf at all.
    is_known: bool,
}

impl LeafKeys {
    fn bounds(&self) -> Bounds<'_> {
        [self.bounds[0].as_deref(), self.bounds[1].as_deref()]
    }
}

impl<'c, S: Source> Rescue<'c, '_, S> {
    /// Gives the pairs of a btree, leaf by leaf.
    pub(super) fn btree(&mut self, name: Option<&[u8]>, root: u32) -> Result<(), Stop> {
        match self.read(root)? {
            Some(page) => self.subtree(name, &page, [None, None], Doubts::default()),
            None => Ok(()),
        }
    }

    /// Gives the pairs of the leaves from this page on downwards.
    ///
    /// Levels fall with each step, so that there are at most 255.
    fn subtree(
        &mut self,
        name: Option<&[u8]>,
        page: &Page<'c>,
        bounds: Bounds<'_>,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        if self.is_btree_leaf(page) {
            if !self.is_unseen(page.number) || !self.is_looked_up(page, bounds) {
                return Ok(());
            }
            self.see(page.number);
            let doubts = doubts | self.page_doubts(page);
            return self.leaf_pairs(page, name, doubts, |key| {
                Doubts::when(!is_between(key, bounds), Fault::Separator)
            });
        }
        let is_internal = page.header.kind == page_type::BTREE_INTERNAL && page.header.level > 1;
        if !is_internal || !self.may_see(page.number) {
            return Ok(());
        }
        self.see_again(page.number);
        let (entries, page_is_whole) = self.entries(page);
        let keys = || entries.iter().map(|entry| entry.key.as_deref());
        let mut neighbours = keys().zip(keys().skip(1)).filter_map(|(key, next)| key.zip(next));
        let disorder = neighbours.any(|(key, next)| key >= next);
        let doubts = doubts
            | self.page_doubts(page)
            | Doubts::when(!page_is_whole, Doubt::PageDamaged)
            | Doubts::when(disorder, Fault::Unsorted);
        for index in 0..entries.len() {
            let Some(child) = self.read(entries[index].child)? else { continue };
            if child.header.level == page.header.level - 1 {
                self.subtree(name, &child, bounds_below(&entries, index, bounds), doubts)?;
            }
        }
        entries.iter().filter_map(|entry| entry.big).try_for_each(|big| self.claim(big))
    }

    /// The entries of an internal page that can be read, and whether these are all.
    fn entries<'p>(&self, page: &'p Page<'c>) -> (Vec<Entry<'p>>, bool)
    where
        'c: 'p,
    {
        let mut entries = Vec::new();
        let count = tree::items(self.file, page).unwrap_or(0);
        let mut whole = count != 0;
        for index in 0..count {
            let Ok(item) = tree::item(self.file, page, index) else {
                whole = false;
                continue;
            };
            let Some(child) = item.child else { continue };
            let (key, big) = match item.content {
                // The first stands for all that is less than the second, whatever it says.
                _ if index == 0 => (None, None),
                Content::Plain(key) => (Some(key.into()), None),
                Content::Big(big) => {
                    (overflow::read(self.file, big, &self.separators).ok(), Some(big))
                }
                Content::DuplicateTree(_) => (None, None),
            };
            entries.push(Entry { child: child.page, key, big });
        }
        (entries, whole)
    }

    /// Returns `true` if one of the keys of a leaf is looked for there, or none can be read.
    fn is_looked_up(&self, page: &Page<'_>, bounds: Bounds<'_>) -> bool {
        let mut keys = self.plain_keys(page).peekable();
        keys.peek().is_none() || keys.any(|key| is_between(key, bounds))
    }

    /// Gives the pairs of a leaf to which nothing leads, of the tree under `root` if that is known.
    /// `known` is of the leaf before.
    pub(super) fn orphan_leaf(
        &mut self,
        page: &Page<'_>,
        name: Option<&[u8]>,
        root: Option<u32>,
        known: &mut LeafKeys,
    ) -> Result<(), Stop> {
        self.see(page.number);
        let mut elsewhere = HashSet::new();
        if let Some(root) = root {
            let keys: Vec<_> = self.plain_keys(page).collect();
            for key in keys {
                if !known.is_known || !is_between(key, known.bounds()) {
                    *known = self.leaf_of(root, key)?;
                }
                if known.digests.contains(&digest(key)) {
                    elsewhere.insert(digest(key));
                }
            }
        }
        let doubts = self.page_doubts(page) | Fault::Orphan;
        self.leaf_pairs(page, name, doubts, |key| {
            Doubts::when(elsewhere.contains(&digest(key)), Doubt::KeyElsewhere)
        })
    }

    /// The keys of the leaf to which the search for `key` leads, as far as there is a point in
    /// reading pages again.
    fn leaf_of(&mut self, root: u32, key: &[u8]) -> Result<LeafKeys, Stop> {
        let mut bounds: [Option<Vec<u8>>; 2] = [None, None];
        let (mut number, mut level) = (root, None);
        while let Some(page) = self.read(number)?
            && level.is_none_or(|level| page.header.level == level)
            && !self.is_unseen(number)
            && self.may_see(number)
        {
            self.see_again(number);
            if self.is_btree_leaf(&page) {
                let digests = self.plain_keys(&page).map(digest).collect();
                return Ok(LeafKeys { bounds, digests, is_known: true });
            }
            let (entries, _) = self.entries(&page);
            let not_greater =
                |entry: &Entry<'_>| entry.key.as_deref().is_none_or(|separator| separator <= key);
            let Some(index) = entries.iter().rposition(not_greater) else { break };
            let below = [bounds[0].as_deref(), bounds[1].as_deref()];
            let below = bounds_below(&entries, index, below).map(|bound| bound.map(<[u8]>::to_vec));
            (number, level) = (entries[index].child, page.header.level.checked_sub(1));
            bounds = below;
        }
        Ok(LeafKeys::default())
    }
}

/// The keys between which those under an entry of a page are looked for, those of the page being
/// looked for between `bounds`.
fn bounds_below<'b>(entries: &'b [Entry<'_>], index: usize, bounds: Bounds<'b>) -> Bounds<'b> {
    let key = |index: usize| entries.get(index).and_then(|entry| entry.key.as_deref());
    [key(index).or(bounds[0]), key(index + 1).or(bounds[1])]
}
