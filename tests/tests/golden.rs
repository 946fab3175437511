//! Files made by real Postfix and libdb (`golden/make.sh`), against what `db5.3_dump` printed of
//! them. Needs no peer.
//!
//! About Berkeley DB itself: not for every type of tables.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bdb_file::ByteOrder::{self, Big, Little};
use bdb_file::{Error, ErrorKind, HashDb, Unsupported, database_names};
use map_tests::agree::{assert_holds, assert_source_holds};
use map_tests::dbtools::{Dump, parse_dump};
use map_tests::raw;

/// Page types.
const UNSORTED: u8 = 2;
const TREE_SORTED: u8 = 3;
const TREE: u8 = 4;
const LIST: u8 = 5;
const SET: u8 = 6;
const OVERFLOW: u8 = 7;
const SET_SORTED: u8 = 12;
const HASH: u8 = 13;

/// Name, page size, byte order, checksums, version of the hash databases, and page types that must
/// occur.
type Golden = (&'static str, u32, ByteOrder, bool, u32, &'static [u8]);

/// All golden files.
#[rustfmt::skip]
const FILES: &[Golden] = &[
    ("postmap",                          4096, Little, false, 9, &[HASH]),
    ("postmap-without-nul",              4096, Little, false, 9, &[HASH]),
    ("postmap-grown",                    4096, Little, false, 9, &[HASH]),
    ("postmap-empty",                    4096, Little, false, 9, &[HASH]),
    ("postalias",                        4096, Little, false, 9, &[HASH]),
    ("load",                              512, Little, false, 9, &[HASH]),
    ("load-big-endian",                  1024, Big,    false, 9, &[HASH]),
    ("load-checksums",                   2048, Little, true,  9, &[HASH]),
    ("load-duplicates",                   512, Little, false, 9, &[HASH]),
    ("load-sorted-duplicates",           1024, Big,    false, 9, &[HASH]),
    ("load-named",                        512, Little, false, 9, &[HASH, LIST]),
    ("grown",                             512, Little, false, 9, &[HASH]),
    ("grown-checksums",                   512, Little, true,  9, &[HASH]),
    ("grown-big-endian",                 1024, Big,    false, 9, &[HASH]),
    ("grown-big-endian-checksums",       2048, Big,    true,  9, &[HASH]),
    ("large-pages",                      8192, Big,    true,  9, &[HASH]),
    ("holes",                             512, Little, true,  9, &[HASH, 0]),
    ("deleted",                           512, Big,    false, 9, &[HASH, OVERFLOW, 0]),
    ("all-deleted",                       512, Little, false, 9, &[HASH]),
    ("big-items",                         512, Little, false, 9, &[HASH, OVERFLOW]),
    ("big-items-big-endian-checksums",    512, Big,    true,  9, &[HASH, OVERFLOW]),
    ("duplicates",                        512, Little, false, 9, &[HASH, SET, TREE, OVERFLOW]),
    ("duplicates-big-endian-checksums",   512, Big,    true,  9, &[HASH, SET, TREE, OVERFLOW]),
    ("sorted-duplicates-checksums",       512, Little, true,  9, &[HASH, SET_SORTED, TREE_SORTED, OVERFLOW]),
    ("sorted-duplicates-big-endian",      512, Big,    false, 9, &[HASH, SET_SORTED, TREE_SORTED, OVERFLOW]),
    ("named",                             512, Little, false, 9, &[HASH, LIST]),
    ("named-big-endian-checksums",        512, Big,    true,  9, &[HASH, LIST]),
    ("version-7",                         512, Little, false, 7, &[UNSORTED, OVERFLOW]),
    ("version-7-big-endian",              512, Big,    false, 7, &[UNSORTED, OVERFLOW]),
    ("version-8-checksums",               512, Little, true,  8, &[UNSORTED, OVERFLOW]),
    ("version-8-big-endian-checksums",    512, Big,    true,  8, &[UNSORTED, OVERFLOW]),
    ("missed-by-libdb",                   512, Little, false, 9, &[HASH, OVERFLOW]),
];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

fn path(name: &str) -> PathBuf {
    directory().join(format!("{name}.db"))
}

fn file(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn dumps(name: &str) -> Vec<Dump> {
    let text = fs::read(directory().join(format!("{name}.dump"))).unwrap();
    parse_dump(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn no_file_is_left_out() {
    let listed: BTreeSet<_> = FILES.iter().map(|(name, ..)| path(name)).collect();
    let paths = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let there = paths.filter(|path| path.extension().is_some_and(|extension| extension == "db"));
    assert_eq!(there.collect::<BTreeSet<_>>(), listed);
}

#[test]
fn what_the_files_show() {
    for (name, page_size, byte_order, checksums, version, page_types) in FILES {
        let file = file(name);
        assert_eq!(raw::page_size(&file), *page_size, "{name}");
        assert_eq!(raw::byte_order(&file), *byte_order, "{name}");
        assert_eq!(raw::has_checksums(&file), *checksums, "{name}");
        assert!(
            raw::page_types(&file).is_superset(&page_types.iter().copied().collect()),
            "{name}"
        );

        for dump in dumps(name).iter().filter(|dump| dump.method == "hash") {
            let database = match &dump.name {
                Some(name) => HashDb::open_named(&file, name).unwrap(),
                None => HashDb::open(&file).unwrap(),
            };
            assert_eq!(database.page_size(), *page_size, "{name}");
            assert_eq!(database.byte_order(), *byte_order, "{name}");
            assert_eq!(database.meta().version, *version, "{name}");
        }
    }
}

#[test]
fn pairs_are_those_of_the_dump() {
    for (name, ..) in FILES {
        println!("{name}");
        for dump in dumps(name).iter().filter(|dump| dump.method == "hash") {
            assert_holds(&path(name), dump.name.as_deref(), &dump.pairs);
        }
    }
}

#[test]
fn version_7_does_not_keep_up_the_last_page() {
    for name in ["version-7", "version-7-big-endian"] {
        let mut file = file(name);
        raw::spoil_last_page(&mut file);
        assert_source_holds(file, None, &dumps(name)[0].pairs);
    }
}

#[test]
fn version_10_is_read_as_far_as_it_is_like_9() {
    for name in ["grown", "duplicates", "big-items"] {
        let mut file = file(name);
        file[16] = 10;
        assert_source_holds(file, None, &dumps(name)[0].pairs);
    }
}

#[test]
fn databases_have_names() {
    for name in ["named", "named-big-endian-checksums", "load-named"] {
        let file = file(name);
        let dumps = dumps(name);
        let names: Vec<_> = dumps.iter().map(|dump| dump.name.clone().unwrap()).collect();
        assert_eq!(database_names(&file).unwrap(), names, "{name}");
        assert!(matches!(refusal(&file).kind(), ErrorKind::SeveralDatabases), "{name}");
        for absent in ["", "nam", "named "] {
            let refused = HashDb::open_named(&file, absent.as_bytes()).unwrap_err();
            assert!(matches!(refused.kind(), ErrorKind::NoSuchDatabase), "{name}");
        }
    }
    let file = file("grown");
    assert!(database_names(&file).unwrap().is_empty());
    let refused = HashDb::open_named(&file, b"grown").unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::NoSuchDatabase));
}

/// Why a file is refused.
fn refusal(file: &[u8]) -> Error {
    HashDb::open(file).expect_err("the file is refused")
}

#[test]
fn other_kinds_of_file_are_refused_by_name() {
    use Unsupported::{AccessMethod, Encrypted, Partitioned};
    let refused = [
        ("btree", AccessMethod("btree")),
        ("recno", AccessMethod("recno")),
        ("queue", AccessMethod("queue")),
        ("heap", AccessMethod("heap")),
        ("encrypted", Encrypted),
        ("partitioned", Partitioned),
    ];
    for (name, why) in refused {
        match refusal(&file(&format!("refused/{name}"))).kind() {
            ErrorKind::Unsupported(given) => assert_eq!(*given, why, "{name}"),
            other => panic!("{name}: {other}"),
        }
    }
    let tree = HashDb::open_named(file("load-named"), b"tree").expect_err("a btree is refused");
    assert!(matches!(tree.kind(), ErrorKind::Unsupported(AccessMethod("btree"))), "{tree}");
}

#[test]
fn other_versions_are_refused() {
    let refused = |file: &[u8], why| {
        let error = refusal(file);
        assert!(matches!(error.kind(), ErrorKind::Unsupported(given) if *given == why), "{error}");
    };
    for version in [0, 2, 5, 6, 11] {
        let mut file = file("grown");
        file[16] = version;
        refused(&file, Unsupported::Version(version.into()));
    }
    // Berkeley DB 1.85 starts with its magic number, in either byte order.
    for magic in [[0x00, 0x06, 0x15, 0x61], [0x61, 0x15, 0x06, 0x00]] {
        let mut file = vec![0; 4096];
        file[..4].copy_from_slice(&magic);
        refused(&file, Unsupported::Version185);
    }
}

#[test]
fn truncated_files_are_refused() {
    let file = file("grown");
    let pages = file.len() / 512;
    assert!(HashDb::open(&file).is_ok());
    for len in [file.len() - 1, file.len() - 511, 513] {
        let error = refusal(&file[..len]);
        let given = len as u64;
        assert!(
            matches!(error.kind(), ErrorKind::Length { len, page_size: 512 } if *len == given),
            "{error}"
        );
    }
    for left in [pages - 1, 3, 1] {
        let error = refusal(&file[..left * 512]);
        let (given, last) = (left as u64, pages as u32 - 1);
        assert!(
            matches!(error.kind(), ErrorKind::Truncated { pages, stated } if (*pages, *stated) == (given, last))
        );
    }
    for len in [0, 12, 511] {
        assert!(matches!(refusal(&file[..len]).kind(), ErrorKind::NotADatabase), "{len} bytes");
    }
    assert!(matches!(refusal(&[b'#'; 1024]).kind(), ErrorKind::NotADatabase));
}
