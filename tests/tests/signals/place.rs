//! A table, what must be in it, and what those who are at work on it have done.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use map_tests::dbtools;
use map_tests::generate::Rng;
use map_tests::tools::{self, Suite, Tool};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Key and value of each entry.
pub type Table = BTreeMap<String, String>;

/// A key that is changed when nobody else writes.
const QUIET: &str = "quiet";

pub fn is_real(suite: &Suite) -> bool {
    suite.program(Tool::Postmap) == tools::real().program(Tool::Postmap)
}

fn name(suite: &Suite) -> &'static str {
    if is_real(suite) { "Postfix" } else { "ours" }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A table that is replaced when it is changed.
    Small,
    /// 10 MB: a change overwrites some of its pages.
    Large,
}

impl Size {
    /// Entries that are always there.
    pub fn entries(self) -> usize {
        match self {
            Size::Small => 100,
            Size::Large => 40_000,
        }
    }
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Well,
    BySignal,
    /// A complaint has been made of it.
    Badly,
}

/// What became of the calls of a kind.
#[derive(Debug, Default)]
pub struct Count {
    calls: usize,
    /// Ended by each signal.
    killed: BTreeMap<i32, usize>,
    /// Of these, how many had made their change.
    pub made: usize,
    failed: usize,
    /// All calls without a signal, for choosing moments.
    time: Duration,
    timed: u32,
}

pub struct Place {
    directory: TempDir,
    pub size: Size,
    pub has_real_writers: bool,
    end: Instant,
    /// Held by writers; exclusively while the table is rebuilt.
    pub turn: RwLock<()>,
    /// Held by Postfix's writers; exclusively while one of ours gets a signal, if there are some of
    /// Postfix's.
    pub real_turn: RwLock<()>,
    /// What must be there. A writer's own keys are changed only by itself.
    pub table: Mutex<Table>,
    /// The number of the last rebuild that has begun, and of the last that has been made.
    pub started: AtomicUsize,
    pub done: AtomicUsize,
    counts: Mutex<BTreeMap<(&'static str, &'static str), Count>>,
    complaints: Mutex<Vec<String>>,
    real_failures: Mutex<Vec<String>>,
}

impl Place {
    pub fn new(size: Size, has_real_writers: bool) -> Self {
        let seconds = env::var("MAP_TESTS_SECONDS").map(|text| text.parse().expect("a number"));
        let mut place = Place {
            directory: tempfile::tempdir().unwrap(),
            size,
            has_real_writers,
            end: Instant::now(),
            turn: RwLock::default(),
            real_turn: RwLock::default(),
            table: Mutex::default(),
            started: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            counts: Mutex::default(),
            complaints: Mutex::default(),
            real_failures: Mutex::default(),
        };
        fs::create_dir(place.path("etc")).unwrap();
        fs::write(place.path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        // Postfix reads a new main.cf again and again until it is some seconds old.
        File::open(place.path("etc/main.cf"))
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();
        let table = place.fixed(0);
        place.write_text(&table);
        let output = place.finish(place.start(tools::ours(), &["hash:m"], ""));
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        place.table = table.into();
        place.end = Instant::now() + Duration::from_secs(seconds.unwrap_or(8));
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn goes_on(&self) -> bool {
        Instant::now() < self.end
    }

    pub fn fixed_key(&self, i: usize) -> String {
        format!("fixed{i}")
    }

    /// The value that a rebuild gives to all keys that are always there.
    pub fn value(&self, rebuild: usize) -> String {
        let width = if self.size == Size::Large { 230 } else { 30 };
        format!("{rebuild:-<width$}")
    }

    /// The entries that are always there, after a rebuild.
    pub fn fixed(&self, rebuild: usize) -> Table {
        let value = self.value(rebuild);
        (0..self.size.entries()).map(|i| (self.fixed_key(i), value.clone())).collect()
    }

    /// The table's text, which is older than any table: Postfix's programs warn of one that is
    /// newer.
    pub fn write_text(&self, table: &Table) {
        fs::write(self.path("m"), text(table)).unwrap();
        let text = File::options().write(true).open(self.path("m")).unwrap();
        text.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }

    pub fn complain(&self, complaint: String) {
        self.complaints.lock().unwrap().push(complaint);
    }

    pub fn count(&self, suite: &Suite, kind: &'static str, change: impl FnOnce(&mut Count)) {
        change(self.counts.lock().unwrap().entry((name(suite), kind)).or_default());
    }

    fn start(&self, suite: &Suite, arguments: &[&str], stdin: &str) -> Child {
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
        // A program that failed does not read its input; its messages tell why. No input is too
        // long for a pipe.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child
    }

    fn finish(&self, child: Child) -> Output {
        child.wait_with_output().unwrap()
    }

    /// Runs a writer, which gets a signal at some moment of the time that such a call takes.
    pub fn call(
        &self,
        suite: &Suite,
        kind: &'static str,
        arguments: &[&str],
        stdin: &str,
        signal: Option<Signal>,
        rng: &mut Rng,
    ) -> Ended {
        let start = Instant::now();
        let child = self.start(suite, arguments, stdin);
        if let Some(signal) = signal {
            let mut usual = Duration::ZERO;
            self.count(suite, kind, |count| usual = count.time / count.timed.max(1));
            thread::sleep(usual.mul_f64(rng.f64() * 1.2));
            // The child has not been waited for: no other process has its number.
            kill_process(Pid::from_child(&child), signal).unwrap();
        }
        let output = self.finish(child);
        let killed = output.status.signal();
        let is_expected = killed.is_some() && killed == signal.map(Signal::as_raw);
        let ended = match (is_expected, output.status.success() && only_interrupted(&output)) {
            (true, _) => Ended::BySignal,
            (false, true) => Ended::Well,
            (false, false) => Ended::Badly,
        };
        self.count(suite, kind, |count| {
            count.calls += 1;
            match ended {
                Ended::BySignal => {
                    *count.killed.entry(killed.unwrap_or_default()).or_default() += 1
                }
                Ended::Badly => count.failed += 1,
                Ended::Well => {}
            }
            if signal.is_none() {
                count.time += start.elapsed();
                count.timed += 1;
            }
        });
        if ended == Ended::Badly {
            self.complain(format!("{} {kind}: {output:?}", name(suite)));
        }
        ended
    }

    /// The values of keys.
    pub fn look_up(&self, suite: &Suite, keys: &[String]) -> Result<Vec<Option<String>>, String> {
        let stdin: String = keys.iter().map(|key| format!("{key}\n")).collect();
        let output = self.finish(self.start(suite, &["-q", "-", "hash:m"], &stdin));
        if !matches!(output.status.code(), Some(0 | 1)) || !only_interrupted(&output) {
            return Err(format!("{output:?}"));
        }
        let found = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        let found: BTreeMap<&str, &str> =
            found.lines().filter_map(|line| line.split_once('\t')).collect();
        Ok(keys.iter().map(|key| found.get(key.as_str()).map(|value| value.to_string())).collect())
    }

    /// Counts a lookup. Postfix's may fail where Postfix's programs write, or pages are
    /// overwritten.
    pub fn note_lookup(&self, suite: &Suite, wrong: Option<String>) {
        let has_failed = wrong.is_some();
        self.count(suite, "lookups", |count| {
            count.calls += 1;
            count.failed += usize::from(has_failed);
        });
        match wrong {
            Some(wrong) if is_real(suite) => self.real_failures.lock().unwrap().push(wrong),
            Some(wrong) => self.complain(format!("lookup: {wrong}")),
            None => {}
        }
    }

    /// A writer of ours makes a change that nobody interrupts: it completes what was interrupted
    /// before.
    pub fn change_quietly(&self, table: &mut Table, number: usize, rng: &mut Rng) {
        let value = number.to_string();
        let stdin = format!("{QUIET} {value}\n");
        self.call(tools::ours(), "-i, quiet", &["-ri", "hash:m"], &stdin, None, rng);
        table.insert(QUIET.to_owned(), value);
    }

    /// While nobody writes, all programs see exactly `table`.
    pub fn assert_quiet(&self, table: &Table) {
        let mut expected: Vec<String> = text(table).lines().map(str::to_owned).collect();
        expected.sort_unstable();
        for suite in [tools::ours(), tools::real()] {
            let output = self.finish(self.start(suite, &["-s", "hash:m"], ""));
            let found = String::from_utf8_lossy(&output.stdout);
            let mut found: Vec<&str> = found.lines().collect();
            found.sort_unstable();
            let has_failed = !output.status.success() || !output.stderr.is_empty();
            if has_failed || found != expected {
                let lines = (found.len(), expected.len());
                let missing = expected.iter().find(|line| !found.contains(&line.as_str()));
                let messages = String::from_utf8_lossy(&output.stderr);
                let name = name(suite);
                self.complain(format!("quiet, {name}: {lines:?}, no {missing:?}, {messages}"));
            }
        }
        if let Err(error) = dbtools::verify(&self.path("m.db")) {
            self.complain(format!("db5.3_verify: {error}"));
        }
        self.count(tools::ours(), "looks at all", |count| count.calls += 1);
    }

    /// Prints what was done, and fails if something was wrong.
    pub fn report(&self) {
        let mut report = format!("{:?}, Postfix writes: {}\n", self.size, self.has_real_writers);
        report += "| who | what | times | ended by signals | of these made | failed |\n";
        report += "| --- | --- | --- | --- | --- | --- |\n";
        for ((who, what), count) in self.counts.lock().unwrap().iter() {
            let Count { calls, killed, made, failed, .. } = count;
            let killed: Vec<String> =
                killed.iter().map(|(signal, times)| format!("{times} by {signal}")).collect();
            let killed = killed.join(", ");
            writeln!(report, "| {who} | {what} | {calls} | {killed} | {made} | {failed} |")
                .unwrap();
        }
        println!("{report}");
        let failures = self.real_failures.lock().unwrap();
        for failure in failures.iter().take(3) {
            println!("by Postfix: {}", failure.chars().take(300).collect::<String>());
        }
        let complaints = self.complaints.lock().unwrap();
        let some: Vec<&String> = complaints.iter().take(20).collect();
        assert!(complaints.is_empty(), "{} complaints: {some:#?}", complaints.len());
        if self.size == Size::Small && !self.has_real_writers {
            assert!(failures.is_empty(), "{failures:#?}");
        }
    }
}

/// The entries as `postmap -s` prints them, and as `postmap` reads them.
fn text(table: &Table) -> String {
    table.iter().fold(String::new(), |mut text, (key, value)| {
        writeln!(text, "{key}\t{value}").expect("a string takes all");
        text
    })
}

/// A program that finds an interrupted change may say so, and nothing else.
fn only_interrupted(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).lines().all(|line| line.contains("interrupted"))
}
