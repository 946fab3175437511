//! A campaign of damage: thousands of sound files of all kinds, each with one to six changes, and
//! all that the library and the tools do with them, beside what libdb's own programs do. Nothing of
//! ours panics, dies of a signal, takes longer than a second, or more memory than twice the file
//! and 64 MiB; and whatever `db5.3_verify` rejects, ours does.
//!
//! `MAP_TESTS_CASES` says how many files are damaged, twenty times each; a table of the results is
//! printed:
//!
//! ```sh
//! MAP_TESTS_CASES=5000 cargo test -p map-tests --features peers --test damage_campaign library -- --nocapture
//! ```
//!
//! About Berkeley DB itself: not for every type of tables.

mod allocator;
#[path = "../../../crates/bdb/tests/fuzzed/mod.rs"]
mod fuzzed;
mod library;
#[cfg(feature = "peers")]
mod programs;
mod tally;

use fastrand::Rng;
use fuzzed::damage::damage;
use fuzzed::input::Input;
use map_tests::session::each_seed;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Damaged files for each sound one.
const ROUNDS: usize = 20;

/// Calls `check` with sound files and a damaged one of each, so many sound ones.
fn campaign(files: u64, rounds: usize, check: impl Fn(&[u8], &[u8]) + Sync) {
    each_seed("files", files, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let sound = sound_file(rng);
        for _ in 0..rounds {
            let mut file = sound.clone();
            damage(&mut file, &mut Input::new(&choices(rng)));
            check(&sound, &file);
        }
    });
}

fn choices(rng: &mut Rng) -> [u8; 100] {
    let mut choices = [0; 100];
    rng.fill(&mut choices);
    choices
}

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
    library::is_sound(&file).unwrap().then_some(file)
}
