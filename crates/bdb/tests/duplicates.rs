//! Tables whose keys may have several data items: what the builder writes is sound, and read as it
//! was pushed.

mod generated;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use bdb_file::{BuildOptions, DataOrder, Datum, HashBuilder, HashDb, Keep, salvage, verify};
use generated::options;
use proptest::prelude::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn build(pairs: &Pairs, options: BuildOptions) -> (Vec<u8>, u64) {
    let mut builder = HashBuilder::new(options);
    for (key, data) in pairs {
        builder.push(key, data).unwrap();
    }
    let plan = builder.plan(Keep::Last).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    (file, plan.pairs())
}

/// The data of each key, in their order.
fn expected(pairs: &Pairs, order: DataOrder) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut expected: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, data) in pairs.iter().cloned() {
        expected.entry(key).or_default().push(data);
    }
    if order == DataOrder::Sorted {
        for data in expected.values_mut() {
            *data = std::mem::take(data).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        }
    }
    expected
}

/// Asserts that a table of these pairs is sound and has them.
fn check(pairs: &Pairs, order: DataOrder, options: BuildOptions) -> Vec<u8> {
    let (file, stored) = build(pairs, options.data_order(order));
    let verified = verify(&file, |problem| panic!("{problem:?}")).unwrap();
    assert!(verified.is_sound());
    let expected = expected(pairs, order);
    let count = expected.values().map(|data| data.len() as u64).sum();
    assert_eq!(stored, count);

    let database = HashDb::open(&file).unwrap();
    let mut listed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for pair in &database {
        let (key, data) = pair.unwrap();
        listed.entry(key.into_owned()).or_default().push(data.into_owned());
    }
    assert_eq!(listed, expected);
    for (key, data) in &expected {
        let all: Vec<_> =
            database.get_all(key).unwrap().map(|data| data.unwrap().into_owned()).collect();
        assert_eq!(&all, data);
        assert_eq!(database.get(key).unwrap().as_deref(), Some(&data[0][..]));
    }
    let stat = database.stat().unwrap();
    assert_eq!((stat.keys, stat.data_items), (expected.len() as u64, count));

    let salvaged = salvage(&file, |pair| {
        assert!(pair.is_certain(), "{pair:?}");
        ControlFlow::Continue(())
    });
    assert_eq!(salvaged.unwrap().certain, count);
    file
}

fn order() -> impl Strategy<Value = DataOrder> {
    prop_oneof![Just(DataOrder::Insertion), Just(DataOrder::Sorted)]
}

/// Few keys; data that are short, or start alike for longer than a small page has room.
fn pairs() -> impl Strategy<Value = Pairs> {
    let key = prop_oneof![
        8 => prop::collection::vec(97u8..100, 0..2),
        1 => (0usize..400, 97u8..99).prop_map(|(len, byte)| vec![byte; len]),
    ];
    let data = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..20),
        3 => (0usize..200, prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(len, end)| [vec![7; len], end].concat()),
        1 => (0usize..3000, prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(len, end)| [vec![7; len], end].concat()),
    ];
    prop::collection::vec((key, data), 0..200)
}

proptest! {
    #[test]
    fn all_data_of_a_key_are_read(pairs in pairs(), order in order(), options in options()) {
        check(&pairs, order, options);
    }
}

/// Trees of three levels and more, in which what tells one page from the next is short, long, or
/// too long for a page.
#[test]
fn high_trees() {
    for order in [DataOrder::Insertion, DataOrder::Sorted] {
        for alike in [0, 60, 120, 300, 1200] {
            let pairs: Pairs = (0..3000u32)
                .map(|i| {
                    let number = i.wrapping_mul(2_654_435_761).to_be_bytes();
                    (b"key".to_vec(), [&vec![b'-'; alike][..], &number].concat())
                })
                .collect();
            let options = BuildOptions::default().page_size(512);
            check(&pairs, order, options);
        }
    }
}

#[test]
fn terminated_data_are_told_apart_by_their_ends() {
    let options = BuildOptions::default().page_size(512).data_order(DataOrder::Sorted);
    let mut builder = HashBuilder::new(options);
    let data: Vec<Vec<u8>> = (0..200).map(|len| vec![b'x'; len]).collect();
    for data in &data {
        builder.push(b"key\0", Datum::terminated(data)).unwrap();
    }
    let mut file = Vec::new();
    builder.plan(Keep::Last).unwrap().write_to(&mut file).unwrap();
    assert!(verify(&file, |problem| panic!("{problem:?}")).unwrap().is_sound());
    let database = HashDb::open(&file).unwrap();
    let all: Vec<_> = database.get_all(b"key\0").unwrap().map(Result::unwrap).collect();
    assert!(
        all.iter().eq(data
            .iter()
            .map(|data| [data, &b"\0"[..]].concat())
            .collect::<Vec<_>>()
            .iter())
    );
}
