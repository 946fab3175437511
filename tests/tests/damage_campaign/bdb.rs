//! Berkeley DB files, of databases of either kind.

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;

use bdb_file::{Error, ErrorKind, TextFormat, database_names, dump_all, salvage, verify};

use crate::fuzzed::changed;
use crate::fuzzed::database::Database;
use crate::library::{KEYS, Runs, last_error};

pub fn is_sound(file: &[u8]) -> Result<bool, Error> {
    Ok(verify(file, |_| ControlFlow::Continue(()))?.is_sound())
}

/// Runs all operations on a damaged file that was sound.
pub fn all_operations<'f, D>(runs: &Runs<'_>, sound: &'f [u8], file: &'f [u8])
where
    D: Database<&'f [u8]>,
{
    let keys = keys::<D>(sound);
    runs.run("open, list", &|| {
        each_database(file, |database: &D| database.iter().try_for_each(|pair| pair.map(drop)))
    });
    for key in &keys {
        runs.run("get", &|| each_database(file, |database: &D| database.get(key).map(drop)));
        runs.run("get_all", &|| {
            each_database(file, |database: &D| {
                database.get_all(key)?.try_for_each(|value| value.map(drop))
            })
        });
    }
    for keys in keys.chunks(16) {
        runs.run("get_many, 16 keys", &|| {
            each_database(file, |database: &D| last_error(database.get_many(keys)))
        });
    }
    runs.run("stat", &|| each_database(file, |database: &D| database.count()));
    runs.run("dump", &|| dump_all(file, TextFormat::Print, io::sink()));
    runs.run("salvage", &|| salvage(file, |_| ControlFlow::Continue(())).map(drop));
    change(runs, file, &keys);
    runs.run("verify", &|| {
        is_sound(file)?.then_some(()).ok_or(Error::from(ErrorKind::NotADatabase))
    });
}

/// Puts and deletes these keys and others, and looks at what becomes of the file.
fn change(runs: &Runs<'_>, file: &[u8], keys: &[Vec<u8>]) {
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let new: Vec<_> = (0..20).map(|i| ([b'n', i], [i; 400])).collect();
    let mut puts: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (*key, &b"another"[..])).collect();
    puts.extend(new.iter().map(|(key, data)| (&key[..], &data[..])));
    let change = |name, puts: &[_], deletions: &[_]| {
        let changes = Cell::new(None);
        runs.run(name, &|| {
            changed::update(file, puts, deletions).map(|done| changes.set(Some(done)))
        });
        if let Some(changes) = changes.take() {
            changed::assert_is_no_worse(file, &changes, puts);
        }
    };
    change("put", &puts, &[]);
    change("delete", &[], &keys);
    change("put, delete", &puts[keys.len() / 2..], &keys);
}

/// Some of the keys of a sound file, and some that it does not have.
pub fn keys<'f, D: Database<&'f [u8]>>(sound: &'f [u8]) -> Vec<Vec<u8>> {
    let mut keys = vec![b"absent".to_vec(), b"many".to_vec(), Vec::new()];
    each_database(sound, |database: &D| {
        // Keys that lie side by side are in the same page.
        for pair in database.iter().step_by(7).take(KEYS) {
            keys.push(pair?.0.into_owned());
        }
        Ok(())
    })
    .expect("the file is sound");
    keys
}

/// Opens all databases of this kind in a file in turn; up to the first error.
pub fn each_database<'f, D: Database<&'f [u8]>>(
    file: &'f [u8],
    mut work: impl FnMut(&D) -> Result<(), Error>,
) -> Result<(), Error> {
    match D::open(file) {
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            database_names(file)?.iter().try_for_each(|name| match D::open_named(file, name) {
                // One of the other kind beside.
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported(_)) => Ok(()),
                opened => work(&opened?),
            })
        }
        opened => work(&opened?),
    }
}
