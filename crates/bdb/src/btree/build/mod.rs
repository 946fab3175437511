//! Collecting the pairs of a new btree and planning where each goes (btree specification, section
//! 10).

mod keys;
mod page_size;
mod plan;
mod sort;

use kv_file_core::{Datum, Entries};

pub use self::plan::BtreePlan;

use self::sort::Sorted;
use crate::error::{ErrorKind, Result};
use crate::format::meta::MINIMUM_KEYS;
use crate::format::tree_item::has_room_for;
use crate::options::{BuildOptions, Keep};
use crate::same_keys::SameKeys;

/// Collects pairs for a new btree, in any order.
///
/// Takes 24 bytes of memory a pair, and the pair's own bytes unless they lie in the text given to
/// [`over`](Self::over). To plan it takes another 28 for a while, and then 4.
///
/// ```
/// use bdb_file::{BtreeBuilder, BtreeDb, BuildOptions, Datum, Keep};
///
/// let text = b"postmaster root";
/// let mut builder = BtreeBuilder::over(text, BuildOptions::default());
/// builder.push(Datum::terminated(&text[..10]), Datum::terminated(&text[11..]))?; // not copied
/// builder.push(b"abuse\0", b"root\0")?; // copied
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
/// let database = BtreeDb::open(file)?;
/// assert_eq!(database.get(b"postmaster\0")?.as_deref(), Some(&b"root\0"[..]));
/// let keys: Result<Vec<_>, _> = database.iter().map(|pair| pair.map(|(key, _)| key)).collect();
/// assert_eq!(keys?, [&b"abuse\0"[..], b"postmaster\0"]);
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[must_use = "nothing is made until it is planned and written"]
#[derive(Debug)]
pub struct BtreeBuilder<'t> {
    options: BuildOptions,
    entries: Entries<'t>,
}

impl BtreeBuilder<'static> {
    /// A builder that copies every pair.
    pub fn new(options: BuildOptions) -> Self {
        BtreeBuilder::over(&[], options)
    }
}

impl<'t> BtreeBuilder<'t> {
    /// A builder that does not copy keys and data which are parts of `text`: it remembers their
    /// positions.
    pub fn over(text: &'t [u8], options: BuildOptions) -> Self {
        BtreeBuilder::of(Entries::over(text), options)
    }

    /// A builder of a btree with these pairs.
    pub fn of(entries: Entries<'t>, options: BuildOptions) -> Self {
        BtreeBuilder { options, entries }
    }

    pub(crate) fn options(&self) -> &BuildOptions {
        &self.options
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for an item of 4 GiB or more, and for the pair after 2^32 - 1
    /// others.
    pub fn push<'a>(
        &mut self,
        key: impl Into<Datum<'a>>,
        data: impl Into<Datum<'a>>,
    ) -> Result<()> {
        Ok(self.entries.push(key, data)?)
    }

    /// Settles which pairs are stored and where.
    ///
    /// Every page but the last of its level is filled, as libdb leaves them when sorted pairs come
    /// in. The file is then as small as it can be; a page that gets a pair later becomes two.
    ///
    /// # Errors
    /// [`ErrorKind::Option`] for impossible options, [`ErrorKind::TooLarge`] for a btree of more
    /// than 2^32 pages.
    ///
    /// # Complexity
    /// Sorts one number a pair, by the first 11 bytes of its key; then those that are alike by the
    /// next 11, and so on. Pairs that are sorted already are only read.
    #[doc(alias = "finish")]
    #[doc(alias = "build")]
    pub fn plan(self, keep: Keep) -> Result<BtreePlan<'t>> {
        self.plan_at(0, keep)
    }

    /// As [`plan`](Self::plan), for a database whose meta page has the number `meta`.
    pub(crate) fn plan_at(self, meta: u32, keep: Keep) -> Result<BtreePlan<'t>> {
        let BuildOptions { data_order, record_numbers, .. } = self.options;
        if record_numbers && data_order.is_some() {
            let problem = "record numbers are not for several data items of a key";
            return Err(ErrorKind::Option(problem).into());
        }
        let minimum_keys = self.minimum_keys()?;
        let sorted = Sorted::new(&self.entries, SameKeys::new(&self.options, keep));
        let mut dropped = sorted.dropped.iter().peekable();
        let is_stored = |index: &u32| dropped.next_if_eq(&index).is_none();
        let page_size = self.page_size_for(self.entries.indices().filter(is_stored))?;
        if !has_room_for(minimum_keys, self.options.page_layout(page_size).room()) {
            let problem = "minimum number of keys is too high for the page size";
            return Err(ErrorKind::Option(problem).into());
        }
        BtreePlan::new(&self.options, self.entries, sorted, (page_size, minimum_keys), meta)
    }

    /// The page size, as asked for or chosen for the pairs that there are.
    pub(crate) fn page_size(&self) -> Result<u32> {
        self.page_size_for(self.entries.indices())
    }

    pub(crate) fn set_page_size(&mut self, page_size: u32) {
        self.options.page_size = Some(page_size);
    }

    /// The page size, as asked for or chosen for these pairs.
    fn page_size_for(&self, pairs: impl Iterator<Item = u32>) -> Result<u32> {
        let minimum_keys = self.minimum_keys()?;
        Ok(self.options.stated_page_size()?.unwrap_or_else(|| {
            let lens = pairs.map(|index| self.entries.lens(index));
            page_size::page_size(lens, minimum_keys, self.options.checksums)
        }))
    }

    fn minimum_keys(&self) -> Result<u32> {
        match self.options.minimum_keys.unwrap_or(MINIMUM_KEYS) {
            ..MINIMUM_KEYS => {
                Err(ErrorKind::Option("a page of a btree has room for at least 2 keys").into())
            }
            keys => Ok(keys),
        }
    }
}
