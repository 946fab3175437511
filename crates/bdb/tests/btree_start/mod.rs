//! Btree files to start from: empty ones, and those that libdb has made.
// Each file of tests uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use bdb_file::{BtreeDb, ByteOrder, Severity, verify};
use proptest::prelude::*;

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// What an empty database is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub page_size: usize,
    pub big_endian: bool,
    pub checksums: bool,
    pub minimum_keys: u32,
    pub record_numbers: bool,
    pub version: u32,
}

pub const PLAIN: Start = Start {
    page_size: 512,
    big_endian: false,
    checksums: false,
    minimum_keys: 2,
    record_numbers: false,
    version: 9,
};

impl Start {
    fn put_u32(self, file: &mut [u8], at: usize, value: u32) {
        let bytes = if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        file[at..at + 4].copy_from_slice(&bytes);
    }

    /// The file: page 0, and a leaf without pairs.
    pub fn file(self) -> Vec<u8> {
        let leaf = self.page_size;
        let mut file = vec![0; 2 * self.page_size];
        let flags = if self.record_numbers { 4 } else { 0 };
        let fields = [
            (4, 1),
            (12, 0x053162),
            (16, self.version),
            (20, self.page_size as u32),
            (32, 1),
            (48, flags),
            (76, self.minimum_keys),
            (84, 0x20),
            (88, 1),
            (leaf + 4, 1),
            (leaf + 8, 1),
        ];
        for (at, value) in fields {
            self.put_u32(&mut file, at, value);
        }
        file[25] = 9;
        file[26] = self.checksums.into();
        let lowest = (self.page_size as u16).to_le_bytes();
        let lowest = if self.big_endian { [lowest[1], lowest[0]] } else { lowest };
        file[leaf + 22..leaf + 24].copy_from_slice(&lowest);
        file[leaf + 24..leaf + 26].copy_from_slice(&[1, 5]);
        if self.checksums {
            let sum = |bytes: &[u8]| {
                bytes
                    .iter()
                    .fold(0u32, |sum, byte| sum.wrapping_mul(33).wrapping_add(u32::from(*byte)))
            };
            let (meta, page) = (sum(&file[..512]), sum(&file[leaf..]));
            self.put_u32(&mut file, 492, meta);
            self.put_u32(&mut file, leaf + 28, page);
        }
        file
    }
}

/// Databases of all kinds; most have small pages.
pub fn start() -> impl Strategy<Value = Start> {
    let page_size = prop_oneof![
        6 => Just(512usize),
        2 => Just(1024),
        1 => prop::sample::select(vec![2048, 4096, 8192, 16384, 32768, 65536]),
    ];
    let minimum_keys = prop_oneof![3 => Just(2u32), 1 => 3u32..8];
    (page_size, any::<[bool; 3]>(), minimum_keys, 8u32..=9).prop_map(
        |(page_size, [big_endian, checksums, record_numbers], minimum_keys, version)| Start {
            page_size,
            big_endian,
            checksums,
            minimum_keys,
            record_numbers,
            version,
        },
    )
}

/// The files that libdb has made, each with its name. One key can have several data items.
pub fn golden() -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/btree");
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert_eq!(files.len(), 6);
    files
}

/// The pairs of a file as they are listed.
pub fn listed(file: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let database = BtreeDb::open(file).unwrap();
    let pairs = database.iter().map(Result::unwrap);
    pairs.map(|(key, data)| (key.into_owned(), data.into_owned())).collect()
}

/// The damage that `verify` finds.
pub fn damage(file: &[u8]) -> Vec<String> {
    let mut damage = Vec::new();
    let verdict = verify(file, |problem| {
        if problem.severity() == Severity::Damage {
            damage.push(problem.to_string());
        }
        ControlFlow::Continue(())
    });
    match verdict {
        Ok(_) => damage,
        Err(error) => vec![error.to_string()],
    }
}

/// Asserts that a file is sound and has these pairs and no others, however it is asked.
pub fn assert_holds(file: &[u8], map: &BTreeMap<Vec<u8>, Vec<Vec<u8>>>) {
    assert_eq!(damage(file), [""; 0]);
    let pairs =
        map.iter().flat_map(|(key, data)| data.iter().map(|item| (key.clone(), item.clone())));
    assert!(listed(file).into_iter().eq(pairs));
    let database = BtreeDb::open(file).unwrap();
    for (key, data) in map {
        assert_eq!(database.get(key).unwrap().as_deref(), Some(&data[0][..]));
        let absent = [key, &b"x"[..]].concat();
        assert_eq!(database.get(&absent).unwrap().is_some(), map.contains_key(&absent));
    }
}

/// The byte order of a file.
pub fn order(file: &[u8]) -> ByteOrder {
    BtreeDb::open(file).unwrap().byte_order()
}
