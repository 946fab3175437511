//! Changing tables on disk.

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;

use common::{Dir, get};
use postfix_maps::{
    Access, Duplicates, ErrorKind, NewTable, Syntax, TableSpec, TableText, TableUpdate,
    Terminators, WriteOptions,
};

fn update(dir: &Dir, name: &str) -> TableUpdate {
    TableUpdate::open(dir.spec(name), WriteOptions::default()).unwrap()
}

/// Pairs enough for a file of more than two megabytes, which is not copied for a change.
fn many() -> Vec<(String, String)> {
    (0..20_000).map(|i| (format!("user{i}@example.com"), "x".repeat(60))).collect()
}

fn write_many(dir: &Dir, name: &str) {
    let pairs = many();
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    dir.write(name, &pairs);
    assert!(fs::metadata(dir.path(&format!("{name}.db"))).unwrap().len() > 2_000_000);
}

#[test]
fn entries_come_change_and_go() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1"), ("b", "2")]);
    let mut update = update(&dir, "m");
    assert!(update.put(b"C", b"3").unwrap());
    assert!(!update.put(b"A", b"9").unwrap(), "it is there already");
    assert!(update.delete(b"B").unwrap());
    assert!(!update.delete(b"B").unwrap());
    update.commit().unwrap();
    let table = dir.open("m", Access::Snapshot);
    assert_eq!(get(&table, "a").as_deref(), Some("1"));
    assert_eq!(get(&table, "b"), None);
    assert_eq!(get(&table, "c").as_deref(), Some("3"));
    assert_eq!(dir.files(), ["m.db"]);
}

#[test]
fn a_small_table_is_replaced_and_a_large_one_overwritten() {
    let dir = Dir::new();
    dir.write("small", &[("a", "1")]);
    write_many(&dir, "large");
    for (name, key, replaced) in [("small", "a", true), ("large", "user7@example.com", false)] {
        let metadata = || fs::metadata(dir.path(&format!("{name}.db"))).unwrap();
        let before = metadata();
        let mut update = update(&dir, name);
        assert!(update.delete(key.as_bytes()).unwrap());
        assert!(update.put(b"new", b"value").unwrap());
        update.commit().unwrap();
        assert_eq!(metadata().ino() != before.ino(), replaced, "{name}");
        assert_eq!(metadata().len(), before.len(), "no journal is left");
        let table = dir.open(name, Access::Locked);
        assert_eq!(get(&table, key), None);
        assert_eq!(get(&table, "new").as_deref(), Some("value"));
    }
}

#[test]
fn nothing_changes_before_the_commit() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let before = fs::read(dir.path("m.db")).unwrap();
    let mut dropped = update(&dir, "m");
    dropped.delete(b"a").unwrap();
    drop(dropped);
    assert_eq!(fs::read(dir.path("m.db")).unwrap(), before);
    // Where there is nothing to do, nothing is done.
    let inode = fs::metadata(dir.path("m.db")).unwrap().ino();
    let mut idle = update(&dir, "m");
    assert!(!idle.delete(b"absent").unwrap());
    idle.commit().unwrap();
    assert_eq!(fs::metadata(dir.path("m.db")).unwrap().ino(), inode);
    assert_eq!(dir.files(), ["m.db"]);
}

#[test]
fn a_table_that_is_missing_is_an_error_or_made() {
    let dir = Dir::new();
    let missing = TableUpdate::open(dir.spec("m"), WriteOptions::default()).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    fs::write(dir.path("m.db"), "").unwrap();
    let options = WriteOptions::default().mode(0o640);
    let mut made = TableUpdate::open_or_create(dir.spec("m"), options).unwrap();
    assert_eq!(made.mended().count(), 1);
    made.put(b"a", b"1").unwrap();
    made.commit().unwrap();
    assert_eq!(fs::metadata(dir.path("m.db")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(get(&dir.open("m", Access::Locked), "a").as_deref(), Some("1"));
    fs::write(dir.path("junk.db"), "junk").unwrap();
    let junk = TableUpdate::open_or_create(dir.spec("junk"), WriteOptions::default());
    assert_eq!(junk.unwrap_err().kind(), ErrorKind::Damaged);
    let unknown = TableUpdate::open_or_create(TableSpec::from("foo:m"), WriteOptions::default());
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::UnsupportedType);
}

#[test]
fn a_text_is_added_with_its_warnings_in_order() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let source = TableText {
        name: b"stdin",
        text: b"lonely\nA 2\nb 3\nB 4\n\"x\n",
        syntax: Syntax::Map { values_are_files: false },
    };
    for (duplicates, a, b, warnings) in [
        (Duplicates::Warn, "1", "3", 4),
        (Duplicates::Ignore, "1", "3", 2),
        (Duplicates::Replace, "2", "4", 2),
    ] {
        dir.write("m", &[("a", "1")]);
        let options = WriteOptions::default().duplicates(duplicates);
        let mut update = TableUpdate::open(dir.spec("m"), options).unwrap();
        let mut told = Vec::new();
        update.add_all(&source, |warning| told.push(warning.to_vec())).unwrap();
        update.commit().unwrap();
        let table = dir.open("m", Access::Snapshot);
        assert_eq!(get(&table, "a").as_deref(), Some(a));
        assert_eq!(get(&table, "b").as_deref(), Some(b));
        assert_eq!(told.len(), warnings);
        assert!(told[0].starts_with(b"stdin, line 1: "));
        assert!(told[warnings - 1].starts_with(b"stdin, line 5: "));
        if warnings == 4 {
            assert!(told[1].ends_with(b"m.db: duplicate entry: \"a\""));
            assert!(told[2].ends_with(b"m.db: duplicate entry: \"b\""));
        }
    }
}

#[test]
fn the_form_of_keys_that_is_found_is_the_one_that_is_deleted() {
    let dir = Dir::new();
    let with = |terminators| WriteOptions::default().terminators(terminators);
    dir.write_with("m", &[("k", "without")], with(Terminators::Without));
    let mut both = update(&dir, "m");
    assert!(both.put(b"k", b"with").unwrap(), "another key");
    assert!(both.delete(b"k").unwrap());
    both.commit().unwrap();
    assert_eq!(get(&dir.open("m", Access::Snapshot), "k").as_deref(), Some("without"));
    let mut without = update(&dir, "m");
    assert!(without.delete(b"k").unwrap());
    without.commit().unwrap();
    assert_eq!(dir.open("m", Access::Snapshot).iter().count(), 0);
}

#[test]
fn no_update_is_lost_between_writers() {
    let dir = Dir::new();
    // Once copied for each change, once overwritten.
    dir.write("m", &[]);
    write_many(&dir, "large");
    for name in ["m", "large"] {
        thread::scope(|scope| {
            for writer in 0..4 {
                let dir = &dir;
                scope.spawn(move || {
                    for i in 0..10 {
                        let mut update = update(dir, name);
                        update.put(format!("key{writer}-{i}").as_bytes(), b"v").unwrap();
                        update.commit().unwrap();
                    }
                });
            }
        });
        let table = dir.open(name, Access::Snapshot);
        for (writer, i) in (0..4).flat_map(|writer| (0..10).map(move |i| (writer, i))) {
            assert!(get(&table, &format!("key{writer}-{i}")).is_some(), "{name} {writer}-{i}");
        }
    }
}

#[test]
fn what_is_known_of_the_keys_holds_for_new_ones() {
    let dir = Dir::new();
    let without = WriteOptions::default().terminators(Terminators::Without);
    let mut new = NewTable::open(dir.spec("m"), without).unwrap();
    new.put("a", "1").unwrap();
    new.put("b", "2").unwrap();
    new.finish().unwrap();
    let mut update = TableUpdate::open(dir.spec("m"), WriteOptions::default()).unwrap();
    assert!(update.delete("a").unwrap(), "settles the form: without a NUL");
    update.put("c", "3").unwrap();
    assert_eq!(update.get("c").unwrap().as_deref(), Some(&b"3"[..]));
    assert_eq!(update.get("b").unwrap().as_deref(), Some(&b"2"[..]));
    assert!(update.delete("b").unwrap());
    update.commit().unwrap();
    let table = dir.open("m", Access::Snapshot);
    assert_eq!(get(&table, "c").as_deref(), Some("3"));
    assert_eq!(get(&table, "b"), None);

    // Where nothing is known yet, the first key that is stored settles it.
    let mut update = TableUpdate::open(dir.spec("m"), WriteOptions::default()).unwrap();
    update.put("d", "4").unwrap();
    assert_eq!(update.get("d").unwrap().as_deref(), Some(&b"4"[..]));
    assert_eq!(update.get("c").unwrap(), None);
}

#[test]
fn counts_of_what_is_stored() {
    let dir = Dir::new();
    let mut new = NewTable::open(dir.spec("m"), WriteOptions::default()).unwrap();
    for (key, value) in [("a", "1"), ("b", "2"), ("A", "3")] {
        new.put(key, value).unwrap();
    }
    let summary = new.finish().unwrap();
    assert_eq!((summary.entries, summary.dropped), (2, 1));
}
