//! Any bytes as an aliases file.
#![no_main]

#[path = "../../crates/map-text/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|source: &[u8]| {
    for utf8 in [true, false] {
        invariants::check_aliases(source, utf8);
    }
});
