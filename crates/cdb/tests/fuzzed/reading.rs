//! Reading any file ends, all ways to read agree, and what verify accepts is read whole.

use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;

use cdb_file::{
    Cdb, Datum, Error, ErrorKind, Fault, Problem, Severity, Source, Stat, TextReader, Verdict,
    dump, verify,
};

use super::model::{self, Records};

/// What reading gave: values, or the words of an error.
type Found<T> = Result<T, String>;

/// Keys that are looked up.
const MOST_KEYS: usize = 150;

/// Keys of the files that targets start from, and some that are in none.
const KEYS: [&[u8]; 6] = [b"", b"\0", b"0", b"1", b"k1", b"root"];

pub fn check(file: &[u8]) {
    let lent = read_all(file, file);
    // A source that copies takes other ways through the reader.
    let copied = read_all(file, Copied(file));
    assert!(lent == copied, "lent: {lent:?}; copied: {copied:?}");
    let (verdict, problems) = problems(file);
    let copied = self::problems(Copied(file));
    assert_eq!((words(&verdict), &problems), (words(&copied.0), &copied.1));
    if let Ok(verdict) = verdict
        && verdict.is_sound()
    {
        let listing = lent.expect("what verify accepts can be opened");
        assert_eq!(listing.end, Ok(()));
        assert_eq!(listing.records.len() as u64, verdict.records);
        let stat = listing.stat.expect("what verify accepts has figures");
        let zeroed = problems.iter().filter(|found| found.fault == Fault::Zeroed).count() as u64;
        assert_eq!(stat.records, verdict.records);
        assert_eq!(stat.distances.iter().sum::<u64>(), verdict.records - zeroed);
        check_sound(&Cdb::open(file).unwrap(), &listing.records, &problems);
    }
}

/// Bytes that are copied wherever they are read.
#[derive(Clone)]
pub struct Copied<'f>(pub &'f [u8]);

impl Source for Copied<'_> {
    fn len(&self) -> io::Result<u64> {
        Source::len(self.0)
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        Ok(Cow::Owned(self.0.read_at(at, len)?.into_owned()))
    }
}

/// All problems of a file.
pub fn problems<S: Source>(source: S) -> (Result<Verdict, Error>, Vec<Problem>) {
    let mut problems = Vec::new();
    let verdict = verify(source, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    if let Ok(verdict) = &verdict {
        let damage = problems.iter().filter(|found| found.severity() == Severity::Damage).count();
        let counts = (damage as u64, (problems.len() - damage) as u64);
        assert_eq!((verdict.damage, verdict.notes, verdict.complete), (counts.0, counts.1, true));
    }
    (verdict, problems)
}

/// Records up to the first error, and what keys have.
#[derive(Debug, PartialEq, Eq)]
struct Listing {
    records: Records,
    end: Found<()>,
    values: Vec<Found<Option<Vec<u8>>>>,
    stat: Found<Stat>,
}

fn words<T: Clone>(result: &Result<T, Error>) -> Found<T> {
    match result {
        Ok(value) => Ok(value.clone()),
        Err(error) => Err(error.to_string()),
    }
}

fn read_all<S: Source>(file: &[u8], source: S) -> Found<Listing> {
    let database = Cdb::open(source).map_err(|error| error.to_string())?;
    let stat = words(&database.stat());
    let mut listing = Listing { records: Vec::new(), end: Ok(()), values: Vec::new(), stat };
    let mut iter = database.iter();
    for record in &mut iter {
        match record {
            Ok((key, value)) => listing.records.push((key.into_owned(), value.into_owned())),
            Err(error) => listing.end = Err(error.to_string()),
        }
    }
    assert!(iter.next().is_none(), "an iterator that has ended stays so");
    let len: usize = listing.records.iter().map(|(key, value)| 8 + key.len() + value.len()).sum();
    assert!(2048 + len <= file.len(), "no byte is in two records");
    let mut text = Vec::new();
    let dumped = dump(&database, &mut text).map_err(|error| error.to_string());
    assert_eq!(dumped, listing.end);
    if dumped.is_ok() {
        assert_eq!(records_of(&text), listing.records);
    }
    let listed = listing.records.iter().map(|(key, _)| &key[..]);
    let keys: Vec<&[u8]> =
        KEYS.into_iter().chain(model::keys(file)).chain(listed).take(MOST_KEYS).collect();
    let many = database.get_many(&keys);
    assert_eq!(many.len(), keys.len());
    listing.values =
        many.zip(&keys).map(|(many, key)| look_up(file, &database, many, key)).collect();
    Ok(listing)
}

/// The records of a text that is whole.
pub fn records_of(text: &[u8]) -> Records {
    let mut reader = TextReader::new(text);
    let mut records = Vec::new();
    while let Some((key, value)) = reader.next_record().unwrap() {
        records.push((key.to_vec(), value.to_vec()));
    }
    records
}

/// The value of a key, which all ways to ask agree on.
fn look_up<S: Source>(
    file: &[u8],
    database: &Cdb<S>,
    many: Result<Option<Cow<'_, [u8]>>, Error>,
    key: &[u8],
) -> Found<Option<Vec<u8>>> {
    let found = database.get(key);
    let single = words(&found);
    assert_eq!(words(&many), single, "{}", key.escape_ascii());
    if let Some((0, unterminated)) = key.split_last() {
        assert_eq!(words(&database.get(Datum::terminated(unterminated))), single);
    }
    match &found {
        // Only here the reader gives up before the last slot.
        Err(error) if is(error, Fault::SlotTwice) => {}
        found => assert_eq!(
            found.as_ref().map(Option::as_deref).map_err(drop),
            model::find(file, key),
            "{}",
            key.escape_ascii()
        ),
    }
    let all = database.get_all(key).map(|all| all.collect::<Vec<_>>());
    let first = all.and_then(|all| all.into_iter().next().transpose());
    assert_eq!(words(&first), single);
    single.map(|found| found.map(Cow::into_owned))
}

fn is(error: &Error, fault: Fault) -> bool {
    matches!(error.kind(), ErrorKind::Damaged(found) if found.fault == fault)
}

/// In a file that verify accepts, each record is found under its key, or others of that key are
/// before it, whose number verify tells.
fn check_sound<S: Source>(database: &Cdb<S>, records: &Records, problems: &[Problem]) {
    let (mut hidden, mut zeroed) = (0, 0);
    for (key, mut left) in model::values(records) {
        let found = database.get_all(key).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
        let first = database.get(key).unwrap();
        assert_eq!(first.as_ref(), found.first());
        hidden += found.len().saturating_sub(1) as u64;
        // The order of slots need not be that of the file.
        for value in found {
            let at = left.iter().position(|listed| *listed == &*value);
            left.swap_remove(at.expect("what is found is listed"));
        }
        // What has no slot was replaced by zeros.
        let is_zeroed = |value: &&[u8]| key.is_empty() && value.iter().all(|byte| *byte == 0);
        assert!(left.iter().all(is_zeroed), "{}: {left:?}", key.escape_ascii());
        zeroed += left.len();
    }
    let told = problems.iter().filter(|found| found.fault == Fault::Zeroed).count();
    assert_eq!(told, zeroed);
    let told = problems.iter().find(|found| found.fault == Fault::SameKey);
    assert_eq!(told.map_or(Some(0), |found| found.value), Some(hidden));
}
