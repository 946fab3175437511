//! Btree files, and files of databases of both kinds: made by libdb.

use std::io;
use std::ops::ControlFlow;

use bdb_file::{
    AccessMethod, BtreeDb, Error, ErrorKind, TextFormat, access_method, database_names, dump_all,
    salvage, verify,
};
use fastrand::Rng;
use map_tests::table_types;

use crate::change::change;
use crate::fuzzed::damage::damage;
use crate::fuzzed::input::Input;
use crate::library::{KEYS, Runs, last_error};
use crate::{Format, choices, fuzzed};

pub const BTREE: Format = Format {
    table_type: table_types::BTREE,
    sound: sound_file,
    damage: |file, choices| damage(file, &mut Input::new(choices)),
    is_sound: |file| is_sound(file).is_ok_and(|sound| sound),
    all: all_operations,
};

/// Half of them made at random, where libdb is there.
fn sound_file(rng: &mut Rng) -> Vec<u8> {
    #[cfg(feature = "peers")]
    if rng.bool()
        && let Some(file) = by_libdb(rng)
    {
        return file;
    }
    fuzzed::sound::btree_file(&mut Input::new(&choices(rng)))
}

#[cfg(feature = "peers")]
fn by_libdb(rng: &mut Rng) -> Option<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.db");
    map_tests::made::make_btree(&path, rng, 200, 65536).ok()?;
    let file = std::fs::read(path).unwrap();
    // libdb damages some of its files by itself.
    is_sound(&file).unwrap().then_some(file)
}

fn is_sound(file: &[u8]) -> Result<bool, Error> {
    Ok(verify(file, |_| ControlFlow::Continue(()))?.is_sound())
}

fn all_operations(runs: &Runs<'_>, sound: &[u8], file: &[u8]) {
    runs.run("open, list", &|| {
        each_btree(file, |database| database.iter().try_for_each(|pair| pair.map(drop)))
    });
    let keys = keys(sound);
    for key in &keys {
        runs.run("get", &|| each_btree(file, |database| database.get(key).map(drop)));
        runs.run("get_all", &|| {
            each_btree(file, |database| {
                database.get_all(key)?.try_for_each(|value| value.map(drop))
            })
        });
        runs.run("range", &|| {
            each_btree(file, |database| {
                database.range(key).take(KEYS).try_for_each(|pair| pair.map(drop))
            })
        });
    }
    for keys in keys.chunks(16) {
        runs.run("get_many, 16 keys", &|| {
            each_btree(file, |database| last_error(database.get_many(keys)))
        });
    }
    runs.run("stat", &|| each_btree(file, |database| database.stat().map(drop)));
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
    each_btree(sound, |database| {
        for pair in database.iter().step_by(7).take(KEYS) {
            keys.push(pair?.0.into_owned());
        }
        Ok(())
    })
    .expect("the file is sound");
    keys
}

/// Opens all btrees of a file in turn; up to the first error.
fn each_btree(
    file: &[u8],
    mut work: impl FnMut(&BtreeDb<&[u8]>) -> Result<(), Error>,
) -> Result<(), Error> {
    match BtreeDb::open(file) {
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            for name in database_names(file)? {
                if access_method(file, Some(&name))? == AccessMethod::Btree {
                    work(&BtreeDb::open_named(file, &name)?)?;
                }
            }
            Ok(())
        }
        opened => work(&opened?),
    }
}
