//! Items of a hash page: the stored form of a key or of a data item (section 6).

use super::ByteOrder;
use crate::error::Result;
use crate::fault::{Fault, Flaw};

/// First byte of an item that holds the bytes themselves.
pub(crate) const PLAIN: u8 = 1;
/// First byte of an item that holds a set of duplicates.
pub(crate) const DUPLICATES: u8 = 2;
/// First byte of an item that refers to a chain of overflow pages.
pub(crate) const BIG: u8 = 3;
/// First byte of an item that refers to a tree of duplicates.
pub(crate) const DUPLICATE_TREE: u8 = 4;

/// Length of a reference to a big item, type byte included.
pub(crate) const BIG_LEN: usize = 12;

/// Length of a reference to a tree of duplicates, type byte included.
pub(crate) const DUPLICATE_TREE_LEN: usize = 8;

/// A reference to a big item: the first page of its chain and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BigRef {
    pub first: u32,
    pub len: u32,
}

/// What the bytes of an item say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Plain(&'a [u8]),
    /// The set in its on-page form: length, bytes, length, for each element.
    Duplicates(&'a [u8]),
    Big(BigRef),
    /// Root page of the tree.
    DuplicateTree(u32),
}

impl<'a> Item<'a> {
    pub fn parse(item: &'a [u8], order: ByteOrder) -> Result<Self, Flaw> {
        let (&kind, rest) = item.split_first().ok_or(Fault::ItemLength)?;
        Ok(match kind {
            PLAIN => Item::Plain(rest),
            DUPLICATES => Item::Duplicates(rest),
            BIG => Item::Big(BigRef {
                first: order.u32(item, 4).ok_or(Fault::ItemLength)?,
                len: order.u32(item, 8).ok_or(Fault::ItemLength)?,
            }),
            DUPLICATE_TREE => Item::DuplicateTree(order.u32(item, 4).ok_or(Fault::ItemLength)?),
            other => return Err(Fault::ItemType.with(other)),
        })
    }
}

/// Writes a reference to a tree of duplicates as a hash item.
pub(crate) fn put_tree(item: &mut [u8], root: u32, order: ByteOrder) {
    item[..4].copy_from_slice(&[DUPLICATE_TREE, 0, 0, 0]);
    order.put_u32(item, 4, root);
}

impl BigRef {
    /// Writes the reference as a hash item.
    pub fn put(self, item: &mut [u8], order: ByteOrder) {
        item[..4].copy_from_slice(&[BIG, 0, 0, 0]);
        order.put_u32(item, 4, self.first);
        order.put_u32(item, 8, self.len);
    }
}
