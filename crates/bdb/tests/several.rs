//! Files of several databases: what is written is sound, and read by name.

mod generated;
#[path = "fuzzed/model.rs"]
mod model;

use std::collections::BTreeMap;

use bdb_file::{
    BtreeBuilder, BtreeDb, BuildOptions, DatabaseBuilder, Error, ErrorKind, HashBuilder, HashDb,
    Keep, NewDatabases, database_names, verify,
};
use generated::{bytes, options};
use model::{Map, assert_holds};
use proptest::prelude::*;

/// Databases of both kinds: every second one is a btree.
fn build(databases: &BTreeMap<Vec<u8>, Map>, options: &BuildOptions) -> Vec<u8> {
    let builders = databases.iter().enumerate().rev().map(|(i, (name, pairs))| {
        let options = options.clone();
        let mut builder = match i % 2 {
            0 => DatabaseBuilder::from(HashBuilder::new(options)),
            _ => BtreeBuilder::new(options).into(),
        };
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
    for (i, (name, pairs)) in databases.iter().enumerate() {
        if i % 2 == 0 {
            assert_holds(&HashDb::open_named(&file, name).unwrap(), pairs);
            continue;
        }
        let database = BtreeDb::open_named(&file, name).unwrap();
        let listed: Vec<_> = database.iter().map(Result::unwrap).collect();
        assert!(
            listed
                .iter()
                .map(|(key, data)| (&**key, &**data))
                .eq(pairs.iter().map(|(key, data)| (&key[..], &data[..])))
        );
        for (key, data) in pairs {
            assert_eq!(database.get(key).unwrap().as_deref(), Some(&data[..]));
        }
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
    let options =
        |page_size, checksums| BuildOptions::default().page_size(page_size).checksums(checksums);
    let hash = |page_size, checksums| HashBuilder::new(options(page_size, checksums));
    let btree = |page_size, checksums| BtreeBuilder::new(options(page_size, checksums));
    let plan = |one: HashBuilder<'static>, other: BtreeBuilder<'static>, names: [&[u8]; 2]| {
        let [name, other_name] = names.map(<[u8]>::to_vec);
        NewDatabases::plan(vec![(name, one.into()), (other_name, other.into())], Keep::Last)
    };
    let names: [&[u8]; 2] = [b"a", b"b"];
    assert!(plan(hash(Some(512), false), btree(None, false), names).is_ok());
    for (one, other, names) in [
        (hash(None, false), btree(None, false), [&b"a"[..], b"a"]),
        (hash(Some(512), false), btree(Some(1024), false), names),
        (hash(None, true), btree(None, false), names),
    ] {
        assert!(is_option(plan(one, other, names)));
    }
    assert!(is_option(NewDatabases::plan(vec![], Keep::Last)));
}
