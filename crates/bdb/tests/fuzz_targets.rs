//! What the fuzz targets check, on their seeds and on random inputs, without a fuzzer.

mod fuzzed;
mod patched;

use std::fs;
use std::path::Path;

use bdb_file::ByteOrder;
use fuzzed::{TARGETS, run};
use patched::Patched;
use proptest::prelude::*;

#[test]
fn seeds() {
    run::on_seeds(&TARGETS);
}

/// The files that real Postfix and libdb have made.
#[test]
fn golden_files() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = [golden.clone(), golden.join("btree")].map(fs::read_dir);
    for file in files.into_iter().flat_map(Result::unwrap) {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "db") {
            let bytes = fs::read(path).unwrap();
            fuzzed::reading::check(&bytes);
            fuzzed::btree_reading::check(&bytes);
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
        run::on(&TARGETS, &bytes);
    }
}
