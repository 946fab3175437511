//! Many random changes to btree files that libdb and Postfix made, held against a map in memory,
//! libdb's verifier and libdb's dump.
//!
//! About Berkeley DB itself: not for every type of tables. `MAP_TESTS_CASES` says how many changes
//! are made in each file, in thousands: 10 unless it is set.
#![cfg(feature = "peers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bdb_file::{Block, BtreeDb, BtreeUpdate, Keep};
use fastrand::Rng;
use map_tests::dbtools::{self, verify};
use map_tests::tools::{self, Tool, configure};

/// What is stored under each key. An update stores one item.
type Map = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// Changes after which the file is written and looked at.
const BATCH: usize = 1_000;

fn batches() -> usize {
    let cases = std::env::var("MAP_TESTS_CASES");
    cases.map_or(10, |cases| cases.parse().expect("MAP_TESTS_CASES is a number"))
}

/// Keys come from a pool, so that they are met again; some are big, and begin alike.
fn key(rng: &mut Rng, page_size: usize) -> Vec<u8> {
    let i = rng.usize(..3_000);
    if i.is_multiple_of(60) {
        let mut key = vec![b'k'; page_size / 2 + i % 700];
        key.extend(format!("{i:04}").into_bytes());
        return key;
    }
    format!("{:04}user@example.com", i * 7 % 3_000).into_bytes()
}

fn data(rng: &mut Rng, page_size: usize) -> Vec<u8> {
    let len = match rng.u8(..40) {
        0 => rng.usize(..4 * page_size),
        1 => page_size / 4 + rng.usize(..30) - 20,
        2 => 0,
        _ => rng.usize(..60),
    };
    vec![rng.u8(..); len]
}

/// The pairs of a file as libdb lists them.
fn dumped(path: &Path) -> Map {
    let mut map = Map::new();
    for (key, data) in dbtools::dump(path) {
        map.entry(key).or_default().push(data);
    }
    map
}

fn put(update: &mut BtreeUpdate<Vec<u8>>, map: &mut Map, key: Vec<u8>, data: Vec<u8>, keep: Keep) {
    let stored = keep == Keep::Last || !map.contains_key(&key);
    assert_eq!(update.put(&key, &data, keep).unwrap(), stored);
    if stored {
        map.insert(key, vec![data]);
    }
}

fn delete(update: &mut BtreeUpdate<Vec<u8>>, map: &mut Map, key: &[u8]) {
    assert_eq!(update.delete(key).unwrap(), map.remove(key).is_some());
}

/// Makes `BATCH` changes and writes them to the file.
fn change(path: &Path, map: &mut Map, rng: &mut Rng, page_size: usize) {
    let mut update = BtreeUpdate::open(fs::read(path).unwrap()).unwrap();
    // The table grows and shrinks by turns.
    let deletions = if rng.bool() { 3 } else { 7 };
    let mut made = 0;
    while made < BATCH {
        let key = key(rng, page_size);
        if rng.u8(..40) == 0 {
            // A run of keys goes, and leaves with them.
            let keys: Vec<_> = map.range(key..).map(|(key, _)| key.clone()).take(50).collect();
            keys.iter().for_each(|key| delete(&mut update, map, key));
            made += keys.len();
        } else if rng.u8(..10) < deletions {
            delete(&mut update, map, &key);
        } else {
            let data = data(rng, page_size);
            let keep = if rng.bool() { Keep::First } else { Keep::Last };
            put(&mut update, map, key, data, keep);
        }
        made += 1;
    }
    let changes = update.finish().unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(changes.file_len).unwrap();
    for Block { at, bytes } in &changes.blocks {
        file.write_all_at(bytes, *at).unwrap();
    }
}

fn assert_holds(path: &Path, map: &Map) {
    verify(path).unwrap();
    assert!(&dumped(path) == map, "db5.3_dump of {}", path.display());
    let database = BtreeDb::open(fs::read(path).unwrap()).unwrap();
    for (key, data) in map {
        assert_eq!(database.get(key).unwrap().as_deref(), Some(&data[0][..]));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(" ".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    }) + "\n"
}

/// Changes a file that `db5.3_load` makes of 1,500 pairs of so many keys, each of which comes once
/// unless it can have several data.
fn run(header: &str, page_size: usize, keys: usize) {
    let rng = &mut Rng::with_seed(page_size as u64);
    let mut text = format!(
        "VERSION=3\nformat=bytevalue\ntype=btree\ndb_pagesize={page_size}\n{header}HEADER=END\n"
    );
    let mut seen = BTreeSet::new();
    for i in 0..1_500 {
        let key = format!("{:04}user@example.com", rng.usize(..keys));
        if !seen.insert(key.clone()) && !header.contains("duplicates") {
            continue;
        }
        text += &hex(key.as_bytes());
        text += &hex(format!("{i}, as it was at the start").as_bytes());
    }
    text += "DATA=END\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.db");
    dbtools::load(&path, &[], text.as_bytes());
    let mut map = dumped(&path);
    for batch in 0..batches() {
        change(&path, &mut map, rng, page_size);
        println!("{page_size}, {header:?}, batch {batch}");
        assert_holds(&path, &map);
    }
    let mut update = BtreeUpdate::open(fs::read(&path).unwrap()).unwrap();
    for key in std::mem::take(&mut map).into_keys() {
        assert!(update.delete(&key).unwrap());
    }
    let mut file = fs::read(&path).unwrap();
    update.finish().unwrap().apply(&mut file);
    fs::write(&path, file).unwrap();
    assert_holds(&path, &map);
}

#[test]
fn every_page_size() {
    for page_size in (9..=16).map(|bits| 1 << bits) {
        run("", page_size, 3_000);
    }
}

#[test]
fn checksums_and_byte_order() {
    run("chksum=1\n", 512, 3_000);
    run("db_lorder=4321\n", 1024, 3_000);
    run("chksum=1\ndb_lorder=4321\n", 4096, 3_000);
}

#[test]
fn record_numbers_and_more_keys_a_page() {
    run("recnum=1\n", 512, 3_000);
    run("bt_minkey=6\n", 1024, 3_000);
    run("recnum=1\nbt_minkey=4\nchksum=1\n", 2048, 3_000);
}

#[test]
fn duplicates() {
    run("duplicates=1\n", 512, 60);
    run("duplicates=1\ndupsort=1\n", 512, 60);
    run("duplicates=1\ndupsort=1\ndb_lorder=4321\n", 4096, 900);
}

/// Real `postmap` goes on where ours has stopped, and the other way round, on one file.
#[test]
fn taking_turns_with_postmap() {
    let directory = tempfile::tempdir().unwrap();
    configure(directory.path());
    let postmap = |arguments: &[&str], stdin: &str| {
        fs::write(directory.path().join("stdin"), stdin).unwrap();
        let mut command = tools::real().command(Tool::Postmap, directory.path());
        let stdin = File::open(directory.path().join("stdin")).unwrap();
        let output = command.args(arguments).stdin(stdin).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", output.stderr.escape_ascii());
    };
    let rng = &mut Rng::with_seed(3);
    fs::write(directory.path().join("m"), "").unwrap();
    postmap(&["btree:m"], "");
    let path = directory.path().join("m.db");
    let mut map = Map::new();
    let stored = |key: &str| format!("{key}\0").into_bytes();
    for turn in 0..2 * batches() {
        let mut pairs = BTreeMap::new();
        for _ in 0..BATCH {
            let value = "v".repeat(if rng.u8(..20) == 0 { rng.usize(1..9_000) } else { 9 });
            pairs.insert(format!("user{}@example.com", rng.u32(..6_000)), value);
        }
        let removed = rng.u32(..6_000)..;
        let removed: Vec<_> =
            removed.take(BATCH / 2).map(|i| format!("user{i}@example.com")).collect();
        if turn % 2 == 0 {
            let entries: String =
                pairs.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
            postmap(&["-ir", "btree:m"], &entries);
            postmap(&["-d", "-", "btree:m"], &(removed.join("\n") + "\n"));
        }
        let mut file = fs::read(&path).unwrap();
        let mut update = BtreeUpdate::open(file.clone()).unwrap();
        for (key, value) in pairs {
            let (key, value) = (stored(&key), stored(&value));
            if turn % 2 == 1 {
                update.put(&key, &value, Keep::Last).unwrap();
            }
            map.insert(key, vec![value]);
        }
        for key in removed {
            let was_there = map.remove(&stored(&key)).is_some();
            if turn % 2 == 1 {
                assert_eq!(update.delete(&stored(&key)).unwrap(), was_there);
            }
        }
        update.finish().unwrap().apply(&mut file);
        fs::write(&path, file).unwrap();
        assert_holds(&path, &map);
    }
}
