//! What is remembered of each page: 16 bytes, from which the links between pages are checked
//! without reading again.

use crate::format::page::Header;

/// What pass one has seen of a page.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub prev: u32,
    pub next: u32,
    /// Number of items; on an overflow page, its reference count.
    pub entries: u16,
    /// On an overflow page, the number of data bytes.
    pub bytes: u16,
    /// References found to the first page of a big item.
    pub references: u16,
    pub kind: u8,
    state: u8,
}

/// The page itself is damaged: nothing on it is believed. It has been reported.
const BROKEN: u8 = 1;
/// The items of the page are damaged, its links may be right. It has been reported.
const BROKEN_ITEMS: u8 = 2;
/// The page was never written.
const HOLE: u8 = 4;
/// Something leads to the page.
const USED: u8 = 8;
/// The page starts a big item, and a leaf or a bucket refers to it.
const REFERRED: u8 = 16;

impl Entry {
    pub fn new(header: &Header) -> Self {
        Entry {
            prev: header.prev,
            next: header.next,
            entries: header.entries,
            bytes: header.high_offset,
            references: 0,
            kind: header.kind,
            state: 0,
        }
    }

    pub fn hole() -> Self {
        Entry { state: HOLE, ..Entry::default() }
    }

    pub fn broken(kind: u8) -> Self {
        Entry { kind, state: BROKEN, ..Entry::default() }
    }

    pub fn with_broken_items(self) -> Self {
        Entry { state: self.state | BROKEN_ITEMS, ..self }
    }

    pub fn is_broken(&self) -> bool {
        self.state & BROKEN != 0
    }

    /// Returns `true` if the items can be read.
    pub fn has_items(&self) -> bool {
        self.state & (BROKEN | BROKEN_ITEMS | HOLE) == 0 && self.entries != 0
    }

    pub fn is_hole(&self) -> bool {
        self.state & HOLE != 0
    }

    pub fn is_used(&self) -> bool {
        self.state & USED != 0
    }

    /// Takes the page for an owner; returns `true` if it had none.
    pub fn claim(&mut self) -> bool {
        let free = !self.is_used();
        self.state |= USED;
        free
    }

    /// Notes that a leaf or a bucket refers to this big item; returns `true` if it is the first to
    /// do so.
    pub fn refer(&mut self) -> bool {
        let first = self.state & REFERRED == 0;
        self.state |= REFERRED;
        first
    }
}
