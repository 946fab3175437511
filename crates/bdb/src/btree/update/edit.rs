//! A page of a btree that is being changed.

use std::ops::Range;

use kv_file_core::Source;

use crate::error::Result;
use crate::file::{Page, PageFile};
use crate::format::page::Header;
use crate::format::tree_item::{ALIGNMENT, Child, NewContent, OFFSET, RECORDS_AT, TreeItem};
use crate::format::{PageLayout, page_type};

/// A page in memory, found to be sound: its items lie side by side up to its end, in any order
/// (section 4).
///
/// Items come in units, which stay together: the key and the data of a leaf's pair, or one entry of
/// an internal page.
#[derive(Clone, Debug)]
pub(super) struct EditedPage {
    /// What is known of the page. Number of entries and lowest offset are brought up to date at the
    /// end.
    pub header: Header,
    layout: PageLayout,
    bytes: Vec<u8>,
    /// Number of items.
    items: usize,
    /// Offset of the lowest item.
    low: usize,
}

/// A unit that is to be added: where, and its items as they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewUnit<'a> {
    pub at: usize,
    pub items: &'a [Vec<u8>],
}

/// How the units of a page are to be divided between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Divide {
    /// As few as possible on the left page: more are to come there.
    Start,
    /// The same number of bytes on both.
    Middle,
    /// As few as possible on the right page: more are to come there.
    End,
}

/// Bytes that an item takes with its offset.
fn cost(item: &[u8]) -> usize {
    item.len() + OFFSET
}

fn padded(mut item: Vec<u8>) -> Vec<u8> {
    item.resize(item.len().next_multiple_of(ALIGNMENT), 0);
    item
}

/// A leaf's item as it is stored.
pub(super) fn leaf_item(content: NewContent<'_>, layout: PageLayout) -> Vec<u8> {
    let mut item = Vec::new();
    content.push_leaf(&mut item, layout.order);
    padded(item)
}

/// The entry of an internal page as it is stored.
pub(super) fn internal_item(content: NewContent<'_>, child: Child, layout: PageLayout) -> Vec<u8> {
    let mut item = Vec::new();
    content.push_internal(&mut item, child, layout.order);
    padded(item)
}

/// The key of an internal page's first entry: none.
pub(super) const NO_KEY: NewContent<'static> = NewContent::Plain([&[], &[]]);

impl NewUnit<'_> {
    /// Bytes that the unit takes.
    pub fn cost(&self) -> usize {
        self.items.iter().map(|item| cost(item)).sum()
    }
}

impl EditedPage {
    /// An empty page of the tree, which has no neighbours.
    pub fn new(layout: PageLayout, number: u32, level: u8) -> Self {
        let kind = if level == 1 { page_type::BTREE_LEAF } else { page_type::BTREE_INTERNAL };
        let header = Header { number, prev: 0, next: 0, entries: 0, high_offset: 0, level, kind };
        let bytes = vec![0; layout.page_size];
        EditedPage { header, layout, bytes, items: 0, low: layout.page_size }
    }

    /// A sound page of the tree.
    pub fn of<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> Self {
        let layout = file.layout;
        let low = match usize::from(page.header.high_offset) {
            0 => layout.page_size,
            low => low,
        };
        let items = page.header.entries.into();
        EditedPage { header: page.header, layout, bytes: page.bytes.to_vec(), items, low }
    }

    pub fn is_leaf(&self) -> bool {
        self.header.kind == page_type::BTREE_LEAF
    }

    /// Items of a unit.
    fn unit_len(&self) -> usize {
        if self.is_leaf() { 2 } else { 1 }
    }

    /// Number of pairs, or of entries.
    pub fn units(&self) -> usize {
        self.items / self.unit_len()
    }

    /// Bytes that are left on the page.
    pub fn room(&self) -> usize {
        self.low - self.slot(self.items)
    }

    /// Where the offset of an item lies.
    fn slot(&self, index: usize) -> usize {
        self.layout.header_len() + OFFSET * index
    }

    fn offset(&self, index: usize) -> usize {
        self.layout.order.u16(&self.bytes, self.slot(index)).unwrap_or_default().into()
    }

    fn set_offset(&mut self, index: usize, offset: usize) {
        let slot = self.slot(index);
        self.layout.order.put_u16(&mut self.bytes, slot, offset as u16);
    }

    pub fn item(&self, index: usize) -> Result<TreeItem<'_>> {
        let page = (self.header.kind, self.items as u16);
        TreeItem::parse(&self.bytes, self.layout, page, index)
            .map_err(|flaw| flaw.on(self.header.number).item(index).into())
    }

    /// The item that has a unit's key.
    pub fn key(&self, unit: usize) -> Result<TreeItem<'_>> {
        self.item(unit * self.unit_len())
    }

    /// An item as it is stored.
    pub fn stored(&self, index: usize) -> Result<&[u8]> {
        let item = self.item(index)?;
        Ok(&self.bytes[item.offset..item.offset + item.size])
    }

    /// Returns `true` if a leaf's key is also that of the pair before: duplicates share it.
    fn shares_key(&self, index: usize) -> bool {
        let is_key = self.is_leaf() && index.is_multiple_of(2);
        is_key && index > 0 && self.offset(index) == self.offset(index - 2)
    }

    /// Adds a unit, for which there is room.
    pub fn insert(&mut self, unit: NewUnit<'_>) {
        let first = unit.at * self.unit_len();
        for (index, item) in (first..).zip(unit.items) {
            self.low -= item.len();
            self.bytes[self.low..self.low + item.len()].copy_from_slice(item);
            self.insert_offset(index, self.low);
        }
    }

    fn insert_offset(&mut self, index: usize, offset: usize) {
        let (slot, end) = (self.slot(index), self.slot(self.items));
        self.bytes.copy_within(slot..end, slot + OFFSET);
        self.items += 1;
        self.set_offset(index, offset);
    }

    /// Takes an item off the page. A key that is another pair's, too, stays there for that.
    pub fn remove(&mut self, index: usize) -> Result<()> {
        let TreeItem { offset, size, .. } = self.item(index)?;
        let is_needed =
            self.shares_key(index) || index + 2 < self.items && self.shares_key(index + 2);
        let (slot, end) = (self.slot(index), self.slot(self.items));
        self.bytes.copy_within(slot + OFFSET..end, slot);
        self.items -= 1;
        if is_needed {
            return Ok(());
        }
        self.bytes.copy_within(self.low..offset, self.low + size);
        self.low += size;
        for other in 0..self.items {
            let at = self.offset(other);
            if at < offset {
                self.set_offset(other, at + size);
            }
        }
        Ok(())
    }

    /// Leaves an internal page's first entry without a key.
    pub fn strip_first_key(&mut self) -> Result<()> {
        let Some(child) = self.item(0)?.child else { return Ok(()) };
        self.remove(0)?;
        let entry = internal_item(NO_KEY, child, self.layout);
        self.insert(NewUnit { at: 0, items: &[entry] });
        Ok(())
    }

    /// Sets the number of records of an entry.
    pub fn set_records(&mut self, entry: usize, records: u32) {
        let at = self.offset(entry) + RECORDS_AT;
        self.layout.order.put_u32(&mut self.bytes, at, records);
    }

    /// The number of records on a leaf, or under an internal page.
    pub fn records(&self) -> Result<u32> {
        if self.is_leaf() {
            return Ok(self.units() as u32);
        }
        let mut sum = 0u32;
        for entry in 0..self.items {
            sum = sum.wrapping_add(self.item(entry)?.child.map_or(0, |child| child.records));
        }
        Ok(sum)
    }

    /// Adds units of another page behind those that are here. There is room.
    fn append(&mut self, other: &EditedPage, units: Range<usize>) -> Result<()> {
        let len = self.unit_len();
        let items = units.start * len..units.end * len;
        for index in items.clone() {
            if index > items.start && other.shares_key(index) {
                self.insert_offset(self.items, self.offset(self.items - 2));
                continue;
            }
            let item = other.stored(index)?;
            self.low -= item.len();
            self.bytes[self.low..self.low + item.len()].copy_from_slice(item);
            self.insert_offset(self.items, self.low);
        }
        Ok(())
    }

    /// Divides the units of this page and a new one between two pages, neither of which is empty:
    /// as is wanted, as far as all find room (section 8). The left one keeps the number. Duplicates
    /// of a key stay together. `None` if there is no such division.
    pub fn divide(
        &self,
        new: NewUnit<'_>,
        wanted: Divide,
        right: u32,
    ) -> Result<Option<(EditedPage, EditedPage)>> {
        // What comes before each place where the right page could start.
        let mut places = Vec::with_capacity(self.units());
        let mut used = 0;
        for unit in 0..=self.units() {
            let first = unit * self.unit_len();
            if unit == new.at {
                places.push((unit, used, true));
                used += new.cost();
            }
            if unit < self.units() {
                let shares_key = self.shares_key(first);
                places.push((unit + usize::from(unit >= new.at), used, !shares_key));
                let items = first + usize::from(shares_key)..first + self.unit_len();
                let costs = items.map(|item| Ok(cost(self.stored(item)?)));
                used += costs.sum::<Result<usize>>()? + if shares_key { OFFSET } else { 0 };
            }
        }
        let room = self.layout.room();
        let aim = match wanted {
            Divide::Start => 0,
            Divide::Middle => used / 2,
            Divide::End => used,
        };
        let fits = |before: usize| before <= room && used - before <= room;
        let start = places
            .into_iter()
            .filter(|(unit, before, starts)| *unit > 0 && *starts && fits(*before))
            .min_by_key(|(_, before, _)| before.abs_diff(aim))
            .map(|(unit, ..)| unit);
        let Some(start) = start else { return Ok(None) };

        let level = self.header.level;
        let mut left = EditedPage::new(self.layout, self.header.number, level);
        let mut right = EditedPage::new(self.layout, right, level);
        if new.at < start {
            left.append(self, 0..new.at)?;
            left.insert(new);
            left.append(self, new.at..start - 1)?;
            right.append(self, start - 1..self.units())?;
        } else {
            left.append(self, 0..start)?;
            right.append(self, start..new.at)?;
            right.insert(NewUnit { at: right.units(), ..new });
            right.append(self, new.at..self.units())?;
        }
        Ok(Some((left, right)))
    }

    /// The bytes of the page.
    pub fn into_bytes(self) -> Vec<u8> {
        let (end, low) = (self.slot(self.items), self.low);
        let mut page = self.bytes;
        // What lies between the offsets and the items is nobody's.
        page[end..low].fill(0);
        // On a page of 65536 bytes without items, the lowest offset is 0.
        let header = Header { entries: self.items as u16, high_offset: low as u16, ..self.header };
        header.put(&mut page, self.layout.order);
        page
    }
}
