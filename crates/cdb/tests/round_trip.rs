//! Files on disk, long ones, and those whose slots are not as usual. What else is built and read back:
//! see `fuzzed/building.rs`.

mod fuzzed;

use std::borrow::Cow;
use std::io::Write;
use std::ops::ControlFlow;

use cdb_file::{Cdb, ErrorKind, FileSource, Keep, Memory, Source, verify};
use fuzzed::building::build;
use fuzzed::model::{self, Records, hash};
use fuzzed::reading::Copied;

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

#[test]
fn a_search_ends_where_no_slot_is_empty() {
    let (mut file, _) = build(&vec![(b"a".to_vec(), b"b".to_vec())], Keep::First);
    let end = file.len() - 16;
    let (slots, _) = file[end..].as_chunks_mut::<8>();
    let used = *slots.iter().find(|slot| **slot != [0; 8]).unwrap();
    slots.fill(used);
    let absent = [&b"b"[..], b"a\0", b"e"];
    for key in absent.iter().chain([&&b"a"[..]]) {
        let expected = (*key == b"a").then_some(&b"b"[..]);
        assert_eq!(Cdb::open(&file).unwrap().get(*key).unwrap().as_deref(), expected);
        assert_eq!(Cdb::open(Copied(&file)).unwrap().get(*key).unwrap().as_deref(), expected);
    }
    // No slot has the hash that is sought.
    let (slots, _) = file[end..].as_chunks_mut::<8>();
    slots.iter_mut().for_each(|slot| slot[1] ^= 1);
    let database = Cdb::open(&file).unwrap();
    assert_eq!(database.get(b"a").unwrap(), None);
    assert_eq!(database.get_many(&["a"]).next().unwrap().unwrap(), None);
    assert_eq!(Cdb::open(Copied(&file)).unwrap().get(b"a").unwrap(), None);
}

/// Long enough for two threads at each step, with a record longer than a block.
#[test]
fn long_files_have_the_same_bytes() {
    const COUNT: u32 = 100_000;
    let key = |i: u32| (i % (COUNT - COUNT / 10)).to_string().into_bytes();
    let mut records: Records = (0..COUNT).map(|i| (key(i), i.to_le_bytes().to_vec())).collect();
    records[1000].1 = vec![b'x'; 5 << 20];
    for keep in [Keep::First, Keep::Last, Keep::All] {
        let mut kept = records.clone();
        let repeated = (COUNT / 10) as usize;
        match keep {
            Keep::First => kept.truncate(kept.len() - repeated),
            Keep::Last => drop(kept.drain(..repeated)),
            _ => {}
        }
        let (file, dropped) = build(&records, keep);
        assert_eq!(dropped.len(), records.len() - kept.len());
        assert!(file == model::file(&kept), "{keep:?}");
    }
}

/// Whatever is cut off while the file is open: what is left is found, and the rest is an error.
#[test]
fn a_file_that_shrinks_while_it_is_open() {
    let records: Records =
        (0..300).map(|i| (format!("key {i}").into(), vec![i as u8; 100])).collect();
    let (bytes, _) = build(&records, Keep::First);
    let (end, _) = model::pair(&bytes, 0).unwrap();
    for cut in [bytes.len() - 1, bytes.len() - 999, end, end - 1, 2049, 2048, 2047, 100, 7, 0] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let database = Cdb::open(FileSource::new(file.try_clone().unwrap())).unwrap();
        file.set_len(cut as u64).unwrap();
        let keys: Vec<&[u8]> = records.iter().map(|(key, _)| &key[..]).collect();
        let mut errors = 0;
        for ((key, value), many) in records.iter().zip(database.get_many(&keys)) {
            let single = database.get(key);
            errors += usize::from(single.is_err());
            for found in [single, many] {
                match found {
                    Ok(found) => assert_eq!(found.as_deref(), Some(&value[..])),
                    Err(error) => assert!(matches!(error.kind(), ErrorKind::Io(_)), "{error}"),
                }
            }
        }
        assert!(errors > 0 && (cut > end || errors == records.len()), "{cut}: {errors}");
        let listed = database.iter().collect::<Result<Vec<_>, _>>();
        assert_eq!(listed.is_ok(), cut >= end, "{cut}");
        assert!(database.stat().is_err(), "{cut}");
    }
}
