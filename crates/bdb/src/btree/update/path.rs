//! Ways through the tree: from the root to a leaf, and from there to the leaves beside it. Each page
//! is checked when it is first met.

use kv_file_core::{Datum, Source};

use super::BtreeUpdate;
use super::edit::EditedPage;
use crate::btree::BtreeDb;
use crate::error::Result;
use crate::fault::Fault;
use crate::file::{Budget, Page};
use crate::format::page_type;
use crate::format::tree_item::Content;
use crate::tree;
use crate::verify::refuse_tree_page;

/// The way from the root to a leaf.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// The internal pages, from the root on.
    pub steps: Vec<Step>,
    pub leaf: u32,
}

/// An internal page, and the entry that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub page: u32,
    pub entry: usize,
    /// How many entries the page has.
    pub entries: usize,
}

/// A side of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Step {
    pub fn is_last(&self) -> bool {
        self.entry + 1 == self.entries
    }
}

impl<S: Source> BtreeUpdate<S> {
    /// The way to the leaf that has `key`, or would have it.
    pub(super) fn descend(&self, key: Datum<'_>) -> Result<Path> {
        let budget = self.db.file.budget();
        let mut path = Path::default();
        let page = self.root(&budget)?;
        self.go_down(&mut path, page, &budget, |page| self.db.entry_for(page, key))?;
        Ok(path)
    }

    /// The leaf beside the one at the end of a path, if there is one. The links between the two are
    /// found to be right.
    pub(super) fn beside(&self, path: &Path, side: Side) -> Result<Option<u32>> {
        let budget = self.db.file.budget();
        let leaf = self.seen(path.leaf)?;
        let turns_off = |step: &Step| match side {
            Side::Left => step.entry > 0,
            Side::Right => !step.is_last(),
        };
        let other = match path.steps.iter().rposition(turns_off) {
            None => None,
            Some(last) => {
                let mut other = Path { steps: path.steps[..=last].to_vec(), leaf: 0 };
                let step = &mut other.steps[last];
                step.entry = if side == Side::Left { step.entry - 1 } else { step.entry + 1 };
                let above = self.seen(step.page)?;
                let page = self.below(&other.steps, &above, &budget)?;
                self.go_down(&mut other, page, &budget, |page| match side {
                    Side::Left => Ok(usize::from(page.header.entries).saturating_sub(1)),
                    Side::Right => Ok(0),
                })?;
                Some(self.seen(other.leaf)?)
            }
        };
        let (there, back) = match side {
            Side::Left => (leaf.header.prev, other.as_ref().map(|other| other.header.next)),
            Side::Right => (leaf.header.next, other.as_ref().map(|other| other.header.prev)),
        };
        if there != other.as_ref().map_or(0, |other| other.number) {
            return Err(leaf.problem(Fault::LeafOrder).value(there).into());
        }
        match other {
            Some(other) if back != Some(leaf.number) => {
                Err(other.problem(Fault::LeafOrder).value(back.unwrap_or(0)).into())
            }
            other => Ok(other.map(|other| other.number)),
        }
    }

    /// Goes on from a page to a leaf, by the entries that `choose` takes.
    fn go_down<'a>(
        &'a self,
        path: &mut Path,
        mut page: Page<'a>,
        budget: &Budget,
        choose: impl Fn(&Page<'_>) -> Result<usize>,
    ) -> Result<()> {
        while page.header.kind == page_type::BTREE_INTERNAL {
            let entries = page.header.entries.into();
            path.steps.push(Step { page: page.number, entry: choose(&page)?, entries });
            page = self.below(&path.steps, &page, budget)?;
        }
        path.leaf = page.number;
        Ok(())
    }

    fn root(&self, budget: &Budget) -> Result<Page<'_>> {
        let BtreeDb { file, meta } = &self.db;
        file.sound_page(meta.root, budget, |page| {
            refuse_tree_page(file, meta, None, [None, None], page)
        })
    }

    /// The page to which the last of the steps leads, which is at `above`.
    ///
    /// Levels fall by one with each step, which ends every descent.
    fn below(&self, steps: &[Step], above: &Page<'_>, budget: &Budget) -> Result<Page<'_>> {
        let BtreeDb { file, meta } = &self.db;
        let entry = steps.last().map_or(0, |step| step.entry);
        let Some(child) = tree::item(file, above, entry)?.child else {
            return Err(above.problem(Fault::LinkedType).value(above.header.kind).into());
        };
        let page = file.sound_page(child.page, budget, |page| {
            let [low, high] = self.bounds(steps)?;
            let bounds = [low.as_deref(), high.as_deref()];
            refuse_tree_page(file, meta, Some((above, entry)), bounds, page)
        })?;
        if above.header.level.checked_sub(1) != Some(page.header.level) {
            return Err(page.problem(Fault::LevelStep).value(page.header.level).into());
        }
        Ok(page)
    }

    /// The separators between which the keys lie that such steps lead to, as far as they are on the
    /// pages.
    fn bounds(&self, steps: &[Step]) -> Result<[Option<Vec<u8>>; 2]> {
        self.beside_steps(steps, |content| match content {
            Content::Plain(key) => Ok(Some(key.to_vec())),
            _ => Ok(None),
        })
    }

    /// As [`bounds`](Self::bounds), wherever they are.
    pub(super) fn separators(&self, steps: &[Step]) -> Result<[Option<Vec<u8>>; 2]> {
        self.beside_steps(steps, |content| Ok(Some(self.whole_key(content)?.into_owned())))
    }

    /// What the entries have that are the next before and behind such steps.
    fn beside_steps(
        &self,
        steps: &[Step],
        read: impl Fn(Content<'_>) -> Result<Option<Vec<u8>>>,
    ) -> Result<[Option<Vec<u8>>; 2]> {
        let key = |step: &Step, entry: usize| {
            let page = self.seen(step.page)?;
            read(tree::item(&self.db.file, &page, entry)?.content)
        };
        let low = steps.iter().rfind(|step| step.entry > 0);
        let high = steps.iter().rfind(|step| !step.is_last());
        Ok([
            low.map_or(Ok(None), |step| key(step, step.entry))?,
            high.map_or(Ok(None), |step| key(step, step.entry + 1))?,
        ])
    }

    /// A page that has been found to be sound before: nothing is changed that has not been looked
    /// at.
    pub(super) fn seen(&self, number: u32) -> Result<Page<'_>> {
        let unseen =
            |page: &Page<'_>| Err(page.problem(Fault::LinkedType).value(page.header.kind).into());
        self.db.file.sound_page(number, &self.db.file.budget(), unseen)
    }

    /// As [`seen`](Self::seen), to be changed.
    pub(super) fn edit(&self, number: u32) -> Result<EditedPage> {
        Ok(EditedPage::of(&self.db.file, &self.seen(number)?))
    }

    pub(super) fn write(&mut self, page: EditedPage) -> Result<()> {
        self.db.file.put(page.header.number, page.into_bytes())
    }

    /// Adds to the numbers of records on a path, where they are kept.
    pub(super) fn count(&mut self, path: &Path, more: i32) -> Result<()> {
        if !self.db.meta.record_numbers || more == 0 {
            return Ok(());
        }
        for (depth, step) in path.steps.iter().enumerate() {
            let mut page = self.edit(step.page)?;
            let records = page.item(step.entry)?.child.map_or(0, |child| child.records);
            page.set_records(step.entry, records.wrapping_add_signed(more));
            if depth == 0 {
                page.header.prev = page.header.prev.wrapping_add_signed(more);
            }
            self.write(page)?;
        }
        Ok(())
    }
}
