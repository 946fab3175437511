//! Btree files that libdb and Postfix made: what we read in them is what `db5.3_dump` does, pair
//! for pair and as text, their figures are those of `db5.3_stat`, and nothing in them is wrong.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::Path;

use bdb_file::{BtreeDb, Severity, verify};
use fastrand::Rng;
use map_tests::dbtools;
use map_tests::printed::assert_prints_the_same;
use map_tests::raw;
use map_tests::tools::{self, Tool, configure};

/// Page types that a content is there for: without them it would not show what it is meant to.
const INTERNAL: u8 = 3;
const RECNO_INTERNAL: u8 = 4;
const RECNO_LEAF: u8 = 6;
const OVERFLOW: u8 = 7;
const DUPLICATE_LEAF: u8 = 12;

/// Asserts that a file is sound and read as `db5.3_dump` reads it; returns the number of pairs.
fn check(path: &Path) -> usize {
    let pairs = dbtools::dump(path);
    let file = fs::read(path).unwrap();
    let verdict = verify(&file, |problem| {
        assert_eq!(problem.severity(), Severity::Note, "{problem}");
        ControlFlow::Continue(())
    });
    assert!(verdict.unwrap().is_sound());
    assert_prints_the_same(path);
    let database = BtreeDb::open(&file).unwrap();
    let is = |pair: bdb_file::Result<_>, (key, data): &dbtools::Pair| {
        let (found, value): (std::borrow::Cow<'_, [u8]>, std::borrow::Cow<'_, [u8]>) =
            pair.unwrap();
        (&*found, &*value) == (&key[..], &data[..])
    };
    assert!(database.iter().count() == pairs.len());
    assert!(database.iter().zip(&pairs).all(|(pair, expected)| is(pair, expected)));

    let mut keys: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for (key, data) in &pairs {
        keys.entry(key).or_default().push(data);
    }
    let all_keys: Vec<_> = keys.keys().copied().collect();
    let many = database.get_many(&all_keys).map(Result::unwrap);
    assert!(many.map(Option::unwrap).eq(keys.values().map(|data| data[0])));
    let mut at = 0;
    for (key, data) in &keys {
        assert_eq!(database.get(*key).unwrap().as_deref(), Some(data[0]));
        let all: Result<Vec<_>, _> = database.get_all(*key).unwrap().collect();
        assert_eq!(&all.unwrap(), data);
        for other in [[*key, b"\0"].concat(), key[..key.len() / 2].to_vec()] {
            let expected = keys.get(&other[..]).map(|data| data[0]);
            assert_eq!(database.get(&other).unwrap().as_deref(), expected);
        }
        // From this key on, and from behind it.
        let range = || database.range(*key).zip(&pairs[at..]).take(3);
        assert!(range().all(|(pair, expected)| is(pair, expected)));
        at += data.len();
        let behind = database.range(&[*key, b"\0"].concat()).next();
        assert_eq!(behind.is_some(), at < pairs.len());
        assert!(behind.is_none_or(|pair| is(pair, &pairs[at])));
    }
    pairs.len()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(" ".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    }) + "\n"
}

/// Random bytes; most of a few values, so that keys start alike.
fn bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    let len = rng.usize(0..=most);
    let any = rng.bool();
    std::iter::repeat_with(|| if any { rng.u8(..) } else { b"aab"[rng.usize(..3)] })
        .take(len)
        .collect()
}

/// Files of every page size in both byte orders, with and without checksums, made by `db5.3_load`
/// of pairs in random order.
fn each_variant(header: &str, page_types: &[u8], pair: impl Fn(&mut Rng, usize) -> [Vec<u8>; 2]) {
    let mut seen = Vec::new();
    for variant in 0..32 {
        let rng = &mut Rng::with_seed(variant);
        let page_size = 512usize << (variant / 4);
        let mut text = format!(
            "VERSION=3\nformat=bytevalue\ntype=btree\ndb_pagesize={page_size}\ndb_lorder={}\nchksum={}\n\
             {header}HEADER=END\n",
            ["1234", "4321"][variant as usize & 1],
            variant >> 1 & 1,
        );
        // db5.3_load complains of a pair that comes again.
        let mut pairs = BTreeSet::new();
        for _ in 0..rng.usize(0..700) {
            let pair = pair(rng, page_size);
            if pairs.insert(pair.clone()) {
                text.extend(pair.map(|item| hex(&item)));
            }
        }
        text += "DATA=END\n";
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file.db");
        dbtools::load(&path, &[], text.as_bytes());
        println!("{page_size}, seed {variant}: {} pairs", check(&path));
        seen.extend(raw::page_types(&fs::read(&path).unwrap()));
    }
    assert!(page_types.iter().all(|wanted| seen.contains(wanted)));
}

#[test]
fn small_items() {
    each_variant("", &[INTERNAL], |rng, _| [bytes(rng, 30), bytes(rng, 40)]);
}

#[test]
fn big_items() {
    each_variant("", &[INTERNAL, OVERFLOW], |rng, page_size| {
        let most = |rng: &mut Rng| if rng.u8(..6) == 0 { page_size } else { page_size / 8 };
        let (key, data) = (most(rng), most(rng));
        [bytes(rng, key), bytes(rng, data)]
    });
}

#[test]
fn record_numbers_and_more_keys_a_page() {
    each_variant("recnum=1\nbt_minkey=7\n", &[INTERNAL], |rng, page_size| {
        [bytes(rng, 40), bytes(rng, page_size / 12)]
    });
}

#[test]
fn duplicates() {
    let pair = |rng: &mut Rng, page_size| {
        // Of some keys many.
        let key = if rng.bool() { vec![b'k'; rng.usize(0..4)] } else { bytes(rng, 9) };
        [key, bytes(rng, page_size / 9)]
    };
    each_variant("duplicates=1\n", &[RECNO_LEAF, RECNO_INTERNAL], pair);
    each_variant("duplicates=1\ndupsort=1\n", &[DUPLICATE_LEAF, INTERNAL], pair);
}

/// A table that real `postmap` makes, and then changes for a while.
#[test]
fn tables_of_postfix() {
    let directory = tempfile::tempdir().unwrap();
    configure(directory.path());
    let run = |arguments: &[&str], stdin: &str| {
        fs::write(directory.path().join("stdin"), stdin).unwrap();
        let mut command = tools::real().command(Tool::Postmap, directory.path());
        let stdin = File::open(directory.path().join("stdin")).unwrap();
        let output = command.args(arguments).stdin(stdin).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", output.stderr.escape_ascii());
    };
    let rng = &mut Rng::with_seed(7);
    fs::write(directory.path().join("m"), "").unwrap();
    run(&["btree:m"], "");
    let path = directory.path().join("m.db");
    assert_eq!(check(&path), 0);
    let mut most = 0;
    for turn in 0..12 {
        let mut entries = String::new();
        for _ in 0..rng.usize(0..900) {
            let value = "v".repeat(if rng.u8(..20) == 0 { rng.usize(1..9_000) } else { 9 });
            writeln!(entries, "user{}@example.com {value}", rng.u32(..4_000)).unwrap();
        }
        run(&["-ri", "btree:m"], &entries);
        most = most.max(check(&path));
        // At last all of them.
        let share = if turn == 11 { 1 } else { rng.u32(1..4) };
        let keys: Vec<_> = (0..4_000).filter(|i| i % share == 0).collect();
        let keys: String = keys.iter().map(|i| format!("user{i}@example.com\n")).collect();
        run(&["-d", "-", "btree:m"], &keys);
        check(&path);
    }
    assert!(most > 500);
    assert_eq!(check(&path), 0);
}
