//! Finding a key on pages in memory: the way that nearly every lookup takes.
//!
//! Everything is done on a borrowed page as it is, eight pairs at once and without a branch for
//! each. What is not as usual (a big item of either kind, a set of duplicates, a page that was
//! never written, any damage) is left to the general search in [`page`](crate::hash::page), which
//! knows what it is: nothing is reported from here. The two agree on every page, which is tested on
//! damaged files.

use std::array::from_fn;
use std::hint::select_unpredictable;

use kv_file_core::{Datum, Source, prefetch};
use wide::u16x16;

use crate::file::PageFile;
use crate::format::page::{Header, header_len};
use crate::format::{ByteOrder, item, page_type};

/// Items that are looked at together. Their offsets and the page's header fit in one line of a
/// cache.
const LANES: usize = 16;

/// One bit for each of their items: those of keys have even numbers.
type Lanes = u16;
const KEYS: Lanes = 0x5555;

/// The result of a search that is not left to the general one.
pub(super) type Found<'a> = Option<&'a [u8]>;

/// Returns `true` if the pages of a file can be searched here, if they are in memory.
pub(super) fn suits<S>(file: &PageFile<S>) -> bool {
    // In 65,536 bytes an end does not fit a lane.
    file.layout.order == ByteOrder::Little
        && !file.layout.checksums
        && file.layout.page_size < 1 << 16
}

/// Looks for `key` in the bucket with the primary page `primary`. `None` where this is for the
/// general search.
#[inline(always)]
pub(super) fn search<'a, S: Source>(
    file: &PageFile<S>,
    bytes: &'a [u8],
    primary: u32,
    key: Datum<'_>,
) -> Option<Found<'a>> {
    match Likely::new(file, bytes, primary, key)?.find(key) {
        Search::Over(found) => Some(found),
        Search::GoesOn => search_all(file, bytes, primary, key),
    }
}

/// As [`search`], for a bucket of many pairs.
#[inline(never)]
fn search_all<'a, S: Source>(
    file: &PageFile<S>,
    bytes: &'a [u8],
    primary: u32,
    key: Datum<'_>,
) -> Option<Found<'a>> {
    let wanted = u16::try_from(1 + key.len()).ok()?;
    let mut number = primary;
    let mut further = file.last_page;
    loop {
        let (page, header) = page(file, bytes, number)?;
        if header.next != 0 {
            // It comes while this page is searched.
            ask_for_page(file, bytes, header.next);
        }
        let mut chunks = Chunks::of(page, &header);
        while let Some(chunk) = chunks.next()? {
            if let Some(data) = chunk.find(chunk.keys_of_length(wanted), key)? {
                return Some(Some(data));
            }
        }
        number = header.next;
        if number == 0 {
            return Some(None);
        }
        // In a sound file every page has one owner: a longer chain is a loop.
        further = further.checked_sub(1)?;
    }
}

/// Prefetches the first line of a page.
#[inline(always)]
pub(super) fn ask_for_page<S: Source>(file: &PageFile<S>, bytes: &[u8], number: u32) {
    if let Some(start) = file.layout.place(number) {
        prefetch(bytes, start);
    }
}

/// How a search stands.
pub(super) enum Search<'a> {
    Over(Found<'a>),
    GoesOn,
}

/// The start of a search: the likely pairs among the first ones of a primary page, which are all of
/// most buckets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Likely<'a> {
    chunk: Chunk<'a>,
    candidates: Lanes,
    /// Whether the bucket has no other pairs.
    all: bool,
}

impl<'a> Likely<'a> {
    /// Those for a key. `None` where this is for the general search.
    #[inline(always)]
    pub fn new<S: Source>(
        file: &PageFile<S>,
        bytes: &'a [u8],
        primary: u32,
        key: Datum<'_>,
    ) -> Option<Self> {
        let wanted = u16::try_from(1 + key.len()).ok()?;
        let (page, header) = page(file, bytes, primary)?;
        let mut chunks = Chunks::of(page, &header);
        let chunk = chunks.next()??;
        let all = header.next == 0 && chunks.at == chunks.low;
        Some(Likely { chunk, candidates: chunk.keys_of_length(wanted), all })
    }

    /// Prefetches the first of these pairs: the lines with its first and its last byte.
    #[inline(always)]
    pub fn ask_for_pair(&self) {
        let pair = self.chunk.pair(self.candidates.trailing_zeros() as usize);
        prefetch(self.chunk.page, pair.data);
        prefetch(self.chunk.page, pair.end.saturating_sub(1));
    }

    /// Looks for the key among these pairs.
    #[inline(always)]
    pub fn find(self, key: Datum<'_>) -> Search<'a> {
        match self.chunk.find(self.candidates, key) {
            Some(None) if self.all => Search::Over(None),
            Some(Some(data)) => Search::Over(Some(data)),
            _ => Search::GoesOn,
        }
    }
}

/// A page in memory, with a plausible header.
#[inline(always)]
fn page<'a, S: Source>(
    file: &PageFile<S>,
    bytes: &'a [u8],
    number: u32,
) -> Option<(&'a [u8], Header)> {
    let page = bytes.get(file.layout.place(number)?..)?.get(..file.layout.page_size)?;
    let header = Header::parse(page, ByteOrder::Little)?;
    let usual = header.number == number
        && matches!(header.kind, page_type::HASH | page_type::HASH_UNSORTED)
        && header.entries.is_multiple_of(2);
    usual.then_some((page, header))
}

/// The pairs of a page, from the first to the last.
struct Chunks<'a> {
    page: &'a [u8],
    /// Where the offset array goes on, and where it ends: the lowest offset that an item can have.
    at: usize,
    low: usize,
    /// Where the next item ends.
    end: u16,
}

impl<'a> Chunks<'a> {
    #[inline(always)]
    fn of(page: &'a [u8], header: &Header) -> Self {
        let at = header_len(false);
        Chunks { page, at, low: at + 2 * usize::from(header.entries), end: page.len() as u16 }
    }

    /// The next pairs, if there are any; `None` outside if they are not as usual.
    #[inline(always)]
    fn next(&mut self) -> Option<Option<Chunk<'a>>> {
        if self.at >= self.low {
            return Some(None);
        }
        // May reach beyond the array, where bytes are on every page but one that is all offsets.
        let offsets = self.page.get(self.at - 2..)?.first_chunk()?;
        let used = ((self.low - self.at) / 2).min(LANES);
        let chunk = Chunk::new(self.page, offsets, self.end, used);
        // Items lie one below the other, and the lowest above the array.
        let lowest = chunk.start(used - 1);
        if chunk.some_are_empty() || lowest < self.low {
            return None;
        }
        self.at += 2 * used;
        self.end = lowest as u16;
        Some(Some(chunk))
    }
}

/// Up to so many items of a page.
#[derive(Clone, Copy, Debug)]
struct Chunk<'a> {
    page: &'a [u8],
    /// The offsets, with two bytes before them.
    offsets: &'a [u8; 2 + 2 * LANES],
    first_end: u16,
    /// 0, where an item would end before it starts.
    lengths: u16x16,
    used: Lanes,
}

impl<'a> Chunk<'a> {
    #[inline(always)]
    fn new(page: &'a [u8], offsets: &'a [u8; 2 + 2 * LANES], first_end: u16, used: usize) -> Self {
        let lanes = |first| u16x16::new(from_fn(|lane| number(offsets, first + lane)));
        // An item ends where the one before it starts.
        let ends =
            lanes(0) & FURTHER | u16x16::new(from_fn(|lane| if lane == 0 { first_end } else { 0 }));
        let used = ((1u32 << used) - 1) as Lanes;
        Chunk { page, offsets, first_end, lengths: ends.saturating_sub(lanes(1)), used }
    }

    /// Returns `true` if there are items that would end where they start, or before.
    #[inline(always)]
    fn some_are_empty(&self) -> bool {
        self.mask(self.lengths.simd_eq(u16x16::ZERO)) != 0
    }

    /// The keys with items of this length, and those that may be references to big ones.
    #[inline(always)]
    fn keys_of_length(&self, len: u16) -> Lanes {
        let right = self.lengths.simd_eq(u16x16::splat(len));
        let big = self.lengths.simd_eq(u16x16::splat(item::BIG_LEN as u16));
        self.mask(right | big) & KEYS
    }

    #[inline(always)]
    fn mask(&self, lanes: u16x16) -> Lanes {
        lanes.to_bitmask() as Lanes & self.used
    }

    /// The data stored under the key, if it is in one of these pairs. `None` outside, where this is
    /// for the general search.
    #[inline(always)]
    fn find(&self, mut candidates: Lanes, key: Datum<'_>) -> Option<Found<'a>> {
        while candidates != 0 {
            let pair = self.pair(candidates.trailing_zeros() as usize);
            let [item::PLAIN, stored @ ..] = self.page.get(pair.key..pair.end)? else {
                return None;
            };
            if key.is(stored) {
                let [item::PLAIN, data @ ..] = self.page.get(pair.data..pair.key)? else {
                    return None;
                };
                return Some(Some(data));
            }
            candidates &= candidates - 1;
        }
        Some(None)
    }

    /// The pair whose key has this lane.
    #[inline(always)]
    fn pair(&self, lane: usize) -> Pair {
        // Where the first pair is as likely as another, a branch would be taken the wrong way half
        // the time.
        let end_before = number(self.offsets, lane % LANES);
        let end = select_unpredictable(lane == 0, self.first_end, end_before).into();
        Pair { data: self.start(lane + 1), key: self.start(lane), end }
    }

    #[inline(always)]
    fn start(&self, lane: usize) -> usize {
        usize::from(number(self.offsets, 1 + lane % LANES))
    }
}

/// Where a pair lies on its page.
struct Pair {
    /// Where the data starts; the key starts where it ends.
    data: usize,
    key: usize,
    end: usize,
}

/// All lanes but the first.
const FURTHER: u16x16 = {
    let mut lanes = [u16::MAX; LANES];
    lanes[0] = 0;
    u16x16::new(lanes)
};

#[inline(always)]
fn number(numbers: &[u8; 2 + 2 * LANES], i: usize) -> u16 {
    u16::from_le_bytes([numbers[2 * i], numbers[2 * i + 1]])
}
