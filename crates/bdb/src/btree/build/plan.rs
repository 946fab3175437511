//! A new btree whose every page is settled, and writing it.
//!
//! The meta page comes first, then the tree level by level: its root, the other internal pages, the
//! leaves in the order of their keys. What does not lie on these comes behind them.

use std::io::{self, Write};

use kv_file_core::{Contents, Entries};

use super::keys::Keys;
use super::sort::Sorted;
use crate::error::{ErrorKind, Result};
use crate::format::BtreeMeta;
use crate::format::meta::MetaPlace;
use crate::new_pages::put_blocks;
use crate::new_tree::{NewTree, TreeKind, TreeShape};
use crate::options::{BuildOptions, DataOrder};

/// A btree whose every page is settled: made by [`BtreeBuilder::plan`](crate::BtreeBuilder::plan).
#[must_use = "nothing is made until it is written"]
#[derive(Debug)]
pub struct BtreePlan<'t> {
    tree: NewTree<Keys<'t>>,
    data_order: Option<DataOrder>,
    /// The number of the database's meta page. Its root follows.
    meta: u32,
    /// The last page of the database.
    last_page: u32,
    uid: [u8; 20],
}

impl<'t> BtreePlan<'t> {
    /// For a database whose meta page has the number `meta`. The options have been found possible.
    pub(super) fn new(
        options: &BuildOptions,
        entries: Entries<'t>,
        sorted: Sorted,
        (page_size, minimum_keys): (u32, u32),
        meta: u32,
    ) -> Result<Self> {
        let data_order = options.data_order;
        let layout = options.page_layout(page_size);
        let shape = |kind| TreeShape { kind, layout, minimum_keys };
        let keys = Keys::new(entries, sorted, shape(TreeKind::of_data(data_order)));
        let uid = options.file_id.bytes(keys.all());
        let kind = TreeKind::Pairs { counted: options.record_numbers };
        let tree = NewTree::new(shape(kind), keys);
        let last_page = u64::from(meta) + tree.page_count();
        let last_page = u32::try_from(last_page).map_err(|_| ErrorKind::TooLarge)?;
        Ok(BtreePlan { tree, data_order, meta, last_page, uid })
    }

    /// The pairs that are not stored because another with the same key is, or where a key may have
    /// several data items, the same pair; in input order: the number of the push (from 0), and the
    /// key without its NUL.
    pub fn dropped(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.tree.records().dropped().map(|(index, key)| (index, key.bytes))
    }

    /// The order of several data items of one key; `None` where a key has but one.
    pub fn data_order(&self) -> Option<DataOrder> {
        self.data_order
    }

    /// Number of pairs that are stored.
    pub fn pairs(&self) -> u64 {
        self.tree.records().pairs()
    }

    /// Page size of the file, in bytes.
    pub fn page_size(&self) -> u32 {
        self.tree.shape().layout.page_size as u32
    }

    /// Number of pages on the way from the root to a leaf, both included: those that a lookup reads.
    pub fn height(&self) -> usize {
        self.tree.height()
    }

    /// Length of the file, in bytes.
    pub fn file_len(&self) -> u64 {
        (u64::from(self.last_page) + 1) * u64::from(self.page_size())
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// One pass over the pairs in the order of their keys; another one where some do not lie on
    /// their page. Pages are made by a thread of their own where there are many. Memory beside the
    /// plan's own: a few blocks of 2 MiB, and all that one page refers to.
    pub fn write_to<W: Write>(&self, mut out: W) -> io::Result<()> {
        self.blocks(&mut |_, block| out.write_all(block))?;
        out.flush()
    }

    /// The last page of the database.
    pub(crate) fn last_page(&self) -> u32 {
        self.last_page
    }

    /// The number of the database's meta page.
    pub(crate) fn meta(&self) -> u32 {
        self.meta
    }

    pub(crate) fn uid(&self) -> [u8; 20] {
        self.uid
    }

    /// Makes the database one of a file with this identification.
    pub(crate) fn set_uid(&mut self, uid: [u8; 20]) {
        self.uid = uid;
    }

    /// The page behind the meta page.
    fn root(&self) -> u32 {
        self.meta + 1
    }

    fn meta_page(&self) -> Vec<u8> {
        let TreeShape { kind, layout, minimum_keys } = *self.tree.shape();
        let (several_databases, place) = match self.meta {
            0 => (false, MetaPlace::File { last_page: self.last_page }),
            number => (true, MetaPlace::OneOfSeveral { number }),
        };
        let meta = BtreeMeta {
            version: 9,
            free: 0,
            duplicates: self.data_order.is_some(),
            sorted_duplicates: self.data_order == Some(DataOrder::Sorted),
            record_numbers: kind == TreeKind::Pairs { counted: true },
            several_databases,
            uid: self.uid,
            minimum_keys,
            root: self.root(),
        };
        let mut page = vec![0; layout.page_size];
        meta.put(&mut page, layout, place);
        page
    }
}

impl Contents for BtreePlan<'_> {
    fn file_len(&self) -> u64 {
        self.file_len()
    }

    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let layout = self.tree.shape().layout;
        let start = u64::from(self.meta) * layout.page_size as u64;
        let mut pages = self.tree.maker(self.root());
        let make_next = |made: &mut _| pages.make_next(made);
        put_blocks(layout, self.meta_page(), (start, self.file_len()), make_next, put)
    }

    fn dropped(&self, each: &mut dyn FnMut(u32, &[u8])) {
        self.dropped().for_each(|(index, key)| each(index, key));
    }
}
