//! All operations of the library on damaged files.

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use bdb_file::{Error, ErrorKind, HashDb, TextFormat, database_names, dump_all, salvage, verify};

use crate::fuzzed::changed;
use crate::tally::{End, Tally};
use crate::{ROUNDS, allocator, campaign};

/// Keys that are looked up in each file.
const KEYS: usize = 20;

#[test]
fn library() {
    let tally = Tally::default();
    campaign(100, ROUNDS, |sound, file| all(&tally, sound, file));
    tally.finish();
}

fn all(tally: &Tally, sound: &[u8], file: &[u8]) {
    let keys = keys(sound);
    let run = |name, operation: &dyn Fn() -> Result<(), Error>| {
        let start = Instant::now();
        let (result, memory) = allocator::peak(|| catch_unwind(AssertUnwindSafe(operation)));
        let end = match result {
            Ok(Ok(())) => End::Answer,
            Ok(Err(_)) => End::Error,
            Err(_) => End::Killed,
        };
        tally.add(name, file.len(), end, start.elapsed(), Some(memory));
    };
    run("open, list", &|| {
        each_database(file, |database| database.iter().try_for_each(|pair| pair.map(drop)))
    });
    for key in &keys {
        run("get", &|| each_database(file, |database| database.get(key).map(drop)));
        run("get_all", &|| {
            each_database(file, |database| {
                database.get_all(key)?.try_for_each(|value| value.map(drop))
            })
        });
    }
    for keys in keys.chunks(16) {
        run("get_many, 16 keys", &|| {
            each_database(file, |database| all_of(database.get_many(keys)))
        });
    }
    run("stat", &|| each_database(file, |database| database.stat().map(drop)));
    run("dump", &|| dump_all(file, TextFormat::Print, io::sink()));
    run("salvage", &|| salvage(file, |_| ControlFlow::Continue(())).map(drop));
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let new: Vec<_> = (0..20).map(|i| ([b'n', i], [i; 400])).collect();
    let mut puts: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (*key, &b"another"[..])).collect();
    puts.extend(new.iter().map(|(key, data)| (&key[..], &data[..])));
    // What becomes of the file is looked at afterwards.
    let change = |name, puts: &[_], deletions: &[_]| {
        let changes = Cell::new(None);
        run(name, &|| changed::update(file, puts, deletions).map(|done| changes.set(Some(done))));
        if let Some(changes) = changes.take() {
            changed::assert_is_no_worse(file, &changes, puts);
        }
    };
    change("put", &puts, &[]);
    change("delete", &[], &keys);
    change("put, delete", &puts[keys.len() / 2..], &keys);
    run("verify", &|| is_sound(file)?.then_some(()).ok_or(ErrorKind::NotADatabase.into()));
}

/// What verify says of a file.
pub fn is_sound(file: &[u8]) -> Result<bool, Error> {
    Ok(verify(file, |_| ControlFlow::Continue(()))?.is_sound())
}

/// Goes on after an error, and ends with the last.
fn all_of<T>(results: impl Iterator<Item = Result<T, Error>>) -> Result<(), Error> {
    results.filter_map(Result::err).last().map_or(Ok(()), Err)
}

/// Some of the keys of a sound file, and some that it does not have.
fn keys(sound: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = vec![b"absent".to_vec(), b"many".to_vec(), Vec::new()];
    each_database(sound, |database| {
        for pair in database.iter().take(KEYS) {
            keys.push(pair?.0.into_owned());
        }
        Ok(())
    })
    .expect("the file is sound");
    keys
}

/// Opens all databases of a file in turn; up to the first error.
fn each_database(
    file: &[u8],
    mut work: impl FnMut(&HashDb<&[u8]>) -> Result<(), Error>,
) -> Result<(), Error> {
    match HashDb::open(file) {
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            database_names(file)?.iter().try_for_each(|name| match HashDb::open_named(file, name) {
                // A golden file has a btree beside.
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => Ok(()),
                opened => work(&opened?),
            })
        }
        opened => work(&opened?),
    }
}
