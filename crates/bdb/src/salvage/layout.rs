//! How a file is laid out: page size, byte order and checksums, from page 0 or from the other
//! pages.

use kv_file_core::Source;

use crate::error::{Error, ErrorKind, Result, Unsupported};
use crate::file::PageFile;
use crate::format::meta::{RawMeta, at};
use crate::format::page::Header;
use crate::format::{
    ByteOrder, MAX_PAGE_SIZE, META_LEN, MIN_PAGE_SIZE, Meta, PageLayout, checksum, page_type,
};

/// Pages that are asked whether a layout is theirs.
const SAMPLE: u64 = 1000;
/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// All layouts that there can be; whether there are checksums is told later.
fn layouts() -> impl Iterator<Item = PageLayout> {
    let sizes = (MIN_PAGE_SIZE.ilog2()..=MAX_PAGE_SIZE.ilog2()).map(|bits| 1 << bits);
    sizes.flat_map(|page_size| {
        [ByteOrder::Little, ByteOrder::Big].map(|order| PageLayout {
            order,
            page_size,
            checksums: false,
        })
    })
}

/// The header of the page that starts at `offset`, if it is one of this layout: it knows its number
/// and has a type.
fn page_at(layout: PageLayout, offset: u64, bytes: &[u8]) -> Option<Header> {
    let page_size = layout.page_size as u64;
    let number = offset / page_size;
    let aligned = offset.is_multiple_of(page_size) && number != 0;
    let header = Header::parse(bytes, layout.order).filter(|_| aligned)?;
    let known = header.kind <= page_type::HASH;
    (known && u64::from(header.number) == number).then_some(header)
}

/// Returns `true` if pages of this type hold pairs of a hash database.
pub(super) fn is_hash(kind: u8) -> bool {
    matches!(kind, page_type::HASH | page_type::HASH_UNSORTED)
}

/// Returns `true` if pages of this type hold pairs.
fn has_pairs(kind: u8) -> bool {
    is_hash(kind) || kind == page_type::BTREE_LEAF
}

/// The pages of a file, and its page 0, or why that is of no use.
///
/// What page 0 says counts only as far as the other pages agree.
pub(super) fn open<S: Source>(source: S) -> Result<(PageFile<S>, Result<Meta, Error>)> {
    let size = source.len()?;
    if size < META_LEN as u64 {
        return Err(ErrorKind::NotADatabase.into());
    }
    let page_0 = source.read_at(0, META_LEN)?.into_owned();
    let meta = match Meta::parse(&page_0, 0) {
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported(Unsupported::Encrypted)) => {
            let mut plain = page_0;
            plain[at::ENCRYPTION] = 0;
            // The checksum may be that of the page as it is.
            let order = RawMeta::read(&plain)?.order;
            checksum::seal(&mut plain, order);
            let meta = Meta::parse(&plain, 0);
            let layout = match &meta {
                Ok(meta) => Some(meta.layout),
                Err(_) => guess(&source, size)?.map(|guess| guess.layout),
            };
            match layout {
                Some(layout) if is_plain(&source, size, layout)? => meta,
                // Its pages have plain headers and nothing else that could be read.
                _ => return Err(error),
            }
        }
        meta => meta,
    };
    if let Ok(meta) = &meta
        && is_likely(&source, size, meta.layout)?
    {
        return Ok((with_checksums(source, meta.layout)?, Ok(meta.clone())));
    }
    let guess = guess(&source, size)?;
    match (guess, meta) {
        (Some(guess), Ok(meta))
            if guess.layout != (PageLayout { checksums: false, ..meta.layout }) =>
        {
            Ok((with_checksums(source, guess.layout)?, Err(ErrorKind::NotADatabase.into())))
        }
        // Nothing speaks against page 0.
        (_, Ok(meta)) => Ok((with_checksums(source, meta.layout)?, Ok(meta))),
        // A file of another kind, and nothing in it that would say otherwise.
        (Some(guess), Err(refused))
            if !guess.has_pairs && matches!(refused.kind(), ErrorKind::Unsupported(_)) =>
        {
            Err(refused)
        }
        (Some(guess), Err(refused)) => Ok((with_checksums(source, guess.layout)?, Err(refused))),
        (None, Err(refused)) => Err(refused),
    }
}

/// Whether the first pages, as far as they are not empty, are mostly pages of this layout.
fn is_likely<S: Source>(source: &S, size: u64, layout: PageLayout) -> Result<bool> {
    let (mut right, mut wrong) = (0, 0);
    let page_size = layout.page_size as u64;
    for number in 1..(size / page_size).min(SAMPLE) {
        let bytes = source.read_at(number * page_size, Header::LEN)?;
        if page_at(layout, number * page_size, &bytes).is_some() {
            right += 1;
        } else if bytes.iter().any(|byte| *byte != 0) {
            wrong += 1;
        }
    }
    Ok(right > wrong)
}

/// Whether the first pages with pairs have offsets that make sense, which those of encrypted pages do
/// not.
fn is_plain<S: Source>(source: &S, size: u64, layout: PageLayout) -> Result<bool> {
    let (mut plain, mut other) = (0, 0);
    let PageLayout { order, page_size, .. } = layout;
    let table = layout.header_len();
    for number in 1..(size / page_size as u64).min(SAMPLE / 10) {
        let page = source.read_at(number * page_size as u64, page_size)?;
        let header = Header::parse(&page, order)
            .filter(|header| has_pairs(header.kind) && header.entries != 0);
        let Some(Header { kind, entries, .. }) = header else { continue };
        let offsets = (0..entries.into()).map(|index| order.u16(&page, table + 2 * index));
        let table_end = table + 2 * usize::from(entries);
        let mut end = page.len();
        let make_sense = offsets.into_iter().all(|offset| {
            let offset = usize::from(offset.unwrap_or_default());
            // On a hash page they descend.
            let before = if is_hash(kind) { std::mem::replace(&mut end, offset) } else { end };
            (table_end..=before).contains(&offset)
        });
        if make_sense { plain += 1 } else { other += 1 }
    }
    Ok(plain > other)
}

/// What speaks for a layout.
struct Guess {
    layout: PageLayout,
    pages: u64,
    /// Whether one of the pages has pairs.
    has_pairs: bool,
}

/// The layout that most pages have, if any has one.
fn guess<S: Source>(source: &S, size: u64) -> Result<Option<Guess>> {
    let guess = |layout| Guess { layout, pages: 0, has_pairs: false };
    let mut guesses: Vec<_> = layouts().map(guess).collect();
    for start in (0..size).step_by(BLOCK) {
        let block = source.read_at(start, (size - start).min(BLOCK as u64) as usize)?;
        let smallest = MIN_PAGE_SIZE as usize;
        for (offset, bytes) in (start..).step_by(smallest).zip(block.chunks(smallest)) {
            for guess in &mut guesses {
                if let Some(header) = page_at(guess.layout, offset, bytes) {
                    guess.pages += 1;
                    guess.has_pairs |= has_pairs(header.kind) && header.entries != 0;
                }
            }
        }
    }
    let best = guesses.into_iter().max_by_key(|guess| guess.pages);
    Ok(best.filter(|guess| guess.pages > 0))
}

/// The pages of a file in this layout. Whether they have checksums, the pages themselves tell, if
/// they can.
fn with_checksums<S: Source>(source: S, layout: PageLayout) -> Result<PageFile<S>> {
    let plain = PageFile::new(source, layout)?;
    let (mut right, mut wrong) = (0, 0);
    for number in 1..=plain.last_page.min(SAMPLE as u32 / 10) {
        let page = plain.read(number)?;
        if page_at(layout, u64::from(number) * layout.page_size as u64, &page).is_some() {
            match checksum::matches(&page, layout.order) {
                true => right += 1,
                false => wrong += 1,
            }
        }
    }
    let checksums = if right == wrong { layout.checksums } else { right > wrong };
    PageFile::new(plain.source, PageLayout { checksums, ..layout })
}
