//! A campaign of damage: thousands of sound files of all kinds, each with one to six changes, and
//! all that the library and the tools do with them, beside what the programs of libdb and tinycdb do.
//! Nothing of ours panics, dies of a signal, takes longer than a second, or more memory than twice
//! the file and 64 MiB; and whatever `db5.3_verify` rejects, ours does.
//!
//! `MAP_TESTS_CASES` says how many files are damaged, twenty times each, and `MAP_TESTS_TYPE` of
//! which type of tables alone; a table of the results is printed:
//!
//! ```sh
//! MAP_TESTS_CASES=5000 cargo test -p map-tests --features peers --test damage_campaign library -- --nocapture
//! ```
//!
//! A new type is one more element of [`FORMATS`].
// Both formats' choices are read by one file, `input.rs`.
#![allow(clippy::duplicate_mod)]

mod allocator;
mod bdb;
mod btree;
mod cdb;
#[path = "../../../crates/cdb/tests/fuzzed/mod.rs"]
mod cdb_fuzzed;
#[path = "../../../crates/bdb/tests/fuzzed/mod.rs"]
mod fuzzed;
mod hash;
mod library;
#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "peers")]
mod programs;
mod tally;

use fastrand::Rng;
use map_tests::session::each_seed;
use map_tests::table_types::TableType;

use crate::library::Runs;

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

/// Damaged files for each sound one.
const ROUNDS: usize = 20;

/// A format of files, and what can be done with them.
struct Format {
    table_type: &'static TableType,
    sound: fn(&mut Rng) -> Vec<u8>,
    /// Damages a file in a way that the bytes choose.
    damage: fn(&mut Vec<u8>, &[u8]),
    /// What verify says of a file.
    #[cfg_attr(
        not(feature = "peers"),
        expect(dead_code, reason = "it is for comparison with theirs")
    )]
    is_sound: fn(&[u8]) -> bool,
    /// All operations of the library, on a damaged file that was sound.
    all: fn(&Runs<'_>, &[u8], &[u8]),
}

const FORMATS: &[Format] = &[hash::HASH, btree::BTREE, cdb::CDB];

/// Calls `work` for each format, or for the one that `MAP_TESTS_TYPE` names.
fn each_format(work: impl Fn(&Format)) {
    let wanted = std::env::var("MAP_TESTS_TYPE");
    let mut count = 0;
    for format in FORMATS {
        if wanted.as_ref().is_ok_and(|name| name != format.table_type.name) {
            continue;
        }
        println!("{}:", format.table_type.name);
        work(format);
        count += 1;
    }
    assert!(count > 0, "{wanted:?}");
}

/// Calls `check` with sound files and a damaged one of each, so many sound ones.
fn campaign(format: &Format, files: u64, rounds: usize, check: impl Fn(&[u8], &[u8]) + Sync) {
    each_seed("files", files, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let sound = (format.sound)(rng);
        for _ in 0..rounds {
            let mut file = sound.clone();
            (format.damage)(&mut file, &choices(rng));
            check(&sound, &file);
        }
    });
}

fn choices(rng: &mut Rng) -> [u8; 100] {
    let mut choices = [0; 100];
    rng.fill(&mut choices);
    choices
}
