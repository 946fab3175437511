//! Items of tree pages: leaves and internal pages of btrees and of trees of duplicates (btree
//! specification, sections 4 and 5).

use super::item::BigRef;
use super::{ByteOrder, PageLayout, page_type};
use crate::error::Result;
use crate::fault::{Fault, Flaw};

/// Bit of an item's type: deleted, but still on the page.
const DELETED: u8 = 0x80;
/// Item types.
pub(crate) const PLAIN: u8 = 1;
pub(crate) const DUPLICATE_TREE: u8 = 2;
const BIG: u8 = 3;

/// Length of a leaf's item before its bytes.
pub(crate) const LEAF_ITEM_LEN: usize = 3;
/// Lengths of a reference, of an internal entry before its key, and of an internal entry without
/// one.
pub(crate) const REFERENCE_LEN: usize = 12;
pub(crate) const INTERNAL_LEN: usize = 12;
pub(crate) const UNSORTED_INTERNAL_LEN: usize = 8;
/// Where an internal entry with a key has the number of the page below.
pub(crate) const CHILD_AT: usize = 4;

/// What libdb reckons for an item of a leaf besides its bytes.
const MOST_BESIDES: usize = 10;

/// Items start at multiples of this, and each has an offset of so many bytes.
pub(crate) const ALIGNMENT: usize = 4;
pub(crate) const OFFSET: usize = 2;

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

/// The bytes of an item that is to be put on a page, a reference to its bytes included.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewContent<'a> {
    /// Bytes, in two pieces.
    Plain([&'a [u8]; 2]),
    Big(BigRef),
}

impl<'a> NewContent<'a> {
    /// What another item has: bytes, or a reference to them. `None` for a tree.
    pub fn of(content: Content<'a>) -> Option<Self> {
        match content {
            Content::Plain(bytes) => Some(NewContent::Plain([bytes, &[]])),
            Content::Big(big) => Some(NewContent::Big(big)),
            Content::DuplicateTree(_) => None,
        }
    }

    /// Adds the item of a leaf.
    pub fn push_leaf(self, to: &mut Vec<u8>, order: ByteOrder) {
        match self {
            NewContent::Plain(pieces) => {
                push_start(to, pieces[0].len() + pieces[1].len(), PLAIN, order);
                push_pieces(to, pieces);
            }
            NewContent::Big(big) => push_reference(to, BIG, (big.first, big.len), order),
        }
    }

    /// Adds the entry of an internal page of sorted items, of which this is the key.
    pub fn push_internal(self, to: &mut Vec<u8>, child: Child, order: ByteOrder) {
        let (len, item_type) = match self {
            NewContent::Plain(pieces) => (pieces[0].len() + pieces[1].len(), PLAIN),
            NewContent::Big(_) => (REFERENCE_LEN, BIG),
        };
        push_start(to, len, item_type, order);
        to.push(0);
        child.push(to, order);
        match self {
            NewContent::Plain(pieces) => push_pieces(to, pieces),
            NewContent::Big(big) => push_reference(to, BIG, (big.first, big.len), order),
        }
    }
}

/// The length and the type of an item.
fn push_start(to: &mut Vec<u8>, len: usize, item_type: u8, order: ByteOrder) {
    let mut start = [0, 0, item_type];
    order.put_u16(&mut start, 0, len as u16);
    to.extend(start);
}

fn push_pieces(to: &mut Vec<u8>, pieces: [&[u8]; 2]) {
    pieces.into_iter().for_each(|piece| to.extend_from_slice(piece));
}

/// Adds the item of a leaf that stands for a key's data, which are the tree under the page `root`.
pub(crate) fn push_tree_reference(to: &mut Vec<u8>, root: u32, order: ByteOrder) {
    push_reference(to, DUPLICATE_TREE, (root, 0), order);
}

fn push_reference(to: &mut Vec<u8>, item_type: u8, (page, len): (u32, u32), order: ByteOrder) {
    let mut reference = [0; REFERENCE_LEN];
    reference[2] = item_type;
    order.put_u32(&mut reference, 4, page);
    order.put_u32(&mut reference, 8, len);
    to.extend(reference);
}

impl Child {
    /// Adds the entry of an internal page of unsorted items, or the middle part of another.
    pub fn push(self, to: &mut Vec<u8>, order: ByteOrder) {
        let mut entry = [0; UNSORTED_INTERNAL_LEN];
        order.put_u32(&mut entry, 0, self.page);
        order.put_u32(&mut entry, 4, self.records);
        to.extend(entry);
    }
}

/// The longest item that libdb leaves on a page with so much room, where there must be some for so
/// many keys with their data (section 5).
pub(crate) fn longest_item(room: usize, minimum_keys: u32) -> usize {
    room_for_each(room, minimum_keys).saturating_sub(MOST_BESIDES)
}

/// Returns `true` if libdb takes a page with so much room to have some for so many keys.
pub(crate) fn has_room_for(minimum_keys: u32, room: usize) -> bool {
    room_for_each(room, minimum_keys) >= MOST_BESIDES
}

/// Bytes of a page for each of the items of so many keys with their data.
fn room_for_each(room: usize, minimum_keys: u32) -> usize {
    room / 2 / minimum_keys as usize
}

/// Length of a leaf's item of `len` bytes.
pub(crate) fn leaf_len(len: usize, longest: usize) -> usize {
    if len > longest { REFERENCE_LEN } else { LEAF_ITEM_LEN + len }
}

/// Length of the entry of an internal page of sorted items, with a key of `len` bytes.
pub(crate) fn internal_len(len: usize, longest: usize) -> usize {
    INTERNAL_LEN + if len > longest { REFERENCE_LEN } else { len }
}

/// Where the number of records lies in the entry of an internal page of sorted items.
pub(crate) const RECORDS_AT: usize = 8;

/// Where an internal entry leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Child {
    pub page: u32,
    pub records: u32,
}

impl<'a> TreeItem<'a> {
    /// Where item `index` of a page starts, by the page's offset array.
    pub fn offset(page: &[u8], layout: PageLayout, index: usize) -> Result<usize, Flaw> {
        let offset = layout.order.u16(page, layout.header_len() + OFFSET * index);
        Ok(offset.ok_or(Fault::Offset)?.into())
    }

    /// Reads item `index` of a page with `entries` offsets, of the type `kind`.
    pub fn parse(
        page: &'a [u8],
        layout: PageLayout,
        (kind, entries): (u8, u16),
        index: usize,
    ) -> Result<Self, Flaw> {
        let (order, header_len) = (layout.order, layout.header_len());
        let offset = Self::offset(page, layout, index)?;
        if offset < header_len + OFFSET * usize::from(entries) || !offset.is_multiple_of(ALIGNMENT)
        {
            return Err(Fault::Offset.into());
        }
        let bytes = page.get(offset..).ok_or(Fault::Offset)?;
        let u32 = |at| order.u32(bytes, at).ok_or(Fault::ItemLength);
        if kind == page_type::RECNO_INTERNAL {
            let child = Child { page: u32(0)?, records: u32(4)? };
            let (content, size) = (Content::Plain(&[]), UNSORTED_INTERNAL_LEN);
            return Ok(TreeItem { content, offset, size, deleted: false, child: Some(child) });
        }
        let len = usize::from(order.u16(bytes, 0).ok_or(Fault::ItemLength)?);
        let item_type = *bytes.get(2).ok_or(Fault::ItemLength)?;
        // The bytes that the type is about: the whole item, or the key of an internal entry.
        let internal = kind == page_type::BTREE_INTERNAL;
        let start = if internal { INTERNAL_LEN } else { LEAF_ITEM_LEN };
        let big = |at| Ok::<_, Fault>(BigRef { first: u32(at + 4)?, len: u32(at + 8)? });
        let (content, size) = match item_type & !DELETED {
            PLAIN => {
                let plain = bytes.get(start..start + len).ok_or(Fault::ItemLength)?;
                (Content::Plain(plain), (start + len).next_multiple_of(ALIGNMENT))
            }
            BIG if internal && len != REFERENCE_LEN => return Err(Fault::ItemLength.into()),
            BIG if internal => (Content::Big(big(INTERNAL_LEN)?), INTERNAL_LEN + REFERENCE_LEN),
            BIG => (Content::Big(big(0)?), REFERENCE_LEN),
            // As the data of a key only.
            DUPLICATE_TREE if kind == page_type::BTREE_LEAF && index % 2 == 1 => {
                (Content::DuplicateTree(u32(4)?), REFERENCE_LEN)
            }
            other => return Err(Fault::ItemType.with(other)),
        };
        if bytes.len() < size {
            return Err(Fault::ItemLength.into());
        }
        let child = if internal {
            Some(Child { page: u32(CHILD_AT)?, records: u32(RECORDS_AT)? })
        } else {
            None
        };
        Ok(TreeItem { content, offset, size, deleted: item_type & DELETED != 0, child })
    }
}
