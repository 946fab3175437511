//! Any bytes as the text of records.
#![no_main]

#[path = "../../crates/cdb/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::cdb_text(bytes));
