//! Running fuzz targets without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A target's name and its check.
pub type Target = (&'static str, fn(&[u8]));

/// No input takes longer, nor ten times as long in the package by itself, which is compiled without
/// optimisation.
const LIMIT: Duration = Duration::from_secs(1);

/// The fuzz targets, which are no part of the package.
fn fuzz() -> Option<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    fuzz.is_dir().then_some(fuzz)
}

/// Runs each target on an input.
pub fn on(targets: &[Target], bytes: &[u8]) {
    for (name, check) in targets {
        let start = Instant::now();
        check(bytes);
        let limit = if fuzz().is_some() { LIMIT } else { 10 * LIMIT };
        assert!(start.elapsed() < limit, "{name}: {:?}", start.elapsed());
    }
}

/// Runs each target on its seeds.
pub fn on_seeds(targets: &[Target]) {
    let Some(fuzz) = fuzz() else { return };
    for target in targets {
        let mut count = 0;
        for seed in fs::read_dir(fuzz.join("seeds").join(target.0)).unwrap() {
            let path = seed.unwrap().path();
            println!("{}", path.display());
            on(&[*target], &fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} has no seeds", target.0);
    }
}
