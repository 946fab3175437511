//! The order of an update's pages: whatever of them has been written, in this order, readers find
//! what was there and stays.

#[path = "fuzzed/model.rs"]
mod model;

use std::collections::BTreeSet;

use bdb_file::{Block, BuildOptions, ByteOrder, Changes, FileId, HashDb, HashUpdate, Keep};
use model::{Map, assert_holds};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
}

/// Few keys, so that they are met again; some are big on small pages.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => (0u32..80).prop_map(|i| format!("key{i}").into_bytes()),
        1 => (0usize..4).prop_map(|i| format!("{i}{}", "k".repeat(200 + i)).into_bytes()),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0usize..120, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        1 => (0usize..1500, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ]
}

fn operations(puts: u32, deletions: u32, most: usize) -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        puts => (key(), data()).prop_map(|(key, data)| Operation::Put(key, data)),
        deletions => key().prop_map(Operation::Delete),
    ];
    prop::collection::vec(operation, 0..most)
}

/// Makes the changes in the map, too.
fn change(file: &[u8], map: &mut Map, operations: &[Operation]) -> Changes {
    let mut update = HashUpdate::open(file).unwrap();
    for operation in operations {
        match operation {
            Operation::Put(key, data) => {
                update.put(key, data, Keep::Last).unwrap();
                map.insert(key.clone(), data.clone());
            }
            Operation::Delete(key) => {
                assert_eq!(update.delete(key).unwrap(), map.remove(key).is_some());
            }
        }
    }
    update.finish().unwrap()
}

/// Writes page after page, and looks each key up that is in both states.
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
        let database = HashDb::open(&state).unwrap();
        for (key, before) in old {
            let Some(after) = new.get(key) else { continue };
            let found = database.get(key).unwrap();
            let found = found.as_deref();
            assert!(
                found == Some(before) || found == Some(after),
                "{} after {written} of {} pages",
                key.escape_ascii(),
                pages.len(),
            );
        }
    }
    state.truncate(changes.file_len as usize);
    let mut applied = file.to_vec();
    changes.apply(&mut applied);
    assert!(state == applied);
    assert_holds(&HashDb::open(&state).unwrap(), new);
}

fn check(options: BuildOptions, start: Map, updates: &[Vec<Operation>]) {
    let mut file = model::build(options, &start);
    let mut map = start;
    for operations in updates {
        let old = map.clone();
        let changes = change(&file, &mut map, operations);
        assert_no_key_is_missed(&file, &changes, &old, &map);
        changes.apply(&mut file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_key_is_missed(
        start in prop::collection::btree_map(key(), data(), 0..80),
        updates in prop::collection::vec(prop_oneof![
            operations(1, 0, 60),
            operations(0, 1, 60),
            operations(2, 1, 60),
            operations(1, 2, 60),
            operations(1, 1, 3),
        ], 1..5),
        page_size in prop_oneof![4 => Just(512u32), 2 => Just(1024), 1 => Just(4096)],
        buckets in 2u32..7,
        big_endian: bool,
        checksums: bool,
    ) {
        let options = BuildOptions::default()
            .page_size(page_size)
            .buckets(buckets)
            .byte_order(if big_endian { ByteOrder::Big } else { ByteOrder::Little })
            .checksums(checksums)
            .file_id(FileId::Contents);
        check(options, start, &updates);
    }
}

/// Pairs of two pages, each of which takes the place of the other's.
#[test]
fn pairs_that_change_places() {
    let options = || BuildOptions::default().page_size(512).buckets(2).file_id(FileId::Contents);
    let start: Map = (0..60u8).map(|i| (format!("key{i}").into_bytes(), vec![i; 40])).collect();
    for first in 0..60 {
        for second in (0..60).step_by(7).filter(|second| *second != first) {
            let key = |i: usize| format!("key{i}").into_bytes();
            let longer = vec![b'x'; 110];
            let updates = [vec![
                Operation::Delete(key(first)),
                Operation::Put(key(second), longer.clone()),
                Operation::Put(key(first), longer.clone()),
                Operation::Put(key(second), vec![b'y'; 30]),
                Operation::Delete(key(second)),
                Operation::Put(key(second), longer),
            ]];
            check(options(), start.clone(), &updates);
        }
    }
}
