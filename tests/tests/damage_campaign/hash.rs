//! Hash files: made by libdb and by the builder.

use std::io;
use std::ops::ControlFlow;

use bdb_file::{Error, ErrorKind, HashDb, TextFormat, database_names, dump_all, salvage, verify};
use fastrand::Rng;
use map_tests::table_types;

use crate::change::change;
use crate::fuzzed::damage::damage;
use crate::fuzzed::input::Input;
use crate::library::{KEYS, Runs, last_error};
use crate::{Format, choices, fuzzed};

pub const HASH: Format = Format {
    table_type: table_types::HASH,
    sound: sound_file,
    damage: |file, choices| damage(file, &mut Input::new(choices)),
    is_sound: |file| is_sound(file).is_ok_and(|sound| sound),
    all: all_operations,
};

/// Half of them by libdb, where it is there.
fn sound_file(rng: &mut Rng) -> Vec<u8> {
    #[cfg(feature = "peers")]
    if rng.bool()
        && let Some(file) = by_libdb(rng)
    {
        return file;
    }
    fuzzed::sound::file(&mut Input::new(&choices(rng)))
}

#[cfg(feature = "peers")]
fn by_libdb(rng: &mut Rng) -> Option<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.db");
    map_tests::made::make(&path, rng, 200, 65536).ok()?;
    let file = std::fs::read(path).unwrap();
    // Where big keys begin like others, libdb damages its files by itself (hash file specification,
    // section 12.2).
    is_sound(&file).unwrap().then_some(file)
}

fn is_sound(file: &[u8]) -> Result<bool, Error> {
    Ok(verify(file, |_| ControlFlow::Continue(()))?.is_sound())
}

fn all_operations(runs: &Runs<'_>, sound: &[u8], file: &[u8]) {
    let keys = keys(sound);
    runs.run("open, list", &|| {
        each_database(file, |database| database.iter().try_for_each(|pair| pair.map(drop)))
    });
    for key in &keys {
        runs.run("get", &|| each_database(file, |database| database.get(key).map(drop)));
        runs.run("get_all", &|| {
            each_database(file, |database| {
                database.get_all(key)?.try_for_each(|value| value.map(drop))
            })
        });
    }
    for keys in keys.chunks(16) {
        runs.run("get_many, 16 keys", &|| {
            each_database(file, |database| last_error(database.get_many(keys)))
        });
    }
    runs.run("stat", &|| each_database(file, |database| database.stat().map(drop)));
    runs.run("dump", &|| dump_all(file, TextFormat::Print, io::sink()));
    runs.run("salvage", &|| salvage(file, |_| ControlFlow::Continue(())).map(drop));
    change(runs, file, &keys);
    runs.run("verify", &|| {
        is_sound(file)?.then_some(()).ok_or(Error::from(ErrorKind::NotADatabase))
    });
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
