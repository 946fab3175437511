//! Items of tree pages: leaves and internal pages of btrees and of trees of duplicates (btree specification, sections 4 and 5).

use super::item::BigRef;
use super::{ByteOrder, page_type};
use crate::error::Damage;

/// Bit of an item's type: deleted, but still on the page.
const DELETED: u8 = 0x80;
/// Item types.
const PLAIN: u8 = 1;
pub(crate) const DUPLICATE_TREE: u8 = 2;
const BIG: u8 = 3;

/// Length of a leaf's item before its bytes.
pub(crate) const LEAF_ITEM_LEN: usize = 3;
/// Lengths of a reference, of an internal entry before its key, and of an internal entry without one.
const REFERENCE_LEN: usize = 12;
const INTERNAL_LEN: usize = 12;
const RECNO_INTERNAL_LEN: usize = 8;

/// What the bytes of an item say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Plain(&'a [u8]),
    Big(BigRef),
    /// Root page of a tree of duplicates.
    DuplicateTree(u32),
}

/// An item of a leaf or an internal page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreeItem<'a> {
    pub content: Content<'a>,
    /// Where it starts on the page, and how many bytes it takes up there.
    pub offset: usize,
    pub size: usize,
    pub deleted: bool,
    /// On an internal page, the page below and the number of records under it.
    pub child: Option<Child>,
}

/// Where an internal entry leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub page: u32,
    pub records: u32,
}

impl<'a> TreeItem<'a> {
    /// Reads item `index` of a page with `entries` offsets, of the type `kind`.
    pub fn parse(
        page: &'a [u8],
        (header_len, order): (usize, ByteOrder),
        (kind, entries): (u8, u16),
        index: usize,
    ) -> Result<Self, Damage> {
        let offset = order.u16(page, header_len + 2 * index).ok_or(Damage::Offset)?;
        let offset = usize::from(offset);
        if offset < header_len + 2 * usize::from(entries) || !offset.is_multiple_of(4) {
            return Err(Damage::Offset);
        }
        let bytes = page.get(offset..).ok_or(Damage::Offset)?;
        let u32 = |at| order.u32(bytes, at).ok_or(Damage::ItemLength);
        if kind == page_type::RECNO_INTERNAL {
            let child = Child { page: u32(0)?, records: u32(4)? };
            let (content, size) = (Content::Plain(&[]), RECNO_INTERNAL_LEN);
            return Ok(TreeItem { content, offset, size, deleted: false, child: Some(child) });
        }
        let len = usize::from(order.u16(bytes, 0).ok_or(Damage::ItemLength)?);
        let item_type = *bytes.get(2).ok_or(Damage::ItemLength)?;
        // The bytes that the type is about: the whole item, or the key of an internal entry.
        let internal = kind == page_type::BTREE_INTERNAL;
        let start = if internal { INTERNAL_LEN } else { LEAF_ITEM_LEN };
        let big = |at| Ok(BigRef { first: u32(at + 4)?, len: u32(at + 8)? });
        let (content, size) = match item_type & !DELETED {
            PLAIN => {
                let plain = bytes.get(start..start + len).ok_or(Damage::ItemLength)?;
                (Content::Plain(plain), (start + len).next_multiple_of(4))
            }
            BIG if internal && len != REFERENCE_LEN => return Err(Damage::ItemLength),
            BIG if internal => (Content::Big(big(INTERNAL_LEN)?), INTERNAL_LEN + REFERENCE_LEN),
            BIG => (Content::Big(big(0)?), REFERENCE_LEN),
            // As the data of a key only.
            DUPLICATE_TREE if kind == page_type::BTREE_LEAF && index % 2 == 1 => {
                (Content::DuplicateTree(u32(4)?), REFERENCE_LEN)
            }
            other => return Err(Damage::ItemType(other)),
        };
        if bytes.len() < size {
            return Err(Damage::ItemLength);
        }
        let child = if internal { Some(Child { page: u32(4)?, records: u32(8)? }) } else { None };
        Ok(TreeItem { content, offset, size, deleted: item_type & DELETED != 0, child })
    }
}
