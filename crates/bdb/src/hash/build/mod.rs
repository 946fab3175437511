//! Collecting the pairs of a new table and planning where each goes.

mod arrange;
mod duplicates;
mod plan;
mod write;

use kv_file_core::{Datum, Entries};

pub use self::plan::HashPlan;

use self::arrange::{Place, sort_buckets, sort_by_bucket};
use self::duplicates::Keys;
use super::layout::Sizes;
use crate::error::{ErrorKind, Result};
use crate::format::address::masks;
use crate::options::{BuildOptions, Keep};
use crate::same_keys::SameKeys;

/// Collects pairs for a new hash table.
///
/// Takes 32 bytes of memory a pair, and the pair's own bytes unless they lie in the text given to
/// [`over`](Self::over).
///
/// ```
/// use bdb_file::{HashBuilder, BuildOptions, Datum, HashDb, Keep};
///
/// let text = b"postmaster root";
/// let mut builder = HashBuilder::over(text, BuildOptions::default());
/// builder.push(Datum::terminated(&text[..10]), Datum::terminated(&text[11..]))?; // not copied
/// builder.push(b"abuse\0", b"root\0")?; // copied
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
/// assert_eq!(HashDb::open(file)?.get(b"postmaster\0")?.as_deref(), Some(&b"root\0"[..]));
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[must_use = "nothing is made until it is planned and written"]
#[derive(Debug)]
pub struct HashBuilder<'t> {
    options: BuildOptions,
    entries: Entries<'t>,
    sizes: Sizes,
}

impl HashBuilder<'static> {
    /// A builder that copies every pair.
    pub fn new(options: BuildOptions) -> Self {
        HashBuilder::over(&[], options)
    }
}

impl<'t> HashBuilder<'t> {
    /// A builder that does not copy keys and data which are parts of `text`: it remembers their
    /// positions.
    pub fn over(text: &'t [u8], options: BuildOptions) -> Self {
        HashBuilder { options, entries: Entries::over(text), sizes: Sizes::default() }
    }

    /// A builder of a table with these pairs.
    ///
    /// # Complexity
    /// Looks at the lengths of all of them.
    pub fn of(entries: Entries<'t>, options: BuildOptions) -> Self {
        let mut sizes = Sizes::default();
        for index in entries.indices() {
            let (key, data) = entries.lens(index);
            sizes.add(key, data);
        }
        HashBuilder { options, entries, sizes }
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
        let (key, data) = (key.into(), data.into());
        self.entries.push(key, data)?;
        self.sizes.add(key.len(), data.len());
        Ok(())
    }

    /// Settles which pairs are stored and where.
    ///
    /// # Errors
    /// [`ErrorKind::Option`] for impossible options, [`ErrorKind::TooLarge`] for a table of more
    /// than 2^32 pages.
    ///
    /// # Complexity
    /// Hashes every key, sorts one number a pair, and the keys of each bucket; twice, where so many
    /// pairs are left out that other pages or fewer buckets suit the rest.
    #[doc(alias = "finish")]
    #[doc(alias = "build")]
    pub fn plan(self, keep: Keep) -> Result<HashPlan<'t>> {
        self.plan_at(0, keep)
    }

    /// As [`plan`](Self::plan), for a database whose meta page has the number `meta`.
    pub(crate) fn plan_at(mut self, meta: u32, keep: Keep) -> Result<HashPlan<'t>> {
        let mut places: Vec<Place> = self.entries.indices().map(Place::unknown).collect();
        let mut dropped = Vec::new();
        let mut layout = self.layout()?;
        let same_keys = SameKeys::new(&self.options, keep);
        loop {
            let (page_size, max_bucket) = layout;
            sort_by_bucket(&mut places, &self.entries, max_bucket);
            let more = sort_buckets(&mut places, &self.entries, page_size as usize, same_keys);
            for index in &more {
                let (key, data) = self.entries.lens(*index);
                self.sizes.remove(key, data);
            }
            dropped.extend(more);
            let of_the_rest = self.layout()?;
            if of_the_rest == layout {
                break;
            }
            layout = of_the_rest;
        }
        dropped.sort_unstable();
        let pairs = places.len() as u64;
        let mut keys = Keys::new(self.entries);
        if self.options.data_order.is_some() {
            let (page_size, order) = (layout.0 as usize, self.options.byte_order);
            duplicates::join(&mut places, &mut keys, page_size, order)?;
        }
        HashPlan::new(&self.options, keys, places, (pairs, dropped), layout, meta)
    }

    /// The page size, as asked for or chosen for the pairs that there are.
    pub(crate) fn page_size(&self) -> Result<u32> {
        Ok(self.options.stated_page_size()?.unwrap_or_else(|| self.sizes.page_size()))
    }

    pub(crate) fn set_page_size(&mut self, page_size: u32) {
        self.options.page_size = Some(page_size);
    }

    /// Page size and highest bucket, for the pairs that there are.
    fn layout(&self) -> Result<(u32, u32)> {
        let page_size = self.page_size()?;
        let buckets = match self.options.buckets {
            Some(0 | 1) => return Err(ErrorKind::Option("a table has at least 2 buckets").into()),
            Some(buckets) => u64::from(buckets),
            None => self.sizes.buckets(page_size, self.options.checksums),
        };
        let max_bucket = u32::try_from(buckets - 1).map_err(|_| ErrorKind::TooLarge)?;
        if masks(max_bucket).0 == u32::MAX {
            // The bucket pages alone would be more than there are page numbers.
            return Err(ErrorKind::TooLarge.into());
        }
        Ok((page_size, max_bucket))
    }
}
