//! Changes to a database, held against a map in memory.

#[path = "fuzzed/model.rs"]
mod model;

use bdb_file::{BuildOptions, ByteOrder, Datum, FileId, HashDb, HashUpdate, Keep};
use model::Map;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Put(Vec<u8>, Vec<u8>, Keep),
    Delete(Vec<u8>),
    /// Write the changes out and start over from the file.
    Reopen,
}

/// Few keys, so that they are met again; some are big on small pages, and prefixes of each other.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0u32..60).prop_map(|i| format!("key{i}").into_bytes()),
        1 => (0usize..400).prop_map(|len| vec![b'k'; len]),
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
        10 => (key(), data(), keep).prop_map(|(key, data, keep)| Operation::Put(key, data, keep)),
        7 => key().prop_map(Operation::Delete),
        1 => Just(Operation::Reopen),
    ]
}

fn assert_holds(file: &[u8], map: &Map) {
    let hash = HashDb::open(file).unwrap();
    model::assert_holds(&hash, map);
    assert_eq!(hash.meta().elements as usize, map.len());
    assert_every_page_is_used_once(file, &hash);
}

/// Follows every link; what is not reached must be on the free list, or reserved and empty.
fn assert_every_page_is_used_once(file: &[u8], hash: &HashDb<&[u8]>) {
    let page_size = hash.page_size() as usize;
    let order = hash.byte_order();
    let number = |page: &[u8], at: usize| {
        let bytes: [u8; 4] = page[at..at + 4].try_into().unwrap();
        match order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    };
    let pages: Vec<&[u8]> = file.chunks(page_size).collect();
    let mut free = hash.meta().free;
    let mut on_list = 0;
    while free != 0 {
        assert_eq!(pages[free as usize][25], 0, "page {free} is on the free list");
        free = number(pages[free as usize], 16);
        on_list += 1;
    }
    let is_free = |page: &&&[u8]| page[25] == 0 && number(page, 8) != 0;
    assert_eq!(pages.iter().filter(is_free).count(), on_list, "free pages are on the list");
    // Links lead back, and every overflow page has one page or reference that leads to it.
    for page in &pages {
        let (this, next) = (number(page, 8), number(page, 16));
        if matches!(page[25], 7 | 13) && next != 0 {
            assert_eq!(number(pages[next as usize], 12), this);
            assert_eq!(pages[next as usize][25], page[25]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_database_does_as_a_map_does(
        start in prop::collection::btree_map(key(), data(), 0..30),
        operations in prop::collection::vec(operation(), 0..150),
        page_size in prop_oneof![3 => Just(512u32), 1 => Just(1024), 1 => Just(4096), 1 => Just(65536)],
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
        let mut file = model::build(options, &start);
        let mut map = start;
        let base = file.clone();
        let mut update = HashUpdate::open(base).unwrap();
        for operation in operations {
            match operation {
                Operation::Put(key, data, keep) => {
                    let stored = keep == Keep::Last || !map.contains_key(&key);
                    prop_assert_eq!(update.put(&key, &data, keep).unwrap(), stored);
                    if stored {
                        map.insert(key.clone(), data);
                    }
                    let found = update.get(&key).unwrap();
                    prop_assert_eq!(found.as_deref(), map.get(&key).map(Vec::as_slice));
                }
                Operation::Delete(key) => {
                    prop_assert_eq!(update.delete(&key).unwrap(), map.remove(&key).is_some());
                    prop_assert_eq!(update.get(&key).unwrap(), None);
                }
                Operation::Reopen => {
                    update.finish().unwrap().apply(&mut file);
                    assert_holds(&file, &map);
                    update = HashUpdate::open(file.clone()).unwrap();
                }
            }
        }
        update.finish().unwrap().apply(&mut file);
        assert_holds(&file, &map);
    }
}

#[test]
fn nothing_done_changes_nothing() {
    let file = model::build(BuildOptions::default(), &Map::new());
    let mut update = HashUpdate::open(&file).unwrap();
    assert!(!update.delete(b"absent").unwrap());
    let changes = update.finish().unwrap();
    assert!(changes.is_empty());
    assert_eq!(changes.file_len, file.len() as u64);
}

#[test]
fn what_is_changed_can_be_looked_up_before_the_end() {
    let start = Map::from([(b"old".to_vec(), b"data".to_vec())]);
    let file = model::build(BuildOptions::default().page_size(512), &start);
    let big = |byte| vec![byte; 3000];

    let mut update = HashUpdate::open(&file).unwrap();
    let holds = |update: &HashUpdate<&Vec<u8>>, key: &[u8], data: Option<&[u8]>| {
        assert_eq!(update.get(key).unwrap().as_deref(), data);
    };
    holds(&update, b"old", Some(b"data"));
    holds(&update, b"new", None);
    update.put(b"new", &big(b'a'), Keep::First).unwrap();
    holds(&update, b"new", Some(&big(b'a')));
    update.put(b"new", b"other", Keep::First).unwrap();
    holds(&update, b"new", Some(&big(b'a')));
    update.put(b"new", &big(b'b'), Keep::Last).unwrap();
    holds(&update, b"new", Some(&big(b'b')));
    update.put(&big(b'k'), b"short", Keep::First).unwrap();
    holds(&update, &big(b'k'), Some(b"short"));
    update.delete(b"old").unwrap();
    holds(&update, b"old", None);
    // The table has grown in the meantime.
    for i in 0..1000u32 {
        update.put(&i.to_be_bytes(), &[b'x'; 50], Keep::First).unwrap();
    }
    holds(&update, &999u32.to_be_bytes(), Some(&[b'x'; 50]));
    holds(&update, b"new", Some(&big(b'b')));
    assert_eq!(HashDb::open(&file).unwrap().get(b"new").unwrap(), None, "not in the file yet");
}

#[test]
fn a_table_grows_with_its_contents() {
    let mut file = model::build(BuildOptions::default().page_size(512), &Map::new());
    let mut update = HashUpdate::open(file.clone()).unwrap();
    let mut map = Map::new();
    for i in 0..20_000u32 {
        let (key, data) = (format!("user{i}@example.com").into_bytes(), i.to_string().into_bytes());
        update.put(Datum::terminated(&key), Datum::terminated(&data), Keep::First).unwrap();
        map.insert([&key[..], b"\0"].concat(), [&data[..], b"\0"].concat());
    }
    update.finish().unwrap().apply(&mut file);
    assert_holds(&file, &map);
    let buckets = HashDb::open(&file).unwrap().meta().max_bucket;
    assert!(buckets > 1000, "no long chains: {buckets}");
}
