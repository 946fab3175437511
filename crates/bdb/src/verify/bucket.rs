//! The second pass over a hash database: its buckets, their chains, and whether each key is where
//! it is looked for.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

use kv_file_core::{Datum, Source};

use super::Check;
use super::tree::Shape;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::Page;
use crate::format::item::Item;
use crate::format::packed::{Elements, Items};
use crate::format::{Address, HashFunction, page_order};
use crate::format::{HashMeta, page_type};
use crate::stop::Stop;

/// A hash database, as far as the check of a bucket needs it.
pub(super) struct Table<'m> {
    pub meta: &'m HashMeta,
    pub address: &'m Address,
    pub function: Option<HashFunction>,
}

/// A key, and whether it is stored off the page.
struct Key<'a> {
    bytes: Cow<'a, [u8]>,
    is_big: bool,
}

/// Where a key is.
pub(super) struct Seen {
    hash: u32,
    page: u32,
    index: u16,
}

impl<S: Source> Check<'_, '_, S> {
    /// Checks the buckets of the table whose meta page is `number`.
    pub(super) fn hash_database(&mut self, number: u32, meta: &HashMeta) -> Result<(), Stop> {
        let Ok(address) = Address::new(meta, number, self.file.last_page) else {
            // Reported when the meta page was read.
            self.lost = true;
            return Ok(());
        };
        let function = HashFunction::from_charkey(meta.charkey);
        let table = Table { meta, address: &address, function };
        let before = self.report.verdict.keys;
        for bucket in 0..=meta.max_bucket {
            let chain = self.chain(table.address.page(bucket))?;
            self.bucket(&table, bucket, &chain)?;
        }
        let keys = self.report.verdict.keys - before;
        if u64::from(meta.elements) < keys {
            self.report.add(Problem::on(number, Fault::ElementsTooFew).value(meta.elements))?;
        }
        let last_page = self.file.last_page;
        self.reserved.extend(table.address.reserved().filter(|pages| *pages.end() <= last_page));
        Ok(())
    }

    /// Claims the pages of a bucket; returns those whose items can be read.
    fn chain(&mut self, primary: u32) -> Result<Vec<u32>, Stop> {
        let mut chain = Vec::new();
        let (mut number, mut prev) = (primary, 0);
        loop {
            // A link that leads nowhere has been reported.
            let Some(entry) = self.entry(number) else { return Ok(chain) };
            if !entry.claim() {
                self.report.add(Problem::on(number, Fault::Shared))?;
                return Ok(chain);
            }
            let entry = *entry;
            if entry.is_broken() || entry.is_hole() && number == primary {
                return Ok(chain);
            }
            if !matches!(entry.kind, page_type::HASH | page_type::HASH_UNSORTED) {
                self.report.add(Problem::on(number, Fault::LinkedType).value(entry.kind))?;
                return Ok(chain);
            }
            if entry.prev != prev {
                self.report.add(Problem::on(number, Fault::BackLink).value(entry.prev))?;
            }
            if entry.has_items() {
                chain.push(number);
            }
            (prev, number) = (number, entry.next);
        }
    }

    /// Checks the keys and the data of a bucket.
    fn bucket(&mut self, table: &Table<'_>, bucket: u32, chain: &[u32]) -> Result<(), Stop> {
        let mut seen = Vec::new();
        for number in chain {
            let page = self.read(*number)?;
            self.bucket_page(table, bucket, &page, &mut seen)?;
        }
        let mut hashes: Vec<_> = seen.iter().map(|seen| seen.hash).collect();
        hashes.sort_unstable();
        let mut several: Vec<_> =
            hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        several.dedup();
        seen.retain(|seen| several.binary_search(&seen.hash).is_ok());
        self.keys_twice(chain, seen)
    }

    /// Checks the keys and the data of a page of a bucket; adds the keys to `seen`.
    pub(super) fn bucket_page(
        &mut self,
        table: &Table<'_>,
        bucket: u32,
        page: &Page<'_>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Stop> {
        let mut previous = None;
        let mut order = Order::default();
        for (index, item) in self.items(page).enumerate() {
            if index % 2 == 1 {
                self.data(table.meta, page.number, index, item)?;
                continue;
            }
            self.report.verdict.keys += 1;
            let is_big = matches!(item, Item::Big(_));
            let Some(key) = self.key(page.number, index, item)? else {
                order.has_big |= is_big;
                previous = None;
                continue;
            };
            if let Some(function) = table.function {
                let hash = function.hash(&key.bytes);
                if table.address.bucket(hash) != bucket {
                    let problem = Problem::on(page.number, Fault::WrongBucket);
                    self.report.add(problem.item(index).value(table.address.bucket(hash)))?;
                }
                seen.push(Seen { hash, page: page.number, index: index as u16 });
            }
            if let Some(previous) = &previous {
                order.add(previous, &key, index);
            }
            previous = Some(key);
        }
        match order.problem(page.number) {
            Some(problem) if page.header.kind == page_type::HASH => self.report.add(problem),
            _ => Ok(()),
        }
    }

    /// The items of a page that the first pass has found to be whole.
    fn items<'p>(&self, page: &'p Page<'_>) -> impl Iterator<Item = Item<'p>> + use<'p, S> {
        let order = self.file.layout.order;
        let items = Items::on(&page.bytes, self.file.layout, page.header.entries);
        items
            .into_iter()
            .flatten()
            .map_while(move |place| Item::parse(page.bytes.get(place.ok()?)?, order).ok())
    }

    /// The key in item `index`, if it can be read.
    fn key<'p>(&mut self, page: u32, index: usize, item: Item<'p>) -> Result<Option<Key<'p>>, Stop>
    where
        S: 'p,
    {
        Ok(match item {
            Item::Plain(bytes) => Some(Key { bytes: bytes.into(), is_big: false }),
            Item::Big(big) if self.big(page, index, big, true)? => self
                .read_big(big)?
                .map(|bytes| Key { bytes: bytes.into_owned().into(), is_big: true }),
            _ => None,
        })
    }

    fn data(
        &mut self,
        meta: &HashMeta,
        page: u32,
        index: usize,
        item: Item<'_>,
    ) -> Result<(), Stop> {
        let on = |fault| Problem::on(page, fault).item(index);
        if matches!(item, Item::Duplicates(_) | Item::DuplicateTree(_)) && !meta.duplicates {
            self.report.add(on(Fault::DuplicatesNotAllowed))?;
        }
        match item {
            Item::Plain(_) => {}
            Item::Big(big) => {
                self.big(page, index, big, true)?;
            }
            Item::Duplicates(set) if meta.sorted_duplicates => {
                let elements = Elements::of(set, self.file.layout.order).map_while(Result::ok);
                if !elements.is_sorted_by(|a, b| a < b) {
                    self.report.add(on(Fault::Unsorted))?;
                }
            }
            Item::Duplicates(_) => {}
            Item::DuplicateTree(root) => {
                self.tree((page, Some(index)), root, &Shape::duplicates(meta.sorted_duplicates))?;
            }
        }
        Ok(())
    }

    /// Of keys that share their hashes, in the order of the chain, reports those that come for the
    /// second time.
    fn keys_twice(&mut self, chain: &[u32], keys: Vec<Seen>) -> Result<(), Stop> {
        // Keys of other bytes and the same hash are rare; what is kept of each is a second hash.
        let mut known = HashSet::new();
        let mut keys = keys.into_iter().peekable();
        for number in chain {
            if keys.peek().is_none_or(|key| key.page != *number) {
                continue;
            }
            let page = self.read(*number)?;
            for (index, item) in self.items(&page).enumerate() {
                let here = |key: &Seen| key.page == *number && usize::from(key.index) == index;
                if keys.next_if(here).is_none() {
                    continue;
                }
                let mut hasher = DefaultHasher::new();
                match item {
                    Item::Big(big) => match self.read_big(big)? {
                        Some(bytes) => hasher.write(&bytes),
                        None => continue,
                    },
                    Item::Plain(bytes) => hasher.write(bytes),
                    _ => continue,
                }
                if !known.insert(hasher.finish()) {
                    self.report.add(Problem::on(*number, Fault::KeyTwice).item(index))?;
                }
            }
        }
        Ok(())
    }
}

/// The order of the keys on a page of type 13 (section 12.2).
///
/// The rule for keys on the page and the rule for big keys contradict each other where a big key
/// begins like another one. libdb then puts further keys where its binary search happens to lead,
/// and leaves them there when the big key is gone. So only a page without big keys, and keys that
/// do not begin alike, can be told to be in disorder.
#[derive(Default)]
struct Order {
    has_big: bool,
    ambiguous: Option<usize>,
    wrong: Option<usize>,
}

impl Order {
    fn add(&mut self, previous: &Key<'_>, key: &Key<'_>, index: usize) {
        let (a, b) = (stored(previous), stored(key));
        let any_big = previous.is_big || key.is_big;
        self.has_big |= any_big;
        let order = if any_big { a.cmp(&b) } else { page_order(a, b) };
        if order != Ordering::Greater {
            return;
        }
        let begin_alike = a.bytes.starts_with(b.bytes) || b.bytes.starts_with(a.bytes);
        let first = if begin_alike { &mut self.ambiguous } else { &mut self.wrong };
        first.get_or_insert(index);
    }

    /// The first item that is out of order.
    fn problem(&self, page: u32) -> Option<Problem> {
        let (fault, index) = match (self.wrong, self.ambiguous) {
            (Some(index), _) if !self.has_big => (Fault::Unsorted, index),
            (Some(index), _) | (None, Some(index)) => (Fault::AmbiguousOrder, index),
            (None, None) => return None,
        };
        Some(Problem::on(page, fault).item(index))
    }
}

fn stored<'k>(key: &'k Key<'_>) -> Datum<'k> {
    Datum { bytes: &key.bytes, nul: false }
}
