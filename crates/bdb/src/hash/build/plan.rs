//! A new table whose every page is settled.
//!
//! Page 0 comes first, then the buckets' primary pages in order, then what did not fit on those:
//! for each bucket its further pages, and the overflow pages of its big items. These are numbered
//! here, so that the pages before can refer to them.

use kv_file_core::Datum;

use super::arrange::Place;
use super::duplicates::{Form, Keys};
use crate::error::{ErrorKind, Result};
use crate::format::address::masks;
use crate::format::item::DUPLICATE_TREE_LEN;
use crate::format::meta::{MINIMUM_KEYS, MetaPlace};
use crate::format::{HashFunction, HashMeta, MAX_BUCKET_GROUPS, PageLayout};
use crate::hash::layout::{is_big, pair_len};
use crate::new_tree::{NewTree, TreeKind, TreeShape};
use crate::options::{BuildOptions, DataOrder};

/// A table whose every page is settled: made by [`HashBuilder::plan`](crate::HashBuilder::plan).
#[must_use = "nothing is made until it is written"]
#[derive(Debug)]
pub struct HashPlan<'t> {
    pub(super) keys: Keys<'t>,
    /// The keys with their data, bucket by bucket, in the order of their pages.
    pub(super) places: Vec<Place>,
    pairs: u64,
    dropped: Vec<u32>,
    data_order: Option<DataOrder>,
    pub(super) layout: PageLayout,
    /// The number of the database's meta page. The pages of its buckets follow.
    meta: u32,
    pub(super) max_bucket: u32,
    pub(super) high_mask: u32,
    /// The buckets that need more than their primary page.
    pub(super) further: Vec<Further>,
    /// The last page of the database.
    last_page: u32,
    uid: [u8; 20],
}

/// A bucket with further pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Further {
    pub bucket: u32,
    /// Where its pairs start.
    pub start: usize,
    /// The first of its further pages.
    pub page: u32,
}

impl<'t> HashPlan<'t> {
    pub(super) fn new(
        options: &BuildOptions,
        keys: Keys<'t>,
        places: Vec<Place>,
        (pairs, dropped): (u64, Vec<u32>),
        (page_size, max_bucket): (u32, u32),
        meta: u32,
    ) -> Result<Self> {
        let (high_mask, _) = masks(max_bucket);
        let items = places.iter().flat_map(|place| {
            let index = place.index();
            [keys.key(index), keys.data(index)]
        });
        let mut plan = HashPlan {
            layout: options.page_layout(page_size),
            meta,
            uid: options.file_id.bytes(items),
            keys,
            places,
            pairs,
            dropped,
            data_order: options.data_order,
            max_bucket,
            high_mask,
            further: Vec::new(),
            last_page: 0,
        };
        // The meta page, then one page for each bucket up to the mask: libdb takes those above the
        // last bucket for its own.
        let mut next = u64::from(meta) + u64::from(high_mask) + 2;
        let mut start = 0;
        for places in plan.places.chunk_by(|a, b| a.bucket() == b.bucket()) {
            let pages = plan.further_pages(places);
            if pages > 0 {
                let page = u32::try_from(next).map_err(|_| ErrorKind::TooLarge)?;
                plan.further.push(Further { bucket: places[0].bucket(), start, page });
                next += pages;
            }
            start += places.len();
        }
        plan.last_page = u32::try_from(next - 1).map_err(|_| ErrorKind::TooLarge)?;
        Ok(plan)
    }

    /// The pairs that are not stored because another with the same key is, or where a key may have
    /// several data items, the same pair; in input order: the number of the push (from 0), and the
    /// key without its NUL.
    pub fn dropped(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.dropped.iter().map(|index| (*index, self.keys.key(*index).bytes))
    }

    /// The order of several data items of one key; `None` where a key has but one.
    pub fn data_order(&self) -> Option<DataOrder> {
        self.data_order
    }

    /// Number of pairs that are stored.
    pub fn pairs(&self) -> u64 {
        self.pairs
    }

    /// Page size of the file, in bytes.
    pub fn page_size(&self) -> u32 {
        self.layout.page_size as u32
    }

    /// Number of buckets of the table.
    pub fn buckets(&self) -> u32 {
        self.max_bucket + 1
    }

    /// Length of the file, in bytes.
    pub fn file_len(&self) -> u64 {
        (u64::from(self.last_page) + 1) * self.layout.page_size as u64
    }

    /// The last page of the database.
    pub(crate) fn last_page(&self) -> u32 {
        self.last_page
    }

    /// The number of the database's meta page.
    pub(crate) fn meta(&self) -> u32 {
        self.meta
    }

    pub(crate) fn uid(&self) -> [u8; 20] {
        self.uid
    }

    /// Makes the database one of a file with this identification.
    pub(crate) fn set_uid(&mut self, uid: [u8; 20]) {
        self.uid = uid;
    }

    /// The first page of a bucket.
    pub(super) fn primary(&self, bucket: u32) -> u32 {
        self.meta + 1 + bucket
    }

    /// The database's meta page: what [`write_to`](Self::write_to) writes first.
    pub(super) fn meta_page(&self) -> Vec<u8> {
        let mut spares = [0; MAX_BUCKET_GROUPS];
        // All groups lie one after the other.
        spares[..=self.high_mask.count_ones() as usize].fill(self.primary(0));
        let meta = HashMeta {
            version: 9,
            free: 0,
            duplicates: self.data_order.is_some(),
            sorted_duplicates: self.data_order == Some(DataOrder::Sorted),
            uid: self.uid,
            max_bucket: self.max_bucket,
            high_mask: self.high_mask,
            low_mask: self.high_mask >> 1,
            fill_factor: 0,
            elements: self.pairs as u32,
            charkey: HashFunction::Fnv.charkey(),
            spares,
        };
        let mut page = vec![0; self.layout.page_size];
        let place = match self.meta {
            0 => MetaPlace::File { last_page: self.last_page },
            number => MetaPlace::OneOfSeveral { number },
        };
        meta.put(&mut page, self.layout, place);
        page
    }

    /// The first of a bucket's pages, as its pairs, and those of the pages after it.
    pub(super) fn split_page<'p>(&self, places: &'p [Place]) -> (&'p [Place], &'p [Place]) {
        let has_big_key = |(key, _)| is_big(key, self.layout.page_size);
        let mut room = self.layout.room();
        let mut big_keys = None;
        let fits = |place: &&Place| {
            let lens = self.keys.lens(place.index());
            let same = *big_keys.get_or_insert(has_big_key(lens)) == has_big_key(lens);
            // None of the items is so long that it would not fit on an empty page.
            let rest = room.checked_sub(self.pair_len(place.index(), lens)).filter(|_| same);
            room = rest.unwrap_or(0);
            rest.is_some()
        };
        places.split_at(places.iter().take_while(fits).count())
    }

    /// Bytes that a key with its data, of these lengths, takes on a page.
    #[inline]
    fn pair_len(&self, index: u32, (key, data): (usize, usize)) -> usize {
        let data = match self.keys.form(index) {
            Form::Plain | Form::Set => data,
            // The item is as long as one of so many bytes.
            Form::Tree => DUPLICATE_TREE_LEN - 1,
        };
        pair_len(key, data, self.layout.page_size)
    }

    /// How many pages a bucket needs besides its first.
    fn further_pages(&self, places: &[Place]) -> u64 {
        let (_, others) = self.split_page(places);
        let big = places.iter().map(|place| self.big_pages_of(*place)).sum::<u64>();
        u64::from(self.count_pages(others)) + big
    }

    /// How many hash pages these pairs need.
    pub(super) fn count_pages(&self, mut places: &[Place]) -> u32 {
        let mut pages = 0;
        while !places.is_empty() {
            (_, places) = self.split_page(places);
            pages += 1;
        }
        pages
    }

    /// Number of pages off the page that a key with its data needs.
    pub(super) fn big_pages_of(&self, place: Place) -> u64 {
        let (key, data) = self.keys.lens(place.index());
        let data = match self.keys.form(place.index()) {
            Form::Plain | Form::Set => u64::from(self.big_pages(data)),
            Form::Tree => self.tree(place.index()).page_count(),
        };
        u64::from(self.big_pages(key)) + data
    }

    /// Number of overflow pages that an item of this length needs.
    pub(super) fn big_pages(&self, len: usize) -> u32 {
        if is_big(len, self.layout.page_size) { self.layout.chain_pages(len) } else { 0 }
    }

    /// The tree of an entry whose data need one.
    #[inline(never)]
    pub(super) fn tree(&self, index: u32) -> NewTree<Vec<Datum<'_>>> {
        let shape = TreeShape {
            kind: TreeKind::of_data(self.data_order),
            layout: self.layout,
            minimum_keys: MINIMUM_KEYS,
        };
        NewTree::new(shape, self.keys.tree_items(index))
    }
}
