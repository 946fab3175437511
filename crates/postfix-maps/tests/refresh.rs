//! `Table::refresh` notices each kind of change, however soon it comes and however little the file
//! shows of it.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use common::{Dir, get};
use postfix_maps::{
    Access, Duplicates, NewTable, Table, TableOptions, TableUpdate, Terminators, WriteOptions,
};

/// Gives the key `a` of the table `m` a value. All values have the same length, and so have the
/// files.
type Change = fn(&Dir, &str);

/// Whether the file is another one afterwards, so that tables may be mapped; the change.
const CHANGES: [(&str, bool, Change); 8] = [
    ("a rebuild", true, |dir, value| dir.write("m", &[("a", value)])),
    ("one entry", true, put),
    ("one entry, in place, since the file has two names", false, |dir, value| {
        fs::hard_link(dir.path("m.db"), dir.path("second")).unwrap();
        put(dir, value);
        fs::remove_file(dir.path("second")).unwrap();
    }),
    ("a rebuild in place", false, |dir, value| {
        fs::write(dir.path("m.db"), built(dir, value)).unwrap()
    }),
    ("bytes in place, and the old time", false, |dir, value| {
        let bytes = built(dir, value);
        let modified = fs::metadata(dir.path("m.db")).unwrap().modified().unwrap();
        fs::write(dir.path("m.db"), bytes).unwrap();
        let file = File::options().write(true).open(dir.path("m.db")).unwrap();
        file.set_modified(modified).unwrap();
    }),
    ("another file of the same time", true, |dir, value| {
        fs::write(dir.path("next"), built(dir, value)).unwrap();
        let modified = fs::metadata(dir.path("m.db")).unwrap().modified().unwrap();
        File::options().write(true).open(dir.path("next")).unwrap().set_modified(modified).unwrap();
        fs::rename(dir.path("next"), dir.path("m.db")).unwrap();
    }),
    ("a link to another file", true, |dir, value| {
        fs::write(dir.path(value), built(dir, value)).unwrap();
        let _ = fs::remove_file(dir.path("link"));
        symlink(dir.path(value), dir.path("link")).unwrap();
        fs::rename(dir.path("link"), dir.path("m.db")).unwrap();
    }),
    ("a file of another length", true, |dir, value| {
        let more: Vec<_> =
            (0..100 * value.parse::<usize>().unwrap()).map(|i| i.to_string()).collect();
        let mut pairs: Vec<_> = more.iter().map(|key| (&**key, "other")).collect();
        pairs.push(("a", value));
        dir.write("m", &pairs);
    }),
];

fn put(dir: &Dir, value: &str) {
    let options = WriteOptions::default().duplicates(Duplicates::Replace);
    let mut update = TableUpdate::open(dir.spec("m"), options).unwrap();
    update.put(b"a", value.as_bytes()).unwrap();
    update.commit().unwrap();
}

/// The bytes of a table.
fn built(dir: &Dir, value: &str) -> Vec<u8> {
    dir.write("other", &[("a", value)]);
    fs::read(dir.path("other.db")).unwrap()
}

/// The ways to read a table that have something to refresh.
fn tables(dir: &Dir, mapped: bool) -> Vec<Table> {
    let mut tables = vec![dir.open("m", Access::Snapshot)];
    if mapped {
        // SAFETY: the changes to come make new files, and leave the old ones alone.
        tables.push(unsafe { Table::open_mapped(dir.spec("m"), TableOptions::default()) }.unwrap());
    }
    tables
}

#[test]
fn changes_without_a_pause() {
    for (name, mapped, change) in CHANGES {
        let dir = Dir::new();
        dir.write("m", &[("a", "0")]);
        let mut tables = tables(&dir, mapped);
        let locked = dir.open("m", Access::Locked);
        for round in 0..30 {
            let value = (round % 9 + 1).to_string();
            change(&dir, &value);
            for table in &mut tables {
                assert!(table.refresh().unwrap(), "{name}, round {round}");
                assert_eq!(get(table, "a"), Some(value.clone()), "{name}, round {round}");
            }
            assert_eq!(get(&locked, "a"), Some(value), "{name}, round {round}");
        }
    }
}

#[test]
fn changes_of_a_file_that_was_left_alone() {
    let places = CHANGES.map(|(name, mapped, change)| {
        let dir = Dir::new();
        dir.write("m", &[("a", "0")]);
        (name, mapped, change, dir)
    });
    thread::sleep(Duration::from_millis(2100));
    for (name, mapped, change, dir) in places {
        let mut tables = tables(&dir, mapped);
        for table in &mut tables {
            assert!(!table.refresh().unwrap(), "{name}: nothing has changed");
        }
        change(&dir, "1");
        for table in &mut tables {
            assert!(table.refresh().unwrap(), "{name}");
            assert_eq!(get(table, "a").as_deref(), Some("1"), "{name}");
        }
    }
}

/// The file's time is an old one, but it has just been written: the next change might come within
/// the same tick.
#[test]
fn a_new_file_with_an_old_time_is_not_trusted() {
    let dir = Dir::new();
    dir.write("m", &[("a", "0")]);
    common::age(&dir.path("m.db"), 10);
    let mut table = dir.open("m", Access::Snapshot);
    assert!(table.refresh().unwrap());
}

#[test]
fn a_new_file_may_have_its_keys_in_the_other_form() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let mut table = dir.open("m", Access::Snapshot);
    assert_eq!(get(&table, "a").as_deref(), Some("1"));
    let without = WriteOptions::default().terminators(Terminators::Without);
    let mut new = NewTable::open(dir.spec("m"), without).unwrap();
    new.put("a", "2").unwrap();
    new.finish().unwrap();
    assert!(table.refresh().unwrap());
    assert_eq!(get(&table, "a").as_deref(), Some("2"));
}
