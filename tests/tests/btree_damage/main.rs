//! Btree files that libdb made, sound and damaged, and what its programs and ours say of them:
//! `db5.3_verify`, `db5.3_dump` with and without `-r`, and `db5.3_stat`.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

mod mutations;
mod salvaged;
mod sound;
#[path = "../../../crates/bdb/tests/tree_pages/mod.rs"]
mod tree_pages;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Mutex;

use bdb_file::{Problem, Verdict, verify};
use fastrand::Rng;
use map_tests::made::{Outcome, SECONDS, ask, make_btree};
use map_tests::session::each_seed;
use tempfile::TempDir;

use crate::mutations::MUTATIONS;
use crate::tree_pages::Pages;

/// Damaged files for each sound one.
const ROUNDS: usize = 40;

/// Seconds that libdb's programs get for a damaged file.
const PATIENCE: u32 = 5;

fn problems(file: &[u8]) -> (Result<Verdict, bdb_file::Error>, Vec<Problem>) {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    (verdict, problems)
}

fn is_sound(file: &[u8]) -> bool {
    problems(file).0.is_ok_and(|verdict| verdict.is_sound())
}

/// A file by libdb that it accepts itself.
fn sound_file(rng: &mut Rng, directory: &TempDir) -> Option<Vec<u8>> {
    let path = directory.path().join("sound.db");
    make_btree(&path, rng, 300, 4096).ok()?;
    (ask("db5.3_verify", &path, SECONDS) == Outcome::Accepts).then(|| fs::read(path).unwrap())
}

/// Damages a file by one change; `None` where it has nothing of that kind.
fn damaged(sound: &[u8], rng: &mut Rng) -> Option<(&'static str, Pages)> {
    let (name, change) = MUTATIONS[rng.usize(..MUTATIONS.len())];
    let mut file = Pages::of(sound.to_vec());
    change(&mut file, rng)?;
    if rng.u8(..4) > 0 {
        file.reseal(sound);
    }
    Some((name, file))
}

/// What `db5.3_verify` rejects, ours does.
#[test]
fn what_libdb_rejects_ours_does() {
    type Counts = BTreeMap<(Outcome, bool), u64>;
    let counts = Mutex::new(BTreeMap::<&str, Counts>::new());
    let missed = Mutex::new(Vec::new());
    each_seed("damaged files", 15, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let Some(sound) = sound_file(rng, &directory) else { return };
        for _ in 0..ROUNDS {
            let Some((name, file)) = damaged(&sound, rng) else { continue };
            fs::write(&path, &file.bytes).unwrap();
            let theirs = ask("db5.3_verify", &path, PATIENCE);
            let ours = is_sound(&file.bytes);
            let mut counts = counts.lock().unwrap();
            *counts.entry(name).or_default().entry((theirs, ours)).or_default() += 1;
            if ours && theirs == Outcome::Rejects {
                missed.lock().unwrap().push((seed, name));
            }
        }
    });
    for (name, counts) in counts.into_inner().unwrap() {
        println!("{name}: {counts:?}");
    }
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "rejected by libdb only: {missed:?}");
}
