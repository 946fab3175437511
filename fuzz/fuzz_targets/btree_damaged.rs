//! A sound file of btrees with damage.
#![no_main]

#[path = "../../crates/bdb/tests/fuzzed/mod.rs"]
mod fuzzed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzzed::btree_damaged(bytes));
