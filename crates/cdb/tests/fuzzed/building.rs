//! What is built is sound, is read back as it went in, and is the same file from its own text.

use cdb_file::{Cdb, CdbBuilder, Datum, Fault, Keep, dump};

use super::input::Input;
use super::model::{self, Records};
use super::reading::{problems, records_of};

/// Bytes of keys and values, and records.
const MOST_BYTES: usize = 64 << 10;
const MOST_RECORDS: usize = 300;

/// The records that an input chooses.
pub fn records(input: &mut Input<'_>) -> Records {
    let mut records = Records::new();
    let mut bytes = 0;
    while !input.is_empty() && records.len() < MOST_RECORDS && bytes < MOST_BYTES {
        let (key, value) = (item(input), item(input));
        bytes += key.len() + value.len();
        records.push((key, value));
    }
    records
}

/// A key or value: few enough to be met again, as the input has it, or long. Some end in a NUL.
fn item(input: &mut Input<'_>) -> Vec<u8> {
    let mut item = match input.u8() % 8 {
        0..=3 => format!("k{}", input.u8() % 64).into(),
        4 | 5 => {
            let len = input.below(32);
            input.bytes(len).to_vec()
        }
        6 => Vec::new(),
        _ => vec![input.u8(); input.below(2048)],
    };
    if input.u8() % 8 == 7 {
        item.push(0);
    }
    item
}

/// A sound file with some numbered records.
pub fn sound(input: &mut Input<'_>) -> Vec<u8> {
    let count = input.below(120);
    let [every, long] = [1 + input.below(40), 200 + input.below(1000)];
    let same = 1 + input.below(8);
    let records: Records = (0..count)
        .map(|i| {
            let key = if i % same == 1 { "1".into() } else { i.to_string() };
            (key.into(), vec![i as u8; if i % every == 1 { long } else { 5 }])
        })
        .collect();
    build(&records, input.choice(&[Keep::First, Keep::Last, Keep::All])).0
}

/// A file, and the numbers of the records that are not in it.
pub fn build(records: &Records, keep: Keep) -> (Vec<u8>, Vec<usize>) {
    let mut builder = CdbBuilder::new();
    for (key, value) in records {
        builder.push(key, value).unwrap();
    }
    finish(builder, keep)
}

fn finish(builder: CdbBuilder<'_>, keep: Keep) -> (Vec<u8>, Vec<usize>) {
    let plan = builder.plan(keep).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    (file, plan.dropped().map(|(index, _)| index as usize).collect())
}

/// The records that stay, in the order of the file.
fn expected(records: &Records, keep: Keep) -> Records {
    let mut kept = Records::new();
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

pub fn check(records: &Records) {
    for keep in [Keep::First, Keep::Last, Keep::All] {
        let (file, dropped) = build(records, keep);
        let kept = expected(records, keep);
        let mut left = records.iter().enumerate().filter(|(i, _)| !dropped.contains(i));
        assert!(dropped.is_sorted() && left.by_ref().map(|(_, record)| record).eq(&kept));
        assert_eq!(file, build_over_text(records, keep));
        assert_eq!(file, model::file(&kept));
        assert_holds(&file, &kept);
    }
}

/// The same file, by a builder that copies nothing and adds the NULs by itself.
fn build_over_text(records: &Records, keep: Keep) -> Vec<u8> {
    let text: Vec<u8> =
        records.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect();
    let mut builder = CdbBuilder::over(&text);
    let mut rest = &text[..];
    let mut next = |len| {
        let (item, behind) = rest.split_at(len);
        rest = behind;
        Datum::stored(item)
    };
    for (key, value) in records {
        let (key, value) = (next(key.len()), next(value.len()));
        builder.push(key, value).unwrap();
    }
    finish(builder, keep).0
}

/// Whether a file is sound and has these records and no others, whatever way it is asked.
fn assert_holds(file: &[u8], records: &Records) {
    let database = Cdb::open(file).unwrap();
    let listed: Vec<_> = database.iter().map(Result::unwrap).collect();
    let listed: Records =
        listed.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    assert_eq!(&listed, records);

    let values = model::values(records);
    let absent: Vec<Vec<u8>> = values.keys().map(|key| [key, &b"!"[..]].concat()).collect();
    let keys: Vec<&[u8]> = values.keys().copied().chain(absent.iter().map(Vec::as_slice)).collect();
    for (key, many) in keys.iter().zip(database.get_many(&keys)) {
        let expected = values.get(key).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(many.unwrap().as_deref(), expected.first().copied());
        assert_eq!(database.get(*key).unwrap().as_deref(), expected.first().copied());
        assert_eq!(model::find(file, key), Ok(expected.first().copied()));
        let all: Vec<_> = database.get_all(*key).unwrap().map(Result::unwrap).collect();
        assert_eq!(all, expected);
    }

    let (verdict, problems) = problems(file);
    assert_eq!(verdict.unwrap().records, records.len() as u64);
    let hidden = (records.len() - values.len()) as u64;
    let told: Vec<_> = problems.iter().map(|found| (found.fault, found.value)).collect();
    let expected = [(Fault::SameKey, Some(hidden))];
    assert_eq!(told, expected[..usize::from(hidden > 0)]);

    let mut text = Vec::new();
    dump(&database, &mut text).unwrap();
    assert_eq!(build(&records_of(&text), Keep::All).0, file);
}
