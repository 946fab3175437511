//! Damage that `db5.3_verify` accepts and ours does not: the list in docs/robustness.md.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

#[path = "../../crates/bdb/tests/patched/mod.rs"]
mod patched;

use std::collections::BTreeSet;
use std::fs;

use bdb_file::{ByteOrder, Fault, Severity};
use map_tests::made::{Outcome, ask};
use patched::faults::ROWS;
use patched::{Patched, Places, problems};
use tempfile::TempDir;

/// What libdb's program does not notice, in one way at least in which it comes about. At a page
/// size of 0 it crashes.
const MISSED: [Fault; 8] = [
    Fault::FileLength,
    Fault::LastPage,
    Fault::PageSize,
    Fault::DatabaseFlags,
    Fault::Spares,
    Fault::HighOffset,
    Fault::Unsorted,
    Fault::Orphan,
];

#[test]
fn damage_that_libdb_does_not_notice() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file.db");
    let mut missed = BTreeSet::new();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, false);
        let places = Places::of(&sound);
        for (row, (fault, _, change)) in ROWS.iter().enumerate() {
            let mut file = sound.clone();
            change(&mut file, &places);
            let (verdict, _) = problems(&file.bytes);
            fs::write(&path, &file.bytes).unwrap();
            let theirs = ask("db5.3_verify", &path, 5);
            let is_sound = verdict.unwrap().is_sound();
            assert!(!is_sound || theirs == Outcome::Accepts, "row {row}, {fault:?}: {theirs:?}");
            if fault.severity() == Severity::Damage && theirs != Outcome::Rejects {
                println!("{}, row {row}, {order:?}: {theirs:?}", fault.code());
                missed.insert(*fault);
            }
        }
    }
    assert_eq!(missed, BTreeSet::from(MISSED));
}
