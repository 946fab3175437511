//! `verify` on btree files: those that libdb made are sound, and each kind of damage is told by its
//! name (btree specification, section 12).

mod tree_pages;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use bdb_file::{
    BtreeDb, BuildOptions, ErrorKind, Fault, HashBuilder, Keep, NewDatabases, Problem, Severity,
    TextFormat, Unsupported, Verdict, dump_all, salvage, verify,
};
use tree_pages::*;

fn golden(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    fs::read(directory.join(name).with_extension("db")).unwrap()
}

fn problems(file: &[u8]) -> (bdb_file::Result<Verdict>, Vec<Problem>) {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    (verdict, problems)
}

/// Files whose trees have big keys and two levels at least, in both byte orders.
const TREES: &[&str] = &["btree/many", "btree/many-big-endian-checksums", "btree/record-numbers"];
/// With duplicates, on the page and in trees of their own; sorted.
const SETS: &[&str] = &["btree/duplicates", "btree/sorted-duplicates-big-endian"];
const UNSORTED: &[&str] = &["btree/duplicates"];
const SORTED: &[&str] = &["btree/sorted-duplicates-big-endian"];
const COUNTED: &[&str] = &["btree/record-numbers"];
const UNCOUNTED: &[&str] = &["btree/many", "btree/many-big-endian-checksums"];
/// Hash databases and a btree.
const NAMED: &[&str] = &["load-named"];

#[test]
fn what_libdb_made_is_sound() {
    let keys = [("few", 5), ("many", 120), ("many-big-endian-checksums", 120)];
    let more = [("record-numbers", 120), ("duplicates", 60), ("sorted-duplicates-big-endian", 60)];
    for (name, keys) in keys.into_iter().chain(more) {
        let (verdict, problems) = problems(&golden(&format!("btree/{name}")));
        assert_eq!(problems, [], "{name}");
        assert_eq!(verdict.unwrap().keys, keys, "{name}");
    }
    // Two hash databases and a btree of five keys each.
    let (verdict, problems) = problems(&golden("load-named"));
    assert_eq!((verdict.unwrap().keys, problems), (15, vec![]));
}

/// The first page of a type; a leaf that has neighbours on both sides, an internal page below which
/// there are three pages.
fn first(file: &Pages, kind: u8) -> usize {
    let links =
        |page: &usize| file.u32(*page, header::PREVIOUS) != 0 && file.u32(*page, header::NEXT) != 0;
    let fits = |page: &usize| match kind {
        LEAF | RECNO_LEAF | DUPLICATE_LEAF => links(page),
        INTERNAL | RECNO_INTERNAL => file.entries(*page) > 2,
        _ => true,
    };
    file.of_kinds(&[kind]).into_iter().find(fits).expect("the file has such a page")
}

/// The first leaf with a big item, and where that item lies.
fn big(file: &Pages) -> (usize, usize) {
    let leaves = file.of_kinds(&[LEAF]);
    let page = leaves.into_iter().find(|page| !file.items(*page, BIG).is_empty()).unwrap();
    (page, file.item(page, file.items(page, BIG)[0]))
}

/// An internal page, and where one of its entries lies.
fn entry(file: &Pages, index: usize) -> (usize, usize) {
    let page = first(file, INTERNAL);
    (page, file.item(page, index))
}

fn swap(file: &mut Pages, page: usize, one: usize, other: usize) {
    let [first, second] = [one, other].map(|index| file.item(page, index) as u16);
    let [one, other] = [one, other].map(|index| file.slot(index));
    file.put_u16(page, one, second);
    file.put_u16(page, other, first);
}

/// The root page of a file that is one database, of one that has internal pages.
const ROOT: usize = 1;

/// Files, a fault, and the change that brings it about.
type Row = (&'static [&'static str], Fault, fn(&mut Pages));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // 1 to 3: the meta page.
    (TREES,  Fault::BtreeMinimum,  |f| f.put_u32(0, meta::MINIMUM_KEYS, 1)),
    (TREES,  Fault::BtreeMinimum,  |f| f.put_u32(0, meta::MINIMUM_KEYS, 1000)),
    (TREES,  Fault::BtreeMinimum,  |f| f.put_u32(0, meta::MINIMUM_KEYS, u32::MAX)),
    (TREES,  Fault::BtreeRoot,     |f| f.put_u32(0, meta::ROOT, 0)),
    (TREES,  Fault::BtreeRoot,     |f| f.put_u32(0, meta::ROOT, 2)),
    (NAMED,  Fault::BtreeRoot,     |f| { let meta = last_meta(f); f.put_u32(meta, meta::ROOT, meta as u32) }),
    (NAMED,  Fault::BtreeRoot,     |f| { let (meta, last) = (last_meta(f), f.count() as u32); f.put_u32(meta, meta::ROOT, last) }),
    (TREES,  Fault::RecordLength,  |f| f.put_u32(0, meta::RECORD_LEN, 1)),
    (TREES,  Fault::DatabaseFlags, |f| f.put_u32(0, meta::FLAGS, 0x05)),
    (TREES,  Fault::DatabaseFlags, |f| f.put_u32(0, meta::FLAGS, 0x40)),
    (TREES,  Fault::DatabaseFlags, |f| f.put_u32(0, meta::FLAGS, 0x10)),
    (TREES,  Fault::DatabaseFlags, |f| f.put_u32(0, meta::FLAGS, 0x100)),
    (NAMED,  Fault::DatabaseFlags, |f| f.put_u32(0, meta::FLAGS, 0x21)),
    (NAMED,  Fault::FreeListHead,  |f| { let meta = last_meta(f); f.put_u32(meta, meta::FREE, 1) }),
    (NAMED,  Fault::PageSize,      |f| { let meta = last_meta(f); f.put_u32(meta, meta::PAGE_SIZE, 1024) }),
    (NAMED,  Fault::DatabaseEntry, |f| { let at = f.item(ROOT, 1) + 6; f.put_u8(ROOT, at, 1) }),
    // 4 to 6: items by themselves.
    (TREES,  Fault::Offset,        |f| { let (leaf, slot) = (first(f, LEAF), f.slot(0)); f.put_u16(leaf, slot, slot as u16 + 2) }),
    (TREES,  Fault::Offset,        |f| { let (leaf, slot) = (first(f, LEAF), f.slot(1)); let at = f.item(leaf, 1) as u16; f.put_u16(leaf, slot, at + 1) }),
    (TREES,  Fault::Offset,        |f| { let (leaf, slot) = (first(f, LEAF), f.slot(1)); f.put_u16(leaf, slot, 0xfffc) }),
    (TREES,  Fault::ItemType,      |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 1) + 2; f.put_u8(leaf, at, 4) }),
    (TREES,  Fault::ItemType,      |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 0) + 2; f.put_u8(leaf, at, DUPLICATE_TREE) }),
    (TREES,  Fault::ItemLength,    |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 0); f.put_u16(leaf, at, 5000) }),
    (TREES,  Fault::ItemOverlap,   |f| { let leaf = first(f, LEAF); let index = plain(f, leaf); let at = f.item(leaf, index); let len = f.u16(leaf, at); f.put_u16(leaf, at, len + 4) }),
    (TREES,  Fault::ItemOverlap,   |f| { let leaf = first(f, LEAF); let index = plain(f, leaf); let at = f.item(leaf, index); let len = f.u16(leaf, at); f.put_u16(leaf, at, len - 4) }),
    (TREES,  Fault::HighOffset,    |f| { let leaf = first(f, LEAF); let at = f.u16(leaf, header::HIGH_OFFSET); f.put_u16(leaf, header::HIGH_OFFSET, at - 4) }),
    (TREES,  Fault::HighOffset,    |f| { let leaf = first(f, LEAF); let least = (0..f.entries(leaf)).min_by_key(|index| f.item(leaf, *index)).unwrap(); let last = f.entries(leaf) - 1; swap(f, leaf, least, last); f.put_u16(leaf, header::ENTRIES, last as u16 - 1) }),
    (TREES,  Fault::ItemDeleted,   |f| { let leaf = first(f, LEAF); let at = f.item(leaf, 1) + 2; f.put_u8(leaf, at, f.u8(leaf, at) | 0x80) }),
    (SORTED, Fault::ItemDeleted,   |f| { let leaf = first(f, DUPLICATE_LEAF); let at = f.item(leaf, 0) + 2; f.put_u8(leaf, at, 0x81) }),
    // 7: references.
    (TREES,  Fault::Reference,     |f| { let (page, at) = big(f); f.put_u32(page, at + 4, 0) }),
    (TREES,  Fault::Reference,     |f| { let (page, at) = big(f); f.put_u32(page, at + 4, page as u32) }),
    (TREES,  Fault::Reference,     |f| { let (page, at) = big(f); let last = f.count() as u32; f.put_u32(page, at + 4, last) }),
    (TREES,  Fault::Reference,     |f| { let (page, at) = entry(f, 1); f.put_u32(page, at + 4, 0) }),
    (TREES,  Fault::ItemLength,    |f| { let (page, at) = plain_separator(f); f.put_u8(page, at + 2, BIG) }),
    (TREES,  Fault::ItemType,      |f| { let (page, at) = entry(f, 1); f.put_u8(page, at + 2, DUPLICATE_TREE) }),
    (TREES,  Fault::ChainLength,   |f| { let (page, at) = big(f); let len = f.u32(page, at + 8); f.put_u32(page, at + 8, len + 1) }),
    (TREES,  Fault::LinkedType,    |f| { let (page, at) = big(f); f.put_u32(page, at + 4, ROOT as u32) }),
    // 8: order.
    (TREES,  Fault::Unsorted,      |f| { let leaf = first(f, LEAF); swap(f, leaf, 0, 2) }),
    (TREES,  Fault::Unsorted,      |f| { let page = first(f, INTERNAL); swap(f, page, 1, 2) }),
    (SORTED, Fault::Unsorted,      |f| { let leaf = first(f, DUPLICATE_LEAF); swap(f, leaf, 1, 2) }),
    (SORTED, Fault::Unsorted,      |f| { let (leaf, index) = set(f); swap(f, leaf, index + 1, index + 3) }),
    // 9 and 10: types and levels.
    (TREES,  Fault::LinkedType,    |f| { let (page, at) = entry(f, 0); let overflow = first(f, OVERFLOW); f.put_u32(page, at + 4, overflow as u32) }),
    (TREES,  Fault::LinkedType,    |f| { let leaf = first(f, LEAF); f.put_u8(leaf, header::TYPE, DUPLICATE_LEAF) }),
    (UNSORTED, Fault::LinkedType,  |f| { let leaf = first(f, RECNO_LEAF); f.put_u8(leaf, header::TYPE, DUPLICATE_LEAF) }),
    (TREES,  Fault::Level,         |f| { let leaf = first(f, LEAF); f.put_u8(leaf, header::LEVEL, 2) }),
    (TREES,  Fault::Level,         |f| f.put_u8(ROOT, header::LEVEL, 1)),
    (TREES,  Fault::LevelStep,     |f| f.put_u8(ROOT, header::LEVEL, 255)),
    (UNSORTED, Fault::LevelStep,   |f| { let page = first(f, RECNO_INTERNAL); f.put_u8(page, header::LEVEL, 3) }),
    // 11: the list of leaves.
    (TREES,  Fault::LeafOrder,     |f| { let leaf = first(f, LEAF); f.put_u32(leaf, header::NEXT, 0) }),
    (TREES,  Fault::LeafOrder,     |f| { let leaf = first(f, LEAF); f.put_u32(leaf, header::PREVIOUS, 0) }),
    (TREES,  Fault::LeafOrder,     |f| { let leaf = end(f, 0); f.put_u32(leaf, header::PREVIOUS, ROOT as u32) }),
    (TREES,  Fault::LeafOrder,     |f| { let leaf = end(f, f.entries(ROOT) - 1); f.put_u32(leaf, header::NEXT, ROOT as u32) }),
    (TREES,  Fault::Link,          |f| { let leaf = first(f, LEAF); f.put_u32(leaf, header::NEXT, leaf as u32) }),
    // 12: separators.
    (TREES,  Fault::Separator,     |f| { let (page, at) = plain_separator(f); f.put_u8(page, at + 12, 0) }),
    (TREES,  Fault::Separator,     |f| { let (page, at) = plain_separator(f); f.put_u8(page, at + 12, 0xff) }),
    (SORTED, Fault::Separator,     |f| { let page = f.of_kinds(&[INTERNAL]).into_iter().find(|page| *page != ROOT).unwrap(); let at = f.item(page, 1); f.put_u8(page, at + 12, 0xff) }),
    // 13: entries.
    (TREES,  Fault::Entries,       |f| f.put_u16(ROOT, header::ENTRIES, 0)),
    (TREES,  Fault::Entries,       |f| f.put_u16(ROOT, header::ENTRIES, 0xfffe)),
    (TREES,  Fault::Entries,       |f| { let leaf = first(f, LEAF); let entries = f.entries(leaf) as u16; f.put_u16(leaf, header::ENTRIES, entries - 1) }),
    (TREES,  Fault::EmptyLeaf,     |f| { let leaf = first(f, LEAF); f.put_u16(leaf, header::ENTRIES, 0); f.put_u16(leaf, header::HIGH_OFFSET, f.page_size as u16) }),
    // 14: records.
    (COUNTED, Fault::RecordCount,  |f| { let (page, at) = entry(f, 1); f.put_u32(page, at + 8, 1) }),
    (COUNTED, Fault::RecordCount,  |f| f.put_u32(ROOT, header::PREVIOUS, 119)),
    (UNSORTED, Fault::RecordCount, |f| { let page = first(f, RECNO_INTERNAL); f.put_u32(page, header::PREVIOUS, 1) }),
    (UNSORTED, Fault::RecordCount, |f| { let page = first(f, RECNO_INTERNAL); let at = f.item(page, 0); f.put_u32(page, at + 4, 1) }),
    (UNCOUNTED, Fault::UnusedField, |f| { let (page, at) = entry(f, 1); f.put_u32(page, at + 8, 1) }),
    // 15: duplicates.
    (SETS,   Fault::DuplicatesNotAllowed, |f| f.put_u32(0, meta::FLAGS, 0)),
    (SORTED, Fault::LinkedType,    |f| f.put_u32(0, meta::FLAGS, 0x01)),
    (UNSORTED, Fault::LinkedType,  |f| f.put_u32(0, meta::FLAGS, 0x41)),
    // 16: each page is reached once.
    (TREES,  Fault::Shared,        |f| { let (page, at) = entry(f, 1); let other = f.item(page, 0); let child = f.u32(page, other + 4); f.put_u32(page, at + 4, child) }),
    (TREES,  Fault::Shared,        |f| { let (page, at) = entry(f, 1); f.put_u32(page, at + 4, page as u32 + 1); let at = f.item(page, 2); f.put_u32(page, at + 4, page as u32 + 1) }),
    (TREES,  Fault::Shared,        |f| { let (page, at) = big(f); let other = other_big(f); let number = f.u32(page, at + 4); f.put_u32(other.0, other.1 + 4, number) }),
    (SETS,   Fault::Shared,        |f| { let (page, [one, other]) = trees(f); let root = f.u32(page, one + 4); f.put_u32(page, other + 4, root) }),
    (TREES,  Fault::ReferenceCount, |f| { let page = first(f, OVERFLOW); f.put_u16(page, header::ENTRIES, 0) }),
    (TREES,  Fault::ReferenceCount, |f| { let page = first(f, OVERFLOW); f.put_u16(page, header::ENTRIES, 2) }),
    (TREES,  Fault::OverflowBytes, |f| { let page = first(f, OVERFLOW); f.put_u16(page, header::HIGH_OFFSET, 0xffff) }),
    (TREES,  Fault::BackLink,      |f| { let page = first(f, OVERFLOW); f.put_u32(page, header::PREVIOUS, ROOT as u32) }),
    // 17: every page belongs to something.
    (TREES,  Fault::Orphan,        |f| { let last = f.count(); f.copy_page(first(f, LEAF), last) }),
    (TREES,  Fault::Orphan,        |f| { let last = f.count(); f.copy_page(first(f, LEAF), last); f.page(last).fill(0) }),
    (TREES,  Fault::Orphan,        |f| { let last = f.count(); f.copy_page(first(f, OVERFLOW), last); f.put_u8(last, header::TYPE, 0) }),
    (TREES,  Fault::HoleNotEmpty,  |f| { let leaf = first(f, LEAF); f.put_u32(leaf, header::NUMBER, 0) }),
    (TREES,  Fault::PageNumber,    |f| { let leaf = first(f, LEAF); f.put_u32(leaf, header::NUMBER, 2 + leaf as u32) }),
    (TREES,  Fault::PageType,      |f| { let leaf = first(f, LEAF); f.put_u8(leaf, header::TYPE, 1) }),
    (TREES,  Fault::FreeList,      |f| { let leaf = first(f, LEAF); f.put_u32(0, meta::FREE, leaf as u32) }),
    (TREES,  Fault::LastPage,      |f| { let last = f.count() as u32; f.put_u32(0, meta::LAST_PAGE, last) }),
    (TREES,  Fault::LastPage,      |f| { let len = f.bytes.len() - f.page_size; f.bytes.truncate(len) }),
    (TREES,  Fault::FileLength,    |f| { f.bytes.pop(); }),
];

/// The meta page of the btree of a file of several databases.
fn last_meta(file: &Pages) -> usize {
    file.of_kinds(&[BTREE_META]).pop().unwrap()
}

/// A plain item of more than four bytes, with others behind it.
fn plain(file: &Pages, page: usize) -> usize {
    let fits = |index: &usize| {
        let at = file.item(page, *index);
        let len = usize::from(file.u16(page, at));
        len > 4 && at + len + 16 < file.page_size
    };
    file.items(page, PLAIN).into_iter().find(fits).unwrap()
}

/// The root, and where one of its entries lies whose key is on the page.
fn plain_separator(file: &Pages) -> (usize, usize) {
    let mut places = (1..file.entries(ROOT)).map(|index| file.item(ROOT, index));
    (ROOT, places.find(|at| file.u8(ROOT, at + 2) == PLAIN).unwrap())
}

/// The leaf under an entry of the root.
fn end(file: &Pages, index: usize) -> usize {
    file.u32(ROOT, file.item(ROOT, index) + 4) as usize
}

/// A leaf, and the first of two pairs that share their key.
fn set(file: &Pages) -> (usize, usize) {
    let pairs = file.of_kinds(&[LEAF]).into_iter().flat_map(|page| {
        let last = file.entries(page).saturating_sub(2);
        (0..last).step_by(2).map(move |index| (page, index))
    });
    let mut shared =
        pairs.filter(|(page, index)| file.item(*page, *index) == file.item(*page, index + 2));
    shared.next().unwrap()
}

/// A leaf with two trees of duplicates.
fn trees(file: &Pages) -> (usize, [usize; 2]) {
    let leaves = file.of_kinds(&[LEAF]).into_iter();
    let mut found = leaves.map(|page| (page, file.items(page, DUPLICATE_TREE)));
    let (page, items) = found.find(|(_, items)| items.len() > 1).unwrap();
    (page, [items[0], items[1]].map(|index| file.item(page, index)))
}

/// A big item that is not the first.
fn other_big(file: &Pages) -> (usize, usize) {
    let leaves = file.of_kinds(&[LEAF]).into_iter();
    let mut places = leaves.flat_map(|page| {
        file.items(page, BIG).into_iter().map(move |index| (page, file.item(page, index)))
    });
    places.nth(1).unwrap()
}

#[test]
fn each_fault_is_found() {
    for (row, (names, fault, change)) in ROWS.iter().enumerate() {
        for name in *names {
            let sound = golden(name);
            let mut file = Pages::of(sound.clone());
            change(&mut file);
            file.reseal(&sound);
            let (verdict, problems) = problems(&file.bytes);
            let name = format!("row {row}, {}, {name}: {problems:?}", fault.code());
            assert!(problems.iter().any(|found| found.fault == *fault), "{name}");
            let damaged = problems.iter().any(|found| found.severity() == Severity::Damage);
            assert_eq!(verdict.unwrap().is_sound(), !damaged, "{name}");
            assert!(damaged || fault.severity() == Severity::Note, "{name}");
        }
    }
}

/// The list of many databases is a tree of three levels: what is wrong with a separator of its root
/// shows on leaves two levels below.
#[test]
fn separators_hold_for_all_below_them() {
    let databases = (0..600)
        .map(|i| (format!("{i:0>90}").into_bytes(), HashBuilder::new(options()).into()))
        .collect();
    let mut sound = Vec::new();
    NewDatabases::plan(databases, Keep::First).unwrap().write_to(&mut sound).unwrap();
    assert_eq!(problems(&sound).1, []);
    let file = Pages::of(sound);
    assert!(file.u8(ROOT, header::LEVEL) > 2);
    for (index, byte) in (1..file.entries(ROOT)).flat_map(|index| [(index, b'/'), (index, b':')]) {
        let mut file = file.clone();
        let at = file.item(ROOT, index);
        let len = usize::from(file.u16(ROOT, at));
        // Only the last digit, so that most of the leaves are still where they are looked for.
        file.put_u8(ROOT, at + 12 + len - 1, byte);
        let (_, problems) = problems(&file.bytes);
        assert!(problems.iter().any(|found| found.fault == Fault::Separator), "{problems:?}");
    }
}

fn options() -> BuildOptions {
    BuildOptions::default().page_size(512)
}

#[test]
fn kinds_that_cannot_be_judged() {
    let mut file = Pages::of(golden("btree/few"));
    file.put_u32(0, meta::FLAGS, 0x80);
    let refused = problems(&file.bytes).0.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unsupported(Unsupported::Compressed)));
}

/// Every value of each byte of a small file: whatever is asked of it ends, and what verify accepts
/// is dumped as before, but for the bytes of keys and data.
#[test]
fn each_byte_of_a_small_file() {
    let sound = golden("btree/few");
    let pairs = BtreeDb::open(&sound).unwrap().iter().count();
    for at in 0..sound.len() {
        for value in 0..=255 {
            let mut file = sound.clone();
            file[at] = value;
            let is_sound = problems(&file).0.is_ok_and(|verdict| verdict.is_sound());
            let mut found = 0;
            _ = salvage(&file, |_| {
                found += 1;
                ControlFlow::Continue(())
            });
            let mut text = Vec::new();
            let dumped = dump_all(&file, TextFormat::Print, &mut text);
            let stat = BtreeDb::open(&file).and_then(|database| database.stat());
            if is_sound {
                assert!(dumped.is_ok(), "byte {at}: {value}");
                assert_eq!(stat.unwrap().data_items as usize, pairs, "byte {at}: {value}");
                assert_eq!(found, pairs, "byte {at}: {value}");
            }
        }
    }
}
