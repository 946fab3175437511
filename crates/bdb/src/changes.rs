//! Changes to a file, gathered in memory: pages that differ, over pages that do not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use crate::error::Error;
use crate::file::PageFile;
use crate::pages::Pages;

/// A file with some of its pages changed, and more or fewer of them than before.
#[derive(Debug)]
pub(crate) struct Overlay<P> {
    base: P,
    page_size: usize,
    /// Number of pages of the base that count: what lies behind the last one is nothing.
    base_count: u64,
    /// Number of pages now.
    count: u64,
    changed: BTreeMap<u32, Vec<u8>>,
}

impl<P: Pages> Overlay<P> {
    /// Whether any page has been changed.
    pub fn is_changed(&self) -> bool {
        !self.changed.is_empty()
    }
}

impl<P: Pages> Pages for Overlay<P> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.count * self.page_size as u64)
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let number = offset / self.page_size as u64;
        if let Some(page) = u32::try_from(number).ok().and_then(|number| self.changed.get(&number))
        {
            let start = (offset % self.page_size as u64) as usize;
            return page
                .get(start..start + len)
                .map(Cow::Borrowed)
                .ok_or_else(|| io::ErrorKind::UnexpectedEof.into());
        }
        if number >= self.base_count {
            // Reserved, and not written yet.
            return Ok(Cow::Owned(vec![0; len]));
        }
        self.base.read(offset, len)
    }
}

impl<P: Pages> PageFile<P> {
    /// The same file, to be changed. Its last page is the one that page 0 states, if it does.
    pub fn into_overlay(self, stated: Option<u32>) -> PageFile<Overlay<P>> {
        let last_page = stated.unwrap_or(self.last_page);
        let count = u64::from(last_page) + 1;
        let page_size = self.page_size;
        let mut file = self.map(|base| Overlay {
            base,
            page_size,
            base_count: count,
            count,
            changed: BTreeMap::new(),
        });
        file.last_page = last_page;
        file
    }
}

impl<P: Pages> PageFile<Overlay<P>> {
    /// Takes a page for changed.
    pub fn put(&mut self, number: u32, mut page: Vec<u8>) {
        self.seal(&mut page);
        self.pages.changed.insert(number, page);
    }

    /// Makes the file `count` pages longer; they are holes until they are put. Returns the number of the first.
    pub fn grow(&mut self, count: u32) -> Result<u32, Error> {
        let first = self.last_page.checked_add(1).ok_or(Error::TooLarge)?;
        self.last_page = self.last_page.checked_add(count).ok_or(Error::TooLarge)?;
        self.pages.count = u64::from(self.last_page) + 1;
        // Where the file on disk has such pages, what is on them counts for nothing.
        let on_disk = self.pages.base.size()? / self.page_size as u64;
        let on_disk = u32::try_from(on_disk).unwrap_or(u32::MAX);
        for number in first..on_disk.min(self.last_page.saturating_add(1)) {
            self.pages.changed.insert(number, vec![0; self.page_size]);
        }
        Ok(first)
    }

    /// Cuts the last page off.
    pub fn shrink(&mut self) {
        self.pages.changed.remove(&self.last_page);
        self.last_page -= 1;
        self.pages.count = u64::from(self.last_page) + 1;
    }

    /// What has become of the file.
    pub fn into_changes(self) -> Changes {
        Changes {
            page_size: self.page_size as u32,
            page_count: self.pages.count,
            pages: self.pages.changed,
        }
    }
}

/// What is to be written to turn a file into another: [`Update::finish`](crate::Update::finish).
#[derive(Debug)]
pub struct Changes {
    page_size: u32,
    page_count: u64,
    pages: BTreeMap<u32, Vec<u8>>,
}

impl Changes {
    /// Whether the file stays as it is.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Length of the new file in bytes. Where it is longer than the old one and no page is given, there are zeros.
    pub fn file_len(&self) -> u64 {
        self.page_count * u64::from(self.page_size)
    }

    /// Page size of the file, in bytes.
    pub fn page_size(&self) -> u32 {
        self.page_size
    }

    /// The pages that differ, each with its offset in the file, in ascending order.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let page_size = u64::from(self.page_size);
        self.pages.iter().map(move |(number, page)| (u64::from(*number) * page_size, &page[..]))
    }
}
