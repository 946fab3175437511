//! Btree files, and files of databases of both kinds: made by libdb.

use bdb_file::BtreeDb;
use fastrand::Rng;
use map_tests::table_types;

use crate::bdb::{all_operations, each_database, is_sound, keys};
use crate::fuzzed::damage::damage;
use crate::fuzzed::input::Input;
use crate::library::{KEYS, Runs};
use crate::{Format, choices, fuzzed};

pub const BTREE: Format = Format {
    table_type: table_types::BTREE,
    sound: sound_file,
    damage: |file, choices| damage(file, &mut Input::new(choices)),
    is_sound: |file| is_sound(file).is_ok_and(|sound| sound),
    all: |runs, sound, file| {
        all_operations::<BtreeDb<_>>(runs, sound, file);
        ranges(runs, sound, file);
    },
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

/// Lists from keys on.
fn ranges(runs: &Runs<'_>, sound: &[u8], file: &[u8]) {
    for key in &keys::<BtreeDb<_>>(sound) {
        runs.run("range", &|| {
            each_database(file, |database: &BtreeDb<_>| {
                database.range(key).take(KEYS).try_for_each(|pair| pair.map(drop))
            })
        });
    }
}
