//! Generated cdb files, against the program `cdb`: whole files, texts, figures, and what is found.
//!
//! About tinycdb itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use cdb_file::{Cdb, CdbBuilder, Keep, Lengths, TextReader, dump};
use fastrand::Rng;
use map_tests::session::each_seed;
use tempfile::TempDir;

type Record = (Vec<u8>, Vec<u8>);

/// Runs `cdb` with a file as its last argument, and gives it `input`.
fn cdb(arguments: &[&str], path: &Path, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("cdb")
        .args(arguments)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cdb, of the Debian package tinycdb: {error}"));
    // It reads all before it prints anything.
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cdb {arguments:?}: {messages}");
    output.stdout
}

fn bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    let len = match rng.u8(..40) {
        0 => 0,
        1 => rng.usize(..=300 * most),
        _ => rng.usize(..=most),
    };
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

/// Records, of which some have the same key.
fn records(rng: &mut Rng) -> Vec<Record> {
    let count = *rng.choice(&[0, 1, 5, 40, 1000]).unwrap();
    let repeated = *rng.choice(&[0, 3, 30]).unwrap();
    let mut records: Vec<Record> = Vec::new();
    for _ in 0..count {
        let key = match rng.u8(..100) < repeated && !records.is_empty() {
            true => rng.choice(&records).unwrap().0.clone(),
            false => bytes(rng, 12),
        };
        records.push((key, bytes(rng, 20)));
    }
    records
}

fn text(records: &[Record]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in records {
        write!(text, "+{},{}:", key.len(), value.len()).unwrap();
        text.extend([&key[..], b"->", value, b"\n"].concat());
    }
    text.push(b'\n');
    text
}

/// The file that we make of a text.
fn made(text: &[u8], keep: Keep) -> Vec<u8> {
    let mut builder = CdbBuilder::new();
    let mut reader = TextReader::new(text);
    while let Some((key, value)) = reader.next_record().unwrap() {
        builder.push(key, value).unwrap();
    }
    let plan = builder.plan(keep).unwrap();
    let mut file = Vec::new();
    plan.write_to(&mut file).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    file
}

/// The least length as `cdb` takes it: 0 counts as none at all.
fn their_least(lengths: impl Iterator<Item = usize>) -> u64 {
    lengths.reduce(|least, len| if least == 0 { len } else { least.min(len) }).unwrap_or(0) as u64
}

/// The figures of a file, in the words of `cdb -s`.
fn figures(database: &Cdb<Vec<u8>>) -> String {
    let stat = database.stat().unwrap();
    let lengths = |of: Lengths, least| format!("{least}/{}/{}", of.average(), of.max);
    let records = || database.iter().map(Result::unwrap);
    let least_key = their_least(records().map(|(key, _)| key.len()));
    let least_value = their_least(records().map(|(_, value)| value.len()));
    assert_eq!(stat.keys.min, records().map(|(key, _)| key.len() as u64).min().unwrap_or(0));
    assert_eq!(stat.values.min, records().map(|(_, value)| value.len() as u64).min().unwrap_or(0));
    let percent = |count: u64| (100 * count).checked_div(stat.records).unwrap_or(0);
    let mut text = format!(
        "number of records: {}\n\
         key min/avg/max length: {}\n\
         val min/avg/max length: {}\n\
         hash tables/entries/collisions: {}/{}/{}\n\
         hash table min/avg/max length: {}\n\
         hash table distances:\n",
        stat.records,
        lengths(stat.keys, least_key),
        lengths(stat.values, least_value),
        stat.tables,
        stat.slots.total,
        stat.collisions(),
        lengths(stat.slots, stat.slots.min),
    );
    let names = (0..=9).map(|distance| format!(" d{distance}")).chain([" >9".into()]);
    for (name, count) in names.zip(stat.distances) {
        text += &format!("{name}: {count:6} {:2}%\n", percent(count));
    }
    text
}

#[test]
fn whole_files_texts_and_figures() {
    each_seed("cdb file", 60, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.cdb");
        let records = records(rng);
        let text = text(&records);
        for (arguments, keep) in [("-c", Keep::All), ("-cu", Keep::First), ("-cr", Keep::Last)] {
            cdb(&[arguments], &path, &text);
            let (ours, theirs) = (made(&text, keep), fs::read(&path).unwrap());
            // A file that it has moved records in keeps what lay behind its tables.
            assert!(theirs.starts_with(&ours), "{arguments}");
            assert!(theirs.len() == ours.len() || keep == Keep::Last, "{arguments}");

            let database = Cdb::open(ours).unwrap();
            let mut dumped = Vec::new();
            dump(&database, &mut dumped).unwrap();
            assert!(dumped == cdb(&["-d"], &path, b""), "{arguments}");
            let theirs = String::from_utf8(cdb(&["-s"], &path, b"")).unwrap();
            assert_eq!(figures(&database), theirs, "{arguments}");

            let mut loaded = File::create(&path).unwrap();
            loaded.write_all(&made(&dumped, Keep::All)).unwrap();
            assert!(cdb(&["-d"], &path, b"") == dumped, "{arguments}");
        }
    });
}

/// Keys that can be told to a program.
#[test]
fn values_of_keys() {
    each_seed("cdb values", 20, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.cdb");
        let mut records = records(rng);
        for (key, _) in &mut records {
            *key = format!("k{}", rng.u8(..)).into_bytes();
        }
        fs::write(&path, made(&text(&records), Keep::All)).unwrap();
        let database = Cdb::open(fs::read(&path).unwrap()).unwrap();
        for number in 0..=255 {
            let key = format!("k{number}");
            let values: Vec<_> = database.get_all(&key).unwrap().map(Result::unwrap).collect();
            let theirs = Command::new("cdb").arg("-q").arg(&path).arg(&key).output().unwrap();
            assert_eq!(theirs.status.code(), Some(if values.is_empty() { 100 } else { 0 }));
            assert!(theirs.stdout == values.concat(), "{key}");
            assert_eq!(database.get(&key).unwrap(), values.first().cloned());
        }
    });
}
