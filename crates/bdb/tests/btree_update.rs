//! Changes to a btree database, held against a map in memory.

mod btree_start;

use std::collections::BTreeMap;

use bdb_file::{BtreeDb, BtreeUpdate, Datum, ErrorKind, Keep, Unsupported};
use btree_start::{PLAIN, Start, assert_holds, golden, listed, start};
use proptest::prelude::*;

/// What is stored under each key. An update stores one item.
type Map = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Operation {
    Put(Vec<u8>, Vec<u8>, Keep),
    Delete(Vec<u8>),
    /// Keys that follow each other, upwards or downwards.
    Run(u32, u32, bool),
    /// All keys from this one on.
    DeleteRange(Vec<u8>, usize),
    /// Write the changes out and start over from the file.
    Reopen,
}

/// Few keys, so that they are met again; some are big, and prefixes of each other.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u32..200).prop_map(|i| format!("key{i:03}").into_bytes()),
        4 => (0u32..60).prop_map(|i| format!("{i}user@example.com").into_bytes()),
        2 => (0usize..400).prop_map(|len| vec![b'k'; len]),
        // Big ones that differ at the end only.
        1 => (1000usize..3000, 0u8..9).prop_map(|(len, last)| [vec![b'k'; len], vec![last]].concat()),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0usize..120, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        2 => (0usize..3000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let keep = prop_oneof![Just(Keep::First), Just(Keep::Last)];
    prop_oneof![
        20 => (key(), data(), keep).prop_map(|(key, data, keep)| Operation::Put(key, data, keep)),
        14 => key().prop_map(Operation::Delete),
        1 => (0u32..1000, 1u32..60, any::<bool>()).prop_map(|(from, len, up)| Operation::Run(from, len, up)),
        1 => (key(), 0usize..80).prop_map(|(from, len)| Operation::DeleteRange(from, len)),
        2 => Just(Operation::Reopen),
    ]
}

/// Makes a change in both; the update is to say what the map does.
fn put(update: &mut BtreeUpdate<Vec<u8>>, map: &mut Map, key: &[u8], data: &[u8], keep: Keep) {
    let stored = keep == Keep::Last || !map.contains_key(key);
    assert_eq!(update.put(key, data, keep).unwrap(), stored);
    if stored {
        map.insert(key.to_vec(), vec![data.to_vec()]);
    }
    let expected = map.get(key).map(|data| &data[0][..]);
    assert_eq!(update.get(key).unwrap().as_deref(), expected);
}

fn delete(update: &mut BtreeUpdate<Vec<u8>>, map: &mut Map, key: &[u8]) {
    assert_eq!(update.delete(key).unwrap(), map.remove(key).is_some());
    assert_eq!(update.get(key).unwrap(), None);
}

fn run(mut file: Vec<u8>, operations: Vec<Operation>) {
    let mut map = Map::new();
    for (key, data) in listed(&file) {
        map.entry(key).or_default().push(data);
    }
    let mut update = BtreeUpdate::open(file.clone()).unwrap();
    for operation in operations {
        match operation {
            Operation::Put(key, data, keep) => put(&mut update, &mut map, &key, &data, keep),
            Operation::Delete(key) => delete(&mut update, &mut map, &key),
            Operation::Run(from, len, up) => {
                for i in 0..len {
                    let i = if up { from + i } else { from + len - i };
                    put(&mut update, &mut map, format!("run{i:04}").as_bytes(), b"run", Keep::Last);
                }
            }
            Operation::DeleteRange(from, len) => {
                let keys: Vec<_> =
                    map.range(from..).map(|(key, _)| key.clone()).take(len).collect();
                keys.iter().for_each(|key| delete(&mut update, &mut map, key));
            }
            Operation::Reopen => {
                update.finish().unwrap().apply(&mut file);
                assert_holds(&file, &map);
                update = BtreeUpdate::open(file.clone()).unwrap();
            }
        }
    }
    update.finish().unwrap().apply(&mut file);
    assert_holds(&file, &map);

    // At last nothing is left but the root.
    let mut update = BtreeUpdate::open(file.clone()).unwrap();
    for key in std::mem::take(&mut map).keys() {
        assert!(update.delete(key).unwrap());
    }
    update.finish().unwrap().apply(&mut file);
    assert_holds(&file, &map);
    assert!(root_is_leaf(&file));
}

fn root_is_leaf(file: &[u8]) -> bool {
    let root = BtreeDb::open(file).unwrap().page_size() as usize;
    file[root + 24..root + 26] == [1, 5]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn a_database_does_as_a_map_does(
        start in start(),
        operations in prop::collection::vec(operation(), 0..250),
    ) {
        run(start.file(), operations);
    }

    #[test]
    fn libdb_s_databases_do_as_a_map_does(
        which in 0..6usize,
        operations in prop::collection::vec(operation(), 0..150),
    ) {
        run(golden().swap_remove(which).1, operations);
    }
}

#[test]
fn nothing_done_changes_nothing() {
    for (name, file) in golden() {
        let mut update = BtreeUpdate::open(&file).unwrap();
        assert!(!update.delete(b"absent").unwrap(), "{name}");
        let key = listed(&file).swap_remove(3).0;
        assert!(!update.put(&key, b"other", Keep::First).unwrap(), "{name}");
        let changes = update.finish().unwrap();
        assert!(changes.is_empty());
        assert_eq!(changes.file_len, file.len() as u64);
    }
}

#[test]
fn every_key_of_libdb_s_databases_is_replaced_and_removed() {
    for (name, mut file) in golden() {
        let mut map = Map::new();
        for (key, data) in listed(&file) {
            map.entry(key).or_default().push(data);
        }
        let keys: Vec<_> = map.keys().cloned().collect();
        // Each by itself, then all others at once.
        for key in keys.iter().step_by(keys.len().div_ceil(40)) {
            let mut update = BtreeUpdate::open(file.clone()).unwrap();
            put(&mut update, &mut map, key, &[b'n'; 700], Keep::Last);
            update.finish().unwrap().apply(&mut file);
            assert_holds(&file, &map);
            let mut update = BtreeUpdate::open(file.clone()).unwrap();
            delete(&mut update, &mut map, key);
            update.finish().unwrap().apply(&mut file);
            assert_holds(&file, &map);
        }
        let mut update = BtreeUpdate::open(file.clone()).unwrap();
        for key in &keys {
            put(&mut update, &mut map, key, b"new", Keep::Last);
        }
        update.finish().unwrap().apply(&mut file);
        assert_holds(&file, &map);
        let mut update = BtreeUpdate::open(file.clone()).unwrap();
        keys.iter().for_each(|key| delete(&mut update, &mut map, key));
        update.finish().unwrap().apply(&mut file);
        assert_holds(&file, &map);
        assert!(root_is_leaf(&file), "{name}");
    }
}

/// Pages that were emptied are used again, so that a table of constant contents does not grow.
#[test]
fn pages_are_used_again() {
    let mut file = PLAIN.file();
    let mut lens = Vec::new();
    for round in 0..20u32 {
        let mut update = BtreeUpdate::open(file.clone()).unwrap();
        for i in 0..300 {
            update.put(&format!("{round}.{i}").into_bytes(), &vec![b'd'; 60], Keep::Last).unwrap();
            if round > 0 {
                assert!(update.delete(&format!("{}.{i}", round - 1).into_bytes()).unwrap());
            }
        }
        update.finish().unwrap().apply(&mut file);
        lens.push(file.len());
    }
    // Pages that are given up are taken by the next change.
    assert_eq!(lens[3], lens[19], "{lens:?}");
}

/// Sorted input leaves pages full, from either end.
#[test]
fn sorted_input_fills_pages() {
    for upwards in [true, false] {
        let mut file = Start { page_size: 1024, ..PLAIN }.file();
        let mut update = BtreeUpdate::open(file.clone()).unwrap();
        for i in 0..5000u32 {
            let i = if upwards { i } else { 4999 - i };
            let (key, data) = (format!("{i:06}").into_bytes(), i.to_string().into_bytes());
            update.put(Datum::terminated(&key), Datum::terminated(&data), Keep::First).unwrap();
        }
        update.finish().unwrap().apply(&mut file);
        // 12 bytes for the key, 8 for the data, 4 for the offsets.
        let least = 5000 * 24 / (1024 - 26);
        let pages = BtreeDb::open(&file).unwrap().page_count();
        assert!(pages <= least * 108 / 100 + 2, "{pages} pages, {least} full ones");
    }
}

#[test]
fn what_is_changed_can_be_looked_up_before_the_end() {
    let file = PLAIN.file();
    let big = |byte| vec![byte; 3000];
    let mut update = BtreeUpdate::open(&file).unwrap();
    for i in 0..1000u32 {
        update.put(&i.to_be_bytes(), &[b'x'; 50], Keep::First).unwrap();
    }
    update.put(&big(b'k'), &big(b'd'), Keep::First).unwrap();
    update.delete(&7u32.to_be_bytes()).unwrap();
    assert_eq!(update.get(&999u32.to_be_bytes()).unwrap().as_deref(), Some(&[b'x'; 50][..]));
    assert_eq!(update.get(&big(b'k')).unwrap().as_deref(), Some(&big(b'd')[..]));
    assert_eq!(update.get(&7u32.to_be_bytes()).unwrap(), None);
    assert_eq!(BtreeDb::open(&file).unwrap().iter().count(), 0, "not in the file yet");
}

#[test]
fn files_that_are_refused() {
    let kind = |file: &[u8]| BtreeUpdate::open(file).unwrap_err().into_kind();
    let version_10 = Start { version: 10, ..PLAIN }.file();
    assert!(matches!(kind(&version_10), ErrorKind::Unsupported(Unsupported::Version(10))));
    let with_flags = |flags: u8| {
        let mut file = PLAIN.file();
        file[48] = flags;
        kind(&file)
    };
    let recno = with_flags(2);
    assert!(matches!(recno, ErrorKind::Unsupported(Unsupported::AccessMethod("recno"))));
    assert!(matches!(with_flags(0x80), ErrorKind::Unsupported(Unsupported::Compressed)));
    assert!(matches!(with_flags(0x20), ErrorKind::SeveralDatabases));
    assert!(matches!(with_flags(0x05), ErrorKind::Corrupt(_)));
    let hash = include_bytes!("golden/load.db");
    assert!(matches!(kind(hash), ErrorKind::Unsupported(Unsupported::AccessMethod("hash"))));
}
