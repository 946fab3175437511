//! What is counted the same way for databases of every kind: how pages are used, and what a tree
//! holds.

use std::ops::AddAssign;

use kv_file_core::Source;

use crate::error::Result;
use crate::fault::Fault;
use crate::file::{Budget, Page, PageFile};
use crate::format::item::BigRef;
use crate::format::page_type;
use crate::format::tree_item::Content;
use crate::{overflow, tree};

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

    /// That of one page with a header and items: the bytes between its offsets and its items, as the
    /// header has it.
    pub(crate) fn of_page<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> Self {
        let high = match usize::from(page.header.high_offset) {
            // A page that was never written, or an empty one of 65536 bytes.
            0 => file.layout.page_size,
            high => high,
        };
        let offsets = file.layout.header_len() + 2 * usize::from(page.header.entries);
        PageUse { pages: 1, free_bytes: high.saturating_sub(offsets) as u64 }
    }

    /// That of a big item, whose pages are read.
    pub(crate) fn of_big<S: Source>(
        file: &PageFile<S>,
        big: BigRef,
        budget: &Budget,
    ) -> Result<Self> {
        let pages = overflow::pages(file, big, budget)?.len() as u64;
        Ok(PageUse::of_chain(file, pages, big))
    }

    /// That of so many pages with the bytes of a big item.
    fn of_chain<S: Source>(file: &PageFile<S>, pages: u64, big: BigRef) -> Self {
        let room = pages * file.layout.room() as u64;
        PageUse { pages, free_bytes: room.saturating_sub(big.len.into()) }
    }
}

impl AddAssign for PageUse {
    fn add_assign(&mut self, other: PageUse) {
        self.pages += other.pages;
        self.free_bytes += other.free_bytes;
    }
}

/// The number of pages on the free list that begins with `first`.
pub(crate) fn free_pages<S: Source>(
    file: &PageFile<S>,
    first: u32,
    budget: &Budget,
) -> Result<u64> {
    let mut count = 0;
    let mut number = first;
    while number != 0 {
        let page = file.page(number, budget)?;
        if page.header.kind != page_type::FREE {
            return Err(page.problem(Fault::FreeList).value(page.header.kind).into());
        }
        count += 1;
        number = page.header.next;
    }
    Ok(count)
}

/// What a tree holds, trees of duplicates under it included.
#[derive(Debug, Default)]
pub(crate) struct TreeFigures {
    /// Levels of the tree itself.
    pub levels: u8,
    pub keys: u64,
    pub data_items: u64,
    pub internal: PageUse,
    /// Leaves with keys.
    pub leaves: PageUse,
    /// Leaves of trees of duplicates.
    pub duplicates: PageUse,
    /// Leaves without items, of either kind.
    pub empty_leaves: u64,
    pub big_items: PageUse,
}

/// Counts what a tree holds: a btree, or where there are no keys, the data items of one key.
pub(crate) fn tree<S: Source>(
    file: &PageFile<S>,
    root: u32,
    has_keys: bool,
    budget: &Budget,
) -> Result<TreeFigures> {
    let mut count = TreeCount { file, budget, figures: TreeFigures::default() };
    let root = file.page(root, budget)?;
    count.figures.levels = root.header.level;
    count.pages(&root, has_keys)?;
    Ok(count.figures)
}

/// A count under way.
struct TreeCount<'a, S> {
    file: &'a PageFile<S>,
    budget: &'a Budget,
    figures: TreeFigures,
}

impl<S: Source> TreeCount<'_, S> {
    /// Counts this page and those below it.
    ///
    /// Levels fall with each step, so that there are at most 255, and as many under a key's.
    fn pages(&mut self, page: &Page<'_>, has_keys: bool) -> Result<()> {
        let (file, figures) = (self.file, &mut self.figures);
        let pages = match (page.header.kind, has_keys) {
            (page_type::BTREE_LEAF, true) => &mut figures.leaves,
            (page_type::RECNO_LEAF | page_type::DUPLICATE_LEAF, false) => &mut figures.duplicates,
            (page_type::BTREE_INTERNAL, _) | (page_type::RECNO_INTERNAL, false) => {
                &mut figures.internal
            }
            (kind, _) => return Err(page.problem(Fault::LinkedType).value(kind).into()),
        };
        *pages += PageUse::of_page(file, page);
        if !tree::is_leaf(page.header.kind) {
            return self.children(page, has_keys);
        }
        figures.empty_leaves += u64::from(page.header.entries == 0);
        let mut key_before = None;
        for index in 0..usize::from(page.header.entries) {
            let item = tree::item(file, page, index)?;
            if has_keys && index % 2 == 0 {
                // Duplicates share their key.
                if key_before.replace(item.offset) == Some(item.offset) {
                    continue;
                }
                self.figures.keys += 1;
            } else if !matches!(item.content, Content::DuplicateTree(_)) {
                self.figures.data_items += u64::from(!item.deleted);
            }
            match item.content {
                Content::Plain(_) => {}
                Content::Big(big) => {
                    self.figures.big_items += PageUse::of_big(file, big, self.budget)?;
                }
                Content::DuplicateTree(root) => {
                    self.pages(&file.page(root, self.budget)?, false)?;
                }
            }
        }
        Ok(())
    }

    fn children(&mut self, page: &Page<'_>, has_keys: bool) -> Result<()> {
        for index in 0..usize::from(page.header.entries) {
            // libdb counts the pages of a separator again where it is also the item of a leaf. All
            // but the last are full.
            if let Content::Big(big) = tree::item(self.file, page, index)?.content {
                let pages = u64::from(big.len).div_ceil(self.file.layout.room() as u64);
                self.figures.big_items += PageUse::of_chain(self.file, pages, big);
            }
            self.pages(&tree::below(self.file, page, index, self.budget)?, has_keys)?;
        }
        Ok(())
    }
}
