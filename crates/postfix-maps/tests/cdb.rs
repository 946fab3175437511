//! Tables of the type `cdb`, as far as they differ from `hash`.

mod common;

use std::fs;

use common::{Dir, get};
use postfix_maps::{
    Access, Duplicates, ErrorKind, NewTable, Table, TableOptions, TableUpdate, Terminators,
    WriteOptions,
};

fn spec(dir: &Dir) -> String {
    dir.spec("m").to_string().replacen("hash:", "cdb:", 1)
}

fn write(dir: &Dir, options: WriteOptions, pairs: &[(&str, &str)]) {
    let mut new = NewTable::open(spec(dir), options).unwrap();
    for (key, value) in pairs {
        new.put(key, value).unwrap();
    }
    new.finish().unwrap();
}

#[test]
fn what_is_stored_is_found_in_each_way() {
    let dir = Dir::new();
    write(&dir, WriteOptions::default(), &[("A", "1"), ("b", ""), ("a", "2")]);
    assert_eq!(dir.files(), ["m.cdb"]);
    let mut tables: Vec<Table> = [Access::Snapshot, Access::Locked]
        .map(|access| {
            let options = TableOptions::default().access(access);
            Table::open_with(spec(&dir), options).unwrap()
        })
        .into();
    // SAFETY: nobody changes the file.
    tables.push(unsafe { Table::open_mapped(spec(&dir), TableOptions::default()) }.unwrap());
    for table in &tables {
        assert_eq!(get(table, "a").as_deref(), Some("1"));
        assert_eq!(get(table, "B").as_deref(), Some(""));
        assert_eq!(get(table, "c"), None);
        let listed = table.iter().map(|pair| pair.unwrap().0.into_owned());
        assert_eq!(listed.collect::<Vec<_>>(), [b"a", b"b"]);
        let found = table.get_many(&["a", "c", "b"]).map(|value| value.unwrap().is_some());
        assert_eq!(found.collect::<Vec<_>>(), [true, false, true]);
    }
    write(&dir, WriteOptions::default(), &[("a", "3")]);
    let reloaded = tables[0].reloaded().unwrap().unwrap();
    assert_eq!(get(&reloaded, "a").as_deref(), Some("3"));
}

#[test]
fn duplicates_and_nuls_as_postfix_has_them() {
    let dir = Dir::new();
    let pairs = [("a", "1"), ("b", "2"), ("a", "3")];
    let listed = |options: WriteOptions| {
        write(&dir, options, &pairs);
        let table = Table::open(spec(&dir)).unwrap();
        let values = table.iter().map(|pair| pair.unwrap().1.into_owned());
        String::from_utf8(values.collect::<Vec<_>>().concat()).unwrap()
    };
    let options = WriteOptions::default();
    assert_eq!(listed(options.clone()), "12");
    assert_eq!(listed(options.clone().duplicates(Duplicates::Ignore)), "123");
    assert_eq!(listed(options.clone().duplicates(Duplicates::Replace)), "23");
    let len = |options: WriteOptions| {
        write(&dir, options, &[("key", "value")]);
        fs::metadata(dir.path("m.cdb")).unwrap().len()
    };
    let without = len(options.clone());
    assert_eq!(len(options.clone().terminators(Terminators::Without)), without);
    assert_eq!(len(options.terminators(Terminators::With)), without + 2);
    assert_eq!(get(&Table::open(spec(&dir)).unwrap(), "key").as_deref(), Some("value"));
}

#[test]
fn there_are_no_single_changes() {
    let dir = Dir::new();
    for refused in [
        TableUpdate::open(spec(&dir), WriteOptions::default()),
        TableUpdate::open_or_create(spec(&dir), WriteOptions::default()),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotSupported);
    }
    assert!(dir.files().is_empty(), "nothing was made");
}

#[test]
fn damage_is_told() {
    let dir = Dir::new();
    write(&dir, WriteOptions::default(), &[("a", "1")]);
    let path = dir.path("m.cdb");
    let sound = fs::read(&path).unwrap();
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Table::open(spec(&dir)).and_then(|table| table.get("a").map(drop));
        error.unwrap_err()
    };
    let short = error(&sound[..2000]);
    assert_eq!(short.kind(), ErrorKind::UnsupportedFile);
    let message = String::from_utf8(short.message().to_vec()).unwrap();
    assert!(message.starts_with("dict_cdbq_open: unable to init "), "{message}");
    let mut long_value = sound.clone();
    long_value[2052..2056].fill(0xff);
    for damaged in [&[0; 2048][..], &long_value] {
        let damaged = error(damaged);
        assert_eq!(damaged.kind(), ErrorKind::Damaged);
        assert!(damaged.message().ends_with(b": Protocol error"));
        assert!(damaged.to_string().contains("offset"), "{damaged}");
    }
}
