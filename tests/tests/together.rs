//! Writers and readers at once on one map, ours and Postfix's mixed: no change is lost, no lookup
//! by our readers fails.
//!
//! Each writer has keys of its own, and knows which of them are in the map. A key that is to be
//! added is first added to the map's text, and one that is to be deleted is first deleted there:
//! whoever rebuilds the map reads the text while it holds the map's lock, so that no rebuild undoes
//! what a writer has done. The text is changed one byte at a time: the first of the key's line,
//! which makes the line a comment or an entry.
//!
//! Postfix's `postmap -d` writes its changes after it has given up its lock (postmap specification,
//! section 8.2), so that they get lost by its own fault: only our writers delete.
//!
//! Nor does a lookup by Postfix's programs always succeed while one of them writes, whose changes
//! are in place: they read the file's first page before they have the lock (docs/commit.md has
//! figures). Where only ours write it does.
//!
//! `MAP_TESTS_SECONDS` says how long each test takes with one type of tables.
#![cfg(feature = "peers")]

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use map_tests::generate::Rng;
use map_tests::table_types::{Contents, TABLE_TYPES, TableType};
use map_tests::tools::{self, Suite, Tool};
use postfix_maps::{Access, SharedTable, Table, TableOptions};
use tempfile::TempDir;

/// Keys that are always in the map.
const FIXED: usize = 2_000;
/// Keys of each writer.
const OWN: usize = 200;
/// The length of each line of the text, its newline included.
const LINE: usize = 40;

/// What a reader waits between two lookups, so that there is time for changes.
const PAUSE: Duration = Duration::from_millis(10);

/// A line of the text, for a key's number.
fn line(number: usize) -> String {
    format!("{} {}\n", key(number), value(number))
}

fn key(number: usize) -> String {
    format!("k{number:05}")
}

/// A value that fills the line.
fn value(number: usize) -> String {
    format!("{number:->width$}", width = LINE - 8)
}

fn is_real(suite: &Suite) -> bool {
    suite.program(Tool::Postmap) == tools::real().program(Tool::Postmap)
}

/// One map, and those who are at work on it.
struct Place {
    table_type: &'static TableType,
    directory: TempDir,
    text: File,
    end: Instant,
    /// What has gone wrong with our lookups, and with changes.
    complaints: Mutex<Vec<String>>,
    lookups: AtomicUsize,
    changes: AtomicUsize,
    /// Lookups by the real programs, and how many of these failed.
    real_lookups: AtomicUsize,
    real_failures: Mutex<Vec<String>>,
}

impl Place {
    fn new(table_type: &'static TableType) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("etc")).unwrap();
        fs::write(path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        // Postfix reads a new main.cf again and again until it is some seconds old.
        File::open(path("etc/main.cf")).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let mut text = String::new();
        for number in 0..FIXED + 2 * OWN {
            let line = line(number);
            assert_eq!(line.len(), LINE);
            let comment = line.replacen('k', "#", 1);
            text += if number < FIXED { &line } else { &comment };
        }
        fs::write(path("m"), text).unwrap();
        let text = File::options().write(true).open(path("m")).unwrap();
        let seconds = env::var("MAP_TESTS_SECONDS").map(|text| text.parse().expect("a number"));
        let duration = Duration::from_secs(seconds.unwrap_or(10));
        let place = Place {
            table_type,
            directory,
            text,
            end: Instant::now() + duration,
            complaints: Mutex::default(),
            lookups: AtomicUsize::new(0),
            changes: AtomicUsize::new(0),
            real_lookups: AtomicUsize::new(0),
            real_failures: Mutex::default(),
        };
        assert!(place.run(tools::ours(), &[&place.table()], "").status.success());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The map's name for a program that stands in the directory.
    fn table(&self) -> String {
        format!("{}:m", self.table_type.name)
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    fn complain(&self, complaint: String) {
        self.complaints.lock().unwrap().push(complaint);
    }

    fn run(&self, suite: &Suite, arguments: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(suite.program(Tool::Postmap))
            .args(arguments)
            .current_dir(self.directory.path())
            .env("MAIL_CONFIG", "./etc")
            .envs(suite.preload().map(|object| ("LD_PRELOAD", object)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that failed does not read its input; its messages tell why.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Whether a key is found, if the lookup is as it should be.
    fn query(&self, suite: &Suite, number: usize) -> Result<bool, String> {
        let output = self.run(suite, &["-q", &key(number), &self.table()], "");
        let found = output.status.code() == Some(0);
        let expected = if found { value(number) + "\n" } else { String::new() };
        let clean = output.stderr.is_empty() && output.stdout == expected.as_bytes();
        if clean && matches!(output.status.code(), Some(0 | 1)) {
            return Ok(found);
        }
        Err(format!("{}: {output:?}", key(number)))
    }

    /// Makes a key's line of the text an entry or a comment.
    fn edit(&self, number: usize, entry: bool) {
        let first = if entry { b"k" } else { b"#" };
        self.text.write_all_at(first, (number * LINE) as u64).unwrap();
    }

    /// Adds, deletes and rebuilds in turn, and sees to it that all of that lasts. Returns which of
    /// the writer's keys, from the number `first` on, are in the map.
    fn write(&self, suite: &Suite, first: usize) -> Vec<usize> {
        let rng = &mut Rng::with_seed(first as u64);
        let mut present = [false; OWN];
        while self.goes_on() {
            let chosen = rng.usize(0..OWN);
            let number = first + chosen;
            let output = match rng.usize(0..4) {
                0 => self.run(suite, &[&self.table()], ""),
                1 if present[chosen] && !is_real(suite) => {
                    present[chosen] = false;
                    self.edit(number, false);
                    self.run(suite, &["-d", &key(number), &self.table()], "")
                }
                _ => {
                    present[chosen] = true;
                    self.edit(number, true);
                    self.run(suite, &["-wi", &self.table()], &line(number))
                }
            };
            // Somebody else's rebuild may have deleted the key before.
            if !matches!(output.status.code(), Some(0 | 1)) || !output.stderr.is_empty() {
                self.complain(format!("a change: {output:?}"));
            }
            self.changes.fetch_add(1, Ordering::Relaxed);
            let other = rng.usize(0..OWN);
            for chosen in [chosen, other] {
                match self.query(tools::ours(), first + chosen) {
                    Ok(found) if found == present[chosen] => {}
                    Ok(_) => self.complain(format!("a change of {} is lost", key(first + chosen))),
                    Err(complaint) => self.complain(complaint),
                }
            }
        }
        (0..OWN).filter(|chosen| present[*chosen]).map(|chosen| first + chosen).collect()
    }

    /// Looks fixed keys up, and those that never are there, by a function that tells whether one
    /// was found.
    fn read(&self, seed: u64, mut query: impl FnMut(usize) -> Result<bool, String>) {
        let rng = &mut Rng::with_seed(seed);
        while self.goes_on() {
            let number = rng.usize(0..FIXED);
            let number = if rng.u8(0..4) == 0 { number + FIXED + 2 * OWN } else { number };
            match query(number) {
                Ok(found) if found == (number < FIXED) => {}
                Ok(found) => self.complain(format!("{}: found {found}", key(number))),
                Err(complaint) => self.complain(complaint),
            }
            self.lookups.fetch_add(1, Ordering::Relaxed);
            thread::sleep(PAUSE);
        }
    }

    fn read_by_real(&self, seed: u64) {
        let rng = &mut Rng::with_seed(seed);
        while self.goes_on() {
            let failure = match self.query(tools::real(), rng.usize(0..FIXED)) {
                Ok(true) => None,
                Ok(false) => Some("not found".to_owned()),
                Err(complaint) => Some(complaint),
            };
            self.real_failures.lock().unwrap().extend(failure);
            self.real_lookups.fetch_add(1, Ordering::Relaxed);
            thread::sleep(PAUSE);
        }
    }

    /// Looks up through an open table.
    fn read_table(&self, seed: u64, access: Access) {
        let spec = format!("{}:{}", self.table_type.name, self.path("m").display());
        let options = TableOptions::default().access(access);
        let shared = SharedTable::new(Table::open_with(&spec, options).unwrap());
        self.read(seed, |number| {
            shared.reload().map_err(|error| format!("reload: {error}"))?;
            let table = shared.table();
            match table.get(key(number).as_bytes()) {
                Ok(Some(found)) if *found == *value(number).as_bytes() => Ok(true),
                Ok(Some(found)) => Err(format!("{}: {}", key(number), found.escape_ascii())),
                Ok(None) => Ok(false),
                Err(error) => Err(format!("{}: {error}", key(number))),
            }
        });
    }
}

/// Two writers and ten readers, on a map of each type that can be changed.
fn together(writers: [&Suite; 2]) {
    for table_type in TABLE_TYPES.iter().filter(|table_type| table_type.changes) {
        together_on(table_type, writers);
    }
}

fn together_on(table_type: &'static TableType, writers: [&Suite; 2]) {
    let place = Place::new(table_type);
    let present: Vec<usize> = thread::scope(|scope| {
        let place = &place;
        let writers = [0, 1].map(|i| {
            let suite = writers[i];
            scope.spawn(move || place.write(suite, FIXED + i * OWN))
        });
        for seed in 0..3 {
            scope.spawn(move || place.read(seed, |number| place.query(tools::ours(), number)));
            scope.spawn(move || place.read_by_real(seed));
        }
        for seed in 3..5 {
            scope.spawn(move || place.read_table(seed, Access::Snapshot));
            scope.spawn(move || place.read_table(seed, Access::Locked));
        }
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });

    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let failures = place.real_failures.into_inner().unwrap();
    println!("{} changes, {} lookups by ours", count(&place.changes), count(&place.lookups));
    println!("{} of {} lookups by real failed", failures.len(), count(&place.real_lookups));
    if !writers.iter().any(|suite| is_real(suite)) {
        assert!(failures.is_empty(), "{failures:#?}");
    }
    let complaints = place.complaints.into_inner().unwrap();
    let some = complaints.iter().take(20).map(|line| format!("\n  {line}")).collect::<String>();
    assert!(complaints.is_empty(), "{} complaints:{some}", complaints.len());

    let file = place.directory.path().join(&*table_type.file_name("m.db"));
    if let Some(check) = table_type.check {
        assert_eq!(check(&file), Ok(()));
    }
    let Contents::Pairs(dump) = table_type.contents else {
        panic!("a type that can be changed has a program that dumps it")
    };
    let mut found = dump(&file);
    found.sort();
    let end = if table_type.keys_end_in_nul { "\0" } else { "" };
    let expected: Vec<_> = (0..FIXED)
        .chain(present)
        .map(|number| [key(number) + end, value(number) + end].map(String::into_bytes).into())
        .collect();
    assert!(found == expected, "the map has {} pairs, not {}", found.len(), expected.len());
}

#[test]
fn writers_of_ours() {
    together([tools::ours(), tools::ours()]);
}

#[test]
fn one_writer_of_ours_and_a_real_one() {
    together([tools::ours(), tools::real()]);
}

#[test]
fn real_writers() {
    together([tools::real(), tools::real()]);
}
