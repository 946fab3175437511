//! Writing a planned table: page 0, the buckets' primary pages in order, then what did not fit on those.
//!
//! Every page is made once and written once, front to back. The further pages of a bucket (overflow pages of the
//! bucket, then its big items) are numbered when the plan is made, so that the pages before can refer to them.

use std::io::{self, Write};

use super::address::masks;
use super::build::{Builder, index, reversed_hash};
use super::function::HashFunction;
use super::layout::{is_big, item_len, pair_len};
use super::stored::Stored;
use crate::error::Error;
use crate::format::item::{self, BigRef};
use crate::format::page::{Header, header_len};
use crate::format::{HashMeta, MAX_BUCKET_GROUPS, checksum, page_type};

/// Bytes handed to the writer at a time.
const WRITE_SIZE: usize = 256 * 1024;

/// A table whose every page is settled: made by [`Builder::plan`].
#[derive(Debug)]
pub struct Plan<'t> {
    builder: Builder<'t>,
    dropped: Vec<u32>,
    page_size: usize,
    header_len: usize,
    max_bucket: u32,
    high_mask: u32,
    /// Where in the builder's order the entries of each value of the masked, bit-reversed hash start.
    starts: Vec<u32>,
    /// The buckets that need more than their primary page, each with the number of the first further page.
    further: Vec<(u32, u32)>,
    last_page: u32,
    uid: [u8; 20],
}

/// The pairs of one bucket in the order of its pages.
#[derive(Default)]
struct Bucket {
    /// Indices of entries.
    entries: Vec<u32>,
    /// Where in `entries` each page ends.
    ends: Vec<usize>,
    /// Pages that its big items need.
    big_pages: u64,
}

impl Bucket {
    /// The entries of each page. There is at least one page.
    fn pages(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.entries[start..*end])
    }
}

impl<'t> Plan<'t> {
    pub(super) fn new(
        builder: Builder<'t>,
        dropped: Vec<u32>,
        page_size: u32,
        max_bucket: u32,
    ) -> Result<Self, Error> {
        let (high_mask, _) = masks(max_bucket);
        let mut starts = vec![0u32; high_mask as usize + 2];
        for order in &builder.order {
            let prefix = reversed_hash(*order) >> high_mask.leading_zeros();
            starts[prefix as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut plan = Plan {
            page_size: page_size as usize,
            header_len: header_len(builder.options.checksums),
            uid: builder.options.file_id.bytes(&builder),
            builder,
            dropped,
            max_bucket,
            high_mask,
            starts,
            further: Vec::new(),
            last_page: 0,
        };
        // Page 0, then one page for each bucket up to the mask: libdb takes those above the last bucket for its own.
        let mut next = u64::from(high_mask) + 2;
        let mut bucket = Bucket::default();
        for number in 0..=max_bucket {
            plan.divide(number, &mut bucket);
            let pages = bucket.ends.len() as u64 - 1 + bucket.big_pages;
            if pages > 0 {
                plan.further.push((number, u32::try_from(next).map_err(|_| Error::TooLarge)?));
                next += pages;
            }
        }
        plan.last_page = u32::try_from(next - 1).map_err(|_| Error::TooLarge)?;
        Ok(plan)
    }

    /// The pairs that are not stored because another with the same key is, in input order: the number of the push
    /// (from 0), and the key without its NUL.
    pub fn duplicates(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.dropped.iter().map(|index| (*index, self.builder.key(*index as usize).bytes))
    }

    /// Number of pairs that are stored.
    pub fn pairs(&self) -> u64 {
        self.builder.order.len() as u64
    }

    /// Page size of the file, in bytes.
    pub fn page_size(&self) -> u32 {
        self.page_size as u32
    }

    /// Number of buckets of the table.
    pub fn buckets(&self) -> u32 {
        self.max_bucket + 1
    }

    /// Length of the file, in bytes.
    pub fn file_len(&self) -> u64 {
        (u64::from(self.last_page) + 1) * self.page_size as u64
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// One pass over the pairs in the order of their buckets. Memory beside the plan's own: one bucket and a buffer.
    pub fn write_to<W: Write>(&self, out: W) -> io::Result<()> {
        let mut out = io::BufWriter::with_capacity(WRITE_SIZE, out);
        out.write_all(&self.page_0())?;
        let mut bucket = Bucket::default();
        let mut further = self.further.iter().peekable();
        for number in 0..=self.high_mask {
            if number > self.max_bucket {
                // A page kept for a later bucket: a hole, all zeros.
                out.write_all(&vec![0; self.page_size])?;
                continue;
            }
            let first_further =
                further.next_if(|(with, _)| *with == number).map_or(0, |(_, page)| *page);
            self.divide(number, &mut bucket);
            self.write_bucket_pages(&mut out, &bucket, number + 1, first_further, 0..1)?;
        }
        for (number, first_further) in &self.further {
            self.divide(*number, &mut bucket);
            let pages = 1..bucket.ends.len();
            self.write_bucket_pages(&mut out, &bucket, number + 1, *first_further, pages)?;
            self.write_big_items(&mut out, &bucket, *first_further)?;
        }
        out.flush()
    }

    /// The entries of a bucket, as a part of the builder's order.
    fn order(&self, bucket: u32) -> &[u64] {
        let bits = self.high_mask.count_ones();
        let prefix = (bucket.reverse_bits() >> (u32::BITS - bits)) as usize;
        // A bucket whose other half is not there serves it too; reversed, the two are neighbours.
        let half = bucket | (self.high_mask ^ self.high_mask >> 1);
        let prefixes = if half > self.max_bucket { 2 } else { 1 };
        let (start, end) = (self.starts[prefix], self.starts[prefix + prefixes]);
        &self.builder.order[start as usize..end as usize]
    }

    /// Divides a bucket's pairs into pages, each in its order.
    ///
    /// Big keys get pages of their own: the order of a page that mixes them with their own prefixes is ambiguous, and
    /// libdb then fails to find keys (section 12.2).
    fn divide(&self, number: u32, bucket: &mut Bucket) {
        bucket.entries.clear();
        bucket.ends.clear();
        bucket.big_pages = 0;
        let room = self.page_size - self.header_len;
        let has_big_key = |i: usize| is_big(self.builder.lens(i).0, self.page_size);
        let order = self.order(number).iter().map(|order| index(*order));
        bucket.entries.extend(order.map(|i| i as u32));
        bucket.entries.sort_by_key(|i| has_big_key(*i as usize));
        let (mut start, mut used, mut big_keys) = (0, 0, false);
        for at in 0..bucket.entries.len() {
            let i = bucket.entries[at] as usize;
            let (key, data) = self.builder.lens(i);
            let len = pair_len(key, data, self.page_size);
            if at > start && (used + len > room || has_big_key(i) != big_keys) {
                self.end_page(bucket, start, at, big_keys);
                (start, used) = (at, 0);
            }
            used += len;
            big_keys = has_big_key(i);
            bucket.big_pages += self.big_pages(key) + self.big_pages(data);
        }
        self.end_page(bucket, start, bucket.entries.len(), big_keys);
    }

    fn end_page(&self, bucket: &mut Bucket, start: usize, end: usize, big_keys: bool) {
        let key = |i: &u32| self.builder.key(*i as usize);
        let page = &mut bucket.entries[start..end];
        if big_keys {
            page.sort_unstable_by(|a, b| key(a).cmp_bytes(key(b)));
        } else {
            page.sort_unstable_by(|a, b| key(a).cmp_on_page(key(b)));
        }
        bucket.ends.push(end);
    }

    /// Number of overflow pages that an item of this length needs.
    fn big_pages(&self, len: usize) -> u64 {
        if is_big(len, self.page_size) {
            len.div_ceil(self.page_size - self.header_len) as u64
        } else {
            0
        }
    }

    /// Page 0 of the file: what [`write_to`](Self::write_to) writes first.
    pub fn page_0(&self) -> Vec<u8> {
        let options = &self.builder.options;
        let mut spares = [0; MAX_BUCKET_GROUPS];
        // All groups lie one after the other from page 1 on: bucket b is on page b + 1.
        spares[..=self.high_mask.count_ones() as usize].fill(1);
        let meta = HashMeta {
            version: 9,
            free: 0,
            duplicates: false,
            sorted_duplicates: false,
            uid: self.uid,
            max_bucket: self.max_bucket,
            high_mask: self.high_mask,
            low_mask: self.high_mask >> 1,
            fill_factor: 0,
            elements: self.builder.order.len() as u32,
            charkey: HashFunction::Fnv.charkey(),
            spares,
        };
        let mut page = vec![0; self.page_size];
        meta.put(&mut page, options.byte_order, self.last_page, options.checksums);
        page
    }

    /// Writes some of a bucket's pages; page 0 is its primary page `primary`, the others start at `first_further`.
    fn write_bucket_pages(
        &self,
        out: &mut impl Write,
        bucket: &Bucket,
        primary: u32,
        first_further: u32,
        which: std::ops::Range<usize>,
    ) -> io::Result<()> {
        let pages = bucket.ends.len();
        let page_number = |i: usize| match i {
            0 => primary,
            i => first_further + (i as u32 - 1),
        };
        let mut next_big = first_further.wrapping_add(pages as u32 - 1);
        for (i, entries) in bucket.pages().enumerate().take(which.end) {
            if i < which.start {
                // Only to count the pages that its big items take.
                next_big += entries.iter().map(|i| self.entry_big_pages(*i)).sum::<u32>();
                continue;
            }
            let mut page = vec![0; self.page_size];
            let high_offset = self.put_items(&mut page, entries, &mut next_big);
            let header = Header {
                number: page_number(i),
                prev: if i > 0 { page_number(i - 1) } else { 0 },
                next: if i + 1 < pages { page_number(i + 1) } else { 0 },
                entries: 2 * entries.len() as u16,
                // 65536 wraps to 0, as the format has it for an empty page of that size.
                high_offset: high_offset as u16,
                level: 0,
                kind: page_type::HASH,
            };
            self.seal(&mut page, &header);
            out.write_all(&page)?;
        }
        Ok(())
    }

    /// Lays the pairs of one page out on it; returns the offset of the lowest item.
    fn put_items(&self, page: &mut [u8], entries: &[u32], next_big: &mut u32) -> usize {
        let order = self.builder.options.byte_order;
        let mut high_offset = self.page_size;
        let mut table = self.header_len;
        for i in entries {
            for stored in [self.builder.key(*i as usize), self.builder.data(*i as usize)] {
                let end = high_offset;
                high_offset -= item_len(stored.len(), self.page_size);
                let place = &mut page[high_offset..end];
                if is_big(stored.len(), self.page_size) {
                    let big = BigRef { first: *next_big, len: stored.len() as u32 };
                    big.put(place, order);
                    *next_big += self.big_pages(stored.len()) as u32;
                } else {
                    place[0] = item::PLAIN;
                    stored.put(&mut place[1..]);
                }
                order.put_u16(page, table, high_offset as u16);
                table += 2;
            }
        }
        high_offset
    }

    fn entry_big_pages(&self, entry: u32) -> u32 {
        let (key, data) = self.builder.lens(entry as usize);
        (self.big_pages(key) + self.big_pages(data)) as u32
    }

    /// Writes the chains of all big items of a bucket, in the order in which `put_items` numbered them.
    fn write_big_items(
        &self,
        out: &mut impl Write,
        bucket: &Bucket,
        first_further: u32,
    ) -> io::Result<()> {
        let mut number = first_further + (bucket.ends.len() as u32 - 1);
        for i in &bucket.entries {
            for stored in [self.builder.key(*i as usize), self.builder.data(*i as usize)] {
                if is_big(stored.len(), self.page_size) {
                    number = self.write_chain(out, stored, number)?;
                }
            }
        }
        Ok(())
    }

    /// Writes one big item from page `number` on; returns the number of the page after it.
    fn write_chain(&self, out: &mut impl Write, stored: Stored<'_>, first: u32) -> io::Result<u32> {
        let room = self.page_size - self.header_len;
        let end = first + self.big_pages(stored.len()) as u32;
        let [mut bytes, mut tail] = stored.pieces();
        for number in first..end {
            let mut page = vec![0; self.page_size];
            let mut place = &mut page[self.header_len..];
            // Reading from a slice into a slice cannot fail.
            let mut used = io::Read::read(&mut bytes, place)?;
            place = &mut place[used..];
            used += io::Read::read(&mut tail, place)?;
            debug_assert!(used == room || number + 1 == end);
            let header = Header {
                number,
                prev: if number > first { number - 1 } else { 0 },
                next: if number + 1 < end { number + 1 } else { 0 },
                entries: 1,
                high_offset: used as u16,
                level: 0,
                kind: page_type::OVERFLOW,
            };
            self.seal(&mut page, &header);
            out.write_all(&page)?;
        }
        Ok(end)
    }

    fn seal(&self, page: &mut [u8], header: &Header) {
        let options = &self.builder.options;
        header.put(page, options.byte_order);
        if options.checksums {
            checksum::seal(page, options.byte_order);
        }
    }
}
