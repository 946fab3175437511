//! Changes to a file, gathered in memory: pages that differ, over pages that do not.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

use kv_file_core::{Block, Changes, Source};

use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem};
use crate::file::{Budget, Page, PageFile};
use crate::format::page::Header;

/// When a changed page is to be written; earlier ones first, and among those of the same turn the
/// ones of a tree from its root down ([`HashUpdate::finish`](crate::HashUpdate::finish),
/// [`BtreeUpdate::finish`](crate::BtreeUpdate::finish)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Belonged to nothing before.
    New,
    /// Page 0.
    Meta,
    /// Gains what other pages of its bucket lose, or leads to new pages that do.
    Gains,
    Other,
    /// Belongs to nothing from now on.
    Free,
}

/// A file with some of its pages changed, and more or fewer of them than before. With each page
/// lies a `N`, which its owner notes of it until it changes.
#[derive(Debug)]
pub(crate) struct Overlay<S, N> {
    base: S,
    page_size: usize,
    /// Number of pages of the base that count: what lies behind the last one is nothing.
    base_count: u64,
    /// Number of pages now.
    count: u64,
    kept: Kept<N>,
    /// The pages that differ. Each is kept when the changes are made out.
    turns: BTreeMap<u32, Turn>,
}

/// The pages that have been read or changed, by number. Two levels of about the same size, so that
/// memory is that of the pages themselves and the root of their number.
#[derive(Debug)]
struct Kept<N> {
    /// Binary digits of a page number that are its place in its group.
    bits: u32,
    groups: Vec<OnceCell<Box<[Place<N>]>>>,
}

/// Where a page is kept; small, as most stay empty.
type Place<N> = OnceCell<Box<KeptPage<N>>>;

#[derive(Debug)]
struct KeptPage<N> {
    bytes: Vec<u8>,
    /// Whether the page is known to be a sound one of its owner.
    sound: Cell<bool>,
    note: OnceCell<N>,
}

impl<N> KeptPage<N> {
    fn new(bytes: Vec<u8>, sound: bool) -> Self {
        KeptPage { bytes, sound: Cell::new(sound), note: OnceCell::new() }
    }
}

impl<N> Kept<N> {
    fn new(count: u64) -> Self {
        let bits = (u64::BITS - count.leading_zeros()).div_ceil(2);
        let mut kept = Kept { bits, groups: Vec::new() };
        kept.resize(count);
        kept
    }

    /// Makes room for so many pages.
    fn resize(&mut self, count: u64) {
        let groups = (count >> self.bits) as usize + 1;
        self.groups.resize_with(self.groups.len().max(groups), OnceCell::new);
    }

    fn place(&self, number: u32) -> Option<&Place<N>> {
        let new = || (0..1 << self.bits).map(|_| OnceCell::new()).collect();
        let group = self.groups.get((number >> self.bits) as usize)?.get_or_init(new);
        group.get((number & ((1 << self.bits) - 1)) as usize)
    }

    fn put(&mut self, number: u32, page: KeptPage<N>) {
        // The group is there once it has been asked for.
        self.place(number);
        let group = self.groups.get_mut((number >> self.bits) as usize).and_then(OnceCell::get_mut);
        let place = (number & ((1 << self.bits) - 1)) as usize;
        if let Some(place) = group.and_then(|group| group.get_mut(place)) {
            *place = OnceCell::from(Box::new(page));
        }
    }

    fn take(&mut self, number: u32) -> Option<Vec<u8>> {
        let group = self.groups.get_mut((number >> self.bits) as usize)?.get_mut()?;
        let place = group.get_mut((number & ((1 << self.bits) - 1)) as usize)?;
        place.take().map(|page| page.bytes)
    }
}

impl<S: Source, N> Overlay<S, N> {
    /// Returns `true` if any page has been changed.
    pub fn is_changed(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Returns `true` if the file did not have a page before.
    pub fn is_added(&self, number: u32) -> bool {
        u64::from(number) >= self.base_count
    }

    /// Returns `true` if a page belonged to nothing before.
    pub fn is_new(&self, number: u32) -> bool {
        self.is_added(number) || self.turns.get(&number) == Some(&Turn::New)
    }

    /// Returns `true` if a page gains what others lose.
    pub fn gains(&self, number: u32) -> bool {
        self.turns.get(&number) == Some(&Turn::Gains)
    }

    /// Page `number` of the base, read unless it is kept.
    fn kept(&self, number: u32) -> io::Result<&KeptPage<N>> {
        let place = self.kept.place(number).ok_or(io::ErrorKind::UnexpectedEof)?;
        if let Some(page) = place.get() {
            return Ok(page);
        }
        let bytes = match u64::from(number) < self.base_count {
            true => self.base_page(number)?.into_owned(),
            // Reserved, and not written yet.
            false => vec![0; self.page_size],
        };
        Ok(place.get_or_init(|| Box::new(KeptPage::new(bytes, false))))
    }

    fn base_page(&self, number: u32) -> io::Result<Cow<'_, [u8]>> {
        self.base.read_at(u64::from(number) * self.page_size as u64, self.page_size)
    }
}

impl<S: Source, N> Source for Overlay<S, N> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.count * self.page_size as u64)
    }

    fn read_at(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let page_size = self.page_size as u64;
        let end = offset.checked_add(len as u64).filter(|end| *end <= self.count * page_size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let part = |number: u64| {
            let start = number * page_size;
            let from = offset.saturating_sub(start) as usize;
            let to = (end - start).min(page_size) as usize;
            // Page numbers have 32 bits, and so many pages there are.
            Ok::<_, io::Error>(&self.kept(number as u32)?.bytes[from..to])
        };
        let pages = offset / page_size..end.div_ceil(page_size);
        if pages.clone().count() == 1 {
            return part(pages.start).map(Cow::Borrowed);
        }
        let mut bytes = Vec::with_capacity(len);
        for number in pages {
            bytes.extend_from_slice(part(number)?);
        }
        Ok(Cow::Owned(bytes))
    }
}

impl<S: Source> PageFile<S> {
    /// The same file, to be changed. Its last page is the one that page 0 states, if it does.
    ///
    /// # Errors
    /// Where the file has pages of its own behind that one: they would be cut off.
    pub fn into_overlay<N>(self, stated: Option<u32>) -> Result<PageFile<Overlay<S, N>>> {
        self.refuse_lost_pages(stated)?;
        let last_page = stated.unwrap_or(self.last_page);
        let count = u64::from(last_page) + 1;
        let page_size = self.layout.page_size;
        let mut file = self.map(|base| Overlay {
            base,
            page_size,
            base_count: count,
            count,
            kept: Kept::new(count),
            turns: BTreeMap::new(),
        });
        file.last_page = last_page;
        Ok(file)
    }

    /// Refuses a file that has pages of its own behind the last one that page 0 tells of. What else
    /// lies there, such as what is left of an interrupted change, calls itself by other numbers.
    fn refuse_lost_pages(&self, stated: Option<u32>) -> Result<()> {
        /// More than what any change leaves, and looked at in less than a second.
        const LIMIT: u64 = 1 << 30;
        let Some(stated) = stated else { return Ok(()) };
        let lost = || Err(Problem::on(0, Fault::LastPage).into());
        if u64::from(self.last_page.saturating_sub(stated)) * self.layout.page_size as u64 > LIMIT {
            return lost();
        }
        self.each_page_from(u64::from(stated) + 1, |number, page| {
            let header = Header::parse(page, self.layout.order);
            if header.is_some_and(|header| header.number == number) { lost() } else { Ok(()) }
        })
    }
}

impl<S: Source, N> PageFile<Overlay<S, N>> {
    /// A page of the owner, lent. `check` sees it once, unless it is ours.
    pub fn sound_page(
        &self,
        number: u32,
        budget: &Budget,
        check: impl FnOnce(&Page<'_>) -> Result<()>,
    ) -> Result<Page<'_>> {
        budget.spend(number)?;
        if number > self.last_page {
            return Err(Problem::on(number, Fault::Link).value(number).into());
        }
        let kept = self.source.kept(number)?;
        let header = Header::parse(&kept.bytes, self.layout.order)
            .ok_or_else(|| Problem::on(number, Fault::ItemLength))?;
        let page = Page { header, bytes: Cow::Borrowed(&kept.bytes[..]), number };
        if !kept.sound.get() {
            if self.source.turns.get(&number) == Some(&Turn::Free) {
                return Err(page.problem(Fault::Shared).into());
            }
            check(&page)?;
            kept.sound.set(true);
        }
        Ok(page)
    }

    /// What its owner notes of a page, made once.
    pub fn note(
        &self,
        number: u32,
        budget: &Budget,
        check: impl FnOnce(&Page<'_>) -> Result<()>,
        make: impl FnOnce(Page<'_>) -> Result<N>,
    ) -> Result<&N> {
        if let Some(kept) = self.source.kept.place(number).and_then(OnceCell::get)
            && kept.sound.get()
            && let Some(note) = kept.note.get()
        {
            budget.spend(number)?;
            return Ok(note);
        }
        let note = make(self.sound_page(number, budget, check)?)?;
        Ok(self.source.kept(number)?.note.get_or_init(|| note))
    }

    /// A page as it was before, which is not kept.
    pub fn old_page(&self, number: u32, budget: &Budget) -> Result<Page<'_>> {
        budget.spend(number)?;
        if u64::from(number) >= self.source.base_count {
            return Err(Problem::on(number, Fault::Link).value(number).into());
        }
        let bytes = self.source.base_page(number)?;
        let header = Header::parse(&bytes, self.layout.order)
            .ok_or_else(|| Problem::on(number, Fault::ItemLength))?;
        Ok(Page { header, bytes, number })
    }

    /// Takes a page for changed.
    ///
    /// # Errors
    /// For page 0, and one that the file does not have: what an update believed of the file was
    /// wrong.
    pub fn put(&mut self, number: u32, mut page: Vec<u8>) -> Result<()> {
        if number == 0 || number > self.last_page {
            return Err(Problem::on(number, Fault::Link).value(number).into());
        }
        let turn = if self.source.is_new(number) { Turn::New } else { Turn::Other };
        self.source.turns.entry(number).or_insert(turn);
        self.layout.seal(&mut page);
        self.source.kept.put(number, KeptPage::new(page, true));
        Ok(())
    }

    /// Takes page 0 for changed: `change` gets its bytes.
    pub fn put_meta(&mut self, change: impl FnOnce(&mut [u8])) -> Result<()> {
        let mut page = self.read(0)?.into_owned();
        change(&mut page);
        self.layout.seal(&mut page);
        self.source.turns.insert(0, Turn::Meta);
        self.source.kept.put(0, KeptPage::new(page, true));
        Ok(())
    }

    /// Takes a page that belongs to nothing, and is put before the changes are made out.
    pub fn take_new(&mut self, number: u32) {
        self.source.turns.insert(number, Turn::New);
    }

    /// Notes that a changed page gains what others lose.
    pub fn set_gains(&mut self, number: u32) {
        if !self.source.is_new(number) {
            self.source.turns.insert(number, Turn::Gains);
        }
    }

    /// Notes that nothing leads to a page any more. It is put before the changes are made out.
    pub fn set_free(&mut self, number: u32) {
        self.source.turns.insert(number, Turn::Free);
        if let Some(page) = self.source.kept.place(number).and_then(OnceCell::get) {
            page.sound.set(false);
        }
    }

    /// Makes the file `count` pages longer; they are holes until they are put. Returns the number
    /// of the first.
    pub fn grow(&mut self, count: u32) -> Result<u32> {
        let first = self.last_page.checked_add(1).ok_or(ErrorKind::TooLarge)?;
        self.last_page = self.last_page.checked_add(count).ok_or(ErrorKind::TooLarge)?;
        self.source.count = u64::from(self.last_page) + 1;
        self.source.kept.resize(self.source.count);
        // Where the file on disk has such pages, what is on them counts for nothing.
        let on_disk = self.source.base.len()? / self.layout.page_size as u64;
        let on_disk = u32::try_from(on_disk).unwrap_or(u32::MAX);
        for number in first..on_disk.min(self.last_page.saturating_add(1)) {
            let hole = KeptPage::new(vec![0; self.layout.page_size], false);
            self.source.kept.put(number, hole);
            self.source.turns.insert(number, Turn::New);
        }
        Ok(first)
    }

    /// Cuts the last page off.
    pub fn shrink(&mut self) {
        self.source.turns.remove(&self.last_page);
        self.last_page -= 1;
        self.source.count = u64::from(self.last_page) + 1;
    }

    /// What has become of the file.
    pub fn into_changes(mut self) -> Changes {
        let kept = &mut self.source.kept;
        let level = |number| {
            let page = kept.place(number).and_then(OnceCell::get);
            page.and_then(|page| Header::parse(&page.bytes, self.layout.order)).map(|it| it.level)
        };
        let turns = self.source.turns.iter();
        let mut turns: Vec<_> =
            turns.map(|(number, turn)| (*turn, Reverse(level(*number)), *number)).collect();
        turns.sort_unstable();
        let page_size = self.layout.page_size as u64;
        let block = |(_, _, number)| {
            let bytes = kept.take(number)?;
            Some(Block { at: u64::from(number) * page_size, bytes })
        };
        let blocks = turns.into_iter().filter_map(block).collect();
        Changes::new(self.source.count * page_size, self.layout.page_size as u32, blocks)
    }
}
