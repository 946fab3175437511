//! Tables of the type `btree`, as far as they differ from `hash`: the order of their keys, and the
//! suffix, which both types have.

mod common;

use std::fs;

use common::{Dir, get};
use postfix_maps::{
    Access, DatabaseFile, ErrorKind, LoadOptions, NewTable, Table, TableOptions, TableSpec,
    TableUpdate, TextFormat, WriteOptions,
};

fn spec(dir: &Dir) -> TableSpec {
    TableSpec::new("btree", dir.path("m"))
}

fn write(dir: &Dir, pairs: &[(&str, &str)]) {
    let mut new = NewTable::open(spec(dir), WriteOptions::default()).unwrap();
    for (key, value) in pairs {
        new.put(key, value).unwrap();
    }
    new.finish().unwrap();
}

fn keys(table: &Table) -> Vec<String> {
    let keys = table.iter().map(|pair| pair.unwrap().0.into_owned());
    keys.map(|key| String::from_utf8(key).unwrap()).collect()
}

/// `key0` and so on, in an order that is not theirs.
fn many() -> Vec<(String, String)> {
    (0..5_000).map(|i| (format!("key{}", i * 37 % 5_000), "x".repeat(i % 60))).collect()
}

#[test]
fn what_is_stored_is_found_in_each_way_and_listed_in_order() {
    let dir = Dir::new();
    let pairs = many();
    let lent: Vec<_> = pairs.iter().map(|(key, value)| (&**key, &**value)).collect();
    write(&dir, &lent);
    assert_eq!(dir.files(), ["m.db"]);
    let mut sorted: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
    sorted.sort_unstable();
    let mut tables: Vec<Table> = [Access::Snapshot, Access::Locked]
        .map(|access| {
            let options = TableOptions::default().access(access);
            Table::open_with(spec(&dir), options).unwrap()
        })
        .into();
    // SAFETY: nobody changes the file.
    tables.push(unsafe { Table::open_mapped(spec(&dir), TableOptions::default()) }.unwrap());
    for table in &tables {
        assert_eq!(keys(table), sorted);
        for (key, value) in &pairs {
            assert_eq!(get(table, key).as_deref(), Some(&**value));
        }
        assert_eq!(
            get(table, "KEY1").map(|value| value.len()),
            get(table, "key1").map(|v| v.len())
        );
        assert_eq!(get(table, "key"), None);
        let asked = ["key4999", "absent", "key0"];
        let found = table.get_many(&asked).map(|value| value.unwrap().is_some());
        assert_eq!(found.collect::<Vec<_>>(), [true, false, true]);
    }
    write(&dir, &[("a", "3")]);
    let reloaded = tables[0].reloaded().unwrap().unwrap();
    assert_eq!((get(&reloaded, "a").as_deref(), keys(&reloaded).len()), (Some("3"), 1));
}

#[test]
fn single_entries_change() {
    let dir = Dir::new();
    let pairs = many();
    let mut update = TableUpdate::open_or_create(spec(&dir), WriteOptions::default()).unwrap();
    for (key, value) in &pairs {
        update.put(key, value).unwrap();
    }
    assert!(update.delete("key17").unwrap());
    assert!(!update.delete("key17").unwrap());
    update.commit().unwrap();
    let table = Table::open(spec(&dir)).unwrap();
    assert_eq!(keys(&table).len(), pairs.len() - 1);
    let mut update = TableUpdate::open(spec(&dir), WriteOptions::default()).unwrap();
    for (key, _) in &pairs {
        update.delete(key).unwrap();
    }
    update.put("last", "1").unwrap();
    update.commit().unwrap();
    assert_eq!(keys(&table.reloaded().unwrap().unwrap()), ["last"]);
    assert_eq!(dir.files(), ["m.db"]);
}

/// Both types have one suffix: the contents of a file say which it is.
#[test]
fn files_are_known_by_their_contents() {
    let dir = Dir::new();
    write(&dir, &[("a", "1")]);
    let table = Table::open_file(dir.path("m.db"), TableOptions::default()).unwrap();
    assert_eq!((table.spec().table_type(), get(&table, "a")), ("btree".as_ref(), Some("1".into())));
    let other = Table::open(TableSpec::new("hash", dir.path("m"))).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::UnsupportedFile);
    assert!(other.message().ends_with(b"m.db: Invalid argument"), "{other}");
    assert!(other.to_string().contains("btree"), "{other}");
    dir.write("h", &[("a", "2")]);
    fs::rename(dir.path("h.db"), dir.path("m.db")).unwrap();
    let other = Table::open(spec(&dir)).unwrap_err();
    assert!(other.to_string().contains("hash"), "{other}");
    let table = Table::open_file(dir.path("m.db"), TableOptions::default()).unwrap();
    assert_eq!((table.spec().table_type(), get(&table, "a")), ("hash".as_ref(), Some("2".into())));
}

/// A file at a path becomes what its text says, the file of a table what its type has.
#[test]
fn texts_of_either_type_become_a_table() {
    let dir = Dir::new();
    dir.write("h", &[("b", "2"), ("a", "1")]);
    let mut text = Vec::new();
    let (file, format) = DatabaseFile::new(dir.path("h.db")).open().unwrap();
    format.dump(&file, None, TextFormat::Print, &mut text).unwrap();
    for (name, table_type) in
        [(spec(&dir).to_string(), "btree"), (dir.path("m.db").display().to_string(), "hash")]
    {
        let file = DatabaseFile::new(name);
        let loaded = file.load(&mut &text[..], &LoadOptions::default()).unwrap();
        file.replace(0o644, &*loaded.contents).unwrap();
        let table = Table::open_file(dir.path("m.db"), TableOptions::default()).unwrap();
        assert_eq!(table.spec().table_type(), table_type);
        assert_eq!(get(&table, "b").as_deref(), Some("2"));
    }
}
