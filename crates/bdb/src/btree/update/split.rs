//! Adding pairs, and dividing pages that are full (section 8).
//!
//! A page and what is to be added to it are divided between the page, which keeps its number and
//! what comes first, and a new one. So the keys for which a page stands only become fewer, at the
//! end: [`BtreeUpdate::finish`] relies on it.

use std::borrow::Cow;

use kv_file_core::Source;

use super::BtreeUpdate;
use super::edit::{Divide, EditedPage, NO_KEY, NewUnit, internal_item};
use super::path::{Path, Side, Step};
use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem};
use crate::format::tree_item::{Child, NewContent};

impl<S: Source> BtreeUpdate<S> {
    /// Adds a pair to the leaf at the end of a path.
    pub(super) fn insert(
        &mut self,
        path: &Path,
        leaf: EditedPage,
        pair: NewUnit<'_>,
    ) -> Result<()> {
        if leaf.room() >= pair.cost() {
            let mut leaf = leaf;
            leaf.insert(pair);
            return self.write(leaf);
        }
        let wanted = if leaf.header.next == 0 && pair.at == leaf.units() {
            Divide::End
        } else if leaf.header.prev == 0 && pair.at == 0 {
            Divide::Start
        } else {
            Divide::Middle
        };
        self.refuse_disorder(&path.steps, &leaf)?;
        let behind = self.beside(path, Side::Right)?;
        let number = self.take()?;
        let Some((mut left, mut right)) = leaf.divide(pair, wanted, number)? else {
            return Err(ErrorKind::TooLarge.into());
        };
        let separator = self.separator(&left, &right)?;
        let child = Child { page: number, records: self.records(&right)? };
        let entry = self.store_entry(&separator, child)?;
        (right.header.prev, right.header.next) = (left.header.number, leaf.header.next);
        (left.header.prev, left.header.next) = (leaf.header.prev, number);
        if let Some(behind) = behind {
            let mut behind = self.edit(behind)?;
            behind.header.prev = number;
            self.write(behind)?;
        }
        self.write_divided(&path.steps, left, right, entry)
    }

    /// Adds an entry behind the one to which the steps lead, whose page has been divided.
    fn insert_entry(&mut self, steps: &[Step], left_records: u32, entry: Vec<u8>) -> Result<()> {
        let Some((step, above)) = steps.split_last() else { return Ok(()) };
        let mut page = self.edit(step.page)?;
        page.set_records(step.entry, left_records);
        let unit = NewUnit { at: step.entry + 1, items: &[entry] };
        if page.room() >= unit.cost() {
            page.insert(unit);
            return self.write(page);
        }
        self.refuse_disorder(above, &page)?;
        let wanted = if steps.iter().all(Step::is_last) { Divide::End } else { Divide::Middle };
        let number = self.take()?;
        let Some((mut left, mut right)) = page.divide(unit, wanted, number)? else {
            return Err(ErrorKind::TooLarge.into());
        };
        left.header.prev = page.header.prev;
        // The key of the right page's first entry goes up, with the pages that it has.
        let first = right.item(0)?;
        let key = NewContent::of(first.content).unwrap_or(NO_KEY);
        let child = Child { page: number, records: self.records(&right)? };
        let entry = internal_item(key, child, self.db.file.layout);
        right.strip_first_key()?;
        self.write_divided(above, left, right, entry)
    }

    /// Writes the two pages of a divided one, and `entry` for the right one above.
    fn write_divided(
        &mut self,
        above: &[Step],
        mut left: EditedPage,
        mut right: EditedPage,
        entry: Vec<u8>,
    ) -> Result<()> {
        let records = self.records(&left)?;
        if !above.is_empty() {
            self.write(left)?;
            self.write(right)?;
            return self.insert_entry(above, records, entry);
        }
        // The root keeps its number: what was on it goes to two new pages.
        let layout = self.db.file.layout;
        let level = left.header.level.checked_add(1).ok_or(ErrorKind::TooLarge)?;
        let mut root = EditedPage::new(layout, left.header.number, level);
        let number = self.take()?;
        left.header.number = number;
        if left.is_leaf() {
            right.header.prev = number;
        } else {
            left.header.prev = 0;
        }
        let first = internal_item(NO_KEY, Child { page: number, records }, layout);
        root.insert(NewUnit { at: 0, items: &[first] });
        root.insert(NewUnit { at: 1, items: &[entry] });
        root.header.prev = self.records(&root)?;
        self.write(left)?;
        self.write(right)?;
        self.write(root)
    }

    /// The number of records under a page, where that is kept, else 0.
    pub(super) fn records(&self, page: &EditedPage) -> Result<u32> {
        if self.db.meta.record_numbers { page.records() } else { Ok(0) }
    }

    /// The shortest key that is greater than all of a leaf and not greater than any of the one
    /// behind it.
    fn separator(&self, left: &EditedPage, right: &EditedPage) -> Result<Vec<u8>> {
        let last = self.whole_key(left.key(left.units() - 1)?.content)?;
        let first = self.whole_key(right.key(0)?.content)?;
        let common = first.iter().zip(&*last).take_while(|(a, b)| a == b).count();
        Ok(first[..first.len().min(common + 1)].to_vec())
    }

    /// Refuses a page, which is to be divided, if its keys are not in order, or not between the
    /// separators above it. Big ones were not read when it was checked, and a separator that is made
    /// of one would hide others.
    fn refuse_disorder(&self, steps: &[Step], page: &EditedPage) -> Result<()> {
        let [low, high] = self.separators(steps)?;
        let mut before = low.map(Cow::Owned);
        // The first key of an internal page is none.
        for unit in usize::from(!page.is_leaf())..page.units() {
            let key = self.whole_key(page.key(unit)?.content)?;
            if before.is_some_and(|before| before > key) {
                return Err(Problem::on(page.header.number, Fault::Unsorted).item(unit).into());
            }
            before = Some(key);
        }
        match high {
            Some(high) if before.is_some_and(|last| *last >= *high) => {
                Err(Problem::on(page.header.number, Fault::Separator).into())
            }
            _ => Ok(()),
        }
    }
}
