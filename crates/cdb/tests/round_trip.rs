//! Files that are made, read, checked and printed, held against a list of records.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use cdb_file::{Cdb, CdbBuilder, Datum, FileSource, Keep, Memory, TextReader, dump, verify};
use proptest::prelude::*;

type Records = Vec<(Vec<u8>, Vec<u8>)>;

fn records() -> impl Strategy<Value = Records> {
    let key = prop_oneof!["[ab]{0,2}", "[a-z]{0,20}", "\\PC{0,5}"].prop_map(String::into_bytes);
    let value = prop::collection::vec(any::<u8>(), 0..40);
    prop::collection::vec((key, value), 0..200)
}

fn build(records: &Records, keep: Keep) -> (Vec<u8>, Vec<u32>) {
    let mut builder = CdbBuilder::new();
    for (key, value) in records {
        builder.push(key, value).unwrap();
    }
    let plan = builder.plan(keep).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    (file, plan.dropped().map(|(index, _)| index).collect())
}

/// The records that stay, in the order of the file.
fn expected(records: &Records, keep: Keep) -> Records {
    let mut kept: Records = Vec::new();
    for (key, value) in records {
        let before = kept.iter().position(|(known, _)| known == key);
        match (keep, before) {
            (Keep::First, Some(_)) => continue,
            (Keep::Last, Some(before)) => drop(kept.remove(before)),
            _ => {}
        }
        kept.push((key.clone(), value.clone()));
    }
    kept
}

proptest! {
    #[test]
    fn what_is_stored_is_found(records in records(), keep in prop_oneof![
        Just(Keep::First), Just(Keep::Last), Just(Keep::All)
    ]) {
        let (file, dropped) = build(&records, keep);
        let kept = expected(&records, keep);
        prop_assert_eq!(dropped.len(), records.len() - kept.len());
        prop_assert!(dropped.is_sorted());

        let mut temporary = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut temporary, &file).unwrap();
        let memory = Cdb::open(Memory::read(&temporary).unwrap()).unwrap();
        let by_parts = Cdb::open(FileSource::new(temporary)).unwrap();
        let listed = |pairs: cdb_file::Result<Vec<_>>| -> Records {
            let own = |(key, value): (std::borrow::Cow<'_, [u8]>, std::borrow::Cow<'_, [u8]>)| {
                (key.into_owned(), value.into_owned())
            };
            pairs.unwrap().into_iter().map(own).collect()
        };
        prop_assert_eq!(&listed(memory.iter().collect()), &kept);
        prop_assert_eq!(&listed(by_parts.iter().collect()), &kept);

        let mut values: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
        for (key, value) in &kept {
            values.entry(key).or_default().push(value);
        }
        let absent: Vec<Vec<u8>> = values.keys().map(|key| [key, &b"!"[..]].concat()).collect();
        let mut keys: Vec<&[u8]> = values.keys().copied().collect();
        keys.extend(absent.iter().map(Vec::as_slice));
        for (key, found) in keys.iter().zip(memory.get_many(&keys)) {
            let found = found.unwrap();
            let all = values.get(key).map(Vec::as_slice).unwrap_or_default();
            prop_assert_eq!(found.as_deref(), all.first().copied());
            prop_assert_eq!(&memory.get(*key).unwrap(), &found);
            prop_assert_eq!(&by_parts.get(*key).unwrap(), &found);
            let stored = memory.get_all(*key).unwrap().collect::<cdb_file::Result<Vec<_>>>();
            prop_assert_eq!(stored.unwrap(), all);
            if let [bytes @ .., 0] = key {
                prop_assert_eq!(&memory.get(Datum::terminated(bytes)).unwrap(), &found);
            }
        }

        let mut notes = Vec::new();
        let verdict = verify(&file, |problem| {
            notes.push(problem);
            ControlFlow::Continue(())
        });
        let verdict = verdict.unwrap();
        prop_assert!(verdict.is_sound(), "{:?}", notes);
        prop_assert_eq!(verdict.records, kept.len() as u64);

        let mut text = Vec::new();
        dump(&memory, &mut text).unwrap();
        let mut reader = TextReader::new(&text[..]);
        let mut read = Records::new();
        while let Some((key, value)) = reader.next_record().unwrap() {
            read.push((key.to_vec(), value.to_vec()));
        }
        prop_assert_eq!(build(&read, Keep::All).0, file);
    }

    /// Whatever the bytes, reading ends, and damage is told.
    #[test]
    fn damaged_files_do_no_harm(
        records in records(), changes in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<u8>()), 0..6
        ), cut in any::<prop::sample::Index>(), to_cut: bool,
    ) {
        let (mut file, _) = build(&records, Keep::All);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if to_cut {
            file.truncate(cut.index(file.len()));
        }
        let verdict = verify(&file, |_| ControlFlow::Continue(()));
        let Ok(database) = Cdb::open(&file) else {
            prop_assert!(!verdict.is_ok_and(|verdict| verdict.is_sound()));
            return Ok(());
        };
        let listed: Result<Vec<_>, _> = database.iter().collect();
        let keys: Vec<&[u8]> = records.iter().map(|(key, _)| &key[..]).collect();
        for (key, found) in keys.iter().zip(database.get_many(&keys)) {
            let alone = database.get(*key).map_err(|error| error.to_string());
            prop_assert_eq!(found.map_err(|error| error.to_string()), alone);
        }
        if verdict.unwrap().is_sound() {
            let listed = listed.unwrap();
            for (key, _) in &listed {
                prop_assert!(database.get(key).unwrap().is_some(), "a sound file finds its keys");
            }
        }
    }
}

#[test]
fn all_keys_may_want_one_slot() {
    const COUNT: u32 = 64;
    let hash = |key: &[u8]| key.iter().fold(5381u32, |h, b| h.wrapping_mul(33) ^ u32::from(*b));
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
