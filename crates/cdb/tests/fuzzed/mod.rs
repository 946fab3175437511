//! What the fuzz targets of this crate check, one function for each; plain tests call them, too.
//!
//! `input` and `run` are links: they are those of `bdb-file`'s targets.
// Each target uses a part of it.
#![allow(dead_code)]

pub mod building;
pub mod damage;
pub mod input;
pub mod model;
pub mod reading;
pub mod run;
pub mod text;

use input::Input;
use run::Target;

/// All targets.
pub const TARGETS: [Target; 4] = [
    ("cdb_any", cdb_any),
    ("cdb_damaged", cdb_damaged),
    ("cdb_build", cdb_build),
    ("cdb_text", cdb_text),
];

/// Any bytes as a file: reading them ends, and verify tells what can be relied on.
pub fn cdb_any(bytes: &[u8]) {
    reading::check(bytes);
}

/// A sound file with damage: the same.
pub fn cdb_damaged(bytes: &[u8]) {
    reading::check(&damaged(bytes));
}

/// Any records: what is built of them is sound and read back.
pub fn cdb_build(bytes: &[u8]) {
    building::check(&building::records(&mut Input::new(bytes)));
}

/// Any bytes as text of records: what is read is printed as it was.
pub fn cdb_text(bytes: &[u8]) {
    text::check(bytes);
}

/// The damaged file of an input.
pub fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut input = Input::new(bytes);
    let mut file = building::sound(&mut input);
    damage::damage(&mut file, &mut input);
    file
}
