//! Files on disk, and those whose keys all want one slot. What else is built and read back: see
//! `fuzzed/building.rs`.

mod fuzzed;

use std::borrow::Cow;
use std::io::Write;
use std::ops::ControlFlow;

use cdb_file::{Cdb, FileSource, Keep, Memory, Source, verify};
use fuzzed::building::build;
use fuzzed::model::{Records, hash};

/// Records are read from a file in blocks; some begin in one and end in another, and some are
/// longer.
#[test]
fn files_are_read_in_parts() {
    let len = |i: usize| if i % 50 == 7 { 300_000 } else { i * 37 };
    let records: Records =
        (0..200).map(|i| (format!("key {i}").into(), vec![i as u8; len(i)])).collect();
    let (bytes, _) = build(&records, Keep::First);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let memory = Memory::read(&file).unwrap();
    let sources: [Box<dyn Source>; 2] = [Box::new(memory), Box::new(FileSource::new(file))];
    for source in sources {
        let database = Cdb::open(&source).unwrap();
        let own = |(key, value): (Cow<'_, [u8]>, Cow<'_, [u8]>)| (key.into(), value.into());
        let listed: Records = database.iter().map(|record| own(record.unwrap())).collect();
        assert!(listed == records);
        let keys: Vec<&[u8]> = records.iter().map(|(key, _)| &key[..]).collect();
        for ((key, value), many) in records.iter().zip(database.get_many(&keys)) {
            assert_eq!(many.unwrap().as_deref(), Some(&value[..]));
            assert_eq!(database.get(key).unwrap().as_deref(), Some(&value[..]));
        }
        assert!(verify(&source, |_| ControlFlow::Break(())).unwrap().is_sound());
    }
}

#[test]
fn all_keys_may_want_one_slot() {
    const COUNT: u32 = 64;
    let wants = |key: &Vec<u8>| hash(key) & 0xff == 7 && (hash(key) >> 8) % (2 * COUNT) == 120;
    let keys = (0u32..).map(|i| i.to_string().into_bytes()).filter(wants).take(COUNT as usize);
    let records: Records = keys.map(|key| (key.clone(), key)).collect();
    let (file, dropped) = build(&records, Keep::First);
    assert!(dropped.is_empty());
    let database = Cdb::open(&file).unwrap();
    for (key, value) in &records {
        assert_eq!(database.get(key).unwrap().as_deref(), Some(&value[..]));
    }
    assert!(verify(&file, |_| ControlFlow::Continue(())).unwrap().is_sound());
}
