//! What `db5.3_dump -r` prints of damaged files, ours salvages.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use bdb_file::salvage;
use fastrand::Rng;
use map_tests::session::each_seed;
use tempfile::TempDir;

use crate::tree_pages::Pages;
use crate::{PATIENCE, ROUNDS, damaged, sound_file};

/// Keys and data in the hexadecimal digits of a dump, as far as that can be read as one: -r prints
/// what it comes across. What stands for lost keys is left out.
fn their_items(path: &Path) -> BTreeSet<Vec<u8>> {
    let script = "ulimit -v 1000000 -f 100000; exec timeout -s KILL $1 db5.3_dump -r \"$0\"";
    let output =
        Command::new("sh").args(["-c", script]).arg(path).arg(PATIENCE.to_string()).output();
    let text = output.expect("a shell is there").stdout;
    let lines = text.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b" "));
    lines.filter(|line| *line != b"UNKNOWN_KEY").filter_map(unhex).collect()
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

fn our_items(file: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut items = BTreeSet::new();
    _ = salvage(file, |pair| {
        items.extend(pair.key.map(|key| key.into_owned()));
        items.insert(pair.data.into_owned());
        ControlFlow::Continue(())
    });
    items
}

#[test]
fn what_libdb_salvages_ours_does() {
    let counts = Mutex::new([0; 4]);
    let missed = Mutex::new(Vec::new());
    each_seed("damaged files", 10, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let Some(sound) = sound_file(rng, &directory) else { return };
        let stored = our_items(&sound);
        let page_size = Pages::of(sound.clone()).page_size;
        for round in 0..ROUNDS {
            let Some((name, Pages { bytes, .. })) = damaged(&sound, rng) else { continue };
            fs::write(&path, &bytes).unwrap();
            let ours = our_items(&bytes);
            // What was never stored is nothing to bring back.
            let theirs = their_items(&path);
            let theirs: Vec<_> = theirs.intersection(&stored).collect();
            // Where pages of big items have changed places, chains cross: ours gives an item up to
            // there, and the rest of its pages as data without a key.
            let crossed = matches!(name, "pages: swapped" | "page: copied");
            let is_big = |item: &[u8]| item.len() > page_size / 4;
            let lost = theirs.iter().filter(|item| !ours.contains(**item));
            let lost = lost.filter(|item| !(crossed && is_big(item))).count();
            let mut counts = counts.lock().unwrap();
            *counts = [
                counts[0] + 1,
                counts[1] + theirs.len(),
                counts[2] + ours.intersection(&stored).count(),
                counts[3] + stored.len(),
            ];
            if lost > 0 {
                missed.lock().unwrap().push((seed, round, name, lost));
            }
        }
    });
    println!("files, items by db5.3_dump -r, by ours, of: {:?}", counts.into_inner().unwrap());
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "salvaged by libdb only: {missed:?}");
}
