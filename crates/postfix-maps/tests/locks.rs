//! Who waits for whom, and for how long.

mod common;

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use common::{Dir, get};
use postfix_maps::{
    Access, DatabaseFile, Error, ErrorKind, LockedFile, NewTable, Table, TableOptions, TableUpdate,
    WriteOptions, recover,
};

const SHORT: Option<Duration> = Some(Duration::from_millis(30));

fn reading(access: Access) -> TableOptions {
    TableOptions::default().access(access).lock_timeout(SHORT)
}

fn writing() -> WriteOptions {
    WriteOptions::default().lock_timeout(SHORT)
}

#[track_caller]
fn assert_locked<T>(result: Result<T, Error>) {
    let error = result.err().expect("the file is locked");
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert!(error.path().is_some());
}

/// What would wait for ever in one process: the locks of its own tables count.
#[test]
fn an_update_keeps_others_out() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let each_time = Table::open_with(dir.spec("m"), reading(Access::Locked)).unwrap();
    let snapshot = Table::open_with(dir.spec("m"), reading(Access::Snapshot)).unwrap();
    let update = TableUpdate::open(dir.spec("m"), writing()).unwrap();

    assert_locked(Table::open_with(dir.spec("m"), reading(Access::Snapshot)));
    assert_locked(Table::open_with(dir.spec("m"), reading(Access::Locked)));
    assert_locked(each_time.get("a"));
    assert_locked(TableUpdate::open(dir.spec("m"), writing()));
    assert_locked(TableUpdate::open_or_create(dir.spec("m"), writing()));
    assert_locked(NewTable::open(dir.spec("m"), writing()));
    assert_locked(recover(dir.path("m.db"), SHORT));
    let error = LockedFile::open(dir.path("m.db"), SHORT).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    let file = DatabaseFile::new(dir.path("m.db")).lock_timeout(SHORT);
    assert_eq!(file.open().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);

    // What is in memory already is there, and the update itself can be asked.
    assert_eq!(get(&snapshot, "a").as_deref(), Some("1"));
    assert_eq!(update.get("a").unwrap().as_deref(), Some(&b"1"[..]));
    drop(update);
    assert_eq!(get(&each_time, "a").as_deref(), Some("1"));
}

#[test]
fn readers_do_not_keep_readers_out() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let reader = LockedFile::open(dir.path("m.db"), SHORT).unwrap();
    Table::open_with(dir.spec("m"), reading(Access::Snapshot)).unwrap();
    assert_locked(TableUpdate::open(dir.spec("m"), writing()));
    drop(reader);
    let _ = TableUpdate::open(dir.spec("m"), writing()).unwrap();
}

/// Who may read a file can lock it.
#[test]
fn a_foreign_lock_ends_the_waiting_and_its_end_too() {
    let dir = Dir::new();
    dir.write("m", &[("a", "1")]);
    let other = File::open(dir.path("m.db")).unwrap();
    other.lock().unwrap();
    let start = Instant::now();
    assert_locked(Table::open_with(dir.spec("m"), reading(Access::Snapshot)));
    assert!(start.elapsed() >= Duration::from_millis(30));
    thread::scope(|scope| {
        for patience in [None, Some(Duration::from_secs(60))] {
            let options = TableOptions::default().lock_timeout(patience);
            let spec = dir.spec("m");
            scope.spawn(move || Table::open_with(spec, options).unwrap());
        }
        thread::sleep(Duration::from_millis(100));
        other.unlock().unwrap();
    });
}

/// Builders of a cdb table wait for each other; readers for nobody.
#[test]
fn temporary_files_keep_builders_apart() {
    let dir = Dir::new();
    let spec = format!("cdb:{}", dir.path("m").display());
    let mut first = NewTable::open(&spec, writing()).unwrap();
    assert_locked(NewTable::open(&spec, writing()));
    first.put("a", "1").unwrap();
    first.finish().unwrap();
    let second = NewTable::open(&spec, writing()).unwrap();
    let table = Table::open_with(&spec, reading(Access::Snapshot)).unwrap();
    assert_eq!(get(&table, "a").as_deref(), Some("1"));
    second.finish().unwrap();
}
