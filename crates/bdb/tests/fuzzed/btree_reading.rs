//! Reading any file as btrees ends, and all ways to read agree.

use std::borrow::Cow;

use bdb_file::{
    BtreeDb, BtreeStat, Datum, Error, ErrorKind, Source, TextFormat, database_names, dump_all,
};

use super::reading::{Copied, Found, MOST_BYTES, MOST_DATABASES, MOST_KEYS, Pair, words};

/// Keys of the files that targets start from, and some that are in none.
const KEYS: [&[u8]; 7] = [b"", b"\0", b"apple\0", b"key 0", b"key 12", b"many", b"pear"];

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

/// All btrees of a file.
fn read_all<S: Source + Clone>(pages: S, len: usize) -> Found<Vec<Found<Listing>>> {
    let names = match BtreeDb::open(pages.clone()) {
        Ok(database) => return Ok(vec![Ok(read(&database, len))]),
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            database_names(pages.clone()).map_err(words)?
        }
        Err(error) => return Err(error.to_string()),
    };
    let open = |name: &Vec<u8>| {
        let database = BtreeDb::open_named(pages.clone(), name).map_err(words)?;
        Ok(read(&database, len))
    };
    Ok(names.iter().take(MOST_DATABASES).map(open).collect())
}

/// Pairs up to the first error, what keys have, what follows them, and the figures.
#[derive(Debug, PartialEq, Eq)]
struct Listing {
    pairs: Vec<Pair>,
    end: Found<()>,
    values: Vec<Found<Option<Vec<u8>>>>,
    following: Vec<Option<Found<Pair>>>,
    figures: Found<BtreeStat>,
}

fn owned((key, data): (Cow<'_, [u8]>, Cow<'_, [u8]>)) -> Pair {
    (key.into_owned(), data.into_owned())
}

fn read<S: Source>(database: &BtreeDb<S>, file_len: usize) -> Listing {
    let (mut pairs, mut end) = (Vec::new(), Ok(()));
    let mut bytes = 0;
    let mut iter = database.iter();
    while bytes < MOST_BYTES {
        match iter.next() {
            Some(Ok((key, data))) => {
                assert!(key.len() <= file_len && data.len() <= file_len);
                bytes += key.len() + data.len() + 1;
                pairs.push(owned((key, data)));
            }
            Some(Err(error)) => end = Err(error.to_string()),
            None => break,
        }
    }
    if bytes < MOST_BYTES {
        assert!(iter.next().is_none(), "an iterator that has ended stays so");
    }
    let listed = pairs.iter().map(|(key, _)| &key[..]).take(MOST_KEYS);
    let keys: Vec<&[u8]> = KEYS.into_iter().chain(listed).collect();
    let values: Vec<_> = keys.iter().map(|key| look_up(database, key)).collect();
    let together = database.get_many(&keys).map(owned_value);
    assert!(together.eq(values.iter().cloned()));
    let following = |key: &&[u8]| Some(database.range(*key).next()?.map(owned).map_err(words));
    let figures = database.stat().map_err(words);
    if let Ok(stat) = &figures {
        assert!(stat.keys <= file_len as u64);
    }
    Listing { end, values, following: keys.iter().map(following).collect(), figures, pairs }
}

fn owned_value(found: Result<Option<Cow<'_, [u8]>>, Error>) -> Found<Option<Vec<u8>>> {
    found.map(|found| found.map(Cow::into_owned)).map_err(words)
}

/// The value of a key, which all ways to ask agree on.
fn look_up<S: Source>(database: &BtreeDb<S>, key: &[u8]) -> Found<Option<Vec<u8>>> {
    let single = owned_value(database.get(key));
    let all = database.get_all(key).and_then(|mut all| all.next().transpose());
    assert_eq!(owned_value(all), single, "{}", key.escape_ascii());
    if let Some((0, unterminated)) = key.split_last() {
        assert_eq!(owned_value(database.get(Datum::terminated(unterminated))), single);
    }
    single
}
