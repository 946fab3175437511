//! What the fuzz targets of this crate check, one function for each; plain tests call them, too.
//!
//! Most take their input for a list of choices ([`Input`]) from which they make a file, so that a
//! few bytes lead far.
// Each target uses a part of it.
#![allow(dead_code)]

pub mod btree_reading;
pub mod building;
pub mod changed;
pub mod damage;
pub mod database;
pub mod input;
pub mod model;
pub mod reading;
pub mod run;
pub mod sound;
pub mod text;
pub mod updating;
pub mod verdict;

use input::Input;
use run::Target;

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("hash_any", hash_any),
    ("hash_damaged", hash_damaged),
    ("btree_any", btree_any),
    ("btree_damaged", btree_damaged),
    ("verify_salvage", verify_salvage),
    ("build_read", build_read),
    ("update", update),
    ("btree_update", btree_update),
    ("dump_text", dump_text),
];

/// Any bytes as a file: reading them ends.
pub fn hash_any(bytes: &[u8]) {
    reading::check(bytes);
}

/// A sound file with damage: reading it ends, and changing it makes it no worse.
pub fn hash_damaged(bytes: &[u8]) {
    let file = damaged(bytes);
    reading::check(&file);
    updating::check_damaged(&file);
}

/// Any bytes as a file: reading btrees in it ends.
pub fn btree_any(bytes: &[u8]) {
    btree_reading::check(bytes);
}

/// A sound file of btrees with damage: reading it, verify and salvage end, what verify accepts is
/// read whole by all, and changing it makes it no worse.
pub fn btree_damaged(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut file = sound::btree_file(&mut input);
    damage::damage(&mut file, &mut input);
    btree_reading::check(&file);
    verdict::check(&file);
    updating::check_damaged(&file);
}

/// Any bytes as a file, and a sound file with damage: verify and salvage end, and what verify
/// accepts is read whole by all.
pub fn verify_salvage(bytes: &[u8]) {
    verdict::check(bytes);
    verdict::check(&damaged(bytes));
}

/// Any pairs, any options: what is built is sound and read back.
pub fn build_read(bytes: &[u8]) {
    building::check(&mut Input::new(bytes));
}

/// Any changes: the file is sound, and holds what a map in memory does.
pub fn update(bytes: &[u8]) {
    updating::check(&mut Input::new(bytes));
}

/// Any changes to a btree: the same.
pub fn btree_update(bytes: &[u8]) {
    updating::check_btree(&mut Input::new(bytes));
}

/// Any bytes as text of databases: what can be loaded gives a text that gives itself.
pub fn dump_text(bytes: &[u8]) {
    text::check(bytes);
}

/// The damaged file of an input.
pub fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut input = Input::new(bytes);
    let mut file = sound::file(&mut input);
    damage::damage(&mut file, &mut input);
    file
}
