//! Cdb files: made by the builder, which makes what tinycdb does, byte for byte.

use std::io::{self, Write};
use std::ops::ControlFlow;

use cdb_file::{Cdb, Error, ErrorKind, FileSource, Source, dump, verify};
use fastrand::Rng;
use map_tests::table_types;

use crate::cdb_fuzzed::building;
use crate::cdb_fuzzed::damage::damage;
use crate::cdb_fuzzed::input::Input;
use crate::library::{KEYS, Runs, last_error};
use crate::{Format, choices};

pub const CDB: Format = Format {
    table_type: table_types::CDB,
    sound: |rng: &mut Rng| building::sound(&mut Input::new(&choices(rng))),
    damage: |file, choices| damage(file, &mut Input::new(choices)),
    is_sound: |file| is_sound(file).is_ok_and(|sound| sound),
    all: all_operations,
};

fn is_sound<S: Source>(file: S) -> Result<bool, Error> {
    Ok(verify(file, |_| ControlFlow::Continue(()))?.is_sound())
}

fn all_operations(runs: &Runs<'_>, sound: &[u8], file: &[u8]) {
    let on_disk = in_a_file(file);
    let keys = keys(sound);
    operations(runs, &keys, file, |name| name);
    operations(runs, &keys, &on_disk, |_| "all of these, by parts");
}

fn in_a_file(bytes: &[u8]) -> FileSource {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    FileSource::new(file)
}

fn operations<S: Source + Copy>(
    runs: &Runs<'_>,
    keys: &[Vec<u8>],
    file: S,
    name: fn(&'static str) -> &'static str,
) {
    let open = || Cdb::open(file);
    runs.run(name("open, list"), &|| open()?.iter().try_for_each(|record| record.map(drop)));
    for key in keys {
        runs.run(name("get"), &|| open()?.get(key).map(drop));
        runs.run(name("get_all"), &|| open()?.get_all(key)?.try_for_each(|value| value.map(drop)));
    }
    for keys in keys.chunks(16) {
        runs.run(name("get_many, 16 keys"), &|| last_error(open()?.get_many(keys)));
    }
    runs.run(name("stat"), &|| open()?.stat().map(drop));
    runs.run(name("dump"), &|| dump(&open()?, io::sink()));
    runs.run(name("verify"), &|| {
        is_sound(file)?.then_some(()).ok_or(Error::from(ErrorKind::NotADatabase))
    });
}

/// Some of the keys of a sound file, and some that it does not have.
fn keys(sound: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = vec![b"absent".to_vec(), Vec::new()];
    let database = Cdb::open(sound).expect("the file is sound");
    keys.extend(database.iter().take(KEYS).map(|record| record.unwrap().0.into_owned()));
    keys
}
