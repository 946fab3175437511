//! The figures of a database: what it holds, and how its pages are used.

use kv_file_core::Source;

use super::BtreeDb;
use crate::error::Result;
use crate::figures::{self, PageUse, free_pages};
use crate::format::meta::RawMeta;

/// The figures of a btree database: [`BtreeDb::stat`].
///
/// They are those of libdb's `db_stat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BtreeStat {
    /// Pages of the whole file, other databases' included.
    pub file_pages: u64,
    /// Levels of the tree: 1 where its root is a leaf.
    pub levels: u8,
    /// Number of keys.
    pub keys: u64,
    /// Number of data items: more than keys where there are duplicates.
    pub data_items: u64,
    /// Internal pages, those of trees of duplicates included.
    pub internal: PageUse,
    /// Leaves.
    pub leaves: PageUse,
    /// Leaves of trees of duplicates.
    pub duplicates: PageUse,
    /// Pages of big items. Those of an item that is both a key and a separator count twice.
    pub big_items: PageUse,
    /// Leaves that are empty, of either kind.
    pub empty_leaves: u64,
    /// Pages on the free list of the file.
    pub free_pages: u64,
}

impl<S: Source> BtreeDb<S> {
    /// Counts what the database holds and how its pages are used.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for damage on a page of the database or of the free
    /// list, [`Io`](crate::ErrorKind::Io).
    ///
    /// # Complexity
    /// Reads every page in use once, and those of the free list.
    pub fn stat(&self) -> Result<BtreeStat> {
        let budget = self.file.budget();
        // Of named databases, too, it begins there.
        let free = RawMeta::read(&self.file.read(0)?)?.free;
        let tree = figures::tree(&self.file, self.meta.root, true, &budget)?;
        Ok(BtreeStat {
            file_pages: self.page_count(),
            levels: tree.levels,
            keys: tree.keys,
            data_items: tree.data_items,
            internal: tree.internal,
            leaves: tree.leaves,
            duplicates: tree.duplicates,
            big_items: tree.big_items,
            empty_leaves: tree.empty_leaves,
            free_pages: free_pages(&self.file, free, &budget)?,
        })
    }
}
