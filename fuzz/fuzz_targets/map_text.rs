//! Any bytes as the source of a map.
#![no_main]

#[path = "../../crates/map-text/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|source: &[u8]| {
    invariants::check_lines(source);
    for utf8 in [true, false] {
        invariants::check_map(source, utf8);
    }
});
