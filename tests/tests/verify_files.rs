//! `verify` and `salvage` against libdb: what libdb writes is sound, and what lies on undamaged
//! pages is salvaged. What `db5.3_verify` rejects is in `damage_campaign`.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bdb_file::{Fault, HashDb, Problem, Verdict, database_names, salvage, verify};
use fastrand::Rng;
use map_tests::dbtools::dump_all;
use map_tests::made::{Outcome, SECONDS, ask, make};
use map_tests::raw;
use map_tests::session::each_seed;
use tempfile::TempDir;

/// Far more than any of the damaged files takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

fn problems(file: &[u8]) -> (Result<Verdict, bdb_file::Error>, Vec<Problem>) {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    (verdict, problems)
}

/// Reads every pair of every hash database.
fn read_all(file: &[u8]) -> Result<u64, bdb_file::Error> {
    let names = database_names(file)?;
    let databases: Vec<HashDb<_>> = if names.is_empty() {
        vec![HashDb::open(file)?]
    } else {
        names.iter().map(|name| HashDb::open_named(file, name)).collect::<Result<_, _>>()?
    };
    let mut count = 0;
    for database in &databases {
        for pair in database {
            let (key, _) = pair?;
            assert!(database.get(&key)?.is_some());
            database.get_all(&key)?.collect::<Result<Vec<_>, _>>()?;
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn what_libdb_writes_is_sound() {
    let notes = Mutex::new(BTreeMap::<Fault, u64>::new());
    let outcomes = Mutex::new(BTreeMap::<(Outcome, bool), u64>::new());
    each_seed("libdb's files", 100, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        if make(&path, rng, 800, 65536).is_err() {
            return;
        }
        let file = fs::read(&path).unwrap();
        let (verdict, problems) = problems(&file);
        for problem in &problems {
            *notes.lock().unwrap().entry(problem.fault).or_default() += 1;
        }
        let sound = verdict.unwrap().is_sound();
        let is_read = read_all(&file).is_ok();
        let theirs = ask("db5.3_verify", &path, SECONDS);
        *outcomes.lock().unwrap().entry((theirs, sound)).or_default() += 1;
        // Where big keys begin like others, libdb itself loses track and gives pages to two owners.
        // Its verifier finds what we find, but for pairs that it does not read.
        assert!(
            if sound {
                theirs == Outcome::Accepts && is_read
            } else {
                theirs == Outcome::Rejects || !is_read
            },
            "{theirs:?}, {problems:?}"
        );
    });
    println!(
        "libdb's verdict and ours: {:?}; {:?}",
        outcomes.lock().unwrap(),
        notes.lock().unwrap()
    );
}

/// A pair that came back: the page of its data, its key, its data.
type Salvaged = (u32, Option<Vec<u8>>, Vec<u8>);

fn salvaged(file: &[u8]) -> Vec<Salvaged> {
    let mut pairs = Vec::new();
    let start = Instant::now();
    let summary = salvage(file, |pair| {
        pairs.push((pair.page, pair.key.map(|key| key.into_owned()), pair.data.into_owned()));
        ControlFlow::Continue(())
    });
    let took = start.elapsed();
    assert!(took < LIMIT, "{took:?}");
    assert!(summary.map_or(pairs.is_empty(), |summary| summary.complete));
    pairs
}

/// Zeroes some pages or fills them with nonsense; returns their numbers.
fn destroy(file: &mut [u8], rng: &mut Rng, page_size: usize) -> Vec<u32> {
    let count = file.len() / page_size;
    let gone: Vec<_> = (0..rng.usize(1..=5)).map(|_| rng.usize(..count)).collect();
    for page in &gone {
        let bytes = &mut file[page * page_size..][..page_size];
        match rng.bool() {
            true => bytes.fill(0),
            false => rng.fill(bytes),
        }
    }
    gone.into_iter().map(|page| page as u32).collect()
}

#[test]
fn what_lies_on_undamaged_pages_comes_back() {
    /// Page types.
    const SETS: [u8; 2] = [6, 12];
    const OVERFLOW: u8 = 7;
    let counts = Mutex::new((0, 0));
    each_seed("destroyed pages", 60, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        if make(&path, rng, 400, 4096).is_err()
            || ask("db5.3_verify", &path, SECONDS) != Outcome::Accepts
        {
            return;
        }
        let sound = fs::read(&path).unwrap();
        let page_size = raw::page_size(&sound) as usize;
        let before = salvaged(&sound);
        let mut pairs: Vec<_> =
            before.iter().map(|(_, key, data)| (key.clone().unwrap(), data.clone())).collect();
        let mut dumped: Vec<_> = dump_all(&path).into_iter().flat_map(|dump| dump.pairs).collect();
        pairs.sort();
        dumped.sort();
        assert!(pairs == dumped, "of a sound file, everything comes");

        let mut file = sound.clone();
        let gone = destroy(&mut file, rng, page_size);
        let kind = |page: u32| sound[page as usize * page_size + 25];
        let overflow_is_gone = gone.iter().any(|page| kind(*page) == OVERFLOW);
        let after = salvaged(&file);
        let mut expected = 0;
        for (page, key, data) in before {
            // Which pages a big item fills is not known here; libdb keeps items of a quarter of a
            // page on it.
            let big = |len: usize| overflow_is_gone && len > page_size / 8;
            if gone.contains(&page)
                || big(data.len())
                || key.as_ref().is_some_and(|key| big(key.len()))
            {
                continue;
            }
            expected += 1;
            // Data of a set come without their key where that was on another page.
            let is_back = after.iter().any(|(at, found, other)| {
                *at == page
                    && *other == data
                    && (*found == key || found.is_none() && SETS.contains(&kind(page)))
            });
            assert!(is_back, "page {page} of {gone:?}: {key:?}");
        }
        let mut counts = counts.lock().unwrap();
        *counts = (counts.0 + 1, counts.1 + expected);
    });
    println!("files, pairs that came back: {:?}", counts.lock().unwrap());
}
