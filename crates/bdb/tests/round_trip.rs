//! What the builder writes, the reader finds: any pairs, any options, through every source of
//! pages.

mod generated;
#[path = "fuzzed/model.rs"]
mod model;

use std::io::{Seek, Write};

use bdb_file::{BuildOptions, Datum, FileId, FileSource, HashBuilder, HashDb, Keep, Memory};
use generated::{bytes, options};
use model::{Map, assert_holds};
use proptest::prelude::*;

fn build(pairs: &[(Vec<u8>, Vec<u8>)], options: BuildOptions, keep: Keep) -> Vec<u8> {
    let mut builder = HashBuilder::new(options);
    for (key, data) in pairs {
        builder.push(key, data).unwrap();
    }
    let plan = builder.plan(keep).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    file
}

proptest! {
    #[test]
    fn the_reader_finds_what_was_built(
        pairs in prop::collection::vec((bytes(), bytes()), 0..80),
        options in options(),
    ) {
        let file = build(&pairs, options, Keep::Last);
        let map: Map = pairs.into_iter().collect();
        assert_holds(&HashDb::open(&file).unwrap(), &map);
        let mut on_disk = tempfile::tempfile().unwrap();
        on_disk.write_all(&file).unwrap();
        on_disk.rewind().unwrap();
        assert_holds(&HashDb::open(FileSource::new(on_disk.try_clone().unwrap())).unwrap(), &map);
        // SAFETY: nobody else knows the file.
        let mapped = unsafe { Memory::map(&on_disk) }.unwrap();
        assert_holds(&HashDb::open(mapped).unwrap(), &map);
    }

    #[test]
    fn the_first_or_the_last_of_equal_keys_stays(
        keys in prop::collection::vec(0u8..10, 0..60),
    ) {
        let pairs: Vec<_> =
            keys.iter().enumerate().map(|(i, key)| (vec![*key], vec![i as u8])).collect();
        let last: Map = pairs.iter().cloned().collect();
        let first: Map = pairs.iter().rev().cloned().collect();
        for (keep, map) in [(Keep::First, first), (Keep::Last, last)] {
            let file = build(&pairs, BuildOptions::default(), keep);
            assert_holds(&HashDb::open(file).unwrap(), &map);
        }
    }

    #[test]
    fn borrowed_and_copied_bytes_make_the_same_file(
        text in prop::collection::vec(any::<u8>(), 0..200),
        parts in prop::collection::vec((0usize..200, 0usize..20, 0usize..200, 0usize..20), 0..40),
        terminated: bool,
    ) {
        let part = |start: usize, len: usize| {
            let start = start.min(text.len());
            &text[start..(start + len).min(text.len())]
        };
        let options = BuildOptions::default().file_id(FileId::Contents);
        let mut over = HashBuilder::over(&text, options.clone());
        let mut copied = HashBuilder::new(options);
        for (i, (key, key_len, data, data_len)) in parts.into_iter().enumerate() {
            let (key, data) = (part(key, key_len), part(data, data_len));
            // Some from the text, some not.
            let owned = data.to_vec();
            let mixed = if i % 3 == 0 { &owned } else { data };
            if terminated {
                over.push(Datum::terminated(key), Datum::terminated(mixed)).unwrap();
                copied.push(&[key, b"\0"].concat(), &[data, b"\0"].concat()).unwrap();
            } else {
                over.push(key, mixed).unwrap();
                copied.push(key, data).unwrap();
            }
        }
        let [over, copied] = [over, copied].map(|builder| {
            let mut file = Vec::new();
            builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
            file
        });
        prop_assert_eq!(over, copied);
    }
}

#[test]
fn duplicates_are_told_in_input_order() {
    let mut builder = HashBuilder::new(BuildOptions::default());
    for key in ["b", "a", "a", "b", "c", "a"] {
        builder.push(Datum::terminated(key.as_bytes()), b"x\0").unwrap();
    }
    let plan = builder.plan(Keep::First).unwrap();
    let told: Vec<_> = plan.dropped().collect();
    assert_eq!(told, [(2, &b"a"[..]), (3, b"b"), (5, b"a")]);
    assert_eq!(plan.pairs(), 3);
}

#[test]
fn files_are_told_apart_unless_asked_otherwise() {
    let pairs = [(b"key".to_vec(), b"data".to_vec())];
    let file = |file_id| build(&pairs, BuildOptions::default().file_id(file_id), Keep::First);
    assert_ne!(file(FileId::Unique), file(FileId::Unique));
    assert_eq!(file(FileId::Contents), file(FileId::Contents));
    let other = [(b"key".to_vec(), b"Data".to_vec())];
    let uid = |file: Vec<u8>| HashDb::open(file).unwrap().meta().uid;
    let options = BuildOptions::default().file_id(FileId::Contents);
    assert_ne!(uid(file(FileId::Contents)), uid(build(&other, options, Keep::First)));
}

#[test]
fn impossible_options_are_refused() {
    let refused = |options| HashBuilder::new(options).plan(Keep::First).is_err();
    for page_size in [0, 1, 256, 513, 131_072] {
        assert!(refused(BuildOptions::default().page_size(page_size)));
    }
    for buckets in [0, 1, u32::MAX] {
        assert!(refused(BuildOptions::default().buckets(buckets)));
    }
}

#[test]
fn many_equal_hashes_are_no_trouble() {
    // FNV-1 collides wherever a prefix hashes to zero: NULs in front change nothing.
    let pairs: Vec<_> =
        (0..2000).map(|i| ([vec![0; i], b"key".to_vec()].concat(), i.to_string().into())).collect();
    let file = build(&pairs, BuildOptions::default(), Keep::First);
    assert_holds(&HashDb::open(file).unwrap(), &pairs.into_iter().collect());
}
