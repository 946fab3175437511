//! The figures of a database: what it holds, and how its pages are used.

use kv_file_core::Source;

use super::HashDb;
use super::values::DataItems;
use crate::error::Result;
use crate::fault::Fault;
use crate::figures::{self, PageUse, free_pages};
use crate::file::{Budget, PageFile};
use crate::format::item::Item;
use crate::hash::page::{HashPage, Pair};

/// The figures of a hash database: [`HashDb::stat`].
///
/// They are those of libdb's `db_stat`, but for one: on empty pages of 65536 bytes it finds less
/// than no bytes free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashStat {
    /// Pages of the whole file, other databases' included.
    pub file_pages: u64,
    /// Number of keys.
    pub keys: u64,
    /// Number of data items: more than keys where there are duplicates.
    pub data_items: u64,
    /// The buckets' first pages.
    pub buckets: PageUse,
    /// The buckets' further pages.
    pub bucket_overflow: PageUse,
    /// Pages of big items.
    pub big_items: PageUse,
    /// Pages of trees of duplicates.
    pub duplicates: PageUse,
    /// Pages on the free list. It belongs to the file: for a named database, 0.
    pub free_pages: u64,
}

impl<S: Source> HashDb<S> {
    /// Counts what the database holds and how its pages are used.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for damage on a page of the database or of the free
    /// list, [`Io`](crate::ErrorKind::Io).
    ///
    /// # Complexity
    /// Reads every page in use once, and those of the free list.
    pub fn stat(&self) -> Result<HashStat> {
        let mut count = Count {
            file: &self.file,
            budget: self.file.budget(),
            stat: HashStat { file_pages: self.page_count(), ..HashStat::default() },
        };
        for bucket in 0..=self.address.max_bucket {
            let number = self.address.page(bucket);
            let mut page = HashPage::primary(&self.file, number, &count.budget)?;
            count.stat.buckets += PageUse::of_page(&self.file, &page.page);
            count.pairs(&page)?;
            while let Some(next) = page.next(&self.file, &count.budget)? {
                page = next;
                count.stat.bucket_overflow += PageUse::of_page(&self.file, &page.page);
                count.pairs(&page)?;
            }
        }
        count.stat.free_pages = free_pages(&self.file, self.meta().free, &count.budget)?;
        Ok(count.stat)
    }
}

/// A count under way.
struct Count<'a, S> {
    file: &'a PageFile<S>,
    budget: Budget,
    stat: HashStat,
}

impl<'a, S: Source> Count<'a, S> {
    /// Counts the pairs of a page, and the pages that are theirs alone.
    fn pairs(&mut self, page: &HashPage<'a>) -> Result<()> {
        let mut at = page.start();
        while let Some(pair) = page.next_pair(self.file.layout.order, &mut at)? {
            self.stat.keys += 1;
            self.key(page, &pair)?;
            self.data(page, &pair)?;
        }
        Ok(())
    }

    fn key(&mut self, page: &HashPage<'a>, pair: &Pair) -> Result<()> {
        let item = page.page.bytes.get(pair.key.clone()).unwrap_or_default();
        match page.item(item, pair.index, self.file.layout.order)? {
            Item::Plain(_) => Ok(()),
            Item::Big(big) => {
                self.stat.big_items += PageUse::of_big(self.file, big, &self.budget)?;
                Ok(())
            }
            Item::Duplicates(_) | Item::DuplicateTree(_) => {
                Err(page.page.problem(Fault::ItemType).item(pair.index).value(item[0]).into())
            }
        }
    }

    fn data(&mut self, page: &HashPage<'a>, pair: &Pair) -> Result<()> {
        let item = page.page.bytes.get(pair.data.clone()).unwrap_or_default();
        match page.item(item, pair.index + 1, self.file.layout.order)? {
            Item::Plain(_) => self.stat.data_items += 1,
            Item::Big(big) => {
                self.stat.data_items += 1;
                self.stat.big_items += PageUse::of_big(self.file, big, &self.budget)?;
            }
            Item::Duplicates(_) => {
                let mut set = DataItems::of(self.file, page, pair, &self.budget)?;
                while set.next(self.file, &self.budget)?.is_some() {
                    self.stat.data_items += 1;
                }
            }
            Item::DuplicateTree(root) => {
                let tree = figures::tree(self.file, root, false, &self.budget)?;
                self.stat.data_items += tree.data_items;
                self.stat.big_items += tree.big_items;
                self.stat.duplicates += tree.internal;
                self.stat.duplicates += tree.duplicates;
            }
        }
        Ok(())
    }
}
