//! A database is to hold what a map in memory does.

// Each file of tests uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;

use bdb_file::{BtreeDb, BuildOptions, Datum, HashBuilder, HashDb, Keep, Source};

pub type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// A file with the pairs of a map.
pub fn build(options: BuildOptions, map: &Map) -> Vec<u8> {
    let mut builder = HashBuilder::new(options);
    for (key, data) in map {
        builder.push(key, data).unwrap();
    }
    let mut file = Vec::new();
    builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
    file
}

/// Whether a database holds the pairs of a map and no others, whatever way it is asked.
pub fn assert_holds<S: Source>(database: &HashDb<S>, map: &Map) {
    let listed: Vec<_> = database.iter().map(Result::unwrap).collect();
    assert_eq!(listed.len(), map.len(), "no pair twice");
    let listed: Map = listed.into_iter().map(|(k, d)| (k.into_owned(), d.into_owned())).collect();
    assert_eq!(&listed, map);
    for (key, data) in map {
        assert_eq!(database.get(key).unwrap().as_deref(), Some(&data[..]));
        let all: Vec<_> = database.get_all(key).unwrap().map(Result::unwrap).collect();
        assert_eq!(all, [&data[..]]);
        if let Some((0, unterminated)) = key.split_last() {
            assert_eq!(
                database.get(Datum::terminated(unterminated)).unwrap().as_deref(),
                Some(&data[..])
            );
        }
        assert_eq!(
            database.get(Datum::terminated(key)).unwrap().is_some(),
            map.contains_key(&[key, &b"\0"[..]].concat())
        );
        let mut absent = key.clone();
        absent.push(b'x');
        assert_eq!(database.get(&absent).unwrap().is_some(), map.contains_key(&absent));
    }
    // More than one group of keys, some of them absent, the last group not full.
    let keys: Vec<Vec<u8>> =
        map.keys().flat_map(|key| [key.clone(), [key, &b"x"[..]].concat()]).collect();
    let found = database.get_many(&keys);
    assert_eq!(found.len(), keys.len());
    for (found, key) in found.zip(&keys) {
        assert_eq!(found.unwrap().as_deref(), map.get(key).map(Vec::as_slice));
    }
    let terminated: Vec<Datum<'_>> = keys.iter().map(|key| Datum::terminated(key)).collect();
    for (found, key) in database.get_many(&terminated).zip(&keys) {
        assert_eq!(found.unwrap(), database.get(Datum::terminated(key)).unwrap());
    }
}

/// Whether a btree holds the pairs of a map and no others, in their order.
pub fn assert_btree_holds<S: Source>(database: &BtreeDb<S>, map: &Map) {
    let listed: Vec<_> = database.iter().map(Result::unwrap).collect();
    let expected = map.iter().map(|(key, data)| (&key[..], &data[..]));
    assert!(listed.iter().map(|(key, data)| (&key[..], &data[..])).eq(expected));
    let keys: Vec<Vec<u8>> =
        map.keys().flat_map(|key| [key.clone(), [key, &b"x"[..]].concat()]).collect();
    for (found, key) in database.get_many(&keys).zip(&keys) {
        assert_eq!(found.unwrap().as_deref(), map.get(key).map(Vec::as_slice));
        assert_eq!(database.get(key).unwrap().as_deref(), map.get(key).map(Vec::as_slice));
        let all = database.get_all(key).unwrap().map(|data| data.unwrap().into_owned());
        assert!(all.eq(map.get(key).cloned()));
    }
}
