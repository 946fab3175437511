//! Files that libdb made through its API: what we read in them is what `db5.3_dump` does, pair for
//! pair.
//!
//! Each kind of content comes in 32 variants of the file, 544 files in all.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::fs;
use std::path::Path;

use bdb_file::{ByteOrder, ErrorKind, HashDb, Unsupported, database_names};
use fastrand::Rng;
use map_tests::agree::{assert_holds, assert_source_holds};
use map_tests::dbtools::{self, Pair};
use map_tests::libdb::{Database, Duplicates, Options};
use map_tests::raw;
use tempfile::TempDir;

/// Page types that a content is there for: without them it would not show what it is meant to.
const OVERFLOW: u8 = 7;
const UNSORTED: u8 = 2;
const DUPLICATES: u8 = 6;
const DUPLICATES_SORTED: u8 = 12;
const TREE: u8 = 4;
const TREE_SORTED: u8 = 3;

/// Every page size in both byte orders, with and without checksums.
fn variants(duplicates: Duplicates) -> impl Iterator<Item = Options> {
    (0..32).map(move |i| Options {
        page_size: 512 << (i / 4),
        byte_order: if i & 1 == 0 { ByteOrder::Little } else { ByteOrder::Big },
        checksums: i & 2 != 0,
        duplicates,
        ..Options::default()
    })
}

/// Makes a file in each variant, with a generator of random numbers of its own, and compares.
fn each_variant(
    duplicates: Duplicates,
    page_types: &[u8],
    make: impl Fn(&mut Database, &Options, &mut Rng),
) {
    for (seed, options) in (0..).zip(variants(duplicates)) {
        println!("seed {seed}, {options:?}");
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let mut database = Database::create(&path, None, &options).unwrap();
        make(&mut database, &options, &mut Rng::with_seed(seed));
        database.close().unwrap();
        assert_has(&path, page_types);
        assert_holds(&path, None, &dbtools::dump(&path));
    }
}

fn assert_has(path: &Path, page_types: &[u8]) {
    let there = raw::page_types(&fs::read(path).unwrap());
    assert!(page_types.iter().all(|wanted| there.contains(wanted)), "page types {there:?}");
}

fn bytes(rng: &mut Rng, len: std::ops::RangeInclusive<usize>) -> Vec<u8> {
    let len = rng.usize(len);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

/// Pairs of which about 30 fill a page, whatever its size.
///
/// Keys are too long to be by chance the start of a big one, which libdb might not find and store
/// again (see the last test).
fn small_pairs(rng: &mut Rng, count: usize, options: &Options) -> Vec<Pair> {
    let longest = options.page_size as usize / 32;
    (0..count).map(|_| (bytes(rng, 4..=longest), bytes(rng, 0..=longest))).collect()
}

fn put_all(database: &mut Database, pairs: &[Pair]) {
    for (key, data) in pairs {
        database.put(key, data).unwrap();
    }
}

#[test]
fn empty() {
    each_variant(Duplicates::None, &[], |_, _, _| ());
}

#[test]
fn grown_bucket_by_bucket() {
    each_variant(Duplicates::None, &[], |database, options, rng| {
        put_all(database, &small_pairs(rng, 400, options));
        for key in ["", "a", "ab"] {
            database.put(key.as_bytes(), b"short").unwrap();
        }
    });
}

#[test]
fn started_with_many_buckets_of_which_most_pages_are_holes() {
    let shape = |options| Options { fill_factor: 8, elements: 500, ..options };
    for (seed, options) in (0..).zip(variants(Duplicates::None).map(shape)) {
        println!("seed {seed}, {options:?}");
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let mut database = Database::create(&path, None, &options).unwrap();
        put_all(&mut database, &small_pairs(&mut Rng::with_seed(seed), 40, &options));
        database.close().unwrap();
        assert_holds(&path, None, &dbtools::dump(&path));
    }
}

#[test]
fn with_deletions() {
    each_variant(Duplicates::None, &[], |database, options, rng| {
        let mut pairs = small_pairs(rng, 500, options);
        let page = options.page_size as usize;
        pairs.extend((0..10).map(|_| (bytes(rng, 4..=page), bytes(rng, 0..=3 * page))));
        put_all(database, &pairs);
        rng.shuffle(&mut pairs);
        // 10 to 100 %, in another order than they came.
        let gone = pairs.len() * rng.usize(1..=10) / 10;
        for (key, _) in &pairs[..gone] {
            database.delete(key).unwrap();
        }
        // Some of the free pages are taken again.
        put_all(database, &small_pairs(rng, gone / 5, options));
    });
}

#[test]
fn all_deleted() {
    each_variant(Duplicates::None, &[], |database, options, rng| {
        let pairs = small_pairs(rng, 300, options);
        put_all(database, &pairs);
        for (key, _) in &pairs {
            database.delete(key).unwrap();
        }
    });
}

#[test]
fn big_keys_and_data_replaced_by_small_ones_and_back() {
    each_variant(Duplicates::None, &[OVERFLOW], |database, options, rng| {
        let page = options.page_size as usize;
        let lengths = [page / 4, page / 4 + 1, page - 26, page - 32, page, 3 * page];
        let any = |rng: &mut Rng, shortest: usize| {
            let len = *rng.choice(&lengths).filter(|_| rng.bool()).unwrap_or(&shortest);
            bytes(rng, len..=len + 2)
        };
        let keys: Vec<_> = (0..40).map(|_| any(rng, 4)).collect();
        for key in keys.iter().chain(&keys[..20]) {
            let data = any(rng, 0);
            database.put(key, &data).unwrap();
        }
    });
}

/// A few keys with few data items each.
fn put_small_sets(database: &mut Database, options: &Options, rng: &mut Rng) {
    for _ in 0..60 {
        let key = bytes(rng, 0..=options.page_size as usize / 32);
        for _ in 0..rng.usize(1..=4) {
            let data = bytes(rng, 0..=options.page_size as usize / 64);
            put_new(database, &key, &data);
        }
    }
}

/// Puts a pair unless the database, which has sorted duplicates, holds it.
fn put_new(database: &mut Database, key: &[u8], data: &[u8]) {
    if let Err(error) = database.put(key, data) {
        assert!(error.to_string().contains("Key/data pair already exists"), "{error}");
    }
}

#[test]
fn duplicates_on_the_page() {
    each_variant(Duplicates::Unsorted, &[], put_small_sets);
}

#[test]
fn sorted_duplicates_on_the_page() {
    each_variant(Duplicates::Sorted, &[], put_small_sets);
}

/// Two keys with enough data items for a tree of at least two levels, among others.
fn put_large_sets(database: &mut Database, options: &Options, rng: &mut Rng) {
    put_small_sets(database, options, rng);
    for key in ["many", "more"] {
        for i in 0..5000 {
            let data = format!("{:x} {i}", rng.u32(..));
            database.put(key.as_bytes(), data.as_bytes()).unwrap();
        }
    }
}

#[test]
fn thousands_of_duplicates() {
    each_variant(Duplicates::Unsorted, &[DUPLICATES, TREE], put_large_sets);
}

#[test]
fn thousands_of_sorted_duplicates() {
    each_variant(Duplicates::Sorted, &[DUPLICATES_SORTED, TREE_SORTED], put_large_sets);
}

/// Keys, some of them big, with data items that are big, each alone or among small ones.
fn put_big_sets(database: &mut Database, options: &Options, rng: &mut Rng) {
    let page = options.page_size as usize;
    for _ in 0..8 {
        let len = *rng.choice(&[4, page / 2]).unwrap();
        let key = bytes(rng, len..=len);
        for _ in 0..rng.usize(1..=6) {
            let len = *rng.choice(&[10, page / 4 + 1, page / 2, 2 * page]).unwrap();
            database.put(&key, &bytes(rng, len..=len)).unwrap();
        }
    }
}

#[test]
fn big_duplicates() {
    each_variant(Duplicates::Unsorted, &[DUPLICATES, OVERFLOW], put_big_sets);
}

#[test]
fn big_sorted_duplicates() {
    each_variant(Duplicates::Sorted, &[DUPLICATES_SORTED, OVERFLOW], put_big_sets);
}

/// Sets on the page and in trees, then thinned out: to one item, to none, or to a part.
fn put_and_thin_out(database: &mut Database, options: &Options, rng: &mut Rng) {
    for i in 0..24 {
        let key = format!("key {i}");
        let count = if i % 3 == 0 { 400 } else { rng.usize(1..=4) };
        let longest = options.page_size as usize / 64;
        let mut set: Vec<_> = (0..count).map(|_| bytes(rng, 6..=longest + 6)).collect();
        for data in &set {
            put_new(database, key.as_bytes(), data);
        }
        rng.shuffle(&mut set);
        let keep = [0, 1, set.len() / 2, set.len()][i / 3 % 4];
        for data in set.iter().skip(keep) {
            assert!(database.delete_pair(key.as_bytes(), data).unwrap());
        }
    }
    assert!(database.delete(b"key 9").unwrap(), "whole, with its tree");
}

#[test]
fn duplicates_thinned_out() {
    each_variant(Duplicates::Unsorted, &[DUPLICATES], put_and_thin_out);
}

#[test]
fn sorted_duplicates_thinned_out() {
    each_variant(Duplicates::Sorted, &[DUPLICATES_SORTED], put_and_thin_out);
}

#[test]
fn older_versions() {
    for version in [7, 8] {
        for (seed, options) in (100..).zip(variants(Duplicates::None)) {
            println!("version {version}, seed {seed}, {options:?}");
            let mut rng = Rng::with_seed(seed);
            let directory = TempDir::new().unwrap();
            let path = directory.path().join("file.db");
            let mut database = Database::create(&path, None, &options).unwrap();
            put_all(&mut database, &small_pairs(&mut rng, 300, &options));
            let page = options.page_size as usize;
            for _ in 0..4 {
                database.put(&bytes(&mut rng, 4..=page), &bytes(&mut rng, 1..=3 * page)).unwrap();
            }
            database.close().unwrap();

            let mut before = dbtools::dump(&path);
            let mut file = fs::read(&path).unwrap();
            raw::to_older_version(&mut file, version);
            fs::write(&path, &file).unwrap();
            assert_has(&path, &[UNSORTED]);
            assert_eq!(HashDb::open(&file).unwrap().meta().version, version);
            let mut pairs = dbtools::dump(&path);
            assert_holds(&path, None, &pairs);
            if version == 7 {
                raw::spoil_last_page(&mut file);
                assert_source_holds(file, None, &pairs);
            }

            assert_ne!(pairs, before, "the order is another one");
            pairs.sort();
            before.sort();
            assert_eq!(pairs, before, "nothing else is");
        }
    }
}

#[test]
fn named_databases() {
    for (seed, options) in (200..).zip(variants(Duplicates::None)) {
        println!("seed {seed}, {options:?}");
        let mut rng = Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        // With small pages, the list of databases needs more than one.
        for i in 0..30 {
            let name = format!("{} database \\ {i}", ["a", "some", "another"][i % 3]);
            let duplicates = [Duplicates::None, Duplicates::Unsorted, Duplicates::Sorted][i % 3];
            let options = Options { duplicates, ..options.clone() };
            let mut database = Database::create(&path, Some(&name), &options).unwrap();
            put_all(&mut database, &small_pairs(&mut rng, 2 * i, &options));
            database.close().unwrap();
        }
        load_btree(&path, &options);

        let file = fs::read(&path).unwrap();
        let dumps = dbtools::dump_all(&path);
        let names: Vec<_> = dumps.iter().map(|dump| dump.name.clone().unwrap()).collect();
        assert_eq!(names.len(), 31);
        assert_eq!(database_names(&file).unwrap(), names);
        assert!(matches!(HashDb::open(&file).unwrap_err().kind(), ErrorKind::SeveralDatabases));
        for dump in &dumps {
            let name = dump.name.as_deref().unwrap();
            match &*dump.method {
                "hash" => assert_holds(&path, Some(name), &dump.pairs),
                method => {
                    assert_eq!(method, "btree");
                    let refused = HashDb::open_named(&file, name).unwrap_err();
                    let why = Unsupported::AccessMethod("btree");
                    assert!(
                        matches!(refused.kind(), ErrorKind::Unsupported(given) if *given == why)
                    );
                }
            }
        }
        let refused = HashDb::open_named(&file, b"none").unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::NoSuchDatabase));
    }
}

/// Adds a btree database to a file.
fn load_btree(path: &Path, options: &Options) {
    let byte_order = if options.byte_order == ByteOrder::Little { 1234 } else { 4321 };
    let text = format!(
        "VERSION=3\nformat=print\ndatabase=tree\ntype=btree\ndb_pagesize={}\ndb_lorder={byte_order}\n\
         chksum={}\nHEADER=END\n key\n data\nDATA=END\n",
        options.page_size,
        u8::from(options.checksums),
    );
    dbtools::load(path, &[], text.as_bytes());
}

/// Keys of one letter, repeated: the big ones extend those on the page, and no order holds for all
/// (section 12.2 of the hash file specification).
#[test]
fn keys_that_libdb_itself_does_not_find() {
    let mut missed = 0;
    for options in variants(Duplicates::None).filter(|options| options.page_size == 512) {
        println!("{options:?}");
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let mut database = Database::create(&path, None, &options).unwrap();
        let keys: Vec<_> =
            (1..300).flat_map(|len| [b'a', b'z'].map(|letter| vec![letter; len])).collect();
        for key in &keys {
            database.put(key, b"data").unwrap();
        }
        database.close().unwrap();

        let pairs = dbtools::dump(&path);
        assert!(keys.iter().all(|key| pairs.iter().any(|pair| pair.0 == *key)));
        assert_holds(&path, None, &pairs);
        let mut database = Database::open(&path, None, 128 << 10).unwrap();
        missed += keys.iter().filter(|key| database.get(key).unwrap().is_none()).count();
    }
    println!("libdb missed {missed} keys");
    assert_ne!(missed, 0, "these files do not show the defect");
}
