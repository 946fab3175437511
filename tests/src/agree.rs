//! What a file must hold, whatever it is read from.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use bdb_file::{FileSource, HashDb, Memory, Source};

use crate::dbtools::Pair;

/// Asserts that the database `name` of the file at `path`, or its only one, holds exactly `pairs`:
/// see [`assert_source_holds`]. Reads the file from memory, page by page, and mapped.
///
/// # Panics
/// Where it does not.
pub fn assert_holds(path: &Path, name: Option<&[u8]>, pairs: &[Pair]) {
    assert_source_holds(fs::read(path).expect("the file can be read"), name, pairs);
    let file = File::open(path).expect("the file can be read");
    // SAFETY: the files of the tests are each used by one test, which has closed it for writing.
    let mapped = unsafe { Memory::map(&file) }.expect("the file can be mapped");
    assert_source_holds(mapped, name, pairs);
    assert_source_holds(FileSource::new(file), name, pairs);
}

/// Asserts that a database lists `pairs` in their order, finds every key with its data, in their
/// order where there are several, and does not find thrice as many other keys.
///
/// # Panics
/// Where it does not.
pub fn assert_source_holds<S: Source>(source: S, name: Option<&[u8]>, pairs: &[Pair]) {
    let database = match name {
        Some(name) => HashDb::open_named(source, name),
        None => HashDb::open(source),
    };
    let database = database.unwrap_or_else(|error| panic!("open: {error}"));

    let mut listed = database.iter();
    for (i, (key, data)) in pairs.iter().enumerate() {
        match listed.next() {
            Some(Ok(pair)) if *pair.0 == **key && *pair.1 == **data => {}
            other => panic!("pair {i}: {:?} is listed as {other:?}", (key, data)),
        }
    }
    assert!(listed.next().is_none(), "more is listed than {} pairs", pairs.len());

    let mut keys: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for (key, data) in pairs {
        keys.entry(key).or_default().push(data);
    }
    for (key, data) in &keys {
        let name = key.escape_ascii();
        let found = database.get(key).unwrap_or_else(|error| panic!("get {name}: {error}"));
        assert_eq!(found.as_deref(), data.first().copied(), "{name}");
        let all: Result<Vec<_>, _> = database.get_all(key).and_then(Iterator::collect);
        assert!(all.unwrap() == *data, "data of {name} differ");

        for absent in absent_keys(key, &keys) {
            let found = database.get(&absent).unwrap_or_else(|error| panic!("get: {error}"));
            assert_eq!(found, None, "{} is not there", absent.escape_ascii());
        }
    }
}

/// Three keys that resemble `key` and are not among `keys`: longer, shorter, and of the same
/// length.
fn absent_keys(key: &[u8], keys: &BTreeMap<&[u8], Vec<&[u8]>>) -> [Vec<u8>; 3] {
    let longer = [key, b"!"].concat();
    let shorter = key.split_last().map_or(b"?".to_vec(), |(_, rest)| rest.to_vec());
    let mut other = key.to_vec();
    match other.first_mut() {
        Some(byte) => *byte ^= 1,
        None => other.push(b'#'),
    }
    [longer, shorter, other].map(|mut absent| {
        while keys.contains_key(&*absent) {
            absent.push(b'!');
        }
        absent
    })
}
