//! Looks the same keys up in the same table with libdb, tinycdb, LMDB and this workspace's crates, in one process, checks
//! that all find the same, and prints what each took in Markdown.
//!
//! `cargo run --release -p benches --features peers --bin compare-lookups [ENTRIES]`
//!
//! The files of the others are made by real postmap, with its rules: keys and values end in a NUL in hash and LMDB
//! files, and do not in cdb files.

use std::borrow::Cow;
use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use bdb_file::{Hash, Pages};
use benches::answers::{Answers, Keys};
use benches::peers::{Peer, map_copy, versions};
use benches::report::Target::{AtLeast, AtMost};
use benches::report::{Row, machine, time};
use benches::rounds::{Lane, Rounds, computing, waiting};
use benches::{Numbers, aliases, text};
use postfix_maps::{Format, NewTable, Source, Table, WriteOptions};

/// Rounds of each comparison, of which the medians count.
const ROUNDS: usize = 7;

/// Entries of the table that stays in the processor's caches.
const WARM: usize = 1_000;

/// What Postfix gives libdb to read with.
const POSTFIX_CACHE: u32 = 128 << 10;
const LARGE_CACHE: u32 = 512 << 20;

/// How much of each value is looked at: so much that it has to be fetched from memory, or all, to be compared.
const FIRST_BYTE: usize = 1;
const WHOLE: usize = usize::MAX;

const MAPPED: &str = "ours, mapped, our file";
const SNAPSHOT: &str = "ours, snapshot, our file";
const TABLE: &str = "ours, `Table::get` (folds keys, checks UTF-8), snapshot, our file";
const TWO_THREADS: &str = "ours, mapped, our file, two threads";
const MAPPED_THEIRS: &str = "ours, mapped, postmap's file";
const LIBDB_LARGE: &str = "libdb, 512 MiB cache, postmap's file";
const LIBDB: &str = "libdb, 128 KiB cache, postmap's file";
const LIBDB_LARGE_OURS: &str = "libdb, 512 MiB cache, our file";
const LIBDB_OURS: &str = "libdb, 128 KiB cache, our file";
const TINYCDB: &str = "tinycdb";
const LMDB: &str = "LMDB";

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let warm_count = count.min(WARM);
    let aliases = aliases(count);
    let dir = tempfile::tempdir()?;
    let cold = Files::make(dir.path(), "cold", &aliases)?;
    let warm = Files::make(dir.path(), "warm", &aliases[..warm_count])?;

    let mut keys: Vec<&str> = aliases.iter().map(|(key, _)| key.as_str()).collect();
    let mut numbers = Numbers::new(4);
    let warm_keys: Keys = (0..100 * warm_count).map(|_| keys[numbers.below(warm_count)]).collect();
    numbers.shuffle(&mut keys);
    let cold_keys: Keys = keys.iter().collect();
    // As long as the others.
    let absent_keys: Keys = keys.iter().map(|key| key.replace(".example", ".invalid")).collect();

    let warm_rounds = compare(&warm, &warm_keys, warm_keys.count())?;
    let cold_rounds = compare(&cold, &cold_keys, cold_keys.count())?;
    let absent_rounds = compare(&cold, &absent_keys, 0)?;
    let warm = (&warm_rounds, warm_keys.count());
    let hits = (&cold_rounds, count);
    let misses = (&absent_rounds, count);

    println!("{}\n{}.\n", machine(), versions().join("; "));
    println!("Time of a lookup:\n");
    println!("| engine | {warm_count} entries | {count} entries | {count} entries, absent keys |");
    println!("| --- | --- | --- | --- |");
    for name in cold_rounds.names() {
        let figures =
            [warm, hits, misses].map(|(rounds, keys)| time(rounds.seconds(name) / keys as f64));
        println!("| {name} | {} |", figures.join(" | "));
    }

    println!("\n{}", Row::HEAD);
    let (warm_get, get) = (format!("get, {warm_count} entries"), format!("get, {count} entries"));
    let get_absent = format!("get of an absent key, {count} entries");
    for (work, rounds, sides, target) in [
        (&get, hits, [MAPPED, TINYCDB], AtMost(0.80)),
        (&get, hits, [MAPPED, LIBDB_LARGE], AtMost(0.30)),
        (&get, hits, [MAPPED_THEIRS, LIBDB_LARGE], AtMost(0.50)),
        (&get, hits, [MAPPED_THEIRS, LIBDB], AtMost(0.30)),
        (&warm_get, warm, [MAPPED, LIBDB_LARGE], AtMost(0.30)),
        (&warm_get, warm, [MAPPED, TINYCDB], AtMost(1.00)),
        (&get_absent, misses, [MAPPED, LIBDB_LARGE], AtMost(0.30)),
        (&get, hits, [MAPPED, TWO_THREADS], AtLeast(1.90)),
        (&get, hits, [LIBDB_OURS, LIBDB], AtMost(1.00)),
    ] {
        println!("{}", Row::of(work, rounds, sides, Some(target)));
    }
    println!("{}", cold.compare_sizes()?);
    println!("\n{}", iterate(&cold, count)?);
    Ok(())
}

/// The same table as a file for each engine.
struct Files {
    ours: PathBuf,
    postmap: PathBuf,
    cdb: PathBuf,
    lmdb: PathBuf,
}

impl Files {
    fn make(dir: &Path, name: &str, aliases: &[(String, String)]) -> Result<Self, Box<dyn Error>> {
        let dir = dir.join(name);
        fs::create_dir(&dir)?;
        fs::write(dir.join("main.cf"), "compatibility_level = 3.6\n")?;
        let text = text(aliases);
        fs::write(dir.join("virtual"), &text)?;
        for table in ["hash:virtual", "cdb:virtual", "lmdb:virtual"] {
            let mut postmap = Command::new("/usr/sbin/postmap");
            let status = postmap.args(["-c", ".", table]).current_dir(&dir).status()?;
            if !status.success() {
                return Err(format!("postmap {table}: {status}").into());
            }
        }
        let source = Source {
            name: b"virtual",
            text: text.as_bytes(),
            format: Format::Map { values_are_files: false },
        };
        let ours = format!("hash:{}", dir.join("ours").display());
        NewTable::open(&ours, WriteOptions::default())?.compile(&source, |_| ())?;
        Ok(Files {
            ours: dir.join("ours.db"),
            postmap: dir.join("virtual.db"),
            cdb: dir.join("virtual.cdb"),
            lmdb: dir.join("virtual.lmdb"),
        })
    }

    fn compare_sizes(&self) -> Result<Row, Box<dyn Error>> {
        let [ours, postmap] = [fs::metadata(&self.ours)?.len(), fs::metadata(&self.postmap)?.len()];
        let side = |name: &str, bytes| [name.to_owned(), format!("{:.1} MB", bytes as f64 / 1e6)];
        Ok(Row {
            work: "size of the file".to_owned(),
            this: side("our file", ours),
            other: side("postmap's file", postmap),
            ratio: ours as f64 / postmap as f64,
            target: Some(AtMost(1.00)),
        })
    }
}

/// Looks all keys up with each engine, in turn. Fails if not all answer the same, or if other than `found` keys are there.
fn compare(files: &Files, keys: &Keys, found: usize) -> Result<Rounds, Box<dyn Error>> {
    let mapped = map_copy(&files.ours)?;
    let mapped_theirs = map_copy(&files.postmap)?;
    let snapshot = Hash::open(fs::read(&files.ours)?)?;
    let table_name = files.ours.with_extension("");
    let table = Table::open(&format!("hash:{}", table_name.display()))?;
    let mut engines = vec![
        Engine::new(MAPPED, |touch| Ok(get_all(&mapped, keys, 0..keys.count(), touch)?)),
        Engine::new(SNAPSHOT, |touch| Ok(get_all(&snapshot, keys, 0..keys.count(), touch)?)),
        Engine::new(TABLE, |touch| {
            Ok(answers(keys, 0..keys.count(), touch, |key| table.get(key))?)
        }),
        Engine::new(TWO_THREADS, |touch| Ok(two_threads(&mapped, keys, touch)?)),
        Engine::new(MAPPED_THEIRS, |touch| {
            Ok(get_all(&mapped_theirs, keys, 0..keys.count(), touch)?)
        }),
    ];
    for (name, mut peer) in [
        (LIBDB_LARGE, Peer::libdb(&files.postmap, LARGE_CACHE)?),
        (LIBDB, Peer::libdb(&files.postmap, POSTFIX_CACHE)?),
        (LIBDB_LARGE_OURS, Peer::libdb(&files.ours, LARGE_CACHE)?),
        (LIBDB_OURS, Peer::libdb(&files.ours, POSTFIX_CACHE)?),
        (TINYCDB, Peer::tinycdb(&files.cdb)?),
        (LMDB, Peer::lmdb(&files.lmdb)?),
    ] {
        engines.push(Engine::new(name, move |touch| peer.get_all(keys, touch)));
    }

    // Also brings the files into memory.
    let mut expected = None;
    for engine in &mut engines {
        let answers =
            (engine.get_all)(WHOLE).map_err(|error| format!("{}: {error}", engine.name))?;
        if answers.found() != found as u64 || *expected.get_or_insert(answers) != answers {
            let Engine { name, .. } = engine;
            return Err(format!("{name} finds {answers:?}, {MAPPED} {expected:?}").into());
        }
    }
    let lanes = engines.into_iter().map(|Engine { name, mut get_all }| {
        Lane::new(name, move || {
            let work = || get_all(FIRST_BYTE);
            if name == TWO_THREADS { waiting(work) } else { computing(work) }
        })
    });
    Rounds::run(ROUNDS, lanes.collect())
}

/// Looks all keys up, and at so many bytes of each value.
type GetAll<'a> = dyn FnMut(usize) -> Result<Answers, Box<dyn Error>> + 'a;

/// A way to look keys up.
struct Engine<'a> {
    name: &'static str,
    get_all: Box<GetAll<'a>>,
}

impl<'a> Engine<'a> {
    fn new(
        name: &'static str,
        get_all: impl FnMut(usize) -> Result<Answers, Box<dyn Error>> + 'a,
    ) -> Self {
        Engine { name, get_all: Box::new(get_all) }
    }
}

/// Looks the keys of these numbers up, with a function whose values come without a NUL.
fn answers<'t, E>(
    keys: &Keys,
    range: Range<usize>,
    touch: usize,
    get: impl Fn(&[u8]) -> Result<Option<Cow<'t, [u8]>>, E>,
) -> Result<Answers, E> {
    let mut answers = Answers::default();
    for (index, key) in keys.range(range) {
        if let Some(value) = get(key)? {
            answers.add(index, &value, touch);
        }
    }
    Ok(answers)
}

fn get_all<P: Pages>(
    hash: &Hash<P>,
    keys: &Keys,
    range: Range<usize>,
    touch: usize,
) -> Result<Answers, bdb_file::Error> {
    answers(keys, range, touch, |key| {
        let value = hash.get_terminated(key)?;
        Ok(value.map(|value| match value {
            Cow::Borrowed([value @ .., 0]) => Cow::Borrowed(value),
            other => other,
        }))
    })
}

/// Each thread looks half of the keys up.
fn two_threads<P: Pages + Sync>(
    hash: &Hash<P>,
    keys: &Keys,
    touch: usize,
) -> Result<Answers, bdb_file::Error> {
    let (half, count) = (keys.count() / 2, keys.count());
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| get_all(hash, keys, 0..half, touch));
        let second = get_all(hash, keys, half..count, touch);
        (first.join().expect("lookups do not panic"), second)
    });
    Ok(first?.and(second?))
}

/// How fast our file is listed, and how fast its bytes can be read at all.
fn iterate(files: &Files, count: usize) -> Result<String, Box<dyn Error>> {
    let hash = map_copy(&files.ours)?;
    let bytes = fs::read(&files.ours)?;
    let list = || -> Result<Answers, Box<dyn Error>> {
        let mut listed = Answers::default();
        for (index, pair) in hash.iter().enumerate() {
            let (key, value) = pair?;
            listed.add(index, &key, FIRST_BYTE);
            listed.add(index, &value, FIRST_BYTE);
        }
        Ok(listed)
    };
    if list()?.found() != 2 * count as u64 {
        return Err("not every key and value is listed".into());
    }
    let sum = || Ok(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    let lanes = vec![Lane::new("list", || computing(list)), Lane::new("sum", || computing(sum))];
    let rounds = Rounds::run(ROUNDS, lanes)?;
    let speed = |lane| bytes.len() as f64 / rounds.seconds(lane) / 1e9;
    Ok(format!(
        "Listing our file, mapped: {} an entry, {:.2} GB/s; adding up all its bytes in memory: {:.2} GB/s.",
        time(rounds.seconds("list") / count as f64),
        speed("list"),
        speed("sum"),
    ))
}
