//! `verify` and `salvage` on files by real Postfix and libdb (`golden/make.sh`): all are sound and
//! come back whole; damage to their trees and lists of databases is found. Needs no peer.
//!
//! About Berkeley DB itself: not for every type of tables.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bdb_file::{ByteOrder, ErrorKind, Fault, Problem, Severity, Unsupported, salvage, verify};
use byteorder::{BigEndian, ByteOrder as _, LittleEndian};
use map_tests::dbtools::parse_dump;
use map_tests::raw;

/// Page size of the files that are damaged.
const PAGE: usize = 512;

/// Page types.
const INTERNAL: u8 = 3;
const SET_INTERNAL: u8 = 4;
const LIST: u8 = 5;
const SET: u8 = 6;
const META: u8 = 8;
const SET_SORTED: u8 = 12;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// The names of all golden files that hold hash databases.
fn names() -> Vec<String> {
    let paths = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "db"));
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn read(name: &str) -> Vec<u8> {
    fs::read(directory().join(format!("{name}.db"))).unwrap()
}

fn problems(file: &[u8]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    verdict.unwrap();
    problems
}

#[test]
fn golden_files_are_sound() {
    for name in names() {
        let problems = problems(&read(&name));
        // The keys of this one are in no order that both of libdb's rules would have.
        let expected: &[Fault] =
            if name == "missed-by-libdb" { &[Fault::AmbiguousOrder] } else { &[] };
        assert!(
            problems.iter().all(|found| expected.contains(&found.fault)),
            "{name}: {problems:?}"
        );
        assert_eq!(problems.is_empty(), expected.is_empty(), "{name}");
    }
}

#[test]
fn golden_files_come_back_whole() {
    for name in names() {
        let mut found: BTreeMap<Option<Vec<u8>>, Vec<_>> = BTreeMap::new();
        let summary = salvage(read(&name), |pair| {
            assert!(pair.is_certain(), "{name}: {pair:?}");
            let database = pair.database.map(<[u8]>::to_vec);
            let pair = (pair.key.unwrap().into_owned(), pair.data.into_owned());
            found.entry(database).or_default().push(pair);
            ControlFlow::Continue(())
        });
        assert!(summary.unwrap().complete);
        let text = fs::read(directory().join(format!("{name}.dump"))).unwrap();
        for dump in parse_dump(&text).unwrap() {
            let pairs = found.remove(&dump.name).unwrap_or_default();
            assert!(pairs == dump.pairs, "{name}, {:?}", dump.name);
        }
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn names_of_databases_are_lost_with_their_list_only() {
    for name in ["named", "named-big-endian-checksums"] {
        let whole = read(name);
        let count = |file: &[u8]| {
            let (mut all, mut named) = (0, 0);
            let summary = salvage(file, |pair| {
                all += 1;
                named += usize::from(pair.database.is_some());
                ControlFlow::Continue(())
            });
            (all, named, summary.unwrap().meta_lost)
        };
        let (all, named, _) = count(&whole);
        assert_eq!(all, named);
        let mut file = whole.clone();
        file[..PAGE].fill(0);
        assert_eq!(count(&file), (all, all, true));
        file[PAGE..2 * PAGE].fill(0);
        let (left, named, _) = count(&file);
        assert_eq!(left, all);
        assert!(named < all);
    }
}

#[test]
fn other_kinds_of_file_are_refused_by_name() {
    use Unsupported::{AccessMethod, Encrypted, Partitioned};
    let refused = [
        ("recno", AccessMethod("recno")),
        ("queue", AccessMethod("queue")),
        ("heap", AccessMethod("heap")),
        ("encrypted", Encrypted),
        ("partitioned", Partitioned),
    ];
    for (name, why) in refused {
        let file = read(&format!("refused/{name}"));
        let refusal = verify(&file, |problem| panic!("{problem}")).unwrap_err();
        assert!(matches!(refusal.kind(), ErrorKind::Unsupported(given) if *given == why), "{name}");
        let refusal = salvage(&file, |pair| panic!("{pair:?}")).unwrap_err();
        assert!(matches!(refusal.kind(), ErrorKind::Unsupported(given) if *given == why), "{name}");
    }
    // As a hash database only.
    let file = read("refused/btree");
    assert!(verify(&file, |problem| panic!("{problem}")).unwrap().is_sound());
    assert_eq!(salvage(&file, |_| ControlFlow::Continue(())).unwrap().doubtful, 0);
}

/// A golden file whose numbers are changed.
struct Golden {
    bytes: Vec<u8>,
    order: ByteOrder,
    header: usize,
}

impl Golden {
    fn new(name: &str) -> Self {
        let bytes = read(name);
        assert_eq!(raw::page_size(&bytes) as usize, PAGE);
        let (order, checksums) = (raw::byte_order(&bytes), raw::has_checksums(&bytes));
        Golden { bytes, order, header: if checksums { 32 } else { 26 } }
    }

    fn get_u16(&self, page: usize, at: usize) -> u16 {
        match self.order {
            ByteOrder::Little => LittleEndian::read_u16(&self.bytes[page * PAGE + at..]),
            ByteOrder::Big => BigEndian::read_u16(&self.bytes[page * PAGE + at..]),
        }
    }

    fn get_u32(&self, page: usize, at: usize) -> u32 {
        match self.order {
            ByteOrder::Little => LittleEndian::read_u32(&self.bytes[page * PAGE + at..]),
            ByteOrder::Big => BigEndian::read_u32(&self.bytes[page * PAGE + at..]),
        }
    }

    fn u16(&mut self, page: usize, at: usize, value: u16) {
        match self.order {
            ByteOrder::Little => {
                LittleEndian::write_u16(&mut self.bytes[page * PAGE + at..], value)
            }
            ByteOrder::Big => BigEndian::write_u16(&mut self.bytes[page * PAGE + at..], value),
        }
    }

    fn u32(&mut self, page: usize, at: usize, value: u32) {
        match self.order {
            ByteOrder::Little => {
                LittleEndian::write_u32(&mut self.bytes[page * PAGE + at..], value)
            }
            ByteOrder::Big => BigEndian::write_u32(&mut self.bytes[page * PAGE + at..], value),
        }
    }

    fn u8(&mut self, page: usize, at: usize, value: u8) {
        self.bytes[page * PAGE + at] = value;
    }

    /// The first page of a type, of those with a next one if it is a leaf.
    fn page(&self, kind: u8) -> usize {
        let mut pages = 1..self.bytes.len() / PAGE;
        let has_next =
            |page: &usize| !matches!(kind, SET | SET_SORTED) || self.get_u32(*page, 16) != 0;
        let found = pages.find(|page| self.bytes[page * PAGE + 25] == kind && has_next(page));
        found.expect("the file has such a page")
    }

    /// Where an item of a tree page starts.
    fn item(&self, page: usize, index: usize) -> usize {
        self.get_u16(page, self.header + 2 * index).into()
    }

    fn swap_items(&mut self, page: usize, one: usize, other: usize) {
        let (first, second) = (self.item(page, one) as u16, self.item(page, other) as u16);
        self.u16(page, self.header + 2 * one, second);
        self.u16(page, self.header + 2 * other, first);
    }

    /// Sets the checksums of pages that have been changed.
    fn reseal(&mut self, sound: &[u8]) {
        if self.header == 32 {
            for (page, before) in self.bytes.chunks_exact_mut(PAGE).zip(sound.chunks_exact(PAGE)) {
                if page != before {
                    raw::reseal(page, self.order);
                }
            }
        }
    }
}

/// Files in both byte orders: with sets of duplicates as they came and in order, and with several
/// databases.
const SETS: [&str; 2] = ["duplicates", "duplicates-big-endian-checksums"];
const SORTED_SETS: [&str; 2] = ["sorted-duplicates-checksums", "sorted-duplicates-big-endian"];
const NAMED: [&str; 2] = ["named", "named-big-endian-checksums"];

/// Files, a fault, and the change that brings it about.
type Row = ([&'static str; 2], Fault, fn(&mut Golden));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (SETS,        Fault::DuplicatesNotAllowed, |f| f.u32(0, 48, 0)),
    (SETS,        Fault::LinkedType,   |f| f.u32(0, 48, 5)),
    (SETS,        Fault::RecordCount,  |f| { let root = f.page(SET_INTERNAL); f.u32(root, 12, 9999) }),
    (SETS,        Fault::RecordCount,  |f| { let root = f.page(SET_INTERNAL); let at = f.item(root, 0); f.u32(root, at + 4, 1) }),
    (SETS,        Fault::Reference,    |f| { let root = f.page(SET_INTERNAL); let at = f.item(root, 0); f.u32(root, at, 0) }),
    (SETS,        Fault::Reference,    |f| { let root = f.page(SET_INTERNAL); let at = f.item(root, 0); f.u32(root, at, root as u32) }),
    (SETS,        Fault::Shared,       |f| { let root = f.page(SET_INTERNAL); let at = f.item(root, 0); f.u32(root, at, 1) }),
    (SETS,        Fault::Shared,       |f| { let root = f.page(SET_INTERNAL); let at = f.item(root, 0); let child = f.get_u32(root, at); let at = f.item(root, 1); f.u32(root, at, child) }),
    (SETS,        Fault::LevelStep,    |f| { let root = f.page(SET_INTERNAL); f.u8(root, 24, 3) }),
    (SETS,        Fault::LevelStep,    |f| { let root = f.page(SET_INTERNAL); f.u8(root, 24, 255) }),
    (SETS,        Fault::Level,        |f| { let root = f.page(SET_INTERNAL); f.u8(root, 24, 1) }),
    (SETS,        Fault::Level,        |f| { let leaf = f.page(SET); f.u8(leaf, 24, 2) }),
    (SETS,        Fault::Entries,      |f| { let root = f.page(SET_INTERNAL); f.u16(root, 20, 0) }),
    (SETS,        Fault::Entries,      |f| { let root = f.page(SET_INTERNAL); f.u16(root, 20, 1000) }),
    (SETS,        Fault::LeafOrder,    |f| { let leaf = f.page(SET); f.u32(leaf, 16, 0) }),
    (SETS,        Fault::LeafOrder,    |f| { let leaf = f.page(SET); f.u32(leaf, 12, 1) }),
    (SETS,        Fault::ItemType,     |f| { let leaf = f.page(SET); let at = f.item(leaf, 0); f.u8(leaf, at + 2, 2) }),
    (SETS,        Fault::ItemLength,   |f| { let leaf = f.page(SET); let at = f.item(leaf, 0); f.u16(leaf, at, 600) }),
    (SETS,        Fault::ItemOverlap,  |f| { let leaf = f.page(SET); let at = f.item(leaf, 0); f.u16(leaf, at, 0) }),
    (SETS,        Fault::Offset,       |f| { let leaf = f.page(SET); let at = f.item(leaf, 1) as u16; f.u16(leaf, f.header + 2, at + 1) }),
    (SETS,        Fault::HighOffset,   |f| { let leaf = f.page(SET); f.u16(leaf, 22, 9) }),
    (SORTED_SETS, Fault::Unsorted,     |f| { let leaf = f.page(SET_SORTED); f.swap_items(leaf, 1, 2) }),
    (SORTED_SETS, Fault::ItemDeleted,  |f| { let leaf = f.page(SET_SORTED); let at = f.item(leaf, 0); f.u8(leaf, at + 2, 0x81) }),
    (SORTED_SETS, Fault::RecordCount,  |f| { let root = f.page(INTERNAL); let at = f.item(root, 1); f.u32(root, at + 8, 1) }),
    (SORTED_SETS, Fault::Separator,    |f| { let root = f.page(INTERNAL); let at = f.item(root, 1); f.u8(root, at + 12, 0) }),
    (SORTED_SETS, Fault::Separator,    |f| { let root = f.page(INTERNAL); let at = f.item(root, 1); f.u8(root, at + 12, 0xff) }),
    (NAMED,       Fault::BtreeMinimum, |f| f.u32(0, 76, 1)),
    (NAMED,       Fault::BtreeMinimum, |f| f.u32(0, 76, 100)),
    (NAMED,       Fault::BtreeRoot,    |f| f.u32(0, 88, 2)),
    (NAMED,       Fault::RecordLength, |f| f.u32(0, 80, 1)),
    (NAMED,       Fault::DatabaseFlags, |f| f.u32(0, 48, 0x21)),
    (NAMED,       Fault::DatabaseEntry, |f| { let list = f.page(LIST); let at = f.item(list, 1); f.bytes[list * PAGE + at + 3..][..4].copy_from_slice(&[0, 0, 0, 4]) }),
    (NAMED,       Fault::DatabaseEntry, |f| { let list = f.page(LIST); let at = f.item(list, 1); f.bytes[list * PAGE + at + 3..][..4].fill(0xff) }),
    (NAMED,       Fault::Shared,       |f| { let list = f.page(LIST); f.u16(list, f.header + 6, f.item(list, 1) as u16) }),
    (NAMED,       Fault::Unsorted,     |f| { let list = f.page(LIST); f.swap_items(list, 0, 2) }),
    (NAMED,       Fault::Entries,      |f| { let list = f.page(LIST); f.u16(list, 20, 1) }),
    (NAMED,       Fault::FreeListHead, |f| { let meta = f.page(META); f.u32(meta, 28, 1) }),
    (NAMED,       Fault::PageSize,     |f| { let meta = f.page(META); f.u32(meta, 20, 1024) }),
    (NAMED,       Fault::Spares,       |f| { let meta = f.page(META); f.u32(meta, 96, 0) }),
    (NAMED,       Fault::Orphan,       |f| { let meta = f.page(META); let page = f.get_u32(meta, 96) as usize; f.u32(meta, 96, page as u32 + 1) }),
];

#[test]
fn damage_to_trees_and_lists_is_found() {
    for (row, (names, fault, change)) in ROWS.iter().enumerate() {
        for name in names {
            let sound = read(name);
            let mut file = Golden::new(name);
            change(&mut file);
            file.reseal(&sound);
            let problems = problems(&file.bytes);
            let found = problems.iter().any(|found| found.fault == *fault);
            assert!(found, "row {row}, {}, {name}: {problems:?}", fault.code());
            assert_eq!(fault.severity(), Severity::Damage);
        }
    }
}
