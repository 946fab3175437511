//! Files of all kinds by libdb, made at random, and what its programs say of files.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use bdb_file::{AccessMethod, ByteOrder};

use crate::generate::Rng;
use crate::libdb::{self, Database, Duplicates, Options};
use crate::raw;

fn options(rng: &mut Rng, largest_page: u32) -> Options {
    let sizes = [512, 512, 512, 1024, 2048, 4096, 16384, 65536];
    let sizes: Vec<_> = sizes.into_iter().filter(|size| *size <= largest_page).collect();
    Options {
        page_size: *rng.choice(&sizes).expect("there are some"),
        byte_order: if rng.bool() { ByteOrder::Little } else { ByteOrder::Big },
        checksums: rng.u8(..4) == 0,
        duplicates: *rng
            .choice(&[Duplicates::None, Duplicates::Unsorted, Duplicates::Sorted])
            .expect("there are some"),
        fill_factor: *rng.choice(&[0, 0, 1, 8, 40]).expect("there are some"),
        elements: *rng.choice(&[0, 0, 10, 200]).expect("there are some"),
        ..Options::default()
    }
}

/// Keys that are met again. Some are big, and some of those begin like others (hash file
/// specification, section 12.2).
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

/// Puts and deletes, at random, until libdb gives up: it does, rarely, where big keys begin like
/// others.
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

/// The same options for a btree, with those that only it has.
fn btree_options(options: &Options, rng: &mut Rng) -> Options {
    let minimum_keys = *rng.choice(&[0, 0, 0, 3, 7]).expect("there are some");
    Options {
        access_method: AccessMethod::Btree,
        minimum_keys,
        record_numbers: options.duplicates == Duplicates::None && rng.u8(..3) == 0,
        fill_factor: 0,
        elements: 0,
        ..options.clone()
    }
}

/// A file by libdb of one btree, or of several databases of which about half are btrees, after up
/// to `changes` changes each.
///
/// # Errors
/// What libdb says.
///
/// # Panics
/// When libdb cannot make the file.
pub fn make_btree(
    path: &Path,
    rng: &mut Rng,
    changes: usize,
    largest_page: u32,
) -> Result<(), libdb::Error> {
    let file_options = options(rng, largest_page);
    let changes = rng.usize(..=changes);
    let several = rng.u8(..5) == 0;
    for i in 0..if several { rng.usize(1..12) } else { 1 } {
        let duplicates = options(rng, 512).duplicates;
        let options = Options { duplicates, ..file_options.clone() };
        let is_hash = several && rng.bool();
        let options = if is_hash { options } else { btree_options(&options, rng) };
        let name = format!("database {i}");
        let name = several.then_some(&*name);
        let mut database = Database::create(path, name, &options)?;
        change(&mut database, &options, rng, changes)?;
        database.close()?;
    }
    Ok(())
}

/// A file by libdb: one hash database, or several, after up to `changes` changes each.
///
/// # Errors
/// What libdb says: it gives up, rarely, where big keys begin like others.
///
/// # Panics
/// When libdb cannot make the file.
pub fn make(
    path: &Path,
    rng: &mut Rng,
    changes: usize,
    largest_page: u32,
) -> Result<(), libdb::Error> {
    let options = options(rng, largest_page);
    let changes = rng.usize(..=changes);
    let several = rng.u8(..5) == 0;
    for i in 0..if several { rng.usize(1..12) } else { 1 } {
        let options = Options { duplicates: self::options(rng, 512).duplicates, ..options.clone() };
        let name = format!("database {i}");
        let name = several.then_some(&*name);
        let mut database = Database::create(path, name, &options)?;
        change(&mut database, &options, rng, changes)?;
        database.close()?;
    }
    if !several && options.duplicates == Duplicates::None && rng.u8(..5) == 0 {
        let mut file = fs::read(path).expect("the file is there");
        raw::to_older_version(&mut file, rng.u32(7..=8));
        fs::write(path, file).expect("the file can be written");
    }
    Ok(())
}

/// How a program of libdb ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// All is well with the file.
    Accepts,
    /// Something is wrong with it.
    Rejects,
    /// A signal.
    Crashes,
    /// Longer than it was given, or more output.
    Hangs,
}

/// Asks a program, `db5.3_verify` or `db5.3_dump`, about a file. Damaged files make them run for
/// ever, with memory and output that grow: it gets `seconds`.
///
/// # Panics
/// When the program is missing.
pub fn ask(program: &str, path: &Path, seconds: u32) -> Outcome {
    let script = "ulimit -v 1000000 -f 100000; exec timeout -s KILL $2 \"$1\" \"$0\" >/dev/null";
    let mut command = Command::new("sh");
    let command = command.args(["-c", script]).arg(path).arg(program).arg(seconds.to_string());
    let status = command.output().expect("sh runs").status;
    // `timeout` ends as the program does, by the same signal; the last one here is SIGXFSZ.
    match (status.code(), status.signal()) {
        (Some(0), _) => Outcome::Accepts,
        (Some(1), _) => Outcome::Rejects,
        (Some(126 | 127), _) => panic!("{program}, of the Debian package db5.3-util, is missing"),
        (Some(137 | 153), _) | (_, Some(9 | 25)) => Outcome::Hangs,
        _ => Outcome::Crashes,
    }
}

/// Seconds that libdb gets for its own files. Most take it some milliseconds.
pub const SECONDS: u32 = 300;
