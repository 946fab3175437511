//! What the fuzz targets check, on their seeds and on random inputs, without a fuzzer.

mod fuzzed;
mod patched;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bdb_file::ByteOrder;
use fuzzed::{TARGETS, Target};
use patched::Patched;
use proptest::prelude::*;

/// No input takes longer, nor ten times as long in the package by itself, which is compiled without
/// optimisation.
const LIMIT: Duration = Duration::from_secs(1);

/// The fuzz targets, which are no part of the package.
fn fuzz() -> Option<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    fuzz.is_dir().then_some(fuzz)
}

fn run((name, check): Target, bytes: &[u8]) {
    let start = Instant::now();
    check(bytes);
    let limit = if fuzz().is_some() { LIMIT } else { 10 * LIMIT };
    assert!(start.elapsed() < limit, "{name}: {:?}", start.elapsed());
}

#[test]
fn seeds() {
    let Some(fuzz) = fuzz() else { return };
    let seeds = fuzz.join("seeds");
    for target in TARGETS {
        let mut count = 0;
        for seed in fs::read_dir(seeds.join(target.0)).unwrap() {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            run(target, &fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} has no seeds", target.0);
    }
}

/// The files that real Postfix and libdb have made.
#[test]
fn golden_files() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for file in fs::read_dir(golden).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            let bytes = fs::read(path).unwrap();
            fuzzed::reading::check(&bytes);
            fuzzed::verdict::check(&bytes);
        }
    }
}

/// Found by `verify_salvage`: libdb accepts such a file, and so does verify, but only one of the
/// two can be certain.
#[test]
fn a_key_that_comes_twice() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut file = Patched::new(order, 4, false);
        file.copy_item(1, 0, 2);
        let (verdict, problems) = fuzzed::verdict::problems(&file.bytes);
        assert!(verdict.unwrap().is_sound() && !problems.is_empty());
        fuzzed::verdict::check(&file.bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_inputs(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for target in TARGETS {
            run(target, &bytes);
        }
    }
}
