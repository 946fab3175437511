//! Reading any file ends, and all ways to read agree.

use std::borrow::Cow;
use std::io;

use bdb_file::{Datum, Error, ErrorKind, HashDb, Source, TextFormat, database_names, dump_all};

pub type Pair = (Vec<u8>, Vec<u8>);

/// What reading gave: values, or the words of an error.
pub type Found<T> = Result<T, String>;

/// Databases of a file that are looked at, keys that are looked up, and bytes that are listed: a
/// small file may have many references to one long key.
pub const MOST_DATABASES: usize = 6;
pub const MOST_KEYS: usize = 200;
pub const MOST_BYTES: usize = 4 << 20;

/// Keys of the files that targets start from, and some that are in none.
const KEYS: [&[u8]; 8] =
    [b"", b"\0", b"0", b"1", b"key1", b"many", b"postmaster\0", b"user0@example.com\0"];

pub fn check(file: &[u8]) {
    let lent = read_all(file, file.len());
    // A source that copies takes other ways through the reader.
    let copied = read_all(Copied(file), file.len());
    assert!(lent == copied, "lent: {lent:?}; copied: {copied:?}");
    let mut text = Vec::new();
    if dump_all(file, TextFormat::Bytes, &mut text).is_ok() && !text.is_empty() {
        assert!(text.ends_with(b"DATA=END\n"));
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

/// All databases of a file.
fn read_all<S: Source + Clone>(pages: S, len: usize) -> Found<Vec<Found<Listing>>> {
    let names = match HashDb::open(pages.clone()) {
        Ok(database) => return Ok(vec![Ok(read(&database, len))]),
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            database_names(pages.clone()).map_err(words)?
        }
        Err(error) => return Err(error.to_string()),
    };
    let open = |name: &Vec<u8>| {
        let database = HashDb::open_named(pages.clone(), name).map_err(words)?;
        Ok(read(&database, len))
    };
    Ok(names.iter().take(MOST_DATABASES).map(open).collect())
}

pub fn words(error: Error) -> String {
    error.to_string()
}

/// Pairs up to the first error, what keys have, and the figures.
#[derive(Debug, PartialEq, Eq)]
struct Listing {
    pairs: Vec<Pair>,
    end: Found<()>,
    values: Vec<Found<Option<Vec<u8>>>>,
    keys: Found<u64>,
}

fn read<S: Source>(database: &HashDb<S>, file_len: usize) -> Listing {
    let mut listing = Listing { pairs: Vec::new(), end: Ok(()), values: Vec::new(), keys: Ok(0) };
    let mut bytes = 0;
    let mut iter = database.iter();
    while bytes < MOST_BYTES {
        match iter.next() {
            Some(Ok((key, data))) => {
                assert!(key.len() + data.len() <= file_len, "no more than the file can hold");
                bytes += key.len() + data.len() + 1;
                listing.pairs.push((key.into_owned(), data.into_owned()));
            }
            Some(Err(error)) => listing.end = Err(error.to_string()),
            None => break,
        }
    }
    if bytes < MOST_BYTES {
        assert!(iter.next().is_none(), "an iterator that has ended stays so");
    }
    let listed = listing.pairs.iter().map(|(key, _)| &key[..]).take(MOST_KEYS);
    let keys: Vec<&[u8]> = KEYS.into_iter().chain(listed).collect();
    for (many, key) in database.get_many(&keys).zip(&keys) {
        listing.values.push(look_up(database, many, key));
    }
    listing.keys = database.stat().map(|stat| stat.keys).map_err(words);
    if let Ok(keys) = listing.keys {
        assert!(keys <= file_len as u64);
    }
    listing
}

/// The value of a key, which all ways to ask agree on.
fn look_up<S: Source>(
    database: &HashDb<S>,
    many: Result<Option<Cow<'_, [u8]>>, Error>,
    key: &[u8],
) -> Found<Option<Vec<u8>>> {
    let owned = |found: Result<Option<Cow<'_, [u8]>>, Error>| {
        found.map(|found| found.map(Cow::into_owned)).map_err(words)
    };
    let single = owned(database.get(key));
    assert_eq!(owned(many), single, "{}", key.escape_ascii());
    let all = database.get_all(key).and_then(|mut all| {
        let first = all.next().transpose()?;
        let mut bytes = 0;
        for more in all {
            bytes += more?.len() + 1;
            if bytes > MOST_BYTES {
                break;
            }
        }
        Ok(first)
    });
    if let Ok(first) = all {
        assert_eq!(first.as_deref(), single.as_ref().unwrap().as_deref(), "{}", key.escape_ascii());
    }
    if let Some((0, unterminated)) = key.split_last() {
        assert_eq!(owned(database.get(Datum::terminated(unterminated))), single);
    }
    single
}
