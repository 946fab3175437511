//! Hash files: made by libdb and by the builder.

use bdb_file::HashDb;
use fastrand::Rng;
use map_tests::table_types;

use crate::bdb::{all_operations, is_sound};
use crate::fuzzed::damage::damage;
use crate::fuzzed::input::Input;
use crate::{Format, choices, fuzzed};

pub const HASH: Format = Format {
    table_type: table_types::HASH,
    sound: sound_file,
    damage: |file, choices| damage(file, &mut Input::new(choices)),
    is_sound: |file| is_sound(file).is_ok_and(|sound| sound),
    all: |runs, sound, file| all_operations::<HashDb<_>>(runs, sound, file),
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
