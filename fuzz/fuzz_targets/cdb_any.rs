//! Any bytes as a file.
#![no_main]

#[path = "../../crates/cdb/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::cdb_any(bytes));
