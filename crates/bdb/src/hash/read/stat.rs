//! The figures of a database: what it holds, and how its pages are used.

use kv_file_core::Source;

use super::HashDb;
use super::values::DataItems;
use crate::error::Result;
use crate::fault::Fault;
use crate::file::{Budget, Page, PageFile};
use crate::format::item::{BigRef, Item};
use crate::format::page_type;
use crate::format::tree_item::Content;
use crate::hash::page::{HashPage, Pair};
use crate::overflow;
use crate::tree;

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

/// How the pages of one kind are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageUse {
    /// Number of pages.
    pub pages: u64,
    /// Bytes on them that nothing takes up.
    pub free_bytes: u64,
}

impl PageUse {
    /// How full the pages are, in whole percent, rounded down; 0 where there are none.
    pub fn fill_percent(&self, page_size: u32) -> u64 {
        let total = self.pages * u64::from(page_size);
        total.saturating_sub(self.free_bytes) * 100 / total.max(1)
    }

    fn add(&mut self, free_bytes: u64) {
        self.pages += 1;
        self.free_bytes += free_bytes;
    }
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
            count.stat.buckets.add(free_bytes(&self.file, &page.page));
            count.pairs(&page)?;
            while let Some(next) = page.next(&self.file, &count.budget)? {
                page = next;
                count.stat.bucket_overflow.add(free_bytes(&self.file, &page.page));
                count.pairs(&page)?;
            }
        }
        count.free_list(self.meta().free)?;
        Ok(count.stat)
    }
}

/// Bytes between the offsets and the items of a page, as its header has it.
fn free_bytes<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> u64 {
    let high = match usize::from(page.header.high_offset) {
        // A page that was never written, or an empty one of 65536 bytes.
        0 => file.layout.page_size,
        high => high,
    };
    high.saturating_sub(file.layout.header_len() + 2 * usize::from(page.header.entries)) as u64
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
            Item::Big(big) => self.big(big),
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
                self.big(big)?;
            }
            Item::Duplicates(_) => {
                let mut set = DataItems::of(self.file, page, pair, &self.budget)?;
                while set.next(self.file, &self.budget)?.is_some() {
                    self.stat.data_items += 1;
                }
            }
            Item::DuplicateTree(root) => self.tree(root)?,
        }
        Ok(())
    }

    fn big(&mut self, big: BigRef) -> Result<()> {
        let pages = overflow::pages(self.file, big, &self.budget)?.len();
        self.add_chain(pages as u64, big);
        Ok(())
    }

    fn add_chain(&mut self, pages: u64, big: BigRef) {
        self.stat.big_items.pages += pages;
        self.stat.big_items.free_bytes += (pages * self.room()).saturating_sub(big.len.into());
    }

    /// Bytes of a big item that a page holds.
    fn room(&self) -> u64 {
        self.file.layout.room() as u64
    }

    /// Counts the pages and the data items of a tree of duplicates.
    fn tree(&mut self, root: u32) -> Result<()> {
        let mut to_visit = vec![root];
        while let Some(number) = to_visit.pop() {
            let page = self.file.page(number, &self.budget)?;
            if !matches!(
                page.header.kind,
                page_type::BTREE_INTERNAL
                    | page_type::RECNO_INTERNAL
                    | page_type::RECNO_LEAF
                    | page_type::DUPLICATE_LEAF
            ) {
                return Err(page.problem(Fault::LinkedType).value(page.header.kind).into());
            }
            self.stat.duplicates.add(free_bytes(self.file, &page));
            for index in 0..usize::from(page.header.entries) {
                let item = tree::item(self.file, &page, index)?;
                match (item.child, item.content) {
                    (None, Content::Big(big)) => self.big(big)?,
                    // A separator repeats the item of a leaf. libdb counts its pages again; it
                    // fills all but the last.
                    (Some(_), Content::Big(big)) => {
                        self.add_chain(u64::from(big.len).div_ceil(self.room()), big);
                    }
                    _ => {}
                }
                match item.child {
                    Some(child) => to_visit.push(child.page),
                    None => self.stat.data_items += u64::from(!item.deleted),
                }
            }
        }
        Ok(())
    }

    fn free_list(&mut self, first: u32) -> Result<()> {
        let mut number = first;
        while number != 0 {
            let page = self.file.page(number, &self.budget)?;
            if page.header.kind != page_type::FREE {
                return Err(page.problem(Fault::FreeList).value(page.header.kind).into());
            }
            self.stat.free_pages += 1;
            number = page.header.next;
        }
        Ok(())
    }
}
