//! A new database of either kind: for whoever learns only from a text what he is to make.

use std::io::{self, Write};

use kv_file_core::{Contents, Datum};

use crate::btree::{BtreeBuilder, BtreePlan};
use crate::databases::AccessMethod;
use crate::error::Result;
use crate::hash::{HashBuilder, HashPlan};
use crate::options::{BuildOptions, DataOrder, Keep};

/// Collects pairs for a new database of either kind.
///
/// ```
/// use bdb_file::{AccessMethod, BuildOptions, DatabaseBuilder, Keep};
///
/// for method in [AccessMethod::Hash, AccessMethod::Btree] {
///     let mut builder = DatabaseBuilder::new(method, BuildOptions::default());
///     builder.push(b"abuse", b"root")?;
///     assert_eq!(builder.plan(Keep::First)?.pairs(), 1);
/// }
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[must_use = "nothing is made until it is planned and written"]
#[derive(Debug)]
#[non_exhaustive]
pub enum DatabaseBuilder<'t> {
    /// A hash table.
    Hash(HashBuilder<'t>),
    /// A btree.
    Btree(BtreeBuilder<'t>),
}

/// A database whose every page is settled, of either kind: made by [`DatabaseBuilder::plan`].
#[must_use = "nothing is made until it is written"]
#[derive(Debug)]
#[non_exhaustive]
pub enum DatabasePlan<'t> {
    /// A hash table.
    Hash(HashPlan<'t>),
    /// A btree.
    Btree(BtreePlan<'t>),
}

/// Does the same with a database of either kind.
macro_rules! either {
    ($kind:ident, $database:expr, $inner:ident => $result:expr) => {
        match $database {
            $kind::Hash($inner) => $result,
            $kind::Btree($inner) => $result,
        }
    };
}

impl<'t> From<HashBuilder<'t>> for DatabaseBuilder<'t> {
    fn from(builder: HashBuilder<'t>) -> Self {
        DatabaseBuilder::Hash(builder)
    }
}

impl<'t> From<BtreeBuilder<'t>> for DatabaseBuilder<'t> {
    fn from(builder: BtreeBuilder<'t>) -> Self {
        DatabaseBuilder::Btree(builder)
    }
}

impl DatabaseBuilder<'static> {
    /// A builder of a database of this kind, which copies every pair.
    pub fn new(method: AccessMethod, options: BuildOptions) -> Self {
        match method {
            AccessMethod::Hash => HashBuilder::new(options).into(),
            AccessMethod::Btree => BtreeBuilder::new(options).into(),
        }
    }
}

impl<'t> DatabaseBuilder<'t> {
    /// Adds a pair.
    ///
    /// # Errors
    /// As [`HashBuilder::push`].
    pub fn push<'a>(
        &mut self,
        key: impl Into<Datum<'a>>,
        data: impl Into<Datum<'a>>,
    ) -> Result<()> {
        either!(DatabaseBuilder, self, builder => builder.push(key, data))
    }

    /// Settles which pairs are stored and where.
    ///
    /// # Errors
    /// As [`HashBuilder::plan`] and [`BtreeBuilder::plan`].
    ///
    /// # Complexity
    /// As [`HashBuilder::plan`] and [`BtreeBuilder::plan`].
    pub fn plan(self, keep: Keep) -> Result<DatabasePlan<'t>> {
        self.plan_at(0, keep)
    }

    /// As [`plan`](Self::plan), for a database whose meta page has the number `meta`.
    pub(crate) fn plan_at(self, meta: u32, keep: Keep) -> Result<DatabasePlan<'t>> {
        Ok(match self {
            DatabaseBuilder::Hash(builder) => DatabasePlan::Hash(builder.plan_at(meta, keep)?),
            DatabaseBuilder::Btree(builder) => DatabasePlan::Btree(builder.plan_at(meta, keep)?),
        })
    }

    pub(crate) fn options(&self) -> &BuildOptions {
        either!(DatabaseBuilder, self, builder => builder.options())
    }

    /// The page size, as asked for or chosen for the pairs that there are.
    pub(crate) fn page_size(&self) -> Result<u32> {
        either!(DatabaseBuilder, self, builder => builder.page_size())
    }

    pub(crate) fn set_page_size(&mut self, page_size: u32) {
        either!(DatabaseBuilder, self, builder => builder.set_page_size(page_size));
    }
}

impl DatabasePlan<'_> {
    /// The order of several data items of one key; `None` where a key has but one.
    pub fn data_order(&self) -> Option<DataOrder> {
        either!(DatabasePlan, self, plan => plan.data_order())
    }

    /// Number of pairs that are stored.
    pub fn pairs(&self) -> u64 {
        either!(DatabasePlan, self, plan => plan.pairs())
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// As [`HashPlan::write_to`] and [`BtreePlan::write_to`].
    pub fn write_to<W: Write>(&self, out: W) -> io::Result<()> {
        either!(DatabasePlan, self, plan => plan.write_to(out))
    }

    /// The number of the database's meta page.
    pub(crate) fn meta(&self) -> u32 {
        either!(DatabasePlan, self, plan => plan.meta())
    }

    /// The last page of the database.
    pub(crate) fn last_page(&self) -> u32 {
        either!(DatabasePlan, self, plan => plan.last_page())
    }

    pub(crate) fn uid(&self) -> [u8; 20] {
        either!(DatabasePlan, self, plan => plan.uid())
    }

    /// Makes the database one of a file with this identification.
    pub(crate) fn set_uid(&mut self, uid: [u8; 20]) {
        either!(DatabasePlan, self, plan => plan.set_uid(uid));
    }
}

impl Contents for DatabasePlan<'_> {
    fn file_len(&self) -> u64 {
        either!(DatabasePlan, self, plan => plan.file_len())
    }

    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        either!(DatabasePlan, self, plan => plan.blocks(put))
    }

    fn dropped(&self, each: &mut dyn FnMut(u32, &[u8])) {
        either!(DatabasePlan, self, plan => Contents::dropped(plan, each));
    }
}
