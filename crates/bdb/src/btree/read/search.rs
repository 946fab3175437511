//! Finding a key on pages in memory: the way that nearly every lookup takes.
//!
//! A lookup in a large table waits for memory, so all lines of the next page are prefetched as soon
//! as its number is known: one wait a page, not one for each key that is looked at. A page is
//! searched by halving, without a branch on which half it is; keys are compared by their first bytes
//! as a number, and whole only where those are the same.
//!
//! What is not as usual (a big item of either kind, duplicates, any damage) is left to the general
//! search in [`BtreeDb`](super::BtreeDb), which knows what it is: nothing is reported from here. That
//! one looks at the same items in the same order, so that the two agree on every file, also on one
//! whose keys are in disorder: this is tested on damaged files.

use std::hint::select_unpredictable;
use std::marker::PhantomData;

use byteorder::{BigEndian, ByteOrder as Endian, LittleEndian};
use kv_file_core::{Datum, prefetch};

use crate::format::page::{Header, header_len};
use crate::format::tree_item::{ALIGNMENT, CHILD_AT, INTERNAL_LEN, LEAF_ITEM_LEN, PLAIN};
use crate::format::{ByteOrder, PageLayout, page_type};
use crate::tree;

/// The result of a search that is not left to the general one.
pub(super) type Found<'a> = Option<&'a [u8]>;

/// Bytes of a cache line.
const LINE: usize = 64;

/// The longest pages of which all lines are prefetched, whatever is on them.
const SMALL_PAGE: usize = 2048;

/// Lines that a large leaf's header and offsets lie in: those of so many pairs as there are mostly.
const OFFSET_LINES: usize = 4;

/// Lines that are prefetched of one page at most: more than memory can be asked for at a time.
const MOST_LINES: usize = 64;

/// Bytes of a key that are compared as a number.
const START: usize = 16;

/// Masks of the first bytes of such a number: none of them, one, and so on.
const FIRST: [u128; START + 1] = {
    let mut masks = [u128::MAX; START + 1];
    let mut len = 0;
    while len < START {
        masks[len] = !(u128::MAX >> (8 * len));
        len += 1;
    }
    masks
};

/// A key that is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'k> {
    key: Datum<'k>,
    /// Its first bytes; zeros stand for those that it does not have, and for its NUL.
    start: u128,
}

impl<'k> Wanted<'k> {
    #[inline(always)]
    pub fn new(key: Datum<'k>) -> Self {
        let start = key.bytes.first_chunk().map_or_else(|| padded(key.bytes), |start| *start);
        Wanted { key, start: u128::from_be_bytes(start) }
    }

    /// Returns `true` if it is not less than a stored key.
    #[inline(never)]
    fn is_not_less(self, stored: &[u8]) -> bool {
        tree::compare(stored, self.key).is_le()
    }
}

/// A short key with zeros behind it.
#[inline(never)]
fn padded(bytes: &[u8]) -> [u8; START] {
    let mut start = [0; START];
    start[..bytes.len()].copy_from_slice(bytes);
    start
}

/// The pages of a file in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages<'a> {
    bytes: &'a [u8],
    layout: PageLayout,
}

impl<'a> Pages<'a> {
    /// The pages, if they can be searched here: to verify a checksum is to read the whole page.
    #[inline]
    pub fn new(bytes: &'a [u8], layout: PageLayout) -> Option<Self> {
        (!layout.checksums).then_some(Pages { bytes, layout })
    }

    /// The byte order of the numbers on the pages.
    #[inline]
    pub fn order(self) -> ByteOrder {
        self.layout.order
    }

    /// Looks for `key` in the tree under the page `root`. `None` where this is for the general
    /// search.
    #[inline]
    pub fn search(self, root: u32, key: Datum<'_>) -> Option<Found<'a>> {
        match self.order() {
            ByteOrder::Little => self.search_in::<LittleEndian>(root, key),
            ByteOrder::Big => self.search_in::<BigEndian>(root, key),
        }
    }

    #[inline(never)]
    fn search_in<E: Endian>(self, root: u32, key: Datum<'_>) -> Option<Found<'a>> {
        let wanted = Wanted::new(key);
        let mut page = self.page::<E>(root, None)?;
        while page.header.kind == page_type::BTREE_INTERNAL {
            let level = page.header.level.checked_sub(1)?;
            let below = page.below(&wanted)?;
            self.prefetch(below, level);
            page = self.page(below, Some(level))?;
            page.prefetch_keys();
        }
        page.find(&wanted)
    }

    /// Prefetches a page of this level: all of its lines, or those that tell which others will be
    /// needed ([`TreePage::prefetch_keys`]).
    #[inline(always)]
    pub fn prefetch(self, number: u32, level: u8) {
        let lines = if self.needs_keys(level) { OFFSET_LINES } else { MOST_LINES };
        let page = self.layout.place(number).and_then(|start| self.bytes.get(start..));
        let page = page.and_then(|rest| rest.get(..self.layout.page_size)).unwrap_or_default();
        for line in page.as_chunks::<LINE>().0.iter().take(lines) {
            prefetch(line, 0);
        }
    }

    /// Returns `true` if keys on pages of this level are worth to be prefetched one by one: those of
    /// internal pages lie so close that it is as well to take all lines.
    #[inline(always)]
    pub fn needs_keys(self, level: u8) -> bool {
        level == 1 && self.layout.page_size > SMALL_PAGE
    }

    /// The page `number`, if its header is plausible and it has this level.
    #[inline(always)]
    pub fn page<E: Endian>(self, number: u32, level: Option<u8>) -> Option<TreePage<'a, E>> {
        let rest = self.bytes.get(self.layout.place(number)?..)?;
        let page = rest.get(..self.layout.page_size)?;
        let header = Header::from_bytes::<E>(page.first_chunk()?);
        let array = page.get(header_len(false)..)?.get(..2 * usize::from(header.entries))?;
        let usual = header.number == number && level.is_none_or(|level| level == header.level);
        usual.then_some(TreePage {
            header,
            pages: self,
            rest,
            offsets: array.as_chunks().0,
            low: header_len(false) + array.len(),
            order: PhantomData,
        })
    }
}

/// A page whose numbers have the byte order `E`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreePage<'a, E> {
    pub header: Header,
    pages: Pages<'a>,
    /// The page's bytes, and those behind it.
    rest: &'a [u8],
    offsets: &'a [[u8; 2]],
    /// The lowest offset that an item can have.
    low: usize,
    order: PhantomData<E>,
}

impl<'a, E: Endian> TreePage<'a, E> {
    /// Prefetches the lines where keys start on a page that was not prefetched as a whole.
    #[inline(always)]
    pub fn prefetch_keys(&self) {
        if !self.pages.needs_keys(self.header.level) {
            return;
        }
        let pairs = self.offsets.len() / 2;
        let step = 2 * pairs.div_ceil(MOST_LINES).max(1);
        for offset in self.offsets.iter().step_by(step) {
            prefetch(self.rest, usize::from(E::read_u16(offset)));
        }
    }

    /// The page below this internal one that has the key, if any has. `None` where this is for the
    /// general search.
    #[inline(always)]
    pub fn below(&self, wanted: &Wanted<'_>) -> Option<u32> {
        let usual = self.header.kind == page_type::BTREE_INTERNAL
            && self.header.level >= 2
            && !self.offsets.is_empty();
        if !usual {
            return None;
        }
        let entry = self.last_not_greater::<INTERNAL_LEN, { INTERNAL_LEN + START }, 1>(wanted)?;
        let (offset, _) = self.item::<INTERNAL_LEN>(entry)?;
        let child = offset + CHILD_AT;
        Some(E::read_u32(self.rest.get(child..child + 4)?))
    }

    /// Looks for the key on this leaf. `None` outside where this is for the general search.
    #[inline(always)]
    pub fn find(&self, wanted: &Wanted<'_>) -> Option<Found<'a>> {
        if self.header.kind != page_type::BTREE_LEAF || !self.offsets.len().is_multiple_of(2) {
            return None;
        }
        if self.offsets.is_empty() {
            return Some(None);
        }
        let pair = self.last_not_greater::<LEAF_ITEM_LEN, { LEAF_ITEM_LEN + START }, 2>(wanted)?;
        let (offset, key) = self.item::<LEAF_ITEM_LEN>(2 * pair)?;
        if !wanted.key.is(key) {
            return Some(None);
        }
        // Duplicates share their key; the first of them is wanted.
        if pair > 0 && self.offset(2 * (pair - 1))? == offset {
            return None;
        }
        let (_, data) = self.item::<LEAF_ITEM_LEN>(2 * pair + 1)?;
        Some(Some(data))
    }

    /// The last of the keys, of which `EACH`th items are one, that is not greater than the one
    /// wanted. The first counts as such, whatever it is.
    ///
    /// `PROBE` is the length of an item up to what is compared as a number: behind `HEAD` bytes.
    #[inline(always)]
    fn last_not_greater<const HEAD: usize, const PROBE: usize, const EACH: usize>(
        &self,
        wanted: &Wanted<'_>,
    ) -> Option<usize> {
        let (mut low, mut count) = (0, self.offsets.len() / EACH);
        while count > 1 {
            let half = count / 2;
            let not_greater = self.is_not_greater::<HEAD, PROBE>(EACH * (low + half), wanted)?;
            low = select_unpredictable(not_greater, low + half, low);
            count -= half;
        }
        Some(low)
    }

    #[inline(always)]
    fn is_not_greater<const HEAD: usize, const PROBE: usize>(
        &self,
        index: usize,
        wanted: &Wanted<'_>,
    ) -> Option<bool> {
        let offset = self.offset(index)?;
        // May reach beyond the item, and beyond the page.
        let Some(probe) = self.rest.get(offset..offset + PROBE) else {
            let (_, key) = self.item::<HEAD>(index)?;
            return Some(wanted.is_not_less(key));
        };
        let len = usize::from(E::read_u16(&probe[..2]));
        self.check::<HEAD>(offset, len, probe[2])?;
        let start = u128::from_be_bytes(*probe[HEAD..].first_chunk()?);
        // Only what differs in the key itself counts.
        if (start ^ wanted.start) & FIRST[len.min(START)] != 0 {
            Some(start < wanted.start)
        } else {
            let key = offset + HEAD;
            Some(wanted.is_not_less(self.rest.get(key..key + len)?))
        }
    }

    #[inline(always)]
    fn offset(&self, index: usize) -> Option<usize> {
        Some(usize::from(E::read_u16(self.offsets.get(index)?)))
    }

    /// Where a plain item starts, and its bytes behind `HEAD` of them.
    #[inline(always)]
    fn item<const HEAD: usize>(&self, index: usize) -> Option<(usize, &'a [u8])> {
        let offset = self.offset(index)?;
        let item = self.rest.get(offset..)?;
        let len = usize::from(E::read_u16(item.get(..2)?));
        self.check::<HEAD>(offset, len, *item.get(2)?)?;
        Some((offset, item.get(HEAD..HEAD + len)?))
    }

    /// `None` if this cannot be a plain item.
    #[inline(always)]
    fn check<const HEAD: usize>(&self, offset: usize, len: usize, item_type: u8) -> Option<()> {
        let usual = offset >= self.low
            && offset.is_multiple_of(ALIGNMENT)
            && item_type == PLAIN
            && offset + HEAD + len <= self.pages.layout.page_size;
        usual.then_some(())
    }
}
