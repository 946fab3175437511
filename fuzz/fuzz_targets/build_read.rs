//! Any pairs and options, built and read back.
#![no_main]

#[path = "../../crates/bdb/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::build_read(bytes));
