//! Any bytes as the text of databases.
#![no_main]

#[path = "../../crates/bdb/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::dump_text(bytes));
