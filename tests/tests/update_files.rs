//! Many random changes, held against a map in memory, libdb's verifier and libdb's dump.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

use bdb_file::{Block, BuildOptions, ByteOrder, FileId, HashBuilder, HashDb, HashUpdate, Keep};
use fastrand::Rng;
use map_tests::dbtools::{dump, verify};
use map_tests::libdb::{Database, Options};
use map_tests::tools::{self, Tool};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Changes of each table, and after how many the file is written and looked at.
const CHANGES: usize = 25_000;
const BATCH: usize = 1_000;

/// Keys come from a pool, so that they are met again. None is long and begins like another: libdb
/// would lose them (hash file specification, section 12.2).
fn key(rng: &mut Rng, page_size: u32) -> Vec<u8> {
    let i = rng.u32(..3_000);
    let mut key = format!("{i:04}user@example.com").into_bytes();
    if i.is_multiple_of(50) {
        key.resize(page_size as usize / 2 + i as usize % 700, b'k');
    }
    key
}

fn data(rng: &mut Rng, page_size: u32) -> Vec<u8> {
    let len = match rng.u8(..40) {
        0 => rng.usize(..4 * page_size as usize),
        1 => page_size as usize / 4 + rng.usize(..3) - 1,
        2 => 0,
        _ => rng.usize(..60),
    };
    vec![rng.u8(..); len]
}

/// Makes `BATCH` changes and writes them to the file.
fn change(path: &Path, map: &mut Map, rng: &mut Rng, page_size: u32) {
    let mut update = HashUpdate::open(fs::read(path).unwrap()).unwrap();
    // The table grows and shrinks by turns.
    let deletions = if rng.bool() { 3 } else { 7 };
    for _ in 0..BATCH {
        let key = key(rng, page_size);
        if rng.u8(..10) < deletions {
            assert_eq!(update.delete(&key).unwrap(), map.remove(&key).is_some());
        } else {
            let data = data(rng, page_size);
            let keep = if rng.bool() { Keep::First } else { Keep::Last };
            let stored = keep == Keep::Last || !map.contains_key(&key);
            assert_eq!(update.put(&key, &data, keep).unwrap(), stored);
            if stored {
                map.insert(key, data);
            }
        }
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
    let dumped = dump(path);
    assert_eq!(dumped.len(), map.len(), "no pair twice");
    assert_eq!(&dumped.into_iter().collect::<Map>(), map);
    let hash = HashDb::open(fs::read(path).unwrap()).unwrap();
    assert_eq!(hash.iter().map(Result::unwrap).count(), map.len());
    for (key, data) in map {
        assert_eq!(hash.get(key).unwrap().as_deref(), Some(&data[..]));
    }
}

fn run(name: &str, path: &Path, page_size: u32) {
    let rng = &mut Rng::with_seed(page_size.into());
    let mut map = Map::new();
    for batch in 0..CHANGES / BATCH {
        change(path, &mut map, rng, page_size);
        eprintln!("{name}, batch {batch}");
        assert_holds(path, &map);
    }
}

/// A table that we have made.
fn ours(page_size: u32, byte_order: ByteOrder, checksums: bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ours.db");
    let builder = HashBuilder::new(
        BuildOptions::default()
            .page_size(page_size)
            .buckets(3)
            .byte_order(byte_order)
            .checksums(checksums)
            .file_id(FileId::Unique),
    );
    builder.plan(Keep::First).unwrap().write_to(File::create(&path).unwrap()).unwrap();
    run(&format!("ours, {page_size}"), &path, page_size);
}

/// A table that libdb has made.
fn libdbs(options: &Options, page_size: u32) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("libdb.db");
    Database::create(&path, None, options).unwrap().close().unwrap();
    run(&format!("libdb's, {page_size}"), &path, page_size);
}

#[test]
fn ours_with_small_pages() {
    ours(512, ByteOrder::Little, false);
    ours(1024, ByteOrder::Big, true);
}

#[test]
fn ours_with_large_pages() {
    ours(4096, ByteOrder::Big, false);
    ours(65536, ByteOrder::Little, true);
}

#[test]
fn libdbs_with_small_pages() {
    libdbs(&Options { page_size: 512, ..Options::default() }, 512);
    libdbs(&Options { page_size: 2048, checksums: true, ..Options::default() }, 2048);
}

#[test]
fn libdbs_with_large_pages() {
    libdbs(&Options { page_size: 4096, ..Options::default() }, 4096);
    libdbs(&Options { page_size: 16384, ..Options::default() }, 16384);
}

/// Real `postmap` goes on where ours has stopped, and the other way round, on one file.
#[test]
fn taking_turns_with_postmap() {
    let suites = [tools::ours(), tools::real()];
    for start in [0, 1] {
        let rng = &mut Rng::with_seed(start as u64);
        let dir = tempfile::tempdir().unwrap();
        let postmap = |who: usize, args: &[&str], stdin: &str| {
            fs::write(dir.path().join("stdin"), stdin).unwrap();
            let output = Command::new(suites[who].program(Tool::Postmap))
                .args(["-c", "."])
                .args(args)
                .current_dir(dir.path())
                .stdin(File::open(dir.path().join("stdin")).unwrap())
                .stdout(Stdio::null())
                .output()
                .unwrap();
            assert!(output.stderr.is_empty(), "{}", output.stderr.escape_ascii());
        };
        fs::write(dir.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let main_cf = File::options().write(true).open(dir.path().join("main.cf")).unwrap();
        main_cf.set_modified(hour_ago).unwrap();
        fs::write(dir.path().join("m"), "").unwrap();
        postmap(start, &["hash:m"], "");
        let mut map = Map::new();
        for turn in 0..20 {
            let who = (start + turn) % 2;
            let mut entries = String::new();
            for _ in 0..BATCH {
                let i = rng.u32(..6_000);
                let value = "v".repeat(if rng.u8(..20) == 0 { rng.usize(1..9_000) } else { 9 });
                entries += &format!("user{i}@example.com {value}\n");
                map.insert(format!("user{i}@example.com\0").into(), format!("{value}\0").into());
            }
            postmap(who, &["-ir", "hash:m"], &entries);
            let path = dir.path().join("m.db");
            verify(&path).unwrap();
            let mut keys = String::new();
            for _ in 0..BATCH / 2 {
                let i = rng.u32(..6_000);
                keys += &format!("user{i}@example.com\n");
                map.remove(format!("user{i}@example.com\0").as_bytes());
            }
            postmap(who, &["-d", "-", "hash:m"], &keys);
            assert_holds(&path, &map);
        }
    }
}
