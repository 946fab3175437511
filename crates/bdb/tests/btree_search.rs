//! Keys in btree files, looked for in all ways: in memory, where there is a search of its own, page
//! by page, one by one and together. All of them agree, whatever the keys, and whatever the damage.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use bdb_file::{BtreeDb, ByteOrder, Datum, Source};
use proptest::prelude::*;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Types of pages.
const INTERNAL: u8 = 3;
const LEAF: u8 = 5;
const META: u8 = 9;

/// Bytes of a page without checksum before its offsets.
const HEADER: usize = 26;

/// The numbers of a file, and the size of its pages.
#[derive(Clone, Copy, Debug)]
struct Layout {
    order: ByteOrder,
    page_size: usize,
}

impl Layout {
    fn u16(self, value: usize) -> [u8; 2] {
        let value = u16::try_from(value).unwrap();
        if self.order == ByteOrder::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn u32(self, value: usize) -> [u8; 4] {
        let value = u32::try_from(value).unwrap();
        if self.order == ByteOrder::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    /// Adds a page of these items, which lie in another order than their offsets do.
    fn push_page(self, file: &mut Vec<u8>, (kind, level): (u8, u8), items: &[Vec<u8>]) {
        let mut page = vec![0xee; self.page_size];
        page[..HEADER].fill(0);
        page[8..12].copy_from_slice(&self.u32(file.len() / self.page_size));
        page[20..22].copy_from_slice(&self.u16(items.len()));
        page[24..26].copy_from_slice(&[level, kind]);
        let mut offset = self.page_size;
        let mut indices: Vec<_> = (0..items.len()).collect();
        indices.sort_by_key(|index| index % 3);
        for index in indices {
            let item = &items[index];
            offset -= item.len().next_multiple_of(4);
            page[offset..][..item.len()].copy_from_slice(item);
            page[HEADER + 2 * index..][..2].copy_from_slice(&self.u16(offset));
        }
        assert!(HEADER + 2 * items.len() <= offset);
        page[22..24].copy_from_slice(&self.u16(offset));
        file.extend(page);
    }

    fn leaf_item(self, bytes: &[u8]) -> Vec<u8> {
        [&self.u16(bytes.len())[..], &[1], bytes].concat()
    }

    fn internal_item(self, key: &[u8], child: usize) -> Vec<u8> {
        [&self.u16(key.len())[..], &[1, 0], &self.u32(child), &[0; 4], key].concat()
    }

    /// A file of these pairs, so many on each leaf, and so many entries on each internal page.
    fn file(self, pairs: &Map, leaf: usize, internal: usize) -> Vec<u8> {
        let pairs: Vec<_> = pairs.iter().collect();
        // The pages of a level: the first key under each, its items.
        let items =
            |(key, data): &(&Vec<u8>, &Vec<u8>)| [self.leaf_item(key), self.leaf_item(data)];
        let mut pages: Vec<(Vec<u8>, Vec<Vec<u8>>)> = pairs
            .chunks(leaf)
            .map(|pairs| (pairs[0].0.clone(), pairs.iter().flat_map(items).collect()))
            .collect();
        if pages.is_empty() {
            pages.push(Default::default());
        }
        let (mut kind, mut level) = (LEAF, 1);
        // The root is page 1, and so is not among those that are put behind it.
        let mut behind = Vec::new();
        let mut next = 2;
        while pages.len() > 1 {
            let children: Vec<_> =
                pages.iter().map(|(first, _)| first.clone()).zip(next..).collect();
            next += pages.len();
            behind.extend(pages.drain(..).map(|(_, items)| ((kind, level), items)));
            (kind, level) = (INTERNAL, level + 1);
            let entry = |(at, (first, child)): (usize, &(Vec<u8>, usize))| {
                // What the first key of a page says does not count.
                let key = if at == 0 { &b"\xff stale"[..] } else { first };
                self.internal_item(key, *child)
            };
            pages = children
                .chunks(internal)
                .map(|of| (of[0].0.clone(), of.iter().enumerate().map(entry).collect()))
                .collect();
        }
        let mut file = vec![0; self.page_size];
        for (at, value) in
            [(12, 0x53162), (16, 9), (20, self.page_size), (32, behind.len() + 1), (76, 2), (88, 1)]
        {
            file[at..][..4].copy_from_slice(&self.u32(value));
        }
        file[25] = META;
        self.push_page(&mut file, (kind, level), &pages[0].1);
        for (header, items) in behind {
            self.push_page(&mut file, header, &items);
        }
        file
    }
}

/// A file's bytes that have to be read page by page, as from a disk.
struct NotInMemory<'a>(&'a [u8]);

impl Source for NotInMemory<'_> {
    fn len(&self) -> io::Result<u64> {
        Source::len(self.0)
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        self.0.read_at(at, len)
    }
}

/// What each key has, as words, if it can be told: all ways to ask agree on it.
fn look_up(file: &[u8], keys: &[Datum<'_>]) -> Vec<Option<Option<Vec<u8>>>> {
    let Ok(database) = BtreeDb::open(file) else { return Vec::new() };
    let paged = BtreeDb::open(NotInMemory(file)).unwrap();
    let many = database.get_many(keys);
    assert_eq!(many.len(), keys.len());
    let mut found = Vec::new();
    for (key, many) in keys.iter().zip(many) {
        let one = database.get(*key);
        let words = format!("{one:?}");
        assert_eq!(words, format!("{:?}", paged.get(*key)), "{key:?}");
        assert_eq!(words, format!("{many:?}"), "{key:?}");
        found.push(one.ok().map(|found| found.map(Cow::into_owned)));
    }
    found
}

/// Keys that start alike more often than not: by more and by less than is compared at once, with
/// zeros, which are also what short keys are compared with, and with bytes of the upper half.
fn key() -> impl Strategy<Value = Vec<u8>> {
    let start =
        prop::sample::select(vec![&b""[..], b"user.name.or", b"user.name.or.other@", b"\0\0"]);
    let end = prop::collection::vec(prop::sample::select(b"\0\x01ab\xff".to_vec()), 0..18);
    (start, end).prop_map(|(start, end)| [start, &end].concat())
}

fn layout() -> impl Strategy<Value = Layout> {
    let order = prop::sample::select(vec![ByteOrder::Little, ByteOrder::Big]);
    (order, 9..13u32).prop_map(|(order, bits)| Layout { order, page_size: 1 << bits })
}

/// A file, and keys: its own, and some that are not.
fn file() -> impl Strategy<Value = (Layout, Map, Vec<u8>, Vec<Vec<u8>>)> {
    let pairs =
        prop::collection::btree_map(key(), prop::collection::vec(any::<u8>(), 0..9), 0..150);
    let others = prop::collection::vec(key(), 20);
    (layout(), pairs, 1..5usize, 2..8usize, others).prop_map(
        |(layout, pairs, leaf, internal, others)| {
            let file = layout.file(&pairs, leaf, internal);
            let keys = pairs.keys().cloned().chain(others).collect();
            (layout, pairs, file, keys)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn keys_are_found_and_others_are_not((_, pairs, file, keys) in file()) {
        let data: Vec<_> =
            keys.iter().flat_map(|key| [Datum::from(key), Datum::stored(key), Datum::terminated(key)]).collect();
        let flat = |datum: &Datum<'_>| datum.pieces().concat();
        let expected: Vec<_> = data.iter().map(|key| Some(pairs.get(&flat(key)).cloned())).collect();
        prop_assert_eq!(look_up(&file, &data), expected);
    }

    #[test]
    fn all_ways_agree_on_damage(
        (layout, _, mut file, keys) in file(),
        // In headers and offset arrays, and anywhere.
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..80usize, any::<u8>()), 0..6),
        anywhere in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        swap in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
        renumber: bool,
    ) {
        let size = layout.page_size;
        let pages = file.len() / size;
        for (page, at, byte) in changes {
            file[page.index(pages) * size + at] = byte;
        }
        for (at, byte) in anywhere {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some((from, to)) = swap {
            let (from, to) = (from.index(pages) * size, to.index(pages) * size);
            file.copy_within(from..from + size, to);
            if renumber {
                file[to + 8..to + 12].copy_from_slice(&layout.u32(to / size));
            }
        }
        let keys: Vec<_> = keys.iter().map(Datum::from).collect();
        look_up(&file, &keys);
    }

    /// Halving then looks at the keys in one order only: in which, must not depend on the way.
    #[test]
    fn all_ways_agree_on_disorder((layout, _, mut file, keys) in file(), swaps in
        prop::collection::vec((any::<prop::sample::Index>(), 0..9usize, 0..9usize), 1..20),
    ) {
        let size = layout.page_size;
        for (page, one, other) in swaps {
            let page = page.index(file.len() / size) * size;
            for byte in 0..2 {
                file.swap(page + HEADER + 2 * one + byte, page + HEADER + 2 * other + byte);
            }
        }
        let keys: Vec<_> = keys.iter().map(Datum::from).collect();
        look_up(&file, &keys);
    }
}

#[test]
fn a_sound_tree_of_several_levels_is_read_whole() {
    let pairs: Map =
        (0..3_000).map(|i| (format!("key{i}").into_bytes(), vec![b'v'; i % 7])).collect();
    let file = Layout { order: ByteOrder::Big, page_size: 512 }.file(&pairs, 9, 11);
    let database = BtreeDb::open(&file).unwrap();
    let listed = database.iter().map(Result::unwrap);
    // The leaves here are not linked.
    assert_eq!(listed.count(), 9);
    let keys: Vec<_> = pairs.keys().collect();
    let many = database
        .get_many(&pairs.keys().map(Datum::from).collect::<Vec<_>>())
        .map(|found| found.unwrap().unwrap().into_owned())
        .collect::<Vec<_>>();
    assert!(many.iter().eq(pairs.values()));
    assert!(
        keys.iter().all(|key| database.get(*key).unwrap().as_deref() == Some(&pairs[*key][..]))
    );
}
