//! Writing a planned table: every page is made once and written once, front to back.

use std::io::{self, Write};

use kv_file_core::{Contents, Datum, Entries};

use super::arrange::Place;
use super::duplicates::Form;
use super::plan::{Further, HashPlan};
use crate::format::item::{self, BigRef, DUPLICATE_TREE_LEN};
use crate::format::page::Header;
use crate::format::page_type;
use crate::hash::layout::{is_big, item_len};
use crate::new_pages::{NewPages, put_blocks};

impl Contents for HashPlan<'_> {
    fn file_len(&self) -> u64 {
        self.file_len()
    }

    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let start = u64::from(self.meta()) * self.layout.page_size as u64;
        let mut pages = PageMaker::new(self);
        let make_next = |made: &mut NewPages| pages.make_next(made);
        put_blocks(self.layout, self.meta_page(), (start, self.file_len()), make_next, put)
    }

    fn dropped(&self, each: &mut dyn FnMut(u32, &[u8])) {
        self.dropped().for_each(|(index, key)| each(index, key));
    }
}

impl HashPlan<'_> {
    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// One pass over the pairs in the order of their buckets. Pages are made by a thread of their
    /// own where there are many. Memory beside the plan's own: a few blocks of 2 MiB, and the
    /// further pages of one bucket.
    pub fn write_to<W: Write>(&self, mut out: W) -> io::Result<()> {
        self.blocks(&mut |_, block| out.write_all(block))?;
        out.flush()
    }
}

/// Makes the pages of a table, in their order.
struct PageMaker<'p> {
    plan: &'p HashPlan<'p>,
    /// The next bucket whose primary page is to be made, and what is left of the pairs.
    bucket: u32,
    rest: &'p [Place],
    /// Pairs of `rest` whose memory has been asked for.
    touched: usize,
    /// The buckets whose further pages are still to be referred to, and those whose further pages
    /// are still to be made.
    to_refer: &'p [Further],
    to_make: &'p [Further],
}

impl<'p> PageMaker<'p> {
    fn new(plan: &'p HashPlan<'p>) -> Self {
        PageMaker {
            plan,
            bucket: 0,
            rest: &plan.places,
            touched: 0,
            to_refer: &plan.further,
            to_make: &plan.further,
        }
    }

    /// Adds the next page of a bucket, or all its other pages. Returns `true` if there may be more.
    fn make_next(&mut self, made: &mut NewPages) -> bool {
        if self.bucket <= self.plan.high_mask {
            self.make_primary(made);
        } else if let Some((further, others)) = self.to_make.split_first() {
            self.to_make = others;
            self.make_further(further, made);
        } else {
            return false;
        }
        true
    }

    /// Makes the next bucket's primary page.
    fn make_primary(&mut self, made: &mut NewPages) {
        let bucket = self.bucket;
        self.bucket += 1;
        if bucket > self.plan.max_bucket {
            // A page kept for a later bucket: a hole.
            made.zeros();
            return;
        }
        let count = self.rest.iter().take_while(|place| place.bucket() == bucket).count();
        if self.touched < count {
            let next = self.rest.iter().skip(self.touched).take(Entries::AHEAD);
            self.plan.keys.entries().touch(next.map(|place| place.index()));
            self.touched += Entries::AHEAD;
        }
        let (places, rest) = self.rest.split_at(count);
        self.rest = rest;
        self.touched = self.touched.saturating_sub(count);
        let mut further = None;
        if let Some((next, others)) = self.to_refer.split_first()
            && next.bucket == bucket
        {
            self.to_refer = others;
            further = Some(next.page);
        }
        let (on_page, others) = self.plan.split_page(places);
        let further_pages = self.plan.count_pages(others);
        let first_big = further.unwrap_or(0) + further_pages;
        let next = further.filter(|_| further_pages > 0);
        self.make_page((self.plan.primary(bucket), 0, next), on_page, first_big, made);
    }

    /// Makes the other pages of a bucket, and those of its big items.
    fn make_further(&self, further: &Further, made: &mut NewPages) {
        let plan = self.plan;
        let in_bucket = |place: &&Place| place.bucket() == further.bucket;
        let places = &plan.places[further.start..];
        let places = &places[..places.iter().take_while(in_bucket).count()];
        let (mut on_page, mut others) = plan.split_page(places);
        let mut number = further.page;
        let mut next_big = number + plan.count_pages(others);
        let mut prev = plan.primary(further.bucket);
        while !others.is_empty() {
            next_big += on_page.iter().map(|place| plan.big_pages_of(*place) as u32).sum::<u32>();
            (on_page, others) = plan.split_page(others);
            let next = Some(number + 1).filter(|_| !others.is_empty());
            self.make_page((number, prev, next), on_page, next_big, made);
            (prev, number) = (number, number + 1);
        }
        for place in places {
            let index = place.index();
            number = self.make_chain_of(plan.keys.key(index), number, made);
            number = match plan.keys.form(index) {
                Form::Plain | Form::Set => self.make_chain_of(plan.keys.data(index), number, made),
                Form::Tree => {
                    let tree = plan.tree(index);
                    tree.make(number, made);
                    number + tree.page_count() as u32
                }
            };
        }
    }

    /// Makes one page of a bucket. Its big items are from page `next_big` on.
    fn make_page(
        &self,
        (number, prev, next): (u32, u32, Option<u32>),
        places: &[Place],
        mut next_big: u32,
        made: &mut NewPages,
    ) {
        let (plan, layout) = (self.plan, self.plan.layout);
        let page = made.zeros();
        let mut high_offset = layout.page_size;
        let mut table = layout.header_len();
        for place in places {
            let index = place.index();
            let key = (plan.keys.key(index), Form::Plain);
            for (stored, form) in [key, (plan.keys.data(index), plan.keys.form(index))] {
                let end = high_offset;
                high_offset -= match form {
                    Form::Plain | Form::Set => item_len(stored.len(), layout.page_size),
                    Form::Tree => DUPLICATE_TREE_LEN,
                };
                let place = &mut page[high_offset..end];
                if form == Form::Tree {
                    item::put_tree(place, next_big, layout.order);
                    next_big += plan.tree(index).page_count() as u32;
                } else if is_big(stored.len(), layout.page_size) {
                    let big = BigRef { first: next_big, len: stored.len() as u32 };
                    big.put(place, layout.order);
                    next_big += layout.chain_pages(stored.len());
                } else {
                    place[0] = if form == Form::Set { item::DUPLICATES } else { item::PLAIN };
                    stored.put(&mut place[1..]);
                }
                layout.order.put_u16(page, table, high_offset as u16);
                table += 2;
            }
        }
        let header = Header {
            number,
            prev,
            next: next.unwrap_or(0),
            entries: 2 * places.len() as u16,
            // 65536 wraps to 0, as the format has it for an empty page of that size.
            high_offset: high_offset as u16,
            level: 0,
            kind: page_type::HASH,
        };
        layout.finish(page, &header);
    }

    /// Makes the pages of an item, if it is big, from page `first` on; returns the number of the
    /// page after it.
    fn make_chain_of(&self, stored: Datum<'_>, first: u32, made: &mut NewPages) -> u32 {
        if is_big(stored.len(), self.plan.layout.page_size) {
            made.chain(stored, first)
        } else {
            first
        }
    }
}
