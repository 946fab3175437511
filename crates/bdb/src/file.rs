//! A database file as numbered pages, each checked before anything else sees it.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use kv_file_core::Source;

use crate::error::{Error, ErrorKind, Result};
use crate::fault::{Fault, Problem};
use crate::format::page::Header;
use crate::format::{META_LEN, Meta, PageLayout, checksum, page_type};

/// Length of a file by what its page 0 tells of: what lies behind belongs to nobody. It is never
/// more than the file's own.
///
/// # Errors
/// As [`HashDb::open`](crate::HashDb::open), except for what concerns the database.
pub fn stated_len<S: Source>(source: S) -> Result<u64> {
    let (file, meta) = PageFile::open(source)?;
    let last_page = meta.last_page.unwrap_or(file.last_page);
    Ok((u64::from(last_page) + 1) * file.layout.page_size as u64)
}

/// The pages of one file, and what is the same on all of them.
#[derive(Debug)]
pub(crate) struct PageFile<S> {
    pub source: S,
    pub layout: PageLayout,
    /// Highest page number that the file has.
    pub last_page: u32,
}

/// Bytes that are read at once where the whole file is read.
const BLOCK: usize = 256 << 10;

/// One page, whose own number has been checked.
#[derive(Clone, Debug)]
pub(crate) struct Page<'a> {
    pub header: Header,
    pub bytes: Cow<'a, [u8]>,
    pub number: u32,
}

/// How many more pages an operation may read.
///
/// In a sound file every page has one owner, so nothing needs to read a page twice, and an
/// operation that has read as many pages as the file has, and wants more, goes round in a loop.
#[derive(Debug)]
pub(crate) struct Budget(Cell<u32>);

impl Budget {
    /// The budget of an operation that needs to read a page twice.
    pub fn twice(self) -> Self {
        Budget(Cell::new(self.0.get().saturating_mul(2)))
    }

    /// Takes one page from the budget; `page` is where the link to it was found, or the page
    /// itself.
    pub fn spend(&self, page: u32) -> Result<()> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| Problem::on(page, Fault::Shared))?;
        self.0.set(left);
        Ok(())
    }
}

impl<S: Source> PageFile<S> {
    /// Reads page 0 and holds the file's length against it.
    pub fn open(source: S) -> Result<(Self, Meta)> {
        let size = source.len()?;
        if size < META_LEN as u64 {
            return Err(ErrorKind::NotADatabase.into());
        }
        let meta = Meta::parse(&source.read_at(0, META_LEN)?, 0)?;
        let page_size = meta.layout.page_size as u64;
        if size % page_size != 0 {
            return Err(ErrorKind::Length { len: size, page_size: page_size as u32 }.into());
        }
        let count = size / page_size;
        if let Some(stated) = meta.last_page
            && u64::from(stated) >= count
        {
            return Err(ErrorKind::Truncated { pages: count, stated }.into());
        }
        Ok((Self::new(source, meta.layout)?, meta))
    }

    /// The whole pages of a source, of which page 0 has not been asked.
    pub fn new(source: S, layout: PageLayout) -> Result<Self> {
        let count = source.len()? / layout.page_size as u64;
        let last_page = count.checked_sub(1).ok_or(ErrorKind::NotADatabase)?;
        Ok(PageFile {
            source,
            layout,
            // Page numbers have 32 bits: nothing can refer to what lies beyond.
            last_page: u32::try_from(last_page).unwrap_or(u32::MAX),
        })
    }

    /// The same pages, from a source made of this one's.
    pub fn map<Q>(self, change: impl FnOnce(S) -> Q) -> PageFile<Q> {
        PageFile { source: change(self.source), layout: self.layout, last_page: self.last_page }
    }

    /// Reads the meta page of a database other than the file's first.
    pub fn meta(&self, number: u32) -> Result<Meta> {
        let meta = Meta::parse(&self.read(number)?, number)?;
        match meta.layout == self.layout {
            true => Ok(meta),
            false => Err(Problem::on(number, Fault::DatabaseEntry).into()),
        }
    }

    /// A budget of as many pages as the file has.
    pub fn budget(&self) -> Budget {
        Budget(Cell::new(self.last_page.saturating_add(1)))
    }

    /// The bytes of a page, unchecked.
    pub fn read(&self, number: u32) -> Result<Cow<'_, [u8]>> {
        if number > self.last_page {
            return Err(Problem::on(number, Fault::Link).value(number).into());
        }
        Ok(self
            .source
            .read_at(u64::from(number) * self.layout.page_size as u64, self.layout.page_size)?)
    }

    /// Hands the bytes of every page to `look`, from front to back. Reads many pages at once.
    pub fn each_page<E: From<Error>>(
        &self,
        look: impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_page_from(0, look)
    }

    /// As [`each_page`](Self::each_page), from the page `start` on.
    pub fn each_page_from<E: From<Error>>(
        &self,
        start: u64,
        mut look: impl FnMut(u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let at_once = (BLOCK / self.layout.page_size).max(1);
        let count = u64::from(self.last_page) + 1;
        for first in (start..count).step_by(at_once) {
            let len = (count - first).min(at_once as u64) as usize * self.layout.page_size;
            let block = self
                .source
                .read_at(first * self.layout.page_size as u64, len)
                .map_err(Error::from)?;
            for (number, page) in (first..).zip(block.chunks_exact(self.layout.page_size)) {
                look(number as u32, page)?;
            }
        }
        Ok(())
    }

    /// The page `number`, found to carry its own number and, where pages have them, a right
    /// checksum.
    pub fn page(&self, number: u32, budget: &Budget) -> Result<Page<'_>> {
        let page = self.page_or_hole(number, budget)?;
        if page.header.number != number {
            return Err(page.problem(Fault::PageNumber).value(page.header.number).into());
        }
        Ok(page)
    }

    /// As [`page`](Self::page), but lets pass a page that was never written: its number field is 0.
    pub fn page_or_hole(&self, number: u32, budget: &Budget) -> Result<Page<'_>> {
        budget.spend(number)?;
        let bytes = self.read(number)?;
        let header = Header::parse(&bytes, self.layout.order)
            .ok_or_else(|| Problem::on(number, Fault::ItemLength))?;
        let page = Page { header, bytes, number };
        if header.number != number && header.number != 0 {
            return Err(page.problem(Fault::PageNumber).value(header.number).into());
        }
        // A hole has no checksum (section 4.2).
        if self.layout.checksums
            && !page.is_hole()
            && !checksum::matches(&page.bytes, self.layout.order)
        {
            return Err(page.problem(Fault::Checksum).into());
        }
        Ok(page)
    }
}

impl<'a> Page<'a> {
    /// Returns `true` if the page was never written (section 4.2).
    pub fn is_hole(&self) -> bool {
        self.header.number == 0 && self.header.kind == page_type::FREE
    }

    /// Bytes of the page that live as long as its source lends them; copied where the page itself
    /// is a copy.
    ///
    /// `range` has been checked to lie on the page.
    pub fn part(&self, range: Range<usize>) -> Cow<'a, [u8]> {
        match &self.bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(range).unwrap_or_default()),
            Cow::Owned(bytes) => Cow::Owned(bytes.get(range).unwrap_or_default().to_vec()),
        }
    }

    /// A problem of this page.
    pub fn problem(&self, fault: Fault) -> Problem {
        Problem::on(self.number, fault)
    }
}
