//! Leaves that have become empty, and pages above them (section 9).

use kv_file_core::Source;

use super::BtreeUpdate;
use super::edit::EditedPage;
use super::items::Owned;
use super::path::{Path, Side};
use crate::error::Result;

impl<S: Source> BtreeUpdate<S> {
    /// Takes leaves out of the tree that are empty now. A key for which each stands is known.
    ///
    /// Not before the end: the page before then stands for the keys of a leaf, too, and none of them
    /// may be one that stays ([`finish`](Self::finish)).
    pub(super) fn unlink_emptied(&mut self) -> Result<()> {
        let emptied = std::mem::take(&mut self.emptied);
        let mut unlinked = false;
        for key in emptied.into_values() {
            let path = self.descend((&key).into())?;
            if self.seen(path.leaf)?.header.entries == 0 {
                self.unlink(&path)?;
                unlinked = true;
            }
        }
        if unlinked { self.lower_root() } else { Ok(()) }
    }

    /// Takes a leaf out of the tree, and the pages above that lead to nothing else, unless the tree
    /// has no other leaf.
    fn unlink(&mut self, path: &Path) -> Result<()> {
        let Some(depth) = path.steps.iter().rposition(|step| step.entries > 1) else {
            return Ok(());
        };
        let before = self.beside(path, Side::Left)?;
        let behind = self.beside(path, Side::Right)?;
        if let Some(before) = before {
            let mut page = self.edit(before)?;
            page.header.next = behind.unwrap_or(0);
            self.write(page)?;
        }
        if let Some(behind) = behind {
            let mut page = self.edit(behind)?;
            page.header.prev = before.unwrap_or(0);
            self.write(page)?;
        }
        let step = path.steps[depth];
        let mut page = self.edit(step.page)?;
        self.remove_entry(&mut page, step.entry)?;
        if step.entry == 0 {
            // The next entry is now the first, whose key nobody looks at.
            self.release(Owned::of(page.item(0)?.content))?;
            page.strip_first_key()?;
        }
        self.write(page)?;
        for below in &path.steps[depth + 1..] {
            let mut page = self.edit(below.page)?;
            self.remove_entry(&mut page, 0)?;
            self.give(below.page)?;
        }
        self.give(path.leaf)
    }

    fn remove_entry(&mut self, page: &mut EditedPage, entry: usize) -> Result<()> {
        self.release(Owned::of(page.item(entry)?.content))?;
        page.remove(entry)
    }

    /// Puts the page below in the root's place as long as there is but one.
    fn lower_root(&mut self) -> Result<()> {
        loop {
            let mut root = self.edit(self.db.meta.root)?;
            if root.is_leaf() || root.units() > 1 {
                return Ok(());
            }
            let Some(child) = root.item(0)?.child else { return Ok(()) };
            let mut below = self.edit(child.page)?;
            below.header.number = root.header.number;
            if !below.is_leaf() {
                below.header.prev = self.records(&below)?;
            }
            self.remove_entry(&mut root, 0)?;
            self.write(below)?;
            self.give(child.page)?;
        }
    }
}
