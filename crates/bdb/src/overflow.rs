//! Big items: keys and data that fill a chain of pages of their own (section 7).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use kv_file_core::{Datum, Source};

use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::{Budget, Page, PageFile};
use crate::format::item::BigRef;
use crate::format::page::Header;
use crate::format::{PageLayout, page_type};
use crate::freelist::FreeList;
use crate::overlay::Overlay;

/// Where the data bytes of an overflow page lie on it, the page found to belong to a chain.
fn data_range<S: Source>(file: &PageFile<S>, page: &Page<'_>) -> Result<Range<usize>> {
    if page.header.kind != page_type::OVERFLOW {
        return Err(page.problem(Fault::LinkedType).value(page.header.kind).into());
    }
    let count = page.header.high_offset;
    let end = file.layout.header_len() + usize::from(count);
    // An empty page would let a chain go on without getting anywhere.
    if count == 0 || end > file.layout.page_size {
        return Err(page.problem(Fault::OverflowBytes).value(count).into());
    }
    Ok(file.layout.header_len()..end)
}

/// Hands the bytes of a chain to `take`, piece by piece, until it declines or all are there.
///
/// `take` gets the page that holds the piece and the piece's place on it, and says whether to go
/// on. Returns whether the chain was read to its end, at which it has been found to have the stated
/// length.
fn walk<'a, S: Source>(
    file: &'a PageFile<S>,
    big: BigRef,
    budget: &Budget,
    mut take: impl FnMut(Page<'a>, Range<usize>) -> bool,
) -> Result<bool> {
    let mut left = big.len as usize;
    let mut number = big.first;
    while number != 0 {
        let page = file.page(number, budget)?;
        let range = data_range(file, &page)?;
        let wrong_length = || page.problem(Fault::ChainLength).value(big.len);
        left = left.checked_sub(range.len()).ok_or_else(wrong_length)?;
        number = page.header.next;
        if (number == 0) != (left == 0) {
            return Err(wrong_length().into());
        }
        if !take(page, range) {
            return Ok(false);
        }
    }
    if left != 0 {
        return Err(Problem::on(big.first, Fault::ChainLength).value(big.len).into());
    }
    Ok(true)
}

/// Reads a big item: lent where it fills one page, else put together.
pub(crate) fn read<'a, S: Source>(
    file: &'a PageFile<S>,
    big: BigRef,
    budget: &Budget,
) -> Result<Cow<'a, [u8]>> {
    let mut bytes: Cow<'a, [u8]> = Cow::Borrowed(&[]);
    walk(file, big, budget, |page, range| {
        if bytes.is_empty() {
            bytes = page.part(range);
        } else {
            // Grows with the pages that are there, never by the length that the reference claims.
            bytes.to_mut().extend_from_slice(&page.bytes[range]);
        }
        true
    })?;
    Ok(bytes)
}

/// The pages of a big item, in the order of its chain. Each links back to the one before.
pub(crate) fn pages<S: Source>(
    file: &PageFile<S>,
    big: BigRef,
    budget: &Budget,
) -> Result<Vec<u32>> {
    let mut pages = Vec::new();
    let mut wrong = None;
    walk(file, big, budget, |page, _| {
        if page.header.prev != pages.last().copied().unwrap_or(0) {
            wrong = Some(page.problem(Fault::BackLink));
        }
        pages.push(page.number);
        wrong.is_none()
    })?;
    wrong.map_or(Ok(pages), |problem| Err(problem.into()))
}

/// Whether a big item consists of just these pieces, one after the other. Allocates nothing.
pub(crate) fn equals<S: Source>(
    file: &PageFile<S>,
    big: BigRef,
    [mut rest, mut tail]: [&[u8]; 2],
    budget: &Budget,
) -> Result<bool> {
    if big.len as usize != rest.len() + tail.len() {
        return Ok(false);
    }
    walk(file, big, budget, |page, range| {
        let mut stored = &page.bytes[range];
        while !stored.is_empty() {
            if rest.is_empty() {
                rest = std::mem::take(&mut tail);
            }
            let (now, later) = rest.split_at(stored.len().min(rest.len()));
            match stored.strip_prefix(now) {
                Some(after) if !now.is_empty() => (stored, rest) = (after, later),
                _ => return false,
            }
        }
        true
    })
}

/// Compares a big item with another one. Reads it up to the first byte that differs, and allocates
/// nothing.
pub(crate) fn compare<S: Source>(
    file: &PageFile<S>,
    big: BigRef,
    key: Datum<'_>,
    budget: &Budget,
) -> Result<Ordering> {
    let [mut rest, mut tail] = key.pieces();
    let mut order = Ordering::Equal;
    walk(file, big, budget, |page, range| {
        let mut stored = &page.bytes[range];
        while !stored.is_empty() && order.is_eq() {
            if rest.is_empty() {
                rest = std::mem::take(&mut tail);
            }
            let len = stored.len().min(rest.len());
            order = match len {
                0 => Ordering::Greater,
                _ => stored[..len].cmp(&rest[..len]),
            };
            (stored, rest) = (&stored[len..], &rest[len..]);
        }
        order.is_eq()
    })?;
    // Where all that is stored is the start of the key, it is less.
    let left = rest.len() + tail.len();
    Ok(order.then_with(|| 0.cmp(&left)))
}

/// Makes a page of zeros the page `number` of a chain: it takes what fits of what is left of an
/// item. The checksum is left to the caller.
pub(crate) fn fill(
    layout: PageLayout,
    page: &mut [u8],
    rest: &mut [&[u8]; 2],
    (prev, number, next): (u32, u32, u32),
) {
    let mut place = &mut page[layout.header_len()..];
    for piece in rest {
        let (now, later) = piece.split_at(piece.len().min(place.len()));
        *piece = later;
        let (filled, free) = place.split_at_mut(now.len());
        filled.copy_from_slice(now);
        place = free;
    }
    let header = Header {
        number,
        prev,
        next,
        entries: 1,
        high_offset: (layout.room() - place.len()) as u16,
        level: 0,
        kind: page_type::OVERFLOW,
    };
    header.put(page, layout.order);
}

/// Stores an item, which is not empty, on pages of the free list.
pub(crate) fn write<S: Source, N>(
    file: &mut PageFile<Overlay<S, N>>,
    free: &mut FreeList,
    stored: Datum<'_>,
) -> Result<BigRef> {
    let layout = file.layout;
    let mut rest = stored.pieces();
    let first = free.take(file)?;
    let (mut number, mut prev) = (first, 0);
    for further in (0..layout.chain_pages(stored.len())).rev() {
        // Taken pages count as put: taking the next one must not depend on what is on this one.
        let next = if further > 0 { free.take(file)? } else { 0 };
        let mut page = vec![0; layout.page_size];
        fill(layout, &mut page, &mut rest, (prev, number, next));
        file.put(number, page)?;
        (prev, number) = (number, next);
    }
    Ok(BigRef { first, len: stored.len() as u32 })
}

/// Gives back pages of big items, and of trees that refer to such. Nothing is given that `check`
/// refuses.
pub(crate) fn free<S: Source, N>(
    file: &mut PageFile<Overlay<S, N>>,
    free: &mut FreeList,
    pages: &[u32],
    check: impl Fn(&PageFile<Overlay<S, N>>, &Page<'_>) -> Result<()>,
) -> Result<()> {
    for number in pages {
        let page = file.page(*number, &file.budget())?;
        check(file, &page)?;
        // Whoever else refers to an item would be left without it.
        if page.header.kind == page_type::OVERFLOW && page.header.entries > 1 {
            return Err(page.problem(Fault::ReferenceCount).into());
        }
    }
    pages.iter().try_for_each(|number| free.give(file, *number))
}

/// Takes one reference to a big item away: gives its pages back if that was the only one, and lowers
/// its count if not. Nothing is touched that `check` refuses.
pub(crate) fn release<S: Source, N>(
    file: &mut PageFile<Overlay<S, N>>,
    free_list: &mut FreeList,
    big: BigRef,
    check: impl Fn(&PageFile<Overlay<S, N>>, &Page<'_>) -> Result<()>,
) -> Result<()> {
    let pages = pages(file, big, &file.budget())?;
    let is_shared = file.page(big.first, &file.budget())?.header.entries > 1;
    if !is_shared {
        return free(file, free_list, &pages, check);
    }
    for number in pages {
        let page = file.page(number, &file.budget())?;
        check(file, &page)?;
        let mut header = page.header;
        // On pages but the first the count may be 1 throughout.
        header.entries = header.entries.saturating_sub(1).max(1);
        let mut bytes = page.bytes.into_owned();
        header.put(&mut bytes, file.layout.order);
        file.put(number, bytes)?;
    }
    Ok(())
}
