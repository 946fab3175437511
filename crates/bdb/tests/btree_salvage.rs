//! What comes back from damaged btree files: everything that lies on undamaged pages, each pair once,
//! and nothing certain that is wrong.

mod tree_pages;

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use bdb_file::{
    AccessMethod, BtreeBuilder, BtreeDb, BuildOptions, Doubt, Fault, Keep, Salvage, TextFormat,
    salvage,
};
use proptest::prelude::*;
use tree_pages::*;

/// Far more than any small file takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

const NAMES: [&str; 6] = [
    "few",
    "many",
    "many-big-endian-checksums",
    "record-numbers",
    "duplicates",
    "sorted-duplicates-big-endian",
];

fn golden(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read(directory.join(name).with_extension("db")).unwrap()
}

fn tree(name: &str) -> Pages {
    Pages::of(golden(&format!("btree/{name}")))
}

/// A pair that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    database: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    data: Vec<u8>,
    page: u32,
    doubts: Vec<Doubt>,
}

fn rescue(file: &[u8]) -> (Salvage, Vec<Found>) {
    let mut all = Vec::new();
    let mut places = BTreeSet::new();
    let start = Instant::now();
    let summary = salvage(file, |pair| {
        let once = places.insert((pair.page, pair.item));
        assert!(once, "page {}, item {:?} twice", pair.page, pair.item);
        assert!(pair.access_method.is_some() || pair.key.is_none());
        all.push(Found {
            database: pair.database.map(<[u8]>::to_vec),
            key: pair.key.map(|key| key.into_owned()),
            data: pair.data.into_owned(),
            page: pair.page,
            doubts: pair.doubts.to_vec(),
        });
        ControlFlow::Continue(())
    });
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    let summary = summary.unwrap();
    let certain = all.iter().filter(|found| found.doubts.is_empty()).count() as u64;
    assert_eq!((summary.certain, summary.doubtful), (certain, all.len() as u64 - certain));
    (summary, all)
}

fn without_place(found: &[Found]) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
    let mut pairs: Vec<_> =
        found.iter().map(|found| (found.key.clone(), found.data.clone())).collect();
    pairs.sort();
    pairs
}

/// What `db5.3_dump -p` printed of a golden file.
fn dumped(name: &str) -> Vec<(Option<Vec<u8>>, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/btree").join(name);
    let text = fs::read(path.with_extension("dump")).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b" "));
    let items: Vec<_> = lines
        .map(|line| {
            let mut item = Vec::new();
            TextFormat::Print.decode(line, &mut item).unwrap();
            item
        })
        .collect();
    let mut pairs: Vec<_> =
        items.chunks(2).map(|pair| (Some(pair[0].clone()), pair[1].clone())).collect();
    pairs.sort();
    pairs
}

#[test]
fn of_a_sound_file_everything_is_certain() {
    for name in NAMES {
        let file = tree(name);
        let (summary, found) = rescue(&file.bytes);
        assert!(!summary.meta_lost && summary.doubtful == 0, "{name}");
        assert_eq!(without_place(&found), dumped(name), "{name}");
        // In the order of the keys.
        assert!(found.is_sorted_by(|one, other| one.key <= other.key), "{name}");
    }
}

#[test]
fn without_page_0_everything_is_certain() {
    for name in NAMES.into_iter().filter(|name| *name != "few") {
        for byte in [0, 0xff, b'x'] {
            let mut file = tree(name);
            file.page(0).fill(byte);
            let (summary, found) = rescue(&file.bytes);
            assert!(summary.meta_lost && summary.doubtful == 0, "{name}");
            assert_eq!(without_place(&found), dumped(name), "{name}");
        }
    }
}

/// Without the root, leaves are all that there is.
#[test]
fn without_the_root_everything_comes_back() {
    for name in NAMES.into_iter().filter(|name| *name != "few") {
        for with_page_0 in [true, false] {
            let mut file = tree(name);
            file.page(1).fill(0);
            if !with_page_0 {
                file.page(0).fill(0);
            }
            let (summary, mut found) = rescue(&file.bytes);
            assert_eq!(summary.certain, 0, "{name}");
            let orphan = Doubt::Fault(Fault::Orphan);
            assert!(found.iter().all(|found| found.doubts.contains(&orphan)), "{name}");
            // Separators that are big items have been left to themselves, too.
            found.retain(|found| found.key.is_some());
            assert_eq!(without_place(&found), dumped(name), "{name}");
        }
    }
}

/// Databases of both kinds keep their names as long as there is a list of them.
#[test]
fn several_databases() {
    let whole = golden("load-named");
    let (summary, all) = rescue(&whole);
    assert_eq!((summary.certain, summary.doubtful), (15, 0));
    let named = |found: &[Found], name: &[u8]| {
        found.iter().filter(|found| found.database.as_deref() == Some(name)).count()
    };
    for name in [&b"first"[..], b"second", b"tree"] {
        assert_eq!(named(&all, name), 5);
    }
    let mut file = Pages::of(whole);
    file.page(0).fill(0);
    assert_eq!(rescue(&file.bytes).1, all);
    // The list is not taken for pairs, nor are pairs taken for a list.
    file.put_u8(1, header::LEVEL, 2);
    file.put_u8(1, header::TYPE, INTERNAL);
    let (_, nameless) = rescue(&file.bytes);
    assert_eq!(without_place(&nameless), without_place(&all));
    assert_eq!(named(&nameless, b"tree"), 0);
}

/// The list of many databases: what its root no longer leads to is still a list.
#[test]
fn leaves_of_a_list_without_its_root() {
    let builders = (0..60)
        .map(|i| {
            let options = BuildOptions::default().page_size(512);
            let mut builder = bdb_file::HashBuilder::new(options);
            builder.push(b"key", &[i]).unwrap();
            (format!("{i:0>60}").into_bytes(), builder.into())
        })
        .collect();
    let mut file = Vec::new();
    let plan = bdb_file::NewDatabases::plan(builders, Keep::First).unwrap();
    plan.write_to(&mut file).unwrap();
    let (_, all) = rescue(&file);
    file[512..1024].fill(0);
    assert_eq!(rescue(&file).1, all);
    assert!(all.len() == 60 && all.iter().all(|found| found.database.is_some()));
}

fn first(file: &Pages, kind: u8) -> usize {
    file.of_kinds(&[kind])[0]
}

/// A leaf that has an item of this type, and where that lies; keys have even indexes.
fn item(file: &Pages, item_type: u8, parity: usize) -> (usize, usize) {
    let leaves = file.of_kinds(&[LEAF]).into_iter();
    let mut places = leaves.flat_map(|page| {
        let items = file.items(page, item_type).into_iter();
        items.filter(|index| index % 2 == parity).map(move |index| (page, file.item(page, index)))
    });
    places.next().unwrap()
}

/// A file, a change, and the doubt that it must cast on some pair.
type Row = (&'static str, Doubt, fn(&mut Pages));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("many", Doubt::Fault(Fault::Orphan),     |f| { let at = f.item(1, 2); f.put_u32(1, at + 4, 0) }),
    ("many", Doubt::Fault(Fault::Separator),  |f| { let leaf = first(f, LEAF); let last = f.entries(leaf) - 2; let at = f.item(leaf, last); f.put_u8(leaf, at + 3, 0xff) }),
    ("many", Doubt::Fault(Fault::Unsorted),   |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 2); f.put_u8(leaf, at + 3, 0xff) }),
    ("many", Doubt::KeyElsewhere,             |f| { let last = f.count(); f.copy_page(first(f, LEAF), last) }),
    ("many", Doubt::Fault(Fault::PageNumber), |f| { let leaf = first(f, LEAF); f.put_u32(leaf, header::NUMBER, 9999) }),
    ("many", Doubt::PageDamaged,              |f| { let leaf = first(f, LEAF); let slot = f.slot(2); f.put_u16(leaf, slot, 3) }),
    ("many", Doubt::PageDamaged,              |f| { let leaf = first(f, LEAF); f.put_u16(leaf, header::ENTRIES, 0xffff) }),
    ("many", Doubt::PageDamaged,              |f| { let leaf = first(f, LEAF); f.put_u8(leaf, header::TYPE, 99) }),
    ("many", Doubt::PageDamaged,              |f| { let slot = f.slot(3); f.put_u16(1, slot, 3) }),
    ("many", Doubt::BrokenKey,                |f| { let (page, at) = item(f, BIG, 0); f.put_u32(page, at + 8, 9999) }),
    ("many", Doubt::BrokenKey,                |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 2); f.put_u8(leaf, at + 2, 9) }),
    ("many", Doubt::BrokenData,               |f| { let (page, at) = item(f, BIG, 1); f.put_u32(page, at + 4, 0xffff) }),
    ("many", Doubt::BrokenData,               |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 1); f.put_u8(leaf, at + 2, 9) }),
    ("many", Doubt::Fault(Fault::Shared),     |f| { let (page, at) = item(f, BIG, 1); let (other, key) = item(f, BIG, 0); let shared = f.u32(other, key + 4); f.put_u32(page, at + 4, shared) }),
    ("many", Doubt::Compressed,               |f| f.put_u32(0, meta::FLAGS, 0x80)),
    ("many", Doubt::Fault(Fault::ItemDeleted), |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 1) + 2; f.put_u8(leaf, at, f.u8(leaf, at) | 0x80) }),
    ("duplicates", Doubt::BrokenDuplicates,   |f| { let (page, at) = item(f, DUPLICATE_TREE, 1); f.put_u32(page, at + 4, 0) }),
    ("duplicates", Doubt::BrokenDuplicates,   |f| { let (page, at) = item(f, DUPLICATE_TREE, 1); let root = f.u32(page, at + 4) as usize; f.put_u8(root, header::LEVEL, 9) }),
    ("many-big-endian-checksums", Doubt::Fault(Fault::Checksum), |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 1); f.put_u8(leaf, at + 3, 0) }),
];

#[test]
fn each_doubt_is_told() {
    for (row, (name, doubt, change)) in ROWS.iter().enumerate() {
        let mut file = tree(name);
        change(&mut file);
        let (_, found) = rescue(&file.bytes);
        let name = format!("row {row}, {}, {name}: {found:?}", doubt.code());
        assert!(found.iter().any(|found| found.doubts.contains(doubt)), "{name}");
    }
}

/// What is damaged on one page says nothing of the pairs on others.
#[test]
fn other_leaves_stay_certain() {
    let sound = tree("many");
    let leaf = first(&sound, LEAF);
    let mut file = sound.clone();
    file.page(leaf).fill(0);
    let [before, after] = [&sound, &file].map(|file| rescue(&file.bytes).1);
    let on_others: Vec<_> =
        before.into_iter().filter(|found| found.page as usize != leaf).collect();
    let certain = after.into_iter().filter(|found| found.doubts.is_empty());
    assert!(certain.eq(on_others));
}

/// An internal page that leads to a leaf of others does not take it from them.
#[test]
fn a_leaf_is_given_where_its_keys_are_looked_for() {
    let mut file = tree("many");
    let (one, other) = (file.item(1, 0), file.item(1, 3));
    let leaf = file.u32(1, other + 4);
    let (_, before) = rescue(&file.bytes);
    file.put_u32(1, one + 4, leaf);
    let (_, after) = rescue(&file.bytes);
    let on = |all: &[Found]| {
        let on_leaf = all.iter().filter(|found| found.page == leaf && found.doubts.is_empty());
        on_leaf.cloned().collect::<Vec<_>>()
    };
    assert!(!on(&before).is_empty());
    assert_eq!(on(&after), on(&before));
    assert_eq!(before.len(), after.iter().filter(|found| found.key.is_some()).count());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_lies_on_undamaged_pages_comes_back(
        which in 1..NAMES.len(),
        pages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
    ) {
        let sound = tree(NAMES[which]);
        let mut file = sound.clone();
        let mut gone = BTreeSet::new();
        for (page, seed, zero) in pages {
            let page = page.index(sound.count());
            gone.insert(page);
            for (i, byte) in file.page(page).iter_mut().enumerate() {
                // Nonsense of a kind that has no pattern.
                let mixed = (i as u32 + 1).wrapping_mul(0x9e37_79b9 ^ u32::from(seed) << 7);
                *byte = if zero { 0 } else { (mixed >> 13) as u8 };
            }
        }
        let (_, before) = rescue(&sound.bytes);
        let (_, after) = rescue(&file.bytes);
        let overflow_is_gone = gone.iter().any(|page| sound.kind(*page) == OVERFLOW);
        for found in &before {
            // Which pages a big item fills is not known here.
            let big = |item: &[u8]| overflow_is_gone && item.len() > 50;
            let key = found.key.as_deref().unwrap();
            if gone.contains(&(found.page as usize)) || big(key) || big(&found.data) {
                continue;
            }
            // Data of a set come without their key where that was on another page.
            let in_set = sound.kind(found.page as usize) != LEAF;
            let is_back = after.iter().any(|other| {
                (other.page, &other.data) == (found.page, &found.data)
                    && (other.key == found.key || in_set && other.key.is_none())
            });
            prop_assert!(is_back, "page {} of {:?}", found.page, gone);
        }
        for certain in after.iter().filter(|found| found.doubts.is_empty()) {
            prop_assert!(before.contains(certain), "{certain:?}");
        }
    }

    #[test]
    fn numbers_that_are_wrong(
        which in 0..NAMES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..80, 0u8..70), 1..7),
    ) {
        let mut file = tree(NAMES[which]);
        let count = file.count();
        for (page, at, byte) in changes {
            file.put_u8(page.index(count), at, byte);
        }
        _ = salvage(&file.bytes, |pair| {
            assert!(pair.access_method != Some(AccessMethod::Hash) || !pair.is_certain());
            ControlFlow::Continue(())
        });
    }
}

/// Each key of a leaf without a tree is looked for from the root, whose number of entries is a claim,
/// too.
#[test]
fn a_root_that_claims_more_entries_than_fit_costs_no_time() {
    let mut builder = BtreeBuilder::new(BuildOptions::default().page_size(Some(512)));
    for i in 0..100_000u32 {
        builder.push(&i.to_be_bytes(), b"data").unwrap();
    }
    let mut file = Vec::new();
    builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
    let root = 512 * BtreeDb::open(&file[..]).unwrap().meta().root as usize;
    file[root + 20..root + 22].copy_from_slice(&[0xff; 2]);
    let start = Instant::now();
    let mut pairs = 0;
    let salvaged = salvage(&file[..], |_| {
        pairs += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((pairs, salvaged.unwrap().certain), (100_000, 0));
    // Counting as far as was claimed takes a minute.
    assert!(start.elapsed() < 10 * LIMIT, "{:?}", start.elapsed());
}
