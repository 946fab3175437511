//! Two of Postfix's own `postmap` rebuild one table in place, without a pause, each time with other
//! contents and another length. Readers of all three ways and our programs find one whole table
//! whenever they look, and the last one when it is there.
//!
//! Each rebuild has a number, which is in all of its values: a table of two numbers is torn.
//! Postfix's own lookups, which fail at times (docs/commit.md), are counted only. One rebuild in
//! some thousands is damaged when Postfix is done: keys are missing, for libdb, too, and
//! `db5.3_verify` rejects the file. Looks at such a table are counted by themselves.
//!
//! `MAP_TESTS_SECONDS` says how long it takes.
//!
//! About Berkeley DB itself, how libdb rewrites a file in place: not for every type of tables.
#![cfg(feature = "peers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bdb_file::{Datum, HashDb, Memory, Source};
use map_tests::generate::Rng;
use map_tests::made::{Outcome, ask};
use map_tests::rebuild::{self, FIXED, look, number, whole, words};
use map_tests::tools::{self, Suite, Tool};
use postfix_maps::{Access, SharedTable, Table, TableOptions};
use tempfile::TempDir;

/// Between two looks, so that writers get the lock.
const PAUSE: Duration = Duration::from_millis(2);

/// Between two rebuilds by the same writer, so that each table is looked at.
const REST: Duration = Duration::from_millis(20);

/// How many there were, and failures, each with whether the table was damaged then.
type Looks = (usize, Vec<(String, bool)>);

struct Place {
    directory: TempDir,
    end: Instant,
    rebuilds: AtomicUsize,
    /// What is missing in tables that Postfix has damaged, in the words of a failed look.
    damaged: Mutex<BTreeSet<String>>,
    /// By the name of the reader.
    looks: Mutex<BTreeMap<&'static str, Looks>>,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    fn run(&self, suite: &Suite, arguments: &[&str]) -> Output {
        Command::new(suite.program(Tool::Postmap))
            .args(arguments)
            .current_dir(self.directory.path())
            .env("MAIL_CONFIG", self.directory.path())
            .envs(suite.preload().map(|object| ("LD_PRELOAD", object)))
            .output()
            .unwrap()
    }

    /// Rebuilds the table in place, from a text that nobody sees half of. Returns the number.
    fn rebuild(&self, writer: usize) -> usize {
        let rebuild = self.rebuilds.fetch_add(1, Ordering::Relaxed);
        rebuild::put_text(rebuild, &self.path("m"), writer).unwrap();
        let output = self.run(tools::real(), &["hash:m"]);
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        rebuild
    }

    /// Looks again and again, for as long as the writers write.
    fn read(&self, name: &'static str, mut look: impl FnMut(&str) -> Result<(), String>) {
        let rng = &mut Rng::with_seed(name.len() as u64);
        let (mut count, mut failures) = (0, Vec::new());
        while self.goes_on() {
            if let Err(failure) = look(&format!("k{}", rng.usize(..FIXED))) {
                let is_damaged = self.is_damaged();
                failures.push((failure, is_damaged));
            }
            count += 1;
            thread::sleep(PAUSE);
        }
        let mut looks = self.looks.lock().unwrap();
        let entry = looks.entry(name).or_default();
        entry.0 += count;
        entry.1.extend(failures);
    }

    /// Whether the table that is there now is damaged: in a copy something is missing, and libdb
    /// rejects it.
    fn is_damaged(&self) -> bool {
        let file = File::open(self.path("m.db")).unwrap();
        file.lock_shared().unwrap();
        let bytes = fs::read(self.path("m.db")).unwrap();
        file.unlock().unwrap();
        let copy = tempfile::NamedTempFile::new().unwrap();
        fs::write(&copy, &bytes).unwrap();
        let Some(failure) = HashDb::open(&bytes).ok().and_then(|hash| whole_of(&hash).err()) else {
            return false;
        };
        let is_damaged = ask("db5.3_verify", copy.path(), 5) == Outcome::Rejects;
        if is_damaged {
            self.damaged.lock().unwrap().insert(failure);
        }
        is_damaged
    }

    fn table(&self, access: Access) -> Table {
        let options = TableOptions::default().access(access);
        Table::open_with(format!("hash:{}", self.path("m").display()).as_str(), options).unwrap()
    }

    fn look_mapped(&self, key: &str) -> Result<usize, String> {
        let file = File::open(self.path("m.db")).map_err(words)?;
        file.lock_shared().map_err(words)?;
        // SAFETY: the file is locked until the end of this function, and Postfix's programs, which
        // ask for the lock, are the only ones to change it.
        let pages = unsafe { Memory::map(&file) }.map_err(words)?;
        let hash = HashDb::open(pages).map_err(words)?;
        let found =
            hash.get(Datum::terminated(key.as_bytes())).map_err(words)?.ok_or("not found")?;
        let rebuild = number(before_nul(&found))?;
        let rebuild_of_all = whole_of(&hash)?;
        if rebuild == rebuild_of_all { Ok(rebuild) } else { Err("a look at two tables".into()) }
    }

    /// What our or Postfix's program finds.
    fn look_by(&self, suite: &Suite, key: &str) -> Result<usize, String> {
        let output = self.run(suite, &["-q", key, "hash:m"]);
        match output.stdout.strip_suffix(b"\n") {
            Some(value) if output.status.success() && output.stderr.is_empty() => number(value),
            _ => Err(format!("{output:?}")),
        }
    }
}

fn before_nul(value: &[u8]) -> &[u8] {
    value.strip_suffix(b"\0").unwrap_or(value)
}

/// The number of the rebuild that a whole file is of.
fn whole_of<S: Source>(hash: &HashDb<S>) -> Result<usize, String> {
    whole(hash.iter().map(|pair| pair.map(|(_, value)| before_nul(&value).to_vec())))
}

#[test]
fn readers_see_whole_tables_while_postfix_rebuilds_them() {
    let duration = rebuild::duration(10);
    // Built, perhaps, before the time is taken.
    tools::ours();
    let place = Place {
        directory: tempfile::tempdir().unwrap(),
        end: Instant::now() + duration,
        rebuilds: AtomicUsize::new(0),
        damaged: Mutex::default(),
        looks: Mutex::default(),
    };
    fs::write(place.path("main.cf"), "compatibility_level = 3.6\n").unwrap();
    let made = File::options().write(true).open(place.path("main.cf")).unwrap();
    // Postfix reads a new main.cf again and again until it is some seconds old.
    made.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    place.rebuild(0);

    thread::scope(|scope| {
        let place = &place;
        for writer in 0..2 {
            scope.spawn(move || {
                while place.goes_on() {
                    place.rebuild(writer);
                    thread::sleep(REST);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let shared = SharedTable::new(place.table(Access::Snapshot));
                place.read("snapshot", |key| {
                    shared.reload().map_err(words)?;
                    look(&shared.table(), key).map(drop)
                });
            });
            scope.spawn(|| {
                let table = place.table(Access::Locked);
                place.read("locked", |key| look(&table, key).map(drop));
            });
            scope.spawn(|| {
                place.read("mapped, under a lock", |key| place.look_mapped(key).map(drop))
            });
        }
        scope.spawn(|| {
            place.read("our postmap -q", |key| place.look_by(tools::ours(), key).map(drop));
        });
        scope.spawn(|| {
            place.read("Postfix's postmap -q", |key| place.look_by(tools::real(), key).map(drop));
        });
    });

    println!("{} rebuilds in {} s", place.rebuilds.load(Ordering::Relaxed), duration.as_secs());
    let damaged = place.damaged.lock().unwrap();
    println!(
        "damaged by Postfix: {damaged:?}\n| reader | looks | at damaged tables | failed |\n| --- | --- | --- | --- |"
    );
    let mut looks = place.looks.lock().unwrap();
    for (name, (count, failures)) in looks.iter_mut() {
        let all = failures.len();
        failures.retain(|(failure, is_damaged)| !is_damaged && !damaged.contains(failure));
        println!("| {name} | {count} | {} | {} |", all - failures.len(), failures.len());
    }
    for (name, (count, failures)) in looks.iter().filter(|(name, _)| !name.starts_with("Postfix")) {
        assert!(*count > 0, "{name}");
        assert!(failures.is_empty(), "{name}: {:#?}", &failures[..failures.len().min(10)]);
    }

    // What was opened before the last rebuild finds that one.
    let snapshot = place.table(Access::Snapshot);
    let locked = place.table(Access::Locked);
    let last = place.rebuild(0);
    let snapshot = snapshot.reloaded().unwrap().unwrap();
    for rebuild in [
        look(&snapshot, "k0"),
        look(&locked, "k0"),
        place.look_mapped("k0"),
        place.look_by(tools::ours(), "k0"),
    ] {
        assert_eq!(rebuild, Ok(last));
    }
}
