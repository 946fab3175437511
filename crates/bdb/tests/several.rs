//! Files of several databases: what is written is sound, and read by name.

mod generated;
#[path = "fuzzed/model.rs"]
mod model;

use std::collections::BTreeMap;

use bdb_file::{
    BuildOptions, Error, ErrorKind, HashBuilder, HashDb, Keep, NewDatabases, database_names, verify,
};
use generated::{bytes, options};
use model::{Map, assert_holds};
use proptest::prelude::*;

fn build(databases: &BTreeMap<Vec<u8>, Map>, options: &BuildOptions) -> Vec<u8> {
    let builders = databases.iter().rev().map(|(name, pairs)| {
        let mut builder = HashBuilder::new(options.clone());
        for (key, data) in pairs {
            builder.push(key, data).unwrap();
        }
        (name.clone(), builder)
    });
    let plan = NewDatabases::plan(builders.collect(), Keep::Last).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    file
}

fn check(databases: &BTreeMap<Vec<u8>, Map>, options: &BuildOptions) {
    let file = build(databases, options);
    let verified = verify(&file, |problem| panic!("{problem:?}")).unwrap();
    assert!(verified.is_sound());
    assert!(database_names(&file).unwrap().iter().eq(databases.keys()));
    for (name, pairs) in databases {
        assert_holds(&HashDb::open_named(&file, name).unwrap(), pairs);
    }
}

proptest! {
    #[test]
    fn databases_are_found_by_name(
        databases in prop::collection::btree_map(
            bytes(),
            prop::collection::btree_map(bytes(), bytes(), 0..20),
            1..8,
        ),
        options in options(),
    ) {
        check(&databases, &options);
    }
}

/// A list of three levels, of names that are alike for longer than a page has room, or short.
#[test]
fn many_databases() {
    for alike in [0, 90, 200] {
        let databases = (0..600u32)
            .map(|i| {
                let name = format!("{}{i}", "-".repeat(alike)).into_bytes();
                (name, Map::from([(b"key".to_vec(), i.to_be_bytes().to_vec())]))
            })
            .collect();
        check(&databases, &BuildOptions::default().page_size(512));
    }
}

/// Whether databases are refused for their options or names.
fn is_option(plan: Result<NewDatabases<'_>, Error>) -> bool {
    plan.is_err_and(|error| matches!(error.kind(), ErrorKind::Option(_)))
}

#[test]
fn databases_that_do_not_fit_together() {
    let with = |page_size, checksums| {
        HashBuilder::new(BuildOptions::default().page_size(page_size).checksums(checksums))
    };
    let plan = |one, other, names: [&[u8]; 2]| {
        let [name, other_name] = names.map(<[u8]>::to_vec);
        NewDatabases::plan(vec![(name, one), (other_name, other)], Keep::Last)
    };
    let names: [&[u8]; 2] = [b"a", b"b"];
    assert!(plan(with(Some(512), false), with(None, false), names).is_ok());
    for (one, other, names) in [
        (with(None, false), with(None, false), [&b"a"[..], b"a"]),
        (with(Some(512), false), with(Some(1024), false), names),
        (with(None, true), with(None, false), names),
    ] {
        assert!(is_option(plan(one, other, names)));
    }
    assert!(is_option(NewDatabases::plan(vec![], Keep::Last)));
}
