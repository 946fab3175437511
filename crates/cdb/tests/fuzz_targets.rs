//! What the fuzz targets check, on their seeds and on random inputs, without a fuzzer.

mod fuzzed;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fuzzed::{TARGETS, Target};
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_inputs(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for target in TARGETS {
            run(target, &bytes);
        }
    }

    /// Sound files of any records, whose damage is as the input chooses it.
    #[test]
    fn any_records(
        records in prop::collection::vec(("[ab]{0,2}|[a-z]{0,20}|\\PC{0,5}", "\\PC{0,40}"), 0..200)
    ) {
        let bytes = |text: String| text.into_bytes();
        let records = records.into_iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
        fuzzed::building::check(&records);
    }
}
