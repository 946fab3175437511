//! The pairs of one leaf of a btree, as far as its offsets make sense.

use std::borrow::Cow;

use kv_file_core::Source;

use super::super::Rescue;
use super::super::found::{Doubt, Doubts, Place};
use super::super::parts::Big;
use crate::databases::AccessMethod;
use crate::error::Result;
use crate::fault::Fault;
use crate::file::Page;
use crate::format::page_type;
use crate::format::tree_item::{Content, TreeItem};
use crate::stop::Stop;

/// A pair of a leaf: its key, which duplicates share, and its data. `None` for an item that cannot be
/// read.
struct Pair<'p> {
    index: usize,
    key: Option<TreeItem<'p>>,
    data: Option<TreeItem<'p>>,
}

/// A key, if any of it can be read, and what speaks against its pair.
type JudgedKey<'p> = (Option<Cow<'p, [u8]>>, Doubts);

impl<'c, S: Source> Rescue<'c, '_, S> {
    /// The pairs of a leaf, and whether all of it can be read.
    fn leaf_items<'p>(&self, page: &'p Page<'_>) -> (Vec<Pair<'p>>, bool) {
        let layout = self.file.layout;
        let table_end = |entries: usize| layout.header_len() + 2 * entries;
        let entries = usize::from(page.header.entries);
        let fits = entries.is_multiple_of(2) && table_end(entries) <= layout.page_size;
        // Where the number of entries makes no sense, the offsets end where the items begin.
        let most = if fits { entries } else { layout.room() / 2 };
        let (mut pairs, mut whole) = (Vec::new(), fits);
        let mut lowest = layout.page_size;
        for index in (0..most).step_by(2) {
            let entries = if fits { entries } else { index + 2 };
            let item = |index| {
                let kind = (page_type::BTREE_LEAF, entries as u16);
                TreeItem::parse(&page.bytes, layout, kind, index).ok()
            };
            let (key, data) = (item(index), item(index + 1));
            for item in [&key, &data].into_iter().flatten() {
                lowest = lowest.min(item.offset);
            }
            if !fits && (key.is_none() || data.is_none() || table_end(entries) > lowest) {
                break;
            }
            whole &= key.is_some() && data.is_some();
            pairs.push(Pair { index, key, data });
        }
        (pairs, whole)
    }

    /// Returns `true` if a page is a leaf of a btree: by its type, or where that is none, by its
    /// items.
    pub(in crate::salvage) fn is_btree_leaf(&self, page: &Page<'_>) -> bool {
        match page.header.kind {
            page_type::BTREE_LEAF => true,
            page_type::FREE
            | page_type::HASH_UNSORTED..=page_type::BTREE_META
            | page_type::DUPLICATE_LEAF
            | page_type::HASH => false,
            _ => {
                let (pairs, whole) = self.leaf_items(page);
                whole && !pairs.is_empty() && page.header.level == 1
            }
        }
    }

    /// The keys that are on a leaf.
    pub(super) fn plain_keys<'p>(
        &self,
        page: &'p Page<'_>,
    ) -> impl Iterator<Item = &'p [u8]> + use<'p, S> {
        self.leaf_items(page).0.into_iter().filter_map(|pair| match pair.key?.content {
            Content::Plain(key) => Some(key),
            _ => None,
        })
    }

    /// Gives the pairs of a leaf. `judge` says what speaks against a key, if it is whole.
    pub(super) fn leaf_pairs(
        &mut self,
        page: &Page<'_>,
        database: Option<&[u8]>,
        doubts: Doubts,
        judge: impl Fn(&[u8]) -> Doubts,
    ) -> Result<(), Stop> {
        let (pairs, whole) = self.leaf_items(page);
        let damaged = !whole || page.header.kind != page_type::BTREE_LEAF;
        let doubts = doubts
            | Doubts::when(damaged, Doubt::PageDamaged)
            | Doubts::when(!are_in_order(&pairs), Fault::Unsorted);
        // Duplicates share their key, which is read once.
        let mut last_key = None;
        for Pair { index, key, data } in pairs {
            let offset = key.map(|key| key.offset);
            let (key, doubts) = match last_key.take() {
                Some((last, found)) if last == offset => found,
                _ => self.leaf_key(key, doubts, &judge)?,
            };
            let method = Some(AccessMethod::Btree);
            let place = Place { database, method, page: page.number, item: Some(index + 1) };
            match data {
                Some(data) => {
                    // Left by a crash.
                    let doubts = doubts | Doubts::when(data.deleted, Fault::ItemDeleted);
                    self.leaf_data(place, key.as_deref(), data.content, doubts)?;
                }
                // The key is all that there is.
                None => {
                    let doubts = doubts | Doubt::BrokenData;
                    self.output.give(place, key.as_deref(), &[], doubts)?;
                }
            }
            last_key = Some((offset, (key, doubts)));
        }
        Ok(())
    }

    /// The key of a pair, and what speaks against the pair.
    fn leaf_key<'p>(
        &mut self,
        key: Option<TreeItem<'p>>,
        doubts: Doubts,
        judge: impl Fn(&[u8]) -> Doubts,
    ) -> Result<JudgedKey<'p>, Stop>
    where
        'c: 'p,
    {
        Ok(match key.map(|key| key.content) {
            Some(Content::Plain(key)) => (Some(key.into()), doubts | judge(key)),
            Some(Content::Big(big)) => {
                let Big { bytes, whole, doubts: of_big } = self.big(big)?;
                let doubts = doubts | of_big;
                let doubts = doubts | if whole { judge(&bytes) } else { Doubt::BrokenKey.into() };
                (Some(bytes).filter(|bytes| whole || !bytes.is_empty()), doubts)
            }
            Some(Content::DuplicateTree(_)) | None => (None, doubts | Doubt::BrokenKey),
        })
    }

    fn leaf_data(
        &mut self,
        place: Place<'_>,
        key: Option<&[u8]>,
        data: Content<'_>,
        doubts: Doubts,
    ) -> Result<(), Stop> {
        match data {
            Content::Plain(data) => self.output.give(place, key, data, doubts),
            Content::Big(big) => self.big_data(place, key, big, doubts),
            Content::DuplicateTree(root) => self.duplicate_tree(place, key, root, doubts),
        }
    }
}

/// Returns `true` if the keys of a leaf ascend, as far as they are on the page.
fn are_in_order(pairs: &[Pair<'_>]) -> bool {
    let keys = pairs.iter().filter_map(|pair| match pair.key?.content {
        Content::Plain(key) => Some((pair.key?.offset, key)),
        _ => None,
    });
    // Duplicates share their key.
    keys.is_sorted_by(|(offset, key), (next_offset, next)| offset == next_offset || key < next)
}
