//! Files that we built: `db5.3_verify` accepts them, `db5.3_dump` lists what went in, libdb finds
//! every key, and so do we.
//!
//! Each kind of content is built in 54 layouts, 648 files in all, with `MAP_TESTS_ALL=1`, else in 11; then there are eight large ones,
//! and 54 with several data of a key.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::Path;

use bdb_file::{
    BuildOptions, ByteOrder, DataOrder, HashBuilder, Keep, NewDatabases, print_escaped,
};
use fastrand::Rng;
use map_tests::agree::assert_source_holds;
use map_tests::dbtools::{self, Pair};
use map_tests::libdb::Database;
use map_tests::sample::sample;
use tempfile::TempDir;

/// Bytes of cache through which libdb looks keys up: as many as Postfix gives it.
const CACHE: u32 = 128 << 10;

/// Page sizes from the smallest to the largest, and the builder's choice; for each, every pair of
/// byte order and checksums with the number of buckets chosen, the least possible, or none that a
/// table which grew would have.
fn layouts() -> impl Iterator<Item = BuildOptions> {
    let page_sizes = (9..=16).map(|bits| Some(1 << bits)).chain([None]);
    page_sizes.flat_map(|page_size| {
        [None, Some(2), Some(37)].into_iter().enumerate().flat_map(move |(i, buckets)| {
            [false, true].map(|checksums| {
                BuildOptions::default()
                    .page_size(page_size)
                    .buckets(buckets)
                    .checksums(checksums)
                    .byte_order(
                        [ByteOrder::Little, ByteOrder::Big][(i + usize::from(checksums)) % 2],
                    )
            })
        })
    })
}

/// Builds and checks a file in every layout. `pairs` is given the page size to choose lengths by.
fn each_layout(keep: Keep, pairs: impl Fn(&mut Rng, usize) -> Vec<Pair>) {
    for (seed, options) in sample((0..).zip(layouts())) {
        println!("seed {seed}, {options:?}");
        let page_size = options.page_size.unwrap_or(4096) as usize;
        check(pairs(&mut Rng::with_seed(seed), page_size), options, keep);
    }
}

/// A few layouts for contents of many bytes.
fn large_layouts() -> [BuildOptions; 4] {
    let default = BuildOptions::default;
    [
        default(),
        default().byte_order(ByteOrder::Big).checksums(true),
        default().page_size(4096).buckets(3000),
        default().page_size(65536),
    ]
}

/// Builds a file of the pairs and asserts that libdb and we see in it what went in.
fn check(pairs: Vec<Pair>, options: BuildOptions, keep: Keep) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file.db");
    let mut builder = HashBuilder::new(options);
    for (key, data) in &pairs {
        builder.push(key, data).unwrap();
    }
    let file = File::create_new(&path).unwrap();
    builder.plan(keep).unwrap().write_to(file).unwrap();
    let dumped = check_by_libdb(&path, &expected(pairs, keep));
    assert_source_holds(fs::read(&path).unwrap(), None, &dumped);
}

fn expected(mut pairs: Vec<Pair>, keep: Keep) -> BTreeMap<Vec<u8>, Vec<u8>> {
    if keep == Keep::First {
        pairs.reverse();
    }
    pairs.into_iter().collect()
}

/// Asserts that libdb and its tools see exactly the expected pairs in the file and nothing wrong
/// with it; returns them in the order of the file.
fn check_by_libdb(path: &Path, expected: &BTreeMap<Vec<u8>, Vec<u8>>) -> Vec<Pair> {
    dbtools::verify(path).unwrap_or_else(|error| panic!("db5.3_verify: {error}"));

    let dumped = dbtools::dump(path);
    let mut sorted: Vec<_> = dumped.iter().map(|(key, data)| (key, data)).collect();
    sorted.sort_unstable();
    assert_eq!(sorted.len(), expected.len(), "number of pairs");
    let differs = sorted.iter().zip(expected).find(|(dumped, expected)| *dumped != expected);
    assert!(differs.is_none(), "dumped and expected: {differs:?}");

    let mut database = Database::open(path, None, CACHE).unwrap();
    for (key, data) in expected {
        let found = database.get(key).unwrap();
        assert!(found.as_ref() == Some(data), "libdb's data of {}: {found:?}", key.escape_ascii());
    }
    database.close().unwrap();
    assert_eq!(dbtools::key_count(path), expected.len());
    dumped
}

fn bytes(rng: &mut Rng, len: RangeInclusive<usize>) -> Vec<u8> {
    let len = rng.usize(len);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

#[test]
fn nothing() {
    each_layout(Keep::First, |_, _| Vec::new());
}

#[test]
fn one_pair() {
    each_layout(Keep::First, |rng, page| vec![(bytes(rng, 0..=page), bytes(rng, 0..=page))]);
}

#[test]
fn empty_and_tiny_items() {
    each_layout(Keep::First, |rng, _| {
        let mut pairs: Vec<_> = (0..600).map(|_| (bytes(rng, 1..=3), bytes(rng, 0..=2))).collect();
        pairs.extend([(vec![], vec![]), (vec![0], vec![]), (vec![0, 0], vec![0])]);
        pairs
    });
}

#[test]
fn addresses_as_in_postfix_tables() {
    each_layout(Keep::First, |rng, _| {
        let name = |rng: &mut Rng| format!("user{}", rng.u32(0..100_000));
        let pair = |_| {
            let key = format!("{}@example.com\0", name(rng));
            (key.into_bytes(), format!("{}@example.net\0", name(rng)).into_bytes())
        };
        (0..500).map(pair).collect()
    });
}

#[test]
fn items_around_a_quarter_page() {
    each_layout(Keep::First, |rng, page| {
        let around = page / 4 - 2..=page / 4 + 2;
        (0..60).map(|_| (bytes(rng, around.clone()), bytes(rng, around.clone()))).collect()
    });
}

#[test]
fn pairs_that_fill_a_page_to_the_last_byte() {
    each_layout(Keep::First, |rng, page| {
        // Two type bytes and four of offsets a pair; a header of 26 or 32 bytes.
        let data = |key: usize, header: usize| (page - header) / 4 - 6 - key;
        let pair = |i: usize| {
            let header = [26, 32][i % 2];
            let len = data(8, header);
            (bytes(rng, 8..=8), bytes(rng, len..=len))
        };
        (0..64).map(pair).collect()
    });
}

#[test]
fn items_of_whole_pages() {
    each_layout(Keep::First, |rng, page| {
        let pair = |i: usize| {
            let room = page - [0, 26, 32][i % 3];
            let len = (1 + i / 6 % 3) * room;
            (bytes(rng, 4..=20), bytes(rng, len - 1..=len + 1))
        };
        (0..36).map(pair).collect()
    });
}

#[test]
fn keys_longer_than_a_page() {
    each_layout(Keep::First, |rng, page| {
        (0..25).map(|_| (bytes(rng, 1..=3 * page), bytes(rng, 0..=2 * page))).collect()
    });
}

#[test]
fn keys_of_which_one_starts_the_next() {
    each_layout(Keep::First, |rng, page| {
        // Up to twice the length from which on keys leave the page, in steps that keep the sum of
        // lengths small.
        let lengths = (0..=page / 2).step_by(page / 256);
        lengths.map(|len| (vec![b'a'; len], bytes(rng, 0..=8))).collect()
    });
}

#[test]
fn keys_of_equal_hash() {
    each_layout(Keep::First, |rng, page| {
        // The hash of no byte is 0, and a NUL keeps it so: NULs in front of a key change nothing.
        (0..100).map(|i| ([&vec![0; i][..], b"key"].concat(), bytes(rng, 0..=page / 32))).collect()
    });
}

#[test]
fn repeated_keys() {
    for keep in [Keep::First, Keep::Last] {
        each_layout(keep, |rng, page| {
            (0..300).map(|_| (bytes(rng, 0..=1), bytes(rng, 0..=page / 3))).collect()
        });
    }
}

/// Sets on the page and trees off it, with items that are short, or alike for longer than a page
/// has room.
#[test]
fn several_data_of_a_key() {
    for (seed, options) in sample((0..).zip(layouts())) {
        let orders = [DataOrder::Insertion, DataOrder::Sorted];
        let options = options.data_order(orders[seed as usize % 2]);
        println!("seed {seed}, {options:?}");
        let rng = &mut Rng::with_seed(seed);
        let page_size = options.page_size.unwrap_or(4096) as usize;
        let mut pairs = Vec::new();
        for (keys, most) in [(40, 3), (3, 60), (1, 1000)] {
            let alike = vec![7; rng.usize(0..3) * rng.usize(..=page_size / 3)];
            for _ in 0..keys {
                let key = bytes(rng, 5..=9);
                for _ in 0..rng.usize(1..=most) {
                    pairs.push((key.clone(), [&alike[..], &bytes(rng, 0..=20)].concat()));
                }
            }
        }
        check_duplicates(&pairs, options);
    }
}

/// Lists of one level and of three, of names that are short, or alike for longer than a page has
/// room.
#[test]
fn several_databases() {
    for (count, page_size, alike) in [
        (1, 4096, 0),
        (3, 512, 200),
        (600, 512, 0),
        (300, 512, 90),
        (300, 512, 200),
        (300, 4096, 1100),
    ] {
        println!("{count} databases, pages of {page_size}, {alike}");
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let options = BuildOptions::default()
            .page_size(page_size)
            .checksums(count % 2 == 1)
            .byte_order(if count == 300 { ByteOrder::Big } else { ByteOrder::Little });
        let mut expected = BTreeMap::new();
        let databases = (0..count).map(|i: u32| {
            let name = format!("{}{i:03}", "-".repeat(alike)).into_bytes();
            let mut builder = HashBuilder::new(options.clone());
            let pair = |key| (format!("{i} {key}").into_bytes(), vec![b'x'; 10 * i as usize]);
            let pairs: Vec<_> = (0..i % 7).map(pair).collect();
            for (key, data) in &pairs {
                builder.push(key, data).unwrap();
            }
            expected.insert(name.clone(), pairs);
            (name, builder.into())
        });
        let plan = NewDatabases::plan(databases.collect(), Keep::Last).unwrap();
        plan.write_to(File::create_new(&path).unwrap()).unwrap();
        dbtools::verify(&path).unwrap_or_else(|error| panic!("db5.3_verify: {error}"));
        let holds = |expected: &BTreeMap<Vec<u8>, Vec<Pair>>| {
            let dumped = dbtools::dump_all(&path).into_iter().map(|mut dump| {
                dump.pairs.sort_unstable();
                (dump.name.unwrap(), dump.pairs)
            });
            dumped.eq(expected.clone())
        };
        assert!(holds(&expected));

        // libdb goes on with the file: another database comes to it.
        let text =
            b"VERSION=3\nformat=print\ndatabase=other\ntype=hash\nHEADER=END\n a\n b\nDATA=END\n";
        dbtools::load(&path, &[], text);
        dbtools::verify(&path).unwrap_or_else(|error| panic!("changed: db5.3_verify: {error}"));
        expected.insert(b"other".to_vec(), vec![(b"a".to_vec(), b"b".to_vec())]);
        assert!(holds(&expected), "with another");
    }
}

/// Builds a file of the pairs and asserts that libdb finds nothing wrong with it, and sees in it
/// what went in.
fn check_duplicates(pairs: &[Pair], options: BuildOptions) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file.db");
    let sorted = options.data_order == Some(DataOrder::Sorted);
    let mut builder = HashBuilder::new(options);
    for (key, data) in pairs {
        builder.push(key, data).unwrap();
    }
    builder.plan(Keep::Last).unwrap().write_to(File::create_new(&path).unwrap()).unwrap();
    dbtools::verify(&path).unwrap_or_else(|error| panic!("db5.3_verify: {error}"));

    let by_key = |pairs: Vec<Pair>| {
        let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, data) in pairs {
            by_key.entry(key).or_default().push(data);
        }
        by_key
    };
    let mut expected = by_key(pairs.to_vec());
    if sorted {
        for data in expected.values_mut() {
            data.sort_unstable();
            data.dedup();
        }
    }
    let dumped = by_key(dbtools::dump(&path));
    for (key, data) in &expected {
        assert!(dumped.get(key) == Some(data), "data of {}", key.escape_ascii());
    }
    assert_eq!(dumped.len(), expected.len());

    // libdb goes on with the file, and adds to each key.
    let mut text = String::from("VERSION=3\nformat=print\ntype=hash\nduplicates=1\n");
    text += if sorted { "dupsort=1\nHEADER=END\n" } else { "HEADER=END\n" };
    for key in expected.keys() {
        text += &format!(" {}\n one more\n", print_escaped(key));
    }
    dbtools::load(&path, &[], format!("{text}DATA=END\n").as_bytes());
    dbtools::verify(&path).unwrap_or_else(|error| panic!("changed: db5.3_verify: {error}"));
    assert_eq!(
        dbtools::dump(&path).len(),
        expected.values().map(Vec::len).sum::<usize>() + expected.len()
    );
}

#[test]
fn two_hundred_thousand_pairs() {
    for (seed, options) in (0..).zip(large_layouts()) {
        println!("seed {seed}, {options:?}");
        let mut rng = Rng::with_seed(seed);
        let pair = |i| (format!("key {i}\0").into_bytes(), bytes(&mut rng, 0..=40));
        check((0..200_000).map(pair).collect(), options, Keep::First);
    }
}

#[test]
fn items_of_a_megabyte() {
    for (seed, options) in (0..).zip(large_layouts()) {
        println!("seed {seed}, {options:?}");
        let mut rng = Rng::with_seed(seed);
        let mut pair = |key: usize, data: usize| (bytes(&mut rng, key..=key), vec![b'd'; data]);
        let pairs = vec![pair(4, 1 << 20), pair(1 << 20, 4), pair(5, 5), pair((1 << 20) + 1, 0)];
        check(pairs, options, Keep::First);
    }
}
