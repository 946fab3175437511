//! Btrees that we built: what is written is sound, and read as it was pushed.

mod generated;

use std::collections::{BTreeMap, BTreeSet};

use bdb_file::{
    BtreeBuilder, BtreeDb, BuildOptions, DataOrder, Datum, ErrorKind, FileId, Keep, verify,
};
use generated::{bytes, options};
use proptest::prelude::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A file, and the pairs that it leaves out: the number of the push, and the key.
fn build(pairs: &Pairs, options: BuildOptions, keep: Keep) -> (Vec<u8>, Pairs) {
    let order = options.data_order;
    let mut builder = BtreeBuilder::new(options);
    for (key, data) in pairs {
        builder.push(key, data).unwrap();
    }
    let plan = builder.plan(keep).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    assert_eq!(plan.data_order(), order);
    let dropped: Vec<_> = plan.dropped().collect();
    assert!(dropped.is_sorted());
    assert_eq!(plan.pairs() + dropped.len() as u64, pairs.len() as u64);
    for (push, key) in &dropped {
        assert_eq!(Datum::stored(&pairs[*push as usize].0).bytes, Datum::stored(key).bytes);
    }
    let dropped = dropped.into_iter().map(|(push, _)| pairs[push as usize].clone());
    (file, dropped.collect())
}

/// The data of each key, in their order, and the pairs that are left out, in that of the input.
fn expected(
    pairs: &Pairs,
    order: Option<DataOrder>,
    keep: Keep,
) -> (BTreeMap<Vec<u8>, Vec<Vec<u8>>>, Pairs) {
    let mut stored: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut dropped = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, (key, data)) in pairs.iter().enumerate() {
        let is_last = || pairs[i + 1..].iter().all(|(other, _)| other != key);
        let stays = match (order, keep) {
            (Some(DataOrder::Insertion), _) => true,
            (Some(DataOrder::Sorted), _) => seen.insert((key, data)),
            (None, Keep::First) => !stored.contains_key(key),
            (None, _) => is_last(),
        };
        if stays {
            stored.entry(key.clone()).or_default().push(data.clone());
        } else {
            dropped.push((key.clone(), data.clone()));
        }
    }
    if order == Some(DataOrder::Sorted) {
        stored.values_mut().for_each(|data| data.sort_unstable());
    }
    (stored, dropped)
}

/// Asserts that a btree of these pairs is sound and has them.
fn check(pairs: &Pairs, options: BuildOptions, keep: Keep) -> Vec<u8> {
    let (file, dropped) = build(pairs, options.clone(), keep);
    let verdict = verify(&file, |problem| panic!("{problem:?}")).unwrap();
    assert!(verdict.is_sound());
    let (stored, left_out) = expected(pairs, options.data_order, keep);
    assert_eq!(dropped, left_out);

    let database = BtreeDb::open(&file).unwrap();
    let meta = database.meta();
    assert_eq!(meta.record_numbers, options.record_numbers);
    assert_eq!(meta.minimum_keys, options.minimum_keys.unwrap_or(2));
    assert_eq!(meta.duplicates, options.data_order.is_some());
    assert_eq!(meta.sorted_duplicates, options.data_order == Some(DataOrder::Sorted));
    assert_eq!(database.byte_order(), options.byte_order);
    assert_eq!(database.has_checksums(), options.checksums);

    let listed: Pairs = database
        .iter()
        .map(|pair| pair.map(|(key, data)| (key.into_owned(), data.into_owned())).unwrap())
        .collect();
    let in_order =
        stored.iter().flat_map(|(key, all)| all.iter().map(|data| (key.clone(), data.clone())));
    assert!(listed.into_iter().eq(in_order));
    for (key, data) in &stored {
        let all: Vec<_> =
            database.get_all(key).unwrap().map(|data| data.unwrap().into_owned()).collect();
        assert_eq!(&all, data);
        let longer = [&key[..], b"\0"].concat();
        let other = database.get(&longer).unwrap();
        assert_eq!(other.as_deref(), stored.get(&longer).map(|data| &data[0][..]));
    }
    file
}

fn keep() -> impl Strategy<Value = Keep> {
    prop_oneof![Just(Keep::First), Just(Keep::Last)]
}

/// All ways in which a btree can be laid out.
fn btree_options() -> impl Strategy<Value = BuildOptions> {
    let data_order = prop_oneof![
        3 => Just(None),
        1 => Just(Some(DataOrder::Insertion)),
        1 => Just(Some(DataOrder::Sorted)),
    ];
    (options(), data_order, any::<bool>(), prop::option::of(2u32..25)).prop_map(
        |(options, data_order, record_numbers, minimum_keys)| {
            options
                .data_order(data_order)
                .record_numbers(record_numbers && data_order.is_none())
                .minimum_keys(minimum_keys)
        },
    )
}

/// Keys that are alike for several of the steps in which they are sorted, and some of which come
/// again.
fn keys_alike() -> impl Strategy<Value = Vec<u8>> {
    (0usize..40, "[\0ab]{0,3}").prop_map(|(len, end)| [&vec![b'a'; len], end.as_bytes()].concat())
}

/// Few keys; data that are short, or start alike for longer than a small page has room.
fn of_few_keys() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
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
    (key, data)
}

proptest! {
    #[test]
    fn what_is_pushed_is_read(
        pairs in prop::collection::vec((bytes(), bytes()), 0..120),
        options in btree_options(),
        keep in keep(),
    ) {
        check(&pairs, options, keep);
    }

    #[test]
    fn keys_that_start_alike(
        pairs in prop::collection::vec((keys_alike(), bytes()), 0..200),
        options in btree_options(),
        keep in keep(),
    ) {
        check(&pairs, options, keep);
    }

    #[test]
    fn several_data_of_a_key(
        pairs in prop::collection::vec(of_few_keys(), 0..200),
        options in btree_options(),
        keep in keep(),
    ) {
        check(&pairs, options, keep);
    }

    /// A NUL that is only stated is as good as one that is there, and so is a pair in the text as
    /// one that is copied: the file is the same.
    #[test]
    fn the_same_pairs_make_the_same_file(
        pairs in prop::collection::vec((bytes(), bytes()), 0..60),
        options in btree_options(),
    ) {
        let text: Vec<u8> = pairs.iter().flat_map(|(key, data)| [&key[..], data].concat()).collect();
        let mut over = BtreeBuilder::over(&text, options.clone());
        let mut copied = BtreeBuilder::new(options);
        let mut rest = &text[..];
        for (key, data) in &pairs {
            let (now, later) = rest.split_at(key.len() + data.len());
            rest = later;
            let (key_there, data_there) = now.split_at(key.len());
            let (key_there, data_there) = (Datum::stored(key_there), Datum::stored(data_there));
            over.push(key_there, data_there).unwrap();
            copied.push(key, data).unwrap();
        }
        let mut files = [Vec::new(), Vec::new()];
        for (builder, file) in [over, copied].into_iter().zip(&mut files) {
            builder.plan(Keep::First).unwrap().write_to(file).unwrap();
        }
        prop_assert!(files[0] == files[1]);
    }
}

/// Trees of three levels and more, in which what tells one page from the next is short, long, or
/// too long for a page.
#[test]
fn high_trees() {
    for (alike, record_numbers) in
        [(0, false), (0, true), (60, false), (120, true), (300, true), (1200, false)]
    {
        let pairs: Pairs = (0..3000u32)
            .map(|i| {
                let number = i.wrapping_mul(2_654_435_761).to_be_bytes();
                ([&vec![b'-'; alike][..], &number].concat(), number[..2].to_vec())
            })
            .collect();
        let options = BuildOptions::default().page_size(512).record_numbers(record_numbers);
        check(&pairs, options, Keep::First);
    }
}

/// So many that they are sorted in two parts, with equal keys in both.
#[test]
fn many_pairs_in_any_order() {
    for alike in ["", "all of them start so"] {
        let pair = |i: u32| {
            let key = format!("{alike}{}", i.wrapping_mul(2_654_435_761) % 60_000);
            (key.into_bytes(), i.to_be_bytes().to_vec())
        };
        let pairs: Pairs = (0..90_000).map(pair).collect();
        for (keep, kept) in [(Keep::First, 0), (Keep::Last, 1)] {
            let (file, dropped) = build(&pairs, BuildOptions::default(), keep);
            let mut stored = BTreeMap::new();
            for (key, data) in &pairs {
                let ends: &mut [_; 2] = stored.entry(key).or_insert([data; 2]);
                ends[1] = data;
            }
            assert!(dropped.len() == pairs.len() - stored.len() && !dropped.is_empty());
            let database = BtreeDb::open(&file).unwrap();
            let listed = database.iter().map(Result::unwrap);
            assert!(
                listed.eq(stored
                    .iter()
                    .map(|(key, ends)| { (key.as_slice().into(), ends[kept].as_slice().into()) }))
            );
        }
    }
}

#[test]
fn the_page_size_suits_most_pairs() {
    let page_size = |lens: &[(usize, usize)], options| {
        let mut builder = BtreeBuilder::new(options);
        for (i, (count, len)) in lens.iter().enumerate() {
            for j in 0..*count {
                builder.push(&[i, j].map(usize::to_be_bytes).concat(), &vec![0; *len]).unwrap();
            }
        }
        builder.plan(Keep::First).unwrap().page_size()
    };
    let options = BuildOptions::default;
    assert_eq!(page_size(&[], options()), 2048);
    // A quarter of the room, but for 10 bytes.
    assert_eq!(page_size(&[(100, 495)], options()), 2048);
    assert_eq!(page_size(&[(100, 496)], options()), 4096);
    assert_eq!(page_size(&[(100, 1008)], options()), 8192);
    assert_eq!(page_size(&[(100, 300)], options().minimum_keys(7)), 8192);
    assert_eq!(page_size(&[(99, 30), (1, 5000)], options()), 2048, "one in a hundred");
    assert_eq!(page_size(&[(98, 30), (2, 3000)], options()), 16384, "more than that");
    assert_eq!(page_size(&[(100, 5000)], options()), 2048, "all big whatever the choice");
    assert_eq!(page_size(&[(100, 1008)], options().page_size(512)), 512);
}

/// Whether a btree is refused for its options.
fn is_refused(options: BuildOptions) -> bool {
    let plan = BtreeBuilder::new(options).plan(Keep::First);
    plan.is_err_and(|error| matches!(error.kind(), ErrorKind::Option(_)))
}

#[test]
fn impossible_options() {
    let options = BuildOptions::default;
    for (options, refused) in [
        (options(), false),
        (options().page_size(256), true),
        (options().page_size(3000), true),
        (options().minimum_keys(1), true),
        (options().minimum_keys(0), true),
        (options().minimum_keys(0).page_size(512), true),
        (options().minimum_keys(24).page_size(512), false),
        (options().minimum_keys(25).page_size(512), true),
        (options().minimum_keys(u32::MAX), true),
        (options().record_numbers(true), false),
        (options().record_numbers(true).data_order(DataOrder::Sorted), true),
    ] {
        assert_eq!(is_refused(options.clone()), refused, "{options:?}");
    }
}

#[test]
fn a_file_has_an_identification_of_its_own() {
    let pairs = vec![(b"a".to_vec(), b"b".to_vec())];
    let options = BuildOptions::default;
    let uid = |options| BtreeDb::open(build(&pairs, options, Keep::First).0).unwrap().meta().uid;
    assert_ne!(uid(options()), uid(options()));
    assert_eq!(uid(options().file_id(FileId::Contents)), uid(options().file_id(FileId::Contents)));
}
