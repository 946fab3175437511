//! Sound files: verify finds nothing but notes, and dump and stat print what libdb's programs do.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use bdb_file::Fault;
use fastrand::Rng;
use map_tests::made::{Outcome, SECONDS, ask, make_btree};
use map_tests::printed::assert_prints_the_same;
use map_tests::session::each_seed;
use tempfile::TempDir;

use crate::problems;

#[test]
fn golden_files() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let names = ["few", "many", "many-big-endian-checksums", "record-numbers", "duplicates"];
    let names = names.into_iter().chain(["sorted-duplicates-big-endian"]);
    let files = names.map(|name| golden.join("btree").join(name));
    for file in files.chain([golden.join("load-named")]) {
        println!("{}", file.display());
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        fs::copy(file.with_extension("db"), &path).unwrap();
        assert_prints_the_same(&path);
    }
}

/// Also after many changes.
#[test]
fn what_libdb_writes() {
    let notes = Mutex::new(BTreeMap::<Fault, u64>::new());
    let outcomes = Mutex::new(BTreeMap::<(Outcome, bool), u64>::new());
    each_seed("libdb's files", 40, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        if let Err(error) = make_btree(&path, rng, 800, 65536) {
            println!("seed {seed}: {error}");
            return;
        }
        let file = fs::read(&path).unwrap();
        let (verdict, problems) = problems(&file);
        for problem in &problems {
            *notes.lock().unwrap().entry(problem.fault).or_default() += 1;
        }
        let sound = verdict.unwrap().is_sound();
        let theirs = ask("db5.3_verify", &path, SECONDS);
        *outcomes.lock().unwrap().entry((theirs, sound)).or_default() += 1;
        assert_eq!(theirs == Outcome::Accepts, sound, "{theirs:?}, {problems:?}");
        if sound {
            assert_prints_the_same(&path);
        }
    });
    println!("libdb's verdict and ours: {:?}", outcomes.lock().unwrap());
    println!("found: {:?}", notes.lock().unwrap());
}
