//! `verify` and `salvage` against libdb: what libdb writes is sound, what `db5.3_verify` rejects is not, and what is sound
//! can be read.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bdb_file::{
    ByteOrder, Fault, Hash, Problem, Severity, Verdict, database_names, salvage, verify,
};
use fastrand::Rng;
use map_tests::dbtools::dump_all;
use map_tests::libdb::{self, Database, Duplicates, Options};
use map_tests::raw;
use map_tests::session::each_seed;
use tempfile::TempDir;

/// Far more than any of the damaged files takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

fn options(rng: &mut Rng, largest_page: u32) -> Options {
    let sizes = [512, 512, 512, 1024, 2048, 4096, 16384, 65536];
    let sizes: Vec<_> = sizes.into_iter().filter(|size| *size <= largest_page).collect();
    Options {
        page_size: *rng.choice(&sizes).unwrap(),
        byte_order: if rng.bool() { ByteOrder::Little } else { ByteOrder::Big },
        checksums: rng.u8(..4) == 0,
        duplicates: *rng
            .choice(&[Duplicates::None, Duplicates::Unsorted, Duplicates::Sorted])
            .unwrap(),
        fill_factor: *rng.choice(&[0, 0, 1, 8, 40]).unwrap(),
        elements: *rng.choice(&[0, 0, 10, 200]).unwrap(),
        partitions: 0,
    }
}

/// Keys that are met again. Some are big, and some of those begin like others (hash file specification, section 12.2).
fn key(rng: &mut Rng, style: u8, page_size: u32) -> Vec<u8> {
    let page = page_size as usize;
    match style {
        0 => format!("user{}@example.com\0", rng.u32(..200)).into(),
        1 => vec![b'a' + rng.u8(..2); rng.usize(..page / 2)],
        2 => (0..rng.usize(..6)).map(|_| b'a' + rng.u8(..3)).collect(),
        _ => {
            let len = if rng.u8(..6) == 0 { rng.usize(..3 * page) } else { rng.usize(..20) };
            let byte = b'a' + rng.u8(..3);
            (0..len).map(|i| if i < len / 2 { byte } else { byte ^ (i as u8 & 1) }).collect()
        }
    }
}

fn data(rng: &mut Rng, page_size: u32) -> Vec<u8> {
    let page = page_size as usize;
    let len = match rng.u8(..30) {
        0 => rng.usize(..3 * page),
        1 => page / 4 + rng.usize(..3) - 1,
        _ => rng.usize(..30),
    };
    (0..len).map(|_| rng.u8(..)).collect()
}

/// Puts and deletes, at random, until libdb gives up: it does, rarely, where big keys begin like others.
fn change(
    database: &mut Database,
    options: &Options,
    rng: &mut Rng,
    changes: usize,
) -> Result<(), libdb::Error> {
    let style = rng.u8(..4);
    let deletions = rng.u8(..8);
    let many = rng.bool();
    let mut stored = Vec::new();
    for _ in 0..changes {
        let mut key = key(rng, style, options.page_size);
        if many && options.duplicates != Duplicates::None && rng.bool() {
            key = b"many".to_vec();
        }
        if rng.u8(..10) >= deletions {
            let data = data(rng, options.page_size);
            // A pair that is there already is refused where duplicates are sorted.
            if database.put(&key, &data).is_ok() {
                stored.push((key, data));
            }
        } else if rng.bool() {
            database.delete(&key)?;
        } else if !stored.is_empty() {
            let (key, data) = stored.swap_remove(rng.usize(..stored.len()));
            database.delete_pair(&key, &data)?;
        }
    }
    Ok(())
}

/// A file by libdb: one database, or several.
fn make(path: &Path, rng: &mut Rng, changes: usize, largest_page: u32) -> Result<(), libdb::Error> {
    let options = options(rng, largest_page);
    let changes = rng.usize(..=changes);
    let several = rng.u8(..5) == 0;
    for i in 0..if several { rng.usize(1..12) } else { 1 } {
        let options = Options { duplicates: self::options(rng, 512).duplicates, ..options.clone() };
        let name = format!("database {i}");
        let name = several.then_some(&*name);
        let mut database = Database::create(path, name, &options).unwrap();
        change(&mut database, &options, rng, changes)?;
        database.close()?;
    }
    if !several && options.duplicates == Duplicates::None && rng.u8(..5) == 0 {
        let mut file = fs::read(path).unwrap();
        raw::to_older_version(&mut file, rng.u32(7..=8));
        fs::write(path, file).unwrap();
    }
    Ok(())
}

fn problems(file: &[u8]) -> (Result<Verdict, bdb_file::Error>, Vec<Problem>) {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    (verdict, problems)
}

/// What `db5.3_verify` makes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Libdb {
    Accepts,
    Rejects,
    CrashesOrHangs,
}

/// Asks `db5.3_verify`. Damaged files make it run for ever, and its memory and its output grow: it gets `seconds`.
fn ask_libdb(path: &Path, seconds: u32) -> Libdb {
    let script = "ulimit -v 1000000 -f 100000; exec timeout -s KILL $1 db5.3_verify -q \"$0\"";
    let mut command = Command::new("sh");
    let status = command.args(["-c", script]).arg(path).arg(seconds.to_string()).output();
    match status.unwrap().status.code() {
        Some(0) => Libdb::Accepts,
        Some(1) => Libdb::Rejects,
        _ => Libdb::CrashesOrHangs,
    }
}

/// Seconds that libdb gets for its own files and for damaged ones. Most take it some milliseconds.
const OWN: u32 = 300;
const DAMAGED: u32 = 5;

/// Reads every pair of every hash database.
fn read_all(file: &[u8]) -> Result<u64, bdb_file::Error> {
    let names = database_names(file)?;
    let databases: Vec<Hash<_>> = if names.is_empty() {
        vec![Hash::open(file)?]
    } else {
        names.iter().map(|name| Hash::open_named(file, name)).collect::<Result<_, _>>()?
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
    let outcomes = Mutex::new(BTreeMap::<(Libdb, bool), u64>::new());
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
        let theirs = ask_libdb(&path, OWN);
        *outcomes.lock().unwrap().entry((theirs, sound)).or_default() += 1;
        // Where big keys begin like others, libdb itself loses track and gives pages to two owners. Its verifier finds what
        // we find, but for pairs that it does not read.
        assert!(
            if sound {
                theirs == Libdb::Accepts && is_read
            } else {
                theirs == Libdb::Rejects || !is_read
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

/// Changes a file so that some of its numbers are wrong, most of them in headers.
fn damage(file: &mut Vec<u8>, rng: &mut Rng, page_size: usize, order: ByteOrder) {
    let reseal = raw::has_checksums(file) && rng.u8(..5) != 0;
    let count = file.len() / page_size;
    let most = if rng.bool() { 1 } else { 6 };
    for _ in 0..rng.usize(1..=most) {
        let number = rng.usize(..count);
        let other = rng.usize(..count);
        let start = number * page_size;
        let put = |file: &mut [u8], at: usize, bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            if order == ByteOrder::Little {
                bytes.reverse();
            }
            file[at..][..bytes.len()].copy_from_slice(&bytes);
        };
        match rng.u8(..20) {
            0..=5 => file[start + rng.usize(..60)] = rng.u8(..),
            6..=7 => file[start + rng.usize(..60)] ^= 1 << rng.u8(..8),
            8..=9 => file[start + rng.usize(..page_size)] = rng.u8(..),
            10 => file[rng.usize(..count * page_size)] = rng.u8(..20),
            // Links, also those of page 0, to pages that are there.
            11..=12 => {
                let at = *rng.choice(&[12, 16, 28, 32, 72, 96, 100]).unwrap();
                put(file, start + at, &(other as u32).to_be_bytes());
            }
            13 => put(file, start + 20 + 2 * rng.usize(..2), &rng.u16(..100).to_be_bytes()),
            14 => file[start + 25] = rng.u8(..15),
            15 => file[start..][..page_size].fill(0),
            16 | 17 => {
                // A page in another's place, under its number.
                file.copy_within(other * page_size..(other + 1) * page_size, start);
                if rng.bool() {
                    put(file, start + 8, &(number as u32).to_be_bytes());
                }
            }
            18 => file.extend_from_slice(&vec![0; page_size]),
            _ if file.len() > 2 * page_size => file.truncate(file.len() - page_size),
            _ => {}
        }
        if reseal && file.len() > start + 512 {
            raw::reseal(&mut file[start..][..page_size], order);
        }
        if file.len() < count * page_size {
            return;
        }
    }
}

#[test]
fn what_libdb_rejects_is_damaged() {
    let outcomes = Mutex::new(BTreeMap::<(Libdb, bool), u64>::new());
    let only_ours = Mutex::new(BTreeMap::<Fault, u64>::new());
    let slowest = Mutex::new(Duration::ZERO);
    each_seed("damaged files", 30, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        if make(&path, rng, 200, 1024).is_err() {
            return;
        }
        let sound = fs::read(&path).unwrap();
        let (page_size, order) = (raw::page_size(&sound) as usize, raw::byte_order(&sound));
        for round in 0..10 {
            let mut file = sound.clone();
            damage(&mut file, rng, page_size, order);
            fs::write(&path, &file).unwrap();
            let start = Instant::now();
            let (verdict, problems) = problems(&file);
            let took = start.elapsed();
            assert!(took < LIMIT, "{took:?}");
            let mut slowest = slowest.lock().unwrap();
            *slowest = took.max(*slowest);
            drop(slowest);
            let sound = verdict.is_ok_and(|verdict| verdict.is_sound());
            salvaged(&file);
            let theirs = ask_libdb(&path, DAMAGED);
            if sound && theirs == Libdb::Rejects {
                panic!("round {round}: libdb rejects it, we do not; notes: {problems:?}");
            }
            if sound && let Err(error) = read_all(&file) {
                panic!("round {round}: sound, but {error}");
            }
            *outcomes.lock().unwrap().entry((theirs, sound)).or_default() += 1;
            if !sound && theirs == Libdb::Accepts {
                let damage = problems.iter().find(|found| found.severity() == Severity::Damage);
                if let Some(problem) = damage {
                    *only_ours.lock().unwrap().entry(problem.fault).or_default() += 1;
                }
            }
        }
    });
    println!(
        "libdb's verdict, whether ours is that the file is sound: {:?}",
        outcomes.lock().unwrap()
    );
    println!("damage that libdb accepts: {:?}", only_ours.lock().unwrap());
    println!("slowest: {:?}", slowest.lock().unwrap());
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
        if make(&path, rng, 400, 4096).is_err() || ask_libdb(&path, OWN) != Libdb::Accepts {
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
            // Which pages a big item fills is not known here; libdb keeps items of a quarter of a page on it.
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
