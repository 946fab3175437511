//! `Table::reloaded` notices each kind of change, however soon it comes and however little the file
//! shows of it.

mod common;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Dir, get};
use postfix_maps::{
    Access, Duplicates, ErrorKind, NewTable, SharedTable, Table, TableOptions, TableUpdate,
    Terminators, WriteOptions,
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

/// The ways to read a table that have something to reload.
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
                *table = table.reloaded().unwrap().expect(name);
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
            assert!(table.reloaded().unwrap().is_none(), "{name}: nothing has changed");
        }
        change(&dir, "1");
        for table in &mut tables {
            *table = table.reloaded().unwrap().expect(name);
            assert_eq!(get(table, "a").as_deref(), Some("1"), "{name}");
        }
    }
}

#[test]
fn a_new_file_may_have_its_keys_in_the_other_form() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let table = dir.open("m", Access::Snapshot);
    assert_eq!(get(&table, "a").as_deref(), Some("1"));
    let without = WriteOptions::default().terminators(Terminators::Without);
    let mut new = NewTable::open(dir.spec("m"), without).unwrap();
    new.put("a", "2").unwrap();
    new.finish().unwrap();
    let table = table.reloaded().unwrap().unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("2"));
}

/// A file that is written anew with the same bytes, or only touched, is no news.
#[test]
fn the_same_bytes_are_no_news() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let table = dir.open("m", Access::Snapshot);
    let bytes = fs::read(dir.path("m.db")).unwrap();
    for _ in 0..5 {
        fs::write(dir.path("m.db"), &bytes).unwrap();
        assert!(table.reloaded().unwrap().is_none());
        common::age(&dir.path("m.db"), 10);
        assert!(table.reloaded().unwrap().is_none());
    }
    fs::write(dir.path("m.db"), built(&dir, "2")).unwrap();
    assert_eq!(get(&table.reloaded().unwrap().unwrap(), "a").as_deref(), Some("2"));
}

/// A table that reads a text, a key, and the text in which it has a value.
type OfText = (&'static str, &'static str, fn(&str) -> String);

/// Each type that reads a text, also as a member.
const TEXTS: [OfText; 6] = [
    ("texthash:TEXT", "a.example", |value| format!("a.example {value}\n")),
    ("cidr:TEXT", "10.0.0.1", |value| format!("10.0.0.0/8 {value}\n")),
    ("regexp:TEXT", "a.example", |value| format!("/^a/ {value}\n")),
    ("pcre:TEXT", "a.example", |value| format!("/^a/ {value}\n")),
    ("unionmap:{inline:{b=c},texthash:TEXT}", "a.example", |value| format!("a.example {value}\n")),
    ("pipemap:{inline:{a.example=b},unionmap:{regexp:TEXT}}", "a.example", |value| {
        format!("/b/ {value}\n")
    }),
];

#[test]
fn texts_are_read_anew() {
    for (name, key, text) in TEXTS {
        let dir = Dir::new();
        let path = dir.path("text");
        fs::write(&path, text("1")).unwrap();
        let spec = name.replace("TEXT", path.to_str().unwrap());
        let mut table = Table::open(&spec).unwrap();
        assert_eq!(get(&table, key).as_deref(), Some("1"), "{name}");
        for value in ["2", "3", "4"] {
            assert!(table.reloaded().unwrap().is_none(), "{name}");
            fs::write(&path, text(value)).unwrap();
            let new = table.reloaded().unwrap().expect(name);
            assert_ne!(get(&table, key).as_deref(), Some(value), "{name}");
            assert_eq!(get(&new, key).as_deref(), Some(value), "{name}");
            table = new;
            fs::write(&path, text(value)).unwrap();
            assert!(table.reloaded().unwrap().is_none(), "{name}: the same text");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(table.reloaded().unwrap_err().kind(), ErrorKind::NotFound, "{name}");
        assert_eq!(get(&table, key).as_deref(), Some("4"), "{name}");
    }
}

/// Members of a table of tables, and files that values name.
#[test]
fn all_that_a_table_is_made_of_is_read_anew() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let spec = format!("unionmap:{{static:x,{}}}", dir.spec("m"));
    let table = Table::open(&spec).unwrap();
    assert!(table.reloaded().unwrap().is_none());
    dir.write("m", &[("a", "2")]);
    let table = table.reloaded().unwrap().unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("x,2"));
    assert!(table.reloaded().unwrap().is_none());

    fs::write(dir.path("value"), "one").unwrap();
    let options = TableOptions::default().values_are_files(true);
    let spec = format!("inline:{{a={}}}", dir.path("value").display());
    let table = Table::open_with(&spec, options).unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("b25l"));
    assert!(table.reloaded().unwrap().is_none());
    fs::write(dir.path("value"), "two").unwrap();
    assert_eq!(get(&table.reloaded().unwrap().unwrap(), "a").as_deref(), Some("dHdv"));
}

#[test]
fn a_file_is_opened_by_its_path() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    fs::rename(dir.path("m.db"), dir.path("other name")).unwrap();
    let by_path = |options| Table::open_file(dir.path("other name"), options).unwrap();
    let table = by_path(TableOptions::default());
    let locked = by_path(TableOptions::default().access(Access::Locked));
    let file = File::open(dir.path("other name")).unwrap();
    let open = Table::read_file(&file, "its name", TableOptions::default()).unwrap();
    for table in [&table, &locked, &open] {
        assert_eq!(get(table, "A").as_deref(), Some("1"));
    }
    assert_eq!(table.file(), dir.path("other name"));
    assert_eq!(open.file(), Path::new("its name"));

    fs::write(dir.path("other name"), built(&dir, "2")).unwrap();
    assert_eq!(get(&table.reloaded().unwrap().unwrap(), "a").as_deref(), Some("2"));
    assert!(open.reloaded().unwrap().is_none());
    assert_eq!(get(&open, "a").as_deref(), Some("1"));
    assert_eq!(get(&locked, "a").as_deref(), Some("2"));

    // A cdb file under a name that says something else.
    let spec = format!("cdb:{}", dir.path("c").display());
    let mut new = NewTable::open(&spec, WriteOptions::default()).unwrap();
    new.put("a", "cdb").unwrap();
    new.finish().unwrap();
    fs::rename(dir.path("c.cdb"), dir.path("c.db")).unwrap();
    let table = Table::open_file(dir.path("c.db"), TableOptions::default()).unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("cdb"));
    assert_eq!(table.spec().table_type(), "cdb");
    let missing = Table::open_file(dir.path("no"), TableOptions::default()).unwrap_err();
    assert_eq!((missing.kind(), missing.path()), (ErrorKind::NotFound, Some(&*dir.path("no"))));
}

/// Whoever reloads waits for the lock, and nobody else.
#[test]
fn lookups_do_not_wait_for_reloading() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let shared = SharedTable::new(dir.open("m", Access::Snapshot));
    let update = TableUpdate::open(dir.spec("m"), WriteOptions::default()).unwrap();
    let reloaded = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // The table is unsettled, and looked at under its lock.
            let changed = shared.reload().unwrap();
            reloaded.store(true, Ordering::SeqCst);
            assert!(changed);
        });
        let start = Instant::now();
        let mut lookups = 0;
        while start.elapsed() < Duration::from_millis(300) {
            assert_eq!(get(&shared.table(), "a").as_deref(), Some("1"));
            lookups += 1;
        }
        assert!(lookups > 10);
        assert!(!reloaded.load(Ordering::SeqCst), "it waits for the lock");
        let mut update = update;
        update.delete("a").unwrap();
        update.put("a", "2").unwrap();
        update.commit().unwrap();
    });
    assert_eq!(get(&shared.table(), "a").as_deref(), Some("2"));
}

#[test]
fn lookups_by_many_threads_during_many_reloads() {
    const ROUNDS: u32 = 1000;
    let dir = Dir::new();
    let write = |round: u32| {
        // With NULs and without, in turn.
        let terminators =
            if round.is_multiple_of(2) { Terminators::With } else { Terminators::Without };
        let round = round.to_string();
        let pairs: Vec<_> = ["a", "b", "c"].map(|key| (key, &*round)).into();
        dir.write_with("m", &pairs, WriteOptions::default().terminators(terminators));
    };
    write(0);
    let shared = SharedTable::new(dir.open("m", Access::Snapshot));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    let table = shared.table();
                    let values = ["a", "b", "c"].map(|key| get(&table, key).expect("it is there"));
                    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
                    let round = values[0].parse().unwrap();
                    assert!(round >= last, "newer tables only");
                    last = round;
                }
            });
        }
        for round in 1..=ROUNDS {
            write(round);
            assert!(shared.reload().unwrap(), "round {round}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(get(&shared.table(), "a").unwrap(), ROUNDS.to_string());
}
