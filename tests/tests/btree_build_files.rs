//! Btrees that we built: `db5.3_verify` accepts them, `db5.3_dump` lists what went in, real
//! `postmap` goes on with them, and so does `db5.3_load`.
//!
//! Each kind of content is built in 72 layouts, 576 files in all, with `MAP_TESTS_ALL=1`; else in 15.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::Path;

use bdb_file::{
    BtreeBuilder, BuildOptions, ByteOrder, DataOrder, DatabaseBuilder, HashBuilder, Keep,
    NewDatabases, print_escaped,
};
use fastrand::Rng;
use map_tests::dbtools::{self, Pair};
use map_tests::raw;
use map_tests::sample::sample;
use map_tests::tools::{self, Tool, configure};
use tempfile::TempDir;

/// Page types that a content is there for: without them it would not show what it is meant to.
const INTERNAL: u8 = 3;
const RECNO_INTERNAL: u8 = 4;
const RECNO_LEAF: u8 = 6;
const OVERFLOW: u8 = 7;
const DUPLICATE_LEAF: u8 = 12;

/// Page sizes from the smallest to the largest, and the builder's choice; for each, every pair of
/// byte order and checksums, with records counted in half of them, and with room for more keys in
/// a third.
fn layouts() -> impl Iterator<Item = BuildOptions> {
    let page_sizes = (9..=16).map(|bits| Some(1 << bits)).chain([None]);
    page_sizes.enumerate().flat_map(|(size, page_size)| {
        (0..8).map(move |i| {
            BuildOptions::default()
                .page_size(page_size)
                .byte_order([ByteOrder::Little, ByteOrder::Big][i & 1])
                .checksums(i & 2 != 0)
                .record_numbers(i & 4 != 0)
                .minimum_keys([None, None, Some(7)][(size + i) % 3])
        })
    })
}

/// Builds and checks a file in every layout. `pairs` is given the page size to choose lengths by.
fn each_layout(page_types: &[u8], pairs: impl Fn(&mut Rng, usize) -> Vec<Pair>) {
    let mut seen = Vec::new();
    for (seed, options) in sample((0..).zip(layouts())) {
        println!("seed {seed}, {options:?}");
        let page_size = options.page_size.unwrap_or(4096) as usize;
        let rng = &mut Rng::with_seed(seed);
        let mut pairs = pairs(rng, page_size);
        rng.shuffle(&mut pairs);
        seen.extend(check(&pairs, options));
    }
    assert!(page_types.iter().all(|wanted| seen.contains(wanted)));
}

/// Builds a file of the pairs and asserts that libdb sees in it what went in, and goes on with it;
/// returns the types of its pages.
fn check(pairs: &[Pair], options: BuildOptions) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file.db");
    let order = options.data_order;
    let record_numbers = options.record_numbers;
    let mut builder = BtreeBuilder::new(options);
    for (key, data) in pairs {
        builder.push(key, data).unwrap();
    }
    builder.plan(Keep::Last).unwrap().write_to(File::create_new(&path).unwrap()).unwrap();

    let mut expected: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for (key, data) in pairs {
        let all = expected.entry(key.clone()).or_default();
        if order.is_none() {
            all.clear();
        }
        all.push(data.clone());
    }
    if order == Some(DataOrder::Sorted) {
        for data in expected.values_mut() {
            data.sort_unstable();
            data.dedup();
        }
    }
    assert_holds(&path, &expected);
    let page_types = raw::page_types(&fs::read(&path).unwrap());

    // libdb goes on with the file: each third key gets other data, or more, and a new one comes
    // behind it.
    let mut text = String::from("VERSION=3\nformat=print\ntype=btree\n");
    text += match order {
        None => "",
        Some(DataOrder::Insertion) => "duplicates=1\n",
        Some(DataOrder::Sorted) => "duplicates=1\ndupsort=1\n",
    };
    text += if record_numbers { "recnum=1\n" } else { "" };
    text += "HEADER=END\n";
    let keys: Vec<_> = expected.keys().step_by(3).cloned().collect();
    for key in keys {
        for key in [key.clone(), [&key[..], b" behind"].concat()] {
            text += &format!(" {}\n zz one more\n", print_escaped(&key));
            let all = expected.entry(key).or_default();
            if order.is_none() {
                all.clear();
            }
            all.push(b"zz one more".to_vec());
            if order == Some(DataOrder::Sorted) {
                all.sort_unstable();
            }
        }
    }
    dbtools::load(&path, &[], format!("{text}DATA=END\n").as_bytes());
    assert_holds(&path, &expected);
    page_types.into_iter().collect()
}

/// Asserts that libdb finds nothing wrong with a file, and these pairs in it.
fn assert_holds(path: &Path, expected: &BTreeMap<Vec<u8>, Vec<Vec<u8>>>) {
    dbtools::verify(path).unwrap_or_else(|error| panic!("db5.3_verify: {error}"));
    let dumped = dbtools::dump(path);
    let expected = expected.iter().flat_map(|(key, all)| all.iter().map(move |data| (key, data)));
    let count = expected.clone().count();
    assert_eq!(dumped.len(), count, "number of pairs");
    for ((key, data), dumped) in expected.zip(&dumped) {
        assert!((key, data) == (&dumped.0, &dumped.1), "{}", key.escape_ascii());
    }
}

fn bytes(rng: &mut Rng, len: RangeInclusive<usize>) -> Vec<u8> {
    let len = rng.usize(len);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

#[test]
fn few_pairs() {
    each_layout(&[], |rng, page| {
        (0..rng.usize(..3)).map(|_| (bytes(rng, 0..=page), bytes(rng, 0..=page))).collect()
    });
}

#[test]
fn empty_and_tiny_items() {
    each_layout(&[INTERNAL], |rng, _| {
        let mut pairs: Vec<_> = (0..600).map(|_| (bytes(rng, 1..=3), bytes(rng, 0..=2))).collect();
        pairs.extend([(vec![], vec![]), (vec![0], vec![]), (vec![0, 0], vec![0])]);
        pairs
    });
}

#[test]
fn items_around_the_longest_on_a_page() {
    each_layout(&[INTERNAL, OVERFLOW], |rng, page| {
        let longest = (page - [26, 32][rng.usize(..2)]) / [4, 14][rng.usize(..2)] - 10;
        let around = longest - 2..=longest + 2;
        (0..60).map(|_| (bytes(rng, around.clone()), bytes(rng, around.clone()))).collect()
    });
}

#[test]
fn items_of_whole_pages() {
    each_layout(&[OVERFLOW], |rng, page| {
        let pair = |i: usize| {
            let room = page - [0, 26, 32][i % 3];
            let len = (1 + i / 6 % 3) * room;
            (bytes(rng, 4..=20), bytes(rng, len - 1..=len + 1))
        };
        (0..36).map(pair).collect()
    });
}

/// Keys of which what tells one from the next is longer than a page has room: internal pages have
/// big keys.
#[test]
fn keys_that_are_alike_for_longer_than_a_page() {
    each_layout(&[INTERNAL, OVERFLOW], |rng, page| {
        let alike = bytes(rng, page / 2..=2 * page);
        (0..50)
            .map(|_| ([&alike[..], &bytes(rng, 0..=3)].concat(), bytes(rng, 0..=page / 8)))
            .collect()
    });
}

#[test]
fn keys_of_which_one_starts_the_next() {
    each_layout(&[INTERNAL], |rng, page| {
        let lengths = (0..=page / 2).step_by(page / 256);
        lengths.map(|len| (vec![b'a'; len], bytes(rng, 0..=8))).collect()
    });
}

/// Sets on the page and trees off it, with items that are short, or alike for longer than a page
/// has room.
#[test]
fn several_data_of_a_key() {
    let mut seen = Vec::new();
    for (seed, options) in sample((0..).zip(layouts())) {
        let orders = [DataOrder::Insertion, DataOrder::Sorted];
        let options = options.record_numbers(false).data_order(orders[seed as usize / 4 % 2]);
        println!("seed {seed}, {options:?}");
        let rng = &mut Rng::with_seed(seed);
        let page_size = options.page_size.unwrap_or(4096) as usize;
        let mut pairs = Vec::new();
        for (keys, most) in [(40, 3), (3, 60), (1, 1000.min((4 << 20) / page_size))] {
            let alike = vec![7; rng.usize(0..3) * rng.usize(..=page_size / 3)];
            for _ in 0..keys {
                let long = if rng.u8(..10) == 0 { page_size } else { 9 };
                let key = bytes(rng, 5..=long);
                for _ in 0..rng.usize(1..=most) {
                    pairs.push((key.clone(), [&alike[..], &bytes(rng, 0..=20)].concat()));
                }
            }
        }
        rng.shuffle(&mut pairs);
        seen.extend(check(&pairs, options));
    }
    let wanted = [INTERNAL, RECNO_INTERNAL, RECNO_LEAF, DUPLICATE_LEAF, OVERFLOW];
    assert!(wanted.iter().all(|wanted| seen.contains(wanted)));
}

/// Tables as Postfix has them: real `postmap` adds to them, replaces and removes.
#[test]
fn postfix_goes_on() {
    for (seed, options) in sample((0..).zip(layouts())) {
        println!("seed {seed}, {options:?}");
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        configure(directory.path());
        let run = |arguments: &[&str], stdin: &str| {
            fs::write(directory.path().join("stdin"), stdin).unwrap();
            let mut command = tools::real().command(Tool::Postmap, directory.path());
            let stdin = File::open(directory.path().join("stdin")).unwrap();
            let output = command.args(arguments).stdin(stdin).output().unwrap();
            assert!(output.stderr.is_empty(), "{}", output.stderr.escape_ascii());
        };
        let mut expected = BTreeMap::new();
        let mut builder = BtreeBuilder::new(options);
        for _ in 0..rng.usize(..2000) {
            let key = format!("user{}@example.com\0", rng.u32(..4000)).into_bytes();
            let value = "v".repeat(if rng.u8(..20) == 0 { rng.usize(1..3000) } else { 9 }) + "\0";
            builder.push(&key, &value).unwrap();
            expected.entry(key).or_insert_with(|| vec![value.into_bytes()]);
        }
        let path = directory.path().join("m.db");
        builder.plan(Keep::First).unwrap().write_to(File::create_new(&path).unwrap()).unwrap();
        assert_holds(&path, &expected);
        for share in [2, 3, 1] {
            let mut entries = String::new();
            for _ in 0..400 {
                let (key, value) =
                    (format!("user{}@example.com", rng.u32(..4000)), "w".repeat(rng.usize(1..60)));
                entries += &format!("{key} {value}\n");
                expected.insert((key + "\0").into_bytes(), vec![(value + "\0").into_bytes()]);
            }
            run(&["-ri", "btree:m"], &entries);
            assert_holds(&path, &expected);
            let gone: Vec<_> = (0..4000)
                .filter(|i| i % share == 0)
                .map(|i| format!("user{i}@example.com"))
                .collect();
            for key in &gone {
                expected.remove(format!("{key}\0").as_bytes());
            }
            run(&["-d", "-", "btree:m"], &(gone.join("\n") + "\n"));
            assert_holds(&path, &expected);
        }
        assert!(expected.is_empty());
    }
}

/// Files of several databases of both kinds.
#[test]
fn several_databases() {
    for (count, page_size, alike) in [(2, 4096, 0), (40, 512, 200), (300, 512, 0), (300, 1024, 500)]
    {
        println!("{count} databases, pages of {page_size}, {alike}");
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let options = BuildOptions::default()
            .page_size(page_size)
            .checksums(count % 4 == 0)
            .byte_order(if count == 300 { ByteOrder::Big } else { ByteOrder::Little });
        let mut expected = BTreeMap::new();
        let databases = (0..count).map(|i: usize| {
            let name = format!("{}{i:03}", "-".repeat(alike)).into_bytes();
            let options = options.clone();
            let (method, mut builder) = match i % 2 {
                0 => ("hash", DatabaseBuilder::from(HashBuilder::new(options))),
                _ => ("btree", BtreeBuilder::new(options).into()),
            };
            let pair = |key| (format!("{key:02} {i}").into_bytes(), vec![b'x'; 10 * i]);
            let pairs: Vec<_> = (0..i % 37).map(pair).collect();
            for (key, data) in pairs.iter().rev() {
                builder.push(key, data).unwrap();
            }
            expected.insert(name.clone(), (method.to_owned(), pairs));
            (name, builder)
        });
        let plan = NewDatabases::plan(databases.collect(), Keep::Last).unwrap();
        plan.write_to(File::create_new(&path).unwrap()).unwrap();
        dbtools::verify(&path).unwrap_or_else(|error| panic!("db5.3_verify: {error}"));
        let dumped = dbtools::dump_all(&path).into_iter().map(|mut dump| {
            if dump.method == "hash" {
                dump.pairs.sort_unstable();
            }
            (dump.name.unwrap(), (dump.method, dump.pairs))
        });
        assert!(dumped.eq(expected));
    }
}

#[test]
fn two_hundred_thousand_pairs() {
    for options in [
        BuildOptions::default(),
        BuildOptions::default().page_size(512).record_numbers(true),
        BuildOptions::default().byte_order(ByteOrder::Big).checksums(true).page_size(65536),
    ] {
        let mut rng = Rng::with_seed(1);
        let mut pair = |i: u32| {
            let key = format!("key {}\0", i.wrapping_mul(2_654_435_761) % 150_000);
            (key.into_bytes(), bytes(&mut rng, 0..=40))
        };
        let pairs: Vec<_> = (0..200_000).map(&mut pair).collect();
        check(&pairs, options);
    }
}
