//! How items lie on a hash page, and elements in a set of duplicates.

use crate::error::Result;
use std::ops::Range;

use super::{ByteOrder, PageLayout};

/// The places of a hash page's items in index order: each ends where its predecessor starts
/// (section 5).
///
/// After an offset that is out of place, which is given instead, nothing can be told of the items
/// that follow.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    /// Offsets that are left.
    table: &'a [u8],
    /// Lowest offset that an item can have.
    low: usize,
    /// Where the next item ends.
    end: usize,
    order: ByteOrder,
}

impl<'a> Items<'a> {
    /// The items of a page of `entries` offsets, or nothing where these do not fit on the page.
    pub fn on(page: &'a [u8], layout: PageLayout, entries: u16) -> Option<Self> {
        let header_len = layout.header_len();
        let low = header_len + 2 * usize::from(entries);
        Some(Items { table: page.get(header_len..low)?, low, end: page.len(), order: layout.order })
    }

    /// Where the last item given starts: the page's end, before the first.
    pub fn lowest(&self) -> usize {
        self.end
    }
}

impl Iterator for Items<'_> {
    type Item = Result<Range<usize>, u16>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.order.u16(self.table, 0)?;
        let at = usize::from(offset);
        if at < self.low || at >= self.end {
            self.table = &[];
            return Some(Err(offset));
        }
        self.table = self.table.get(2..).unwrap_or_default();
        let item = at..self.end;
        self.end = at;
        Some(Ok(item))
    }
}

/// The elements of a set of duplicates on the page (section 9). Where the set is malformed, an
/// `Err` and the end.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    order: ByteOrder,
}

impl<'a> Elements<'a> {
    pub fn of(set: &'a [u8], order: ByteOrder) -> Self {
        Elements { rest: set, order }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], ()>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let place = element(self.rest, 0, self.order);
        let (set, end) = (self.rest, place.as_ref().map_or(self.rest.len(), |place| place.end + 2));
        self.rest = &set[end..];
        Some(place.map(|place| &set[place]).ok_or(()))
    }
}

/// Where the bytes of the element that starts at `at` lie in a set of duplicates. The next element
/// starts two bytes behind them.
pub(crate) fn element(set: &[u8], at: usize, order: ByteOrder) -> Option<Range<usize>> {
    // Length, bytes, length again, so that a set can be walked from both ends.
    let len = order.u16(set, at)?;
    let place = at + 2..at + 2 + usize::from(len);
    (order.u16(set, place.end)? == len).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_end_where_their_predecessors_start() {
        let layout = PageLayout { order: ByteOrder::Big, page_size: 46, checksums: false };
        let mut page = [0; 46];
        for (i, offset) in [42, 36, 35].into_iter().enumerate() {
            layout.order.put_u16(&mut page, layout.header_len() + 2 * i, offset);
        }
        let items = |entries| Items::on(&page, layout, entries);
        let all: Vec<_> = items(3).unwrap().collect();
        assert_eq!(all, [Ok(42..46), Ok(36..42), Ok(35..36)]);
        // The fourth is inside the table, and ends it.
        let all: Vec<_> = items(4).unwrap().collect();
        assert_eq!(all, [Ok(42..46), Ok(36..42), Ok(35..36), Err(0)]);
        assert!(items(11).is_none());
        assert_eq!(items(0).unwrap().lowest(), 46);
    }

    #[test]
    fn elements_have_their_length_twice() {
        let elements =
            |set: &'static [u8]| Elements::of(set, ByteOrder::Little).collect::<Vec<_>>();
        assert_eq!(elements(b"\x01\0a\x01\0\0\0\0\0"), [Ok(&b"a"[..]), Ok(&b""[..])]);
        assert_eq!(elements(b"\x01\0a\x02\0"), [Err(())]);
        assert_eq!(elements(b"\x01\0a\x01\0\x01\0a"), [Ok(&b"a"[..]), Err(())]);
        assert_eq!(elements(b"\xff\xff"), [Err(())]);
    }
}
