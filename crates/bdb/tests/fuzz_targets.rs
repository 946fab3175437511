//! What the fuzz targets check, on their seeds and on random inputs, without a fuzzer.

mod fuzzed;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fuzzed::{TARGETS, Target};
use proptest::prelude::*;

/// No input takes longer.
const LIMIT: Duration = Duration::from_secs(1);

fn run((name, check): Target, bytes: &[u8]) {
    let start = Instant::now();
    check(bytes);
    assert!(start.elapsed() < LIMIT, "{name}: {:?}", start.elapsed());
}

#[test]
fn seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
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
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    for file in fs::read_dir(golden).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            let bytes = fs::read(path).unwrap();
            fuzzed::reading::check(&bytes);
            fuzzed::verdict::check(&bytes);
        }
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
