//! What a reader finds while the changes to a btree are written page by page: every key that is
//! there before and after, once, with its data before or after.

mod btree_start;

use std::collections::{BTreeMap, BTreeSet};

use bdb_file::{Block, BtreeDb, BtreeUpdate, Changes, Keep};
use btree_start::{PLAIN, Start, damage, golden, listed};
use proptest::prelude::*;

/// What is stored under each key.
type Map = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

#[derive(Clone, Debug)]
enum Operation {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        9 => (0u32..150).prop_map(|i| format!("key{i:03}").into_bytes()),
        1 => (0usize..400).prop_map(|len| vec![b'k'; len]),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0usize..120, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        1 => (0usize..1500, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

/// A run of keys is removed at once, so that leaves become empty; some come back.
fn operations(puts: u32, deletions: u32, most: usize) -> impl Strategy<Value = Vec<Operation>> {
    let run = (0u32..150, 0u32..30, 0u32..6).prop_map(|(from, len, back)| {
        let key = |i: u32| format!("key{i:03}").into_bytes();
        let removed = (from..from + len).map(|i| Operation::Delete(key(i)));
        let back = (from..from + back).map(|i| Operation::Put(key(i), vec![b'b'; 50]));
        removed.chain(back).collect::<Vec<_>>()
    });
    let operations = prop_oneof![
        10 * puts => (key(), data()).prop_map(|(key, data)| vec![Operation::Put(key, data)]),
        10 * deletions => key().prop_map(|key| vec![Operation::Delete(key)]),
        1 => run,
    ];
    prop::collection::vec(operations, 0..most).prop_map(|operations| operations.concat())
}

/// Makes the changes in the map, too.
fn change(file: &[u8], map: &mut Map, operations: &[Operation]) -> Changes {
    let mut update = BtreeUpdate::open(file).unwrap();
    for operation in operations {
        match operation {
            Operation::Put(key, data) => {
                update.put(key, data, Keep::Last).unwrap();
                map.insert(key.clone(), vec![data.clone()]);
            }
            Operation::Delete(key) => {
                assert_eq!(update.delete(key).unwrap(), map.remove(key).is_some());
            }
        }
    }
    update.finish().unwrap()
}

fn map_of(file: &[u8]) -> Map {
    let mut map = Map::new();
    for (key, data) in listed(file) {
        map.entry(key).or_default().push(data);
    }
    map
}

/// Writes page after page; after each, looks each key up that is in both states, and lists all.
fn assert_no_key_is_missed(file: &[u8], changes: &Changes, old: &Map, new: &Map) {
    let page_size = changes.block_len as usize;
    let mut state = file.to_vec();
    state.resize(file.len().max(changes.file_len as usize), 0);
    let mut seen = BTreeSet::new();
    let pages = &changes.blocks;
    for written in 0..=pages.len() {
        if let Some(Block { at, bytes: page }) = written.checked_sub(1).map(|i| &pages[i]) {
            assert!(seen.insert(*at), "each page once");
            assert_eq!(page.len(), page_size);
            assert!(at + page.len() as u64 <= changes.file_len);
            state[*at as usize..][..page.len()].copy_from_slice(page);
        }
        let database = BtreeDb::open(&state).unwrap();
        let listed = map_of(&state);
        for (key, before) in old {
            let Some(after) = new.get(key) else { continue };
            let found: Vec<_> = database.get_all(key).unwrap().map(Result::unwrap).collect();
            let name = key.escape_ascii();
            let total = pages.len();
            assert!(found == *before || found == *after, "{name} after {written} of {total} pages");
            let found = listed.get(key);
            assert!(
                found == Some(before) || found == Some(after),
                "{name} in the list after {written} of {total} pages"
            );
        }
    }
    state.truncate(changes.file_len as usize);
    let mut applied = file.to_vec();
    changes.apply(&mut applied);
    assert!(state == applied);
    assert_eq!(damage(&state), [""; 0]);
    assert_eq!(&map_of(&state), new);
}

fn check(mut file: Vec<u8>, updates: &[Vec<Operation>]) {
    let mut map = map_of(&file);
    for operations in updates {
        let old = map.clone();
        let changes = change(&file, &mut map, operations);
        assert_no_key_is_missed(&file, &changes, &old, &map);
        changes.apply(&mut file);
    }
}

fn updates() -> impl Strategy<Value = Vec<Vec<Operation>>> {
    let operations = prop_oneof![
        operations(1, 0, 100),
        operations(0, 1, 60),
        operations(2, 1, 60),
        operations(1, 2, 60),
        operations(1, 1, 3),
    ];
    prop::collection::vec(operations, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_key_is_missed(
        updates in updates(),
        page_size in prop_oneof![4 => Just(512usize), 1 => Just(1024)],
        checksums: bool,
        record_numbers: bool,
    ) {
        check(Start { page_size, checksums, record_numbers, ..PLAIN }.file(), &updates);
    }

    #[test]
    fn no_key_of_libdb_s_is_missed(which in 0..6usize, updates in updates()) {
        check(golden().swap_remove(which).1, &updates);
    }
}

/// A leaf is emptied, and its keys come back when the leaf before has been divided.
#[test]
fn keys_that_come_back() {
    let key = |i: u32| format!("key{i:03}").into_bytes();
    let file = {
        let mut file = PLAIN.file();
        let mut update = BtreeUpdate::open(file.clone()).unwrap();
        for i in 0..100 {
            update.put(&key(i), &[b'd'; 60], Keep::Last).unwrap();
        }
        update.finish().unwrap().apply(&mut file);
        file
    };
    for from in (0..90).step_by(3) {
        for len in [6, 12, 20] {
            let removed = (from..from + len).map(|i| Operation::Delete(key(i)));
            let dividing = (0..40).map(|i| {
                Operation::Put(
                    format!("key{:03}.{i}", from.saturating_sub(1)).into(),
                    vec![b'x'; 60],
                )
            });
            let back = (from..from + len).step_by(2).map(|i| Operation::Put(key(i), vec![b'y'; 9]));
            let operations: Vec<_> = removed.chain(dividing).chain(back).collect();
            check(file.clone(), &[operations]);
        }
    }
}
