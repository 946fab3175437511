//! Looks the same keys up in the same table with libdb, tinycdb, LMDB and this workspace's crates, in one process, checks
//! that all find the same, and prints what each took in Markdown. Also lists the table and parses its text.
//!
//! `cargo run --release -p benches --features peers --bin compare-lookups [ENTRIES]`
//!
//! The files of the others are made by real postmap, with its rules: keys and values end in a NUL in hash and LMDB
//! files, and do not in cdb files.

use std::borrow::Cow;
use std::error::Error;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use bdb_file::{Datum, HashDb, Memory, Source};
use benches::answers::{Answers, Keys};
use benches::peers::{Peer, map, versions};
use benches::report::Target::{AtLeast, AtMost};
use benches::report::{Row, machine, time};
use benches::rounds::{Lane, Rounds, computing, waiting};
use benches::{Numbers, aliases, text};
use postfix_map_text::{Item, map_entries};
use postfix_maps::{NewTable, Syntax, Table, TableText, WriteOptions};

/// Rounds of each comparison, of which the medians count. Each looks up keys that no round before it has, or the
/// processor's caches might remember them.
const ROUNDS: usize = 10;

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
const GET_MANY: &str = "ours, `get_many`, mapped, our file";
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
    let per_round = |keys: &Keys| keys.count() / ROUNDS;
    let warm = (&warm_rounds, per_round(&warm_keys));
    let hits = (&cold_rounds, per_round(&cold_keys));
    let misses = (&absent_rounds, per_round(&absent_keys));

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
        (&get, hits, [GET_MANY, TINYCDB], AtMost(0.35)),
        (&get, hits, [GET_MANY, LIBDB_LARGE], AtMost(0.12)),
        (&get, hits, [MAPPED, TWO_THREADS], AtLeast(1.90)),
        (&get, hits, [LIBDB_OURS, LIBDB], AtMost(1.00)),
    ] {
        println!("{}", Row::of(work, rounds, sides, Some(target)));
    }
    println!("{}", cold.compare_sizes()?);
    for row in stream(&cold, &aliases)? {
        println!("{row}");
    }
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
        let source = TableText {
            name: b"virtual",
            text: text.as_bytes(),
            syntax: Syntax::Map { values_are_files: false },
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
    // SAFETY: the files lie in a directory that belongs to this run alone, and are finished.
    let (mapped, mapped_theirs) = unsafe { (map(&files.ours)?, map(&files.postmap)?) };
    let snapshot = HashDb::open(Memory::read(&File::open(&files.ours)?)?)?;
    let table_name = files.ours.with_extension("");
    let table = Table::open(&format!("hash:{}", table_name.display()))?;
    let mut engines = vec![
        Engine::new(MAPPED, |range, touch| Ok(get_range(&mapped, keys, range, touch)?)),
        Engine::new(SNAPSHOT, |range, touch| Ok(get_range(&snapshot, keys, range, touch)?)),
        Engine::new(TABLE, |range, touch| Ok(answers(keys, range, touch, |key| table.get(key))?)),
        Engine::new(TWO_THREADS, |range, touch| Ok(two_threads(&mapped, keys, range, touch)?)),
        Engine::new(GET_MANY, |range, touch| Ok(get_many(&mapped, keys, range, touch)?)),
        Engine::new(MAPPED_THEIRS, |range, touch| {
            Ok(get_range(&mapped_theirs, keys, range, touch)?)
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
        engines.push(Engine::new(name, move |range, touch| peer.get_range(keys, range, touch)));
    }

    // Also brings the files into memory.
    let mut expected = None;
    for engine in &mut engines {
        let answers = (engine.get_range)(0..keys.count(), WHOLE)
            .map_err(|error| format!("{}: {error}", engine.name))?;
        if answers.found() != found as u64 || *expected.get_or_insert(answers) != answers {
            let Engine { name, .. } = engine;
            return Err(format!("{name} finds {answers:?}, {MAPPED} {expected:?}").into());
        }
    }
    let per_round = keys.count() / ROUNDS;
    let lanes = engines.into_iter().map(|Engine { name, mut get_range }| {
        Lane::new(name, move |round| {
            let work = || get_range(round * per_round..(round + 1) * per_round, FIRST_BYTE);
            if name == TWO_THREADS { waiting(work) } else { computing(work) }
        })
    });
    Rounds::run(ROUNDS, lanes.collect())
}

/// Looks the keys of these indices up, and at so many bytes of each value.
type GetRange<'a> = dyn FnMut(Range<usize>, usize) -> Result<Answers, Box<dyn Error>> + 'a;

/// A way to look keys up.
struct Engine<'a> {
    name: &'static str,
    get_range: Box<GetRange<'a>>,
}

impl<'a> Engine<'a> {
    fn new(
        name: &'static str,
        get_range: impl FnMut(Range<usize>, usize) -> Result<Answers, Box<dyn Error>> + 'a,
    ) -> Self {
        Engine { name, get_range: Box::new(get_range) }
    }
}

/// Looks the keys of these indices up, with a function whose values come without a NUL.
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

fn get_range<S: Source>(
    hash: &HashDb<S>,
    keys: &Keys,
    range: Range<usize>,
    touch: usize,
) -> Result<Answers, bdb_file::Error> {
    answers(keys, range, touch, |key| Ok(hash.get(Datum::terminated(key))?.map(without_nul)))
}

fn get_many<S: Source>(
    hash: &HashDb<S>,
    keys: &Keys,
    range: Range<usize>,
    touch: usize,
) -> Result<Answers, bdb_file::Error> {
    let keys = keys.range(range).map(|(index, key)| (index, Datum::terminated(key)));
    let (indices, keys): (Vec<_>, Vec<_>) = keys.unzip();
    let mut answers = Answers::default();
    for (index, value) in indices.into_iter().zip(hash.get_many(&keys)) {
        if let Some(value) = value? {
            answers.add(index, &without_nul(value), touch);
        }
    }
    Ok(answers)
}

fn without_nul(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match value {
        Cow::Borrowed([value @ .., 0]) => Cow::Borrowed(value),
        other => other,
    }
}

/// Each thread looks half of the keys up.
fn two_threads<S: Source + Sync>(
    hash: &HashDb<S>,
    keys: &Keys,
    Range { start, end }: Range<usize>,
    touch: usize,
) -> Result<Answers, bdb_file::Error> {
    let half = start.midpoint(end);
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| get_range(hash, keys, start..half, touch));
        let second = get_range(hash, keys, half..end, touch);
        (first.join().expect("lookups do not panic"), second)
    });
    Ok(first?.and(second?))
}

/// How fast our file is listed and the table's text parsed, beside how fast as many bytes can be read at all.
fn stream(files: &Files, aliases: &[(String, String)]) -> Result<[Row; 2], Box<dyn Error>> {
    // SAFETY: as in `compare`.
    let hash = unsafe { map(&files.ours) }?;
    let bytes = fs::read(&files.ours)?;
    let text = text(aliases);
    let list = || -> Result<Answers, Box<dyn Error>> {
        let mut listed = Answers::default();
        for (index, pair) in hash.iter().enumerate() {
            let (key, value) = pair?;
            listed.add(index, &key, FIRST_BYTE);
            listed.add(index, &value, FIRST_BYTE);
        }
        Ok(listed)
    };
    let parse = || {
        let mut parsed = Answers::default();
        for (index, item) in map_entries(text.as_bytes(), true).enumerate() {
            if let Item::Entry(entry) = item {
                parsed.add(index, &entry.key, FIRST_BYTE);
                parsed.add(index, &entry.value, FIRST_BYTE);
            }
        }
        parsed
    };
    for answers in [list()?, parse()] {
        if answers.found() != 2 * aliases.len() as u64 {
            return Err("not every key and value is listed or parsed".into());
        }
    }
    let sum = || Ok(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    let rounds = Rounds::run(
        ROUNDS,
        vec![
            Lane::new("list", |_| computing(list)),
            Lane::new("parse", |_| computing(|| Ok(parse()))),
            Lane::new("sum", |_| computing(sum)),
        ],
    )?;
    let speed = |lane, bytes: usize| bytes as f64 / rounds.seconds(lane) / 1e9;
    let row = |work: &str, name: &str, speed: f64, other: &str, other_speed: f64, target| Row {
        work: format!("{work}, {} entries", aliases.len()),
        this: [name.to_owned(), format!("{speed:.2} GB/s")],
        other: [other.to_owned(), format!("{other_speed:.2} GB/s")],
        ratio: speed / other_speed,
        target,
    };
    let (list, parse) = (speed("list", bytes.len()), speed("parse", text.len()));
    let sum = speed("sum", bytes.len());
    Ok([
        row("list", MAPPED, list, "adding up the file's bytes in memory", sum, None),
        row("parse the text", "ours", parse, "the target", 1.0, Some(AtLeast(1.00))),
    ])
}
