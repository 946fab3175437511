//! Any changes to a btree file, held against a map in memory.
#![no_main]

#[path = "../../crates/bdb/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::btree_update(bytes));
