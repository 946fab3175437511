//! A change that was interrupted is completed by who only reads, too: this needs no feature.

use std::fs;
use std::hash::Hasher;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bdb_file::{BuildOptions, HashBuilder, Keep};
use postfix_maps::{Access, Recovered, Table, TableOptions, recover};
use twox_hash::XxHash3_64;

/// A table in which the key `a` has this value.
fn table(value: &str) -> Vec<u8> {
    let mut builder = HashBuilder::new(BuildOptions::default());
    builder.push(b"a\0", &[value.as_bytes(), b"\0"].concat()).unwrap();
    let mut bytes = Vec::new();
    builder.plan(Keep::First).unwrap().write_to(&mut bytes).unwrap();
    bytes
}

fn sum(bytes: &[u8]) -> u64 {
    let mut hasher = XxHash3_64::with_seed(0);
    hasher.write(bytes);
    hasher.finish()
}

/// Writes the old table, and behind it a whole journal of the new one.
fn interrupt(path: &Path, old: &[u8], new: &[u8]) {
    const BLOCK: usize = 512;
    const ALIGNMENT: usize = 65536;
    const TRAILER: usize = 80;
    fs::write(path, old).unwrap();
    let inode = fs::metadata(path).unwrap().ino();
    let blocks = new.len() / BLOCK;
    let start = old.len().max(new.len()).next_multiple_of(ALIGNMENT);
    let end = (start + new.len() + 16 * blocks + TRAILER).next_multiple_of(ALIGNMENT);
    let mut file = old.to_vec();
    file.resize(start, 0);
    let old_sums: Vec<u8> =
        file.chunks(BLOCK).take(blocks).flat_map(|block| sum(block).to_le_bytes()).collect();
    file.extend_from_slice(new);
    file.extend((0..blocks).flat_map(|i| ((i * BLOCK) as u64).to_le_bytes()));
    file.extend(old_sums);
    file.resize(end - TRAILER, 0);
    file.extend_from_slice(b"map-jrn3");
    let lengths = [old.len(), new.len(), start, BLOCK, blocks].map(|number| number as u64);
    let heads = [sum(&old[..BLOCK]), sum(&new[..BLOCK])];
    let numbers = [inode].into_iter().chain(lengths).chain(heads);
    file.extend(numbers.flat_map(u64::to_le_bytes));
    file.extend(sum(&file[start..]).to_le_bytes());
    fs::write(path, file).unwrap();
}

#[test]
fn readers_see_the_change_and_can_complete_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let new = table("new");
    interrupt(&path, &table("old"), &new);
    let spec = format!("hash:{}/m", dir.path().display());
    for access in [Access::Snapshot, Access::Locked] {
        let mut warnings = 0;
        let options = TableOptions::default().access(access);
        let table = Table::open_with_warnings(&spec, options, |_| warnings += 1).unwrap();
        assert_eq!(table.get("a").unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(warnings, 1);
    }
    assert_eq!(recover(&path, None).unwrap(), Recovered::Completed);
    assert_eq!(fs::read(&path).unwrap(), new);
}

#[test]
fn who_maps_a_table_completes_it_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.db");
    let new = table("new");
    interrupt(&path, &table("old"), &new);
    let spec = format!("hash:{}/m", dir.path().display());
    // SAFETY: nothing else changes the file.
    let table = unsafe { Table::open_mapped(&spec, TableOptions::default()) }.unwrap();
    assert_eq!(table.get("a").unwrap().as_deref(), Some(&b"new"[..]));
    assert_eq!(fs::read(&path).unwrap(), new);
}
