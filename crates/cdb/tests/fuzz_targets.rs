//! What the fuzz targets check, on their seeds and on random inputs, without a fuzzer.

mod fuzzed;

use fuzzed::{TARGETS, run};
use proptest::prelude::*;

#[test]
fn seeds() {
    run::on_seeds(&TARGETS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_inputs(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        run::on(&TARGETS, &bytes);
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
