//! Changes of damaged Berkeley DB files, of either kind.

use std::cell::Cell;

use crate::fuzzed::changed;
use crate::library::Runs;

/// Puts and deletes these keys and others, and looks at what becomes of the file.
pub fn change(runs: &Runs<'_>, file: &[u8], keys: &[Vec<u8>]) {
    let keys: Vec<_> = keys.iter().map(Vec::as_slice).collect();
    let new: Vec<_> = (0..20).map(|i| ([b'n', i], [i; 400])).collect();
    let mut puts: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (*key, &b"another"[..])).collect();
    puts.extend(new.iter().map(|(key, data)| (&key[..], &data[..])));
    let change = |name, puts: &[_], deletions: &[_]| {
        let changes = Cell::new(None);
        runs.run(name, &|| {
            changed::update(file, puts, deletions).map(|done| changes.set(Some(done)))
        });
        if let Some(changes) = changes.take() {
            changed::assert_is_no_worse(file, &changes, puts);
        }
    };
    change("put", &puts, &[]);
    change("delete", &[], &keys);
    change("put, delete", &puts[keys.len() / 2..], &keys);
}
