//! Two writers, both ours, or ours and Postfix's, rebuild one table without a pause, each time with
//! other contents and another length, and some are killed. Of the types whose new files take the
//! old ones' names, everybody finds one whole table whenever they look; and nothing is left behind
//! but the one temporary file of who was killed last.
//!
//! `MAP_TESTS_SECONDS` says how long each pair of writers takes.
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use map_tests::generate::{Rng, one_in};
use map_tests::rebuild::{self, FIXED, look, number, words};
use map_tests::table_types::{TABLE_TYPES, TableType};
use map_tests::tools::{self, Suite, Tool};
use postfix_maps::{Access, SharedTable, Table, TableOptions};
use tempfile::TempDir;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks of a reader, and what was wrong with some.
type Looks = (usize, Vec<String>);

struct Place {
    table_type: &'static TableType,
    directory: TempDir,
    end: Instant,
    rebuilds: AtomicUsize,
    killed: AtomicUsize,
    /// How often a killed writer had left its temporary file.
    left: AtomicUsize,
    /// How often real `postmap` gave up: another had given the temporary file its name meanwhile.
    gave_up: AtomicUsize,
    looks: Mutex<BTreeMap<&'static str, Looks>>,
}

impl Place {
    fn new(table_type: &'static TableType) -> Self {
        let place = Place {
            table_type,
            directory: tempfile::tempdir().unwrap(),
            end: Instant::now() + rebuild::duration(4),
            rebuilds: AtomicUsize::new(0),
            killed: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
            gave_up: AtomicUsize::new(0),
            looks: Mutex::default(),
        };
        tools::configure(place.directory.path());
        place.rebuild(tools::ours(), 0, None);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn table(&self) -> String {
        format!("{}:m", self.table_type.name)
    }

    fn file(&self) -> String {
        format!("m{}", self.table_type.suffix)
    }

    fn temporary(&self) -> String {
        format!("m{}", self.table_type.leftover.expect("these types have one"))
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    fn command(&self, suite: &Suite, arguments: &[&str]) -> Command {
        let mut command = suite.command(Tool::Postmap, self.directory.path());
        command.args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Rebuilds the table, or kills who does after a while. Returns the number.
    fn rebuild(&self, suite: &Suite, writer: usize, kill: Option<Duration>) -> usize {
        let rebuild = self.rebuilds.fetch_add(1, Ordering::Relaxed);
        rebuild::put_text(rebuild, &self.path("m"), writer).unwrap();
        let mut child = self.command(suite, &[&self.table()]).spawn().unwrap();
        if let Some(after) = kill {
            thread::sleep(after);
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        if kill.is_some() && output.status.code().is_none() {
            self.killed.fetch_add(1, Ordering::Relaxed);
            let left = self.path(&self.temporary()).exists();
            self.left.fetch_add(left.into(), Ordering::Relaxed);
        } else if self.has_given_up(suite, &output) {
            self.gave_up.fetch_add(1, Ordering::Relaxed);
        } else {
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        }
        rebuild
    }

    /// Postfix looks for the temporary file again when it has its lock, and does without a new one
    /// only where there is none at all (cdb specification, section 7.2).
    fn has_given_up(&self, suite: &Suite, output: &Output) -> bool {
        let message = format!("postmap: fatal: stat({}): ", self.temporary());
        let is_real = suite.program(Tool::Postmap) == tools::real().program(Tool::Postmap);
        is_real && output.stderr.starts_with(message.as_bytes())
    }

    fn write(&self, suite: &Suite, writer: usize) {
        let rng = &mut Rng::with_seed(writer as u64);
        while self.goes_on() {
            let kill = one_in(rng, 3).then(|| Duration::from_micros(rng.u64(..20_000)));
            self.rebuild(suite, writer, kill);
        }
    }

    /// Looks again and again, for as long as the writers write.
    fn read(&self, name: &'static str, mut look: impl FnMut(&str) -> Result<usize, String>) {
        let rng = &mut Rng::with_seed(name.len() as u64);
        let mut looks = Looks::default();
        while self.goes_on() {
            looks.1.extend(look(&format!("k{}", rng.usize(..FIXED))).err());
            looks.0 += 1;
            thread::sleep(PAUSE);
        }
        self.looks.lock().unwrap().insert(name, looks);
    }

    fn open(&self, access: Access) -> Table {
        let options = TableOptions::default().access(access);
        let spec = format!("{}:{}", self.table_type.name, self.path("m").display());
        Table::open_with(spec.as_str(), options).unwrap()
    }

    fn look_by(&self, suite: &Suite, key: &str) -> Result<usize, String> {
        let Output { status, stdout, stderr } =
            self.command(suite, &["-q", key, &self.table()]).output().unwrap();
        match stdout.strip_suffix(b"\n") {
            Some(value) if status.success() && stderr.is_empty() => number(value),
            _ => Err(format!("{key}: {status}, {}", stderr.escape_ascii())),
        }
    }

    fn all_readers(&self) {
        thread::scope(|scope| {
            scope.spawn(|| {
                let shared = SharedTable::new(self.open(Access::Snapshot));
                self.read("snapshot", |key| {
                    shared.reload().map_err(words)?;
                    look(&shared.table(), key)
                });
            });
            scope.spawn(|| {
                let table = self.open(Access::Locked);
                self.read("opened each time", |key| look(&table, key));
            });
            scope.spawn(|| self.read("ours", |key| self.look_by(tools::ours(), key)));
            scope.spawn(|| self.read("Postfix's", |key| self.look_by(tools::real(), key)));
        });
    }

    /// The names in the directory that are not the test's own.
    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.directory)?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        let mut names: Vec<_> = names.into_iter().map(|name| name.into_string().unwrap()).collect();
        names.retain(|name| !["m", "main.cf"].contains(&name.as_str()));
        names.sort();
        Ok(names)
    }
}

fn rebuilds(writers: [&Suite; 2]) {
    for table_type in TABLE_TYPES.iter().filter(|table_type| table_type.leftover.is_some()) {
        let place = Place::new(table_type);
        thread::scope(|scope| {
            for (number, suite) in writers.into_iter().enumerate() {
                let place = &place;
                scope.spawn(move || place.write(suite, number));
            }
            place.all_readers();
        });

        let [rebuilds, killed, left, gave_up] =
            [&place.rebuilds, &place.killed, &place.left, &place.gave_up]
                .map(|counter| counter.load(Ordering::Relaxed));
        println!(
            "{}: {rebuilds} rebuilds, {killed} killed, {left} left behind, {gave_up} gave up",
            table_type.name
        );
        assert!(rebuilds > killed + gave_up && killed > 0);
        for (name, (count, failures)) in place.looks.lock().unwrap().iter() {
            println!("{name}: {count} looks, {} failed", failures.len());
            assert!(*count > 0 && failures.is_empty(), "{name}: {failures:#?}");
        }
        // Whoever is killed between two rebuilds leaves one file, and the next one takes it.
        let mut names = place.names().unwrap();
        names.retain(|name| *name != place.temporary());
        assert_eq!(names, [place.file()]);
        for suite in writers {
            let last = place.rebuild(suite, 0, None);
            assert_eq!(place.names().unwrap(), [place.file()]);
            assert_eq!(look(&place.open(Access::Snapshot), "k0"), Ok(last));
            assert_eq!(place.look_by(tools::real(), "k0"), Ok(last));
        }
        if let Some(check) = table_type.check {
            assert_eq!(check(&place.path(&place.file())), Ok(()));
        }
    }
}

#[test]
fn both_ours() {
    rebuilds([tools::ours(), tools::ours()]);
}

#[test]
fn ours_and_real() {
    rebuilds([tools::ours(), tools::real()]);
}

#[test]
fn both_real() {
    rebuilds([tools::real(), tools::real()]);
}
