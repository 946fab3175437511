//! Tables on disk: ways to read them, and what becomes of a file that is replaced.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{Dir, age, get};

use postfix_maps::{
    Access, Duplicates, ErrorKind, KeyRules, NewTable, Table, TableOptions, Terminators,
    WriteOptions,
};

#[test]
fn every_access_finds_the_same() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1"), ("B", "2"), ("stra\u{df}e", "3")]);
    // SAFETY: nothing changes the file.
    let mapped = unsafe { Table::open_mapped(dir.spec("m"), TableOptions::default()) }.unwrap();
    for table in [dir.open("m", Access::Snapshot), dir.open("m", Access::Locked), mapped] {
        assert_eq!(get(&table, "A").as_deref(), Some("1"));
        assert_eq!(get(&table, "b").as_deref(), Some("2"));
        assert_eq!(get(&table, "STRASSE").as_deref(), Some("3"));
        assert_eq!(get(&table, "c"), None);
        assert_eq!(table.get(b"\xff").unwrap(), None);
        let mut pairs: Vec<_> = table.iter().map(Result::unwrap).collect();
        pairs.sort();
        let keys: Vec<_> = pairs.iter().map(|(key, _)| &key[..]).collect();
        assert_eq!(keys, [&b"a"[..], b"b", b"strasse"]);
    }
}

#[test]
fn tables_are_shared_between_threads() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    for access in [Access::Snapshot, Access::Locked] {
        let table = dir.open("m", access);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(get(&table, "a").as_deref(), Some("1")));
            }
        });
    }
}

#[test]
fn a_snapshot_is_reloaded_when_the_table_changes() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let snapshot = dir.open("m", Access::Snapshot);
    let locked = dir.open("m", Access::Locked);
    // Same size, most likely within the same tick of the clock.
    dir.write("m", &[("a", "2")]);
    assert_eq!(get(&snapshot, "a").as_deref(), Some("1"));
    assert_eq!(get(&locked, "a").as_deref(), Some("2"));
    let reloaded = snapshot.reloaded().unwrap().unwrap();
    assert_eq!(get(&reloaded, "a").as_deref(), Some("2"));
    assert_eq!(get(&snapshot, "a").as_deref(), Some("1"));
    assert!(locked.reloaded().unwrap().is_none());
}

#[test]
fn a_table_goes_on_when_reloading_fails() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let table = dir.open("m", Access::Snapshot);
    fs::write(dir.path("m.db"), "not a database").unwrap();
    assert_eq!(table.reloaded().unwrap_err().kind(), ErrorKind::Damaged);
    fs::remove_file(dir.path("m.db")).unwrap();
    assert_eq!(table.reloaded().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(get(&table, "a").as_deref(), Some("1"));
}

#[test]
fn opening_tells_what_is_wrong() {
    let dir = Dir::new();
    let message = |spec: &str| Table::open(spec).unwrap_err().to_string();
    assert_eq!(
        message("hash:"),
        "open dictionary: expecting \"type:name\" form instead of \"hash:\""
    );
    assert_eq!(message("foo:x"), "unsupported dictionary type: foo");
    let missing = Table::open(dir.spec("m")).unwrap_err();
    let file = dir.path("m.db");
    assert_eq!(
        missing.to_string(),
        format!("open database {}: No such file or directory", file.display())
    );
    fs::write(&file, "junk").unwrap();
    let junk = Table::open(dir.spec("m")).unwrap_err();
    let message = format!("open database {}: Invalid argument", file.display());
    assert_eq!(junk.message(), message.as_bytes());
    assert_eq!(junk.to_string(), format!("{}: not a Berkeley DB file", file.display()));
    assert_eq!(junk.detail(), Some(junk.to_string().as_bytes()));
}

#[test]
fn values_must_be_utf8_in_utf8_mode() {
    let dir = Dir::new();
    let rules = KeyRules::default().utf8(false);
    let mut writer = NewTable::open(dir.spec("m"), WriteOptions::default().rules(rules)).unwrap();
    writer.put(b"k", b"\xff").unwrap();
    writer.finish().unwrap();
    let table = Table::open(dir.spec("m")).unwrap();
    let error = table.get(b"K").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueNotUtf8);
    assert!(error.to_string().contains("key \"K\": non-UTF-8 value"), "{error}");
    let bytes = Table::open_with(dir.spec("m"), TableOptions::default().rules(rules));
    assert_eq!(bytes.unwrap().get(b"K").unwrap().as_deref(), Some(&b"\xff"[..]));
    let mut writer = NewTable::open(dir.spec("m"), WriteOptions::default()).unwrap();
    assert_eq!(writer.put(b"\xff", b"v").unwrap_err().kind(), ErrorKind::NotUtf8);
    assert_eq!(writer.put(b"k", b"\xff").unwrap_err().kind(), ErrorKind::NotUtf8);
}

#[test]
fn terminators_are_as_asked_for() {
    let dir = Dir::new();
    for (written, found) in [
        (Terminators::With, [true, false, true]),
        (Terminators::Without, [false, true, true]),
        (Terminators::Either, [true, false, true]),
    ] {
        let options = WriteOptions::default().terminators(written);
        dir.write_with("m", &[("k", "v")], options);
        let asked = [Terminators::With, Terminators::Without, Terminators::Either];
        for (terminators, found) in asked.into_iter().zip(found) {
            let options = TableOptions::default().terminators(terminators);
            let table = Table::open_with(dir.spec("m"), options).unwrap();
            assert_eq!(get(&table, "k"), found.then(|| "v".to_owned()));
        }
    }
}

#[test]
fn duplicates_are_left_out_or_replace() {
    let dir = Dir::new();
    for (duplicates, value) in
        [(Duplicates::Warn, "1"), (Duplicates::Ignore, "1"), (Duplicates::Replace, "2")]
    {
        let options = WriteOptions::default().duplicates(duplicates);
        dir.write_with("m", &[("k", "1"), ("K", "2")], options);
        assert_eq!(get(&dir.open("m", Access::Snapshot), "k").as_deref(), Some(value));
    }
}

#[test]
fn nothing_changes_before_the_end() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let before = fs::read(dir.path("m.db")).unwrap();
    let mut writer = NewTable::open(dir.spec("m"), WriteOptions::default()).unwrap();
    writer.put(b"a", b"2").unwrap();
    drop(writer);
    assert_eq!(fs::read(dir.path("m.db")).unwrap(), before);
    assert_eq!(dir.files(), ["m.db"]);
}

#[test]
fn a_new_file_takes_over_mode_and_place() {
    let dir = Dir::new();
    dir.write_with("m", &[("a", "1")], WriteOptions::default().mode(0o604));
    let mode = |name: &str| fs::metadata(dir.path(name)).unwrap().mode() & 0o7777;
    assert_eq!(mode("m.db"), 0o604);
    fs::set_permissions(dir.path("m.db"), PermissionsExt::from_mode(0o660)).unwrap();
    let inode = fs::metadata(dir.path("m.db")).unwrap().ino();
    dir.write("m", &[("a", "2")]);
    assert_eq!(mode("m.db"), 0o660);
    assert_ne!(fs::metadata(dir.path("m.db")).unwrap().ino(), inode);
    assert_eq!(dir.files(), ["m.db"]);
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_replaced() {
    let dir = Dir::new();
    dir.write("table", &[("a", "1")]);
    fs::create_dir(dir.path("real")).unwrap();
    fs::rename(dir.path("table.db"), dir.path("real/table")).unwrap();
    symlink("real/table", dir.path("m.db")).unwrap();
    dir.write("m", &[("a", "2")]);
    assert!(fs::symlink_metadata(dir.path("m.db")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(dir.path("real/table")).unwrap().is_file());
    assert_eq!(get(&dir.open("m", Access::Snapshot), "a").as_deref(), Some("2"));
}

#[test]
fn a_symbolic_link_to_nowhere_is_replaced() {
    let dir = Dir::new();
    symlink("nowhere", dir.path("m.db")).unwrap();
    dir.write("m", &[("a", "1")]);
    assert!(fs::symlink_metadata(dir.path("m.db")).unwrap().is_file());
    assert_eq!(dir.files(), ["m.db"]);
}

#[test]
fn a_file_with_two_names_is_overwritten() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1"), ("b", &"x".repeat(10_000))]);
    fs::hard_link(dir.path("m.db"), dir.path("n.db")).unwrap();
    assert!(NewTable::open(dir.spec("m"), WriteOptions::default()).unwrap().overwrites());
    dir.write("m", &[("a", "2")]);
    assert_eq!(get(&dir.open("n", Access::Snapshot), "a").as_deref(), Some("2"));
    assert_eq!(get(&dir.open("n", Access::Snapshot), "b"), None);
    assert_eq!(dir.files(), ["m.db", "n.db"]);
}

#[test]
fn an_empty_file_is_no_table() {
    let dir = Dir::new();
    File::create(dir.path("m.db")).unwrap();
    assert!(Table::open(dir.spec("m")).is_err());
    let new = NewTable::open(dir.spec("m"), WriteOptions::default()).unwrap();
    assert_eq!(new.mended().count(), 1);
    new.finish().unwrap();
    assert_eq!(dir.open("m", Access::Snapshot).iter().count(), 0);
}

#[test]
fn a_directory_in_the_way_is_told() {
    let dir = Dir::new();
    fs::create_dir(dir.path("m.db")).unwrap();
    let error = NewTable::open(dir.spec("m"), WriteOptions::default()).unwrap_err();
    let file = dir.path("m.db");
    assert_eq!(error.to_string(), format!("open {}: Is a directory", file.display()));
    let error = NewTable::open(dir.spec("no/m"), WriteOptions::default()).unwrap_err();
    let file = dir.path("no/m.db");
    assert_eq!(
        error.to_string(),
        format!("open database {}: No such file or directory", file.display())
    );
}

#[test]
fn writers_wait_for_each_other_and_none_is_torn() {
    let dir = Dir::new();
    for existing in [false, true] {
        if existing {
            dir.write("m", &[]);
        } else {
            let _ = fs::remove_file(dir.path("m.db"));
        }
        thread::scope(|scope| {
            for i in 0..8 {
                let dir = &dir;
                scope.spawn(move || {
                    let key = format!("key{i}");
                    dir.write("m", &[(&key, "v"), ("last", &key)]);
                });
            }
        });
        // The table is one of the eight, whole.
        let table = dir.open("m", Access::Snapshot);
        let last = get(&table, "last").unwrap();
        assert_eq!(get(&table, &last).as_deref(), Some("v"));
        assert_eq!(table.iter().count(), 2);
        assert_eq!(dir.files(), ["m.db"]);
    }
}

#[test]
fn readers_see_a_whole_table_at_any_time() {
    let dir = Dir::new();
    let keys: Vec<String> = (0..200).map(|i| format!("key{i}")).collect();
    let write = |round: &str| {
        let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), round)).collect();
        dir.write("m", &pairs);
    };
    write("0");
    // Twice: replaced by a new file, and, for its second name, overwritten.
    for linked in [false, true] {
        if linked {
            fs::hard_link(dir.path("m.db"), dir.path("n.db")).unwrap();
        }
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for access in [Access::Locked, Access::Snapshot] {
                let (dir, stop) = (&dir, &stop);
                scope.spawn(move || {
                    let mut table = dir.open("m", access);
                    while !stop.load(Ordering::Relaxed) {
                        assert!(get(&table, "key77").is_some());
                        if let Some(new) = table.reloaded().unwrap() {
                            table = new;
                        }
                        let pairs = table.iter().map(Result::unwrap);
                        let values: Vec<_> = pairs.map(|(_, value)| value.into_owned()).collect();
                        assert_eq!(values.len(), 200);
                        assert!(values.iter().all(|value| *value == values[0]), "of one round");
                    }
                });
            }
            for round in 0..30 {
                write(&round.to_string());
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_newer_source_is_noticed() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let is_older = || dir.open("m", Access::Locked).is_older_than_source();
    assert!(!is_older(), "there is no source");
    fs::write(dir.path("m"), "a 1\n").unwrap();
    age(&dir.path("m.db"), 300);
    assert!(!is_older(), "just written");
    age(&dir.path("m"), 200);
    assert!(is_older());
    age(&dir.path("m"), 400);
    assert!(!is_older());
}

#[test]
fn the_same_entries_make_the_same_file_if_asked_to() {
    let dir = Dir::new();
    let file = |reproducible| {
        dir.write_with("m", &[("a", "1")], WriteOptions::default().reproducible(reproducible));
        fs::read(dir.path("m.db")).unwrap()
    };
    assert_eq!(file(true), file(true));
    assert_ne!(file(false), file(false));
}
