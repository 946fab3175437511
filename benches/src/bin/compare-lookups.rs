//! Looks the same keys up in the same table with libdb, tinycdb, LMDB and this workspace's crates,
//! in one process, checks that all find the same, and prints what each took in Markdown. Also lists
//! the table and parses its text.
//!
//! `cargo run --release -p benches --features peers --bin compare-lookups [ENTRIES]`
//!
//! The files of the others are made by real postmap, with its rules: keys and values end in a NUL
//! in hash and LMDB files, and do not in cdb files.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use bdb_file::{BtreeDb, HashDb};
use benches::answers::{Answers, Keys};
use benches::databases::Database;
use benches::peers::{Peer, map, versions};
use benches::report::Target::{AtLeast, AtMost};
use benches::report::{Row, machine, time};
use benches::rounds::{Lane, Rounds, computing, waiting};
use benches::{Numbers, aliases, text};
use cdb_file::Cdb;
use kv_file_core::Memory;
use postfix_map_text::{Item, KeyRules, map_entries};
use postfix_maps::{NewTable, Syntax, Table, TableText, WriteOptions};

/// Rounds of each comparison, of which the medians count. No engine looks up a key twice, or the
/// processor's caches might remember it.
const ROUNDS: usize = 10;

/// Entries of the table that stays in the processor's caches.
const WARM: usize = 1_000;

/// What Postfix gives libdb to read with.
const POSTFIX_CACHE: u32 = 128 << 10;
const LARGE_CACHE: u32 = 512 << 20;

/// How much of each value is looked at: so much that it has to be fetched from memory, or all, to
/// be compared.
const FIRST_BYTE: usize = 1;
const WHOLE: usize = usize::MAX;

/// Our ways to look keys up in a file.
const MAPPED: &str = "mapped, our file";
const SNAPSHOT: &str = "snapshot, our file";
const TABLE: &str = "`Table::get` (folds keys, checks UTF-8), snapshot, our file";
const TWO_THREADS: &str = "mapped, our file, two threads";
const GET_MANY: &str = "`get_many`, mapped, our file";
const MAPPED_THEIRS: &str = "mapped, postmap's file";

const LIBDB_LARGE: &str = "libdb, 512 MiB cache, postmap's file";
const LIBDB: &str = "libdb, 128 KiB cache, postmap's file";
const LIBDB_LARGE_OURS: &str = "libdb, 512 MiB cache, our file";
const LIBDB_OURS: &str = "libdb, 128 KiB cache, our file";
const TINYCDB: &str = "tinycdb, postmap's file";
const TINYCDB_OURS: &str = "tinycdb, our file";
const LMDB: &str = "LMDB";
const LIBDB_BTREE: &str = "libdb, 512 MiB cache, postmap's btree file";
const LIBDB_BTREE_OURS: &str = "libdb, 512 MiB cache, our btree file";

/// Opens files of a type in all ways of ours, to look keys up in them.
type Engines = for<'k> fn(&Files, &'k Keys) -> Result<Vec<Engine<'k>>, Box<dyn Error>>;

/// Opens a file to list it.
type OpenList = fn(&Path) -> Result<List, Box<dyn Error>>;

/// Lists a table once.
type List = Box<dyn Fn() -> Result<Answers, Box<dyn Error>>>;

/// A type of our tables.
struct TableType {
    name: &'static str,
    suffix: &'static str,
    engines: Engines,
    list: OpenList,
    /// What of the size of postmap's file ours may have.
    size: f64,
}

impl TableType {
    const fn of<D: Database<Source = Memory> + 'static>(size: f64) -> Self {
        TableType {
            name: D::NAME,
            suffix: D::SUFFIX,
            engines: engines::<D>,
            list: open_list::<D>,
            size,
        }
    }
}

/// Every type of tables that our crates know.
const TABLE_TYPES: &[TableType] = &[
    TableType::of::<HashDb<Memory>>(1.00),
    TableType::of::<BtreeDb<Memory>>(0.65),
    TableType::of::<Cdb<Memory>>(1.00),
];

/// Opens a table's file with a library that is not ours.
type Open = fn(&Files) -> Result<Peer, Box<dyn Error>>;

/// The other libraries.
const PEERS: &[(&str, Open)] = &[
    (LIBDB_LARGE, |files| Peer::libdb(&files.postmaps("hash", ".db"), LARGE_CACHE)),
    (LIBDB, |files| Peer::libdb(&files.postmaps("hash", ".db"), POSTFIX_CACHE)),
    (LIBDB_LARGE_OURS, |files| Peer::libdb(&files.ours("hash", ".db"), LARGE_CACHE)),
    (LIBDB_OURS, |files| Peer::libdb(&files.ours("hash", ".db"), POSTFIX_CACHE)),
    (TINYCDB, |files| Peer::tinycdb(&files.postmaps("cdb", ".cdb"))),
    (TINYCDB_OURS, |files| Peer::tinycdb(&files.ours("cdb", ".cdb"))),
    (LIBDB_BTREE, |files| Peer::libdb(&files.postmaps("btree", ".db"), LARGE_CACHE)),
    (LIBDB_BTREE_OURS, |files| Peer::libdb(&files.ours("btree", ".db"), LARGE_CACHE)),
    (LMDB, |files| Peer::lmdb(&files.postmaps("lmdb", ".lmdb"))),
];

/// The types of the files that the other libraries read, besides those of our own types.
const PEER_TYPES: &[&str] = &["lmdb"];

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
    let [hash, btree, cdb] = ["hash", "btree", "cdb"].map(|name| move |way| ours(name, way));
    let peer = str::to_owned;
    for (work, rounds, this, other, target) in [
        (&get, hits, hash(MAPPED), peer(TINYCDB), AtMost(0.80)),
        (&get, hits, hash(MAPPED), peer(LIBDB_LARGE), AtMost(0.30)),
        (&get, hits, hash(MAPPED_THEIRS), peer(LIBDB_LARGE), AtMost(0.50)),
        (&get, hits, hash(MAPPED_THEIRS), peer(LIBDB), AtMost(0.30)),
        (&warm_get, warm, hash(MAPPED), peer(LIBDB_LARGE), AtMost(0.30)),
        (&warm_get, warm, hash(MAPPED), peer(TINYCDB), AtMost(1.00)),
        (&get_absent, misses, hash(MAPPED), peer(LIBDB_LARGE), AtMost(0.30)),
        (&get, hits, hash(GET_MANY), peer(TINYCDB), AtMost(0.35)),
        (&get, hits, hash(GET_MANY), peer(LIBDB_LARGE), AtMost(0.12)),
        (&get, hits, hash(MAPPED), hash(TWO_THREADS), AtLeast(1.90)),
        (&get, hits, peer(LIBDB_OURS), peer(LIBDB), AtMost(1.00)),
        (&get, hits, btree(MAPPED), peer(LIBDB_BTREE), AtMost(0.35)),
        (&get, hits, btree(MAPPED), peer(LMDB), AtMost(0.65)),
        (&get, hits, btree(MAPPED_THEIRS), peer(LIBDB_BTREE), AtMost(0.45)),
        (&warm_get, warm, btree(MAPPED), peer(LIBDB_BTREE), AtMost(0.35)),
        (&get_absent, misses, btree(MAPPED), peer(LIBDB_BTREE), AtMost(0.35)),
        (&get, hits, btree(GET_MANY), peer(LIBDB_BTREE), AtMost(0.15)),
        (&get, hits, btree(MAPPED), btree(TWO_THREADS), AtLeast(1.90)),
        (&get, hits, peer(LIBDB_BTREE_OURS), peer(LIBDB_BTREE), AtMost(1.00)),
        (&get, hits, cdb(MAPPED), peer(TINYCDB_OURS), AtMost(1.00)),
        (&get, hits, cdb(MAPPED_THEIRS), peer(TINYCDB), AtMost(1.00)),
        (&get, hits, cdb(SNAPSHOT), peer(TINYCDB_OURS), AtMost(1.00)),
        (&warm_get, warm, cdb(MAPPED), peer(TINYCDB_OURS), AtMost(1.00)),
        (&get_absent, misses, cdb(MAPPED), peer(TINYCDB_OURS), AtMost(1.00)),
        (&get, hits, cdb(GET_MANY), peer(TINYCDB_OURS), AtMost(0.40)),
        (&get, hits, cdb(MAPPED), cdb(TWO_THREADS), AtLeast(1.90)),
    ] {
        println!("{}", Row::of(work, rounds, [&this, &other], Some(target)));
    }
    for table_type in TABLE_TYPES {
        println!("{}", cold.compare_sizes(table_type)?);
    }
    for row in stream(&cold, &aliases)? {
        println!("{row}");
    }
    Ok(())
}

/// What one of our ways to look keys up in tables of a type is called.
fn ours(table_type: &str, way: &str) -> String {
    format!("ours, {table_type}, {way}")
}

/// A directory with the same table as a file of each type, by ours and by real postmap.
struct Files(PathBuf);

impl Files {
    fn make(dir: &Path, name: &str, aliases: &[(String, String)]) -> Result<Self, Box<dyn Error>> {
        let dir = dir.join(name);
        fs::create_dir(&dir)?;
        fs::write(dir.join("main.cf"), "compatibility_level = 3.6\n")?;
        let text = text(aliases);
        fs::write(dir.join("virtual"), &text)?;
        let types: BTreeSet<_> = TABLE_TYPES
            .iter()
            .map(|table_type| table_type.name)
            .chain(PEER_TYPES.iter().copied())
            .collect();
        for name in types {
            // Some types' files have the same suffix.
            fs::create_dir(dir.join(name))?;
            fs::hard_link(dir.join("virtual"), dir.join(name).join("virtual"))?;
            let table = format!("{name}:{name}/virtual");
            let mut postmap = Command::new("/usr/sbin/postmap");
            let status = postmap.args(["-c", ".", &table]).current_dir(&dir).status()?;
            if !status.success() {
                return Err(format!("postmap {table}: {status}").into());
            }
        }
        let source = TableText {
            name: b"virtual",
            text: text.as_bytes(),
            syntax: Syntax::Map { values_are_files: false },
        };
        let files = Files(dir);
        for table_type in TABLE_TYPES {
            let ours = files.our_table(table_type.name);
            NewTable::open(&ours, WriteOptions::default())?.compile(&source, |_| ())?;
        }
        Ok(files)
    }

    /// The name of our table of a type.
    fn our_table(&self, name: &str) -> String {
        format!("{name}:{}", self.0.join(name).join("ours").display())
    }

    /// Our file of a type, whose suffix is this.
    fn ours(&self, name: &str, suffix: &str) -> PathBuf {
        self.0.join(name).join(format!("ours{suffix}"))
    }

    /// Real postmap's file of a type, whose suffix is this.
    fn postmaps(&self, name: &str, suffix: &str) -> PathBuf {
        self.0.join(name).join(format!("virtual{suffix}"))
    }

    fn compare_sizes(&self, table_type: &TableType) -> Result<Row, Box<dyn Error>> {
        let TableType { name, suffix, size, .. } = *table_type;
        let ours = fs::metadata(self.ours(name, suffix))?.len();
        let postmap = fs::metadata(self.postmaps(name, suffix))?.len();
        let side = |name: &str, bytes| [name.to_owned(), format!("{:.1} MB", bytes as f64 / 1e6)];
        Ok(Row {
            work: format!("size of the {name} file"),
            this: side("our file", ours),
            other: side("postmap's file", postmap),
            ratio: ours as f64 / postmap as f64,
            target: Some(AtMost(size)),
        })
    }
}

/// Looks all keys up with each engine, in turn. Fails if not all answer the same, or if other than
/// `found` keys are there.
fn compare(files: &Files, keys: &Keys, found: usize) -> Result<Rounds, Box<dyn Error>> {
    let mut engines = Vec::new();
    for table_type in TABLE_TYPES {
        engines.extend((table_type.engines)(files, keys)?);
    }
    for (name, open) in PEERS {
        let mut peer = open(files)?;
        engines.push(Engine::new((*name).to_owned(), move |range, touch| {
            peer.get_range(keys, range, touch)
        }));
    }

    // Also brings the files into memory.
    let mut expected = None;
    for engine in &mut engines {
        let answers = (engine.get_range)(0..keys.count(), WHOLE)
            .map_err(|error| format!("{}: {error}", engine.name))?;
        if answers.found() != found as u64 || *expected.get_or_insert(answers) != answers {
            let Engine { name, .. } = engine;
            return Err(format!("{name} finds {answers:?}, the first {expected:?}").into());
        }
    }
    let per_round = keys.count() / ROUNDS;
    let lanes = engines.into_iter().enumerate().map(|(lane, Engine { name, mut get_range })| {
        let threads = name.ends_with(TWO_THREADS);
        Lane::new(&name, move |round| {
            // No two engines use the same keys one after the other: with the same file, the second
            // would find in the caches what the first has brought there.
            let part = (round + lane) % ROUNDS;
            let work = || get_range(part * per_round..(part + 1) * per_round, FIRST_BYTE);
            if threads { waiting(work) } else { computing(work) }
        })
    });
    Rounds::run(ROUNDS, lanes.collect())
}

/// Looks the keys of these indices up, and at so many bytes of each value.
type GetRange<'a> = dyn FnMut(Range<usize>, usize) -> Result<Answers, Box<dyn Error>> + 'a;

/// A way to look keys up.
struct Engine<'a> {
    name: String,
    get_range: Box<GetRange<'a>>,
}

impl<'a> Engine<'a> {
    fn new(
        name: String,
        get_range: impl FnMut(Range<usize>, usize) -> Result<Answers, Box<dyn Error>> + 'a,
    ) -> Self {
        Engine { name, get_range: Box::new(get_range) }
    }
}

/// Ours for a type.
fn engines<'k, D: Database<Source = Memory> + 'static>(
    files: &Files,
    keys: &'k Keys,
) -> Result<Vec<Engine<'k>>, Box<dyn Error>> {
    let (our_file, their_file) =
        (files.ours(D::NAME, D::SUFFIX), files.postmaps(D::NAME, D::SUFFIX));
    // SAFETY: the files lie in a directory that belongs to this run alone, and are finished.
    let (mapped, mapped_theirs) = unsafe { (map(&our_file)?, map(&their_file)?) };
    let (mapped, mapped_theirs) = (Arc::new(D::open(mapped)?), D::open(mapped_theirs)?);
    let [for_threads, for_many] = [mapped.clone(), mapped.clone()];
    let snapshot = D::open(Memory::read(&File::open(&our_file)?)?)?;
    let table = Table::open(files.our_table(D::NAME))?;
    let name = |way| ours(D::NAME, way);
    Ok(vec![
        Engine::new(name(MAPPED), move |range, touch| Ok(get_range(&*mapped, keys, range, touch)?)),
        Engine::new(name(SNAPSHOT), move |range, touch| {
            Ok(get_range(&snapshot, keys, range, touch)?)
        }),
        Engine::new(name(TABLE), move |range, touch| {
            Ok(answers(keys, range, touch, |key| table.get(key))?)
        }),
        Engine::new(name(TWO_THREADS), move |range, touch| {
            Ok(two_threads(&*for_threads, keys, range, touch)?)
        }),
        Engine::new(name(GET_MANY), move |range, touch| {
            Ok(get_many(&*for_many, keys, range, touch)?)
        }),
        Engine::new(name(MAPPED_THEIRS), move |range, touch| {
            Ok(get_range(&mapped_theirs, keys, range, touch)?)
        }),
    ])
}

fn open_list<D: Database<Source = Memory> + 'static>(file: &Path) -> Result<List, Box<dyn Error>> {
    // SAFETY: as in `engines`.
    let database = D::open(unsafe { map(file) }?)?;
    Ok(Box::new(move || {
        let mut listed = Answers::default();
        for (index, pair) in database.iter().enumerate() {
            let (key, value) = pair?;
            listed.add(index, &key, FIRST_BYTE);
            listed.add(index, &value, FIRST_BYTE);
        }
        Ok(listed)
    }))
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

fn get_range<D: Database>(
    database: &D,
    keys: &Keys,
    range: Range<usize>,
    touch: usize,
) -> Result<Answers, D::Error> {
    answers(keys, range, touch, |key| Ok(database.get(D::datum(key))?.map(D::bare)))
}

fn get_many<D: Database>(
    database: &D,
    keys: &Keys,
    range: Range<usize>,
    touch: usize,
) -> Result<Answers, D::Error> {
    let keys = keys.range(range).map(|(index, key)| (index, D::datum(key)));
    let (indices, keys): (Vec<_>, Vec<_>) = keys.unzip();
    let mut answers = Answers::default();
    for (index, value) in indices.into_iter().zip(database.get_many(&keys)) {
        if let Some(value) = value? {
            answers.add(index, &D::bare(value), touch);
        }
    }
    Ok(answers)
}

/// Each thread looks half of the keys up.
fn two_threads<D: Database>(
    database: &D,
    keys: &Keys,
    Range { start, end }: Range<usize>,
    touch: usize,
) -> Result<Answers, D::Error> {
    let half = start.midpoint(end);
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| get_range(database, keys, start..half, touch));
        let second = get_range(database, keys, half..end, touch);
        (first.join().expect("lookups do not panic"), second)
    });
    Ok(first?.and(second?))
}

/// How fast our files are listed and the table's text parsed, beside how fast as many bytes can be
/// read at all.
fn stream(files: &Files, aliases: &[(String, String)]) -> Result<Vec<Row>, Box<dyn Error>> {
    let check = |answers: Answers| match answers.found() == 2 * aliases.len() as u64 {
        true => Ok(()),
        false => Err("not every key and value is listed or parsed"),
    };
    let row = |work: String, [name, other]: [&str; 2], speeds: [f64; 2], target| Row {
        work: format!("{work}, {} entries", aliases.len()),
        this: [name.to_owned(), format!("{:.2} GB/s", speeds[0])],
        other: [other.to_owned(), format!("{:.2} GB/s", speeds[1])],
        ratio: speeds[0] / speeds[1],
        target,
    };
    let speed = |rounds: &Rounds, lane, bytes: usize| bytes as f64 / rounds.seconds(lane) / 1e9;

    let mut rows = Vec::new();
    for TableType { name, suffix, list, .. } in TABLE_TYPES {
        let list = list(&files.ours(name, suffix))?;
        check(list()?)?;
        let bytes = fs::read(files.ours(name, suffix))?;
        let sum = || Ok(bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
        let lanes =
            vec![Lane::new("list", |_| computing(&list)), Lane::new("sum", |_| computing(sum))];
        let rounds = Rounds::run(ROUNDS, lanes)?;
        let speeds = ["list", "sum"].map(|lane| speed(&rounds, lane, bytes.len()));
        let ways = [&ours(name, MAPPED)[..], "adding up the file's bytes in memory"];
        rows.push(row("list".to_owned(), ways, speeds, None));
    }

    let text = text(aliases);
    let parse = || {
        let mut parsed = Answers::default();
        for (index, item) in map_entries(text.as_bytes(), KeyRules::default()).enumerate() {
            if let Item::Entry(entry) = item {
                parsed.add(index, &entry.key, FIRST_BYTE);
                parsed.add(index, &entry.value, FIRST_BYTE);
            }
        }
        parsed
    };
    check(parse())?;
    let rounds = Rounds::run(ROUNDS, vec![Lane::new("parse", |_| computing(|| Ok(parse())))])?;
    let speeds = [speed(&rounds, "parse", text.len()), 1.0];
    let ways = ["ours", "the target"];
    rows.push(row("parse the text".to_owned(), ways, speeds, Some(AtLeast(1.00))));
    Ok(rows)
}
