//! Which signals Postfix's own `postmap` puts off while it writes: the test of signals at random
//! moments goes by it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use map_tests::tools::{self, Tool};
use tempfile::TempDir;

/// Calls at which a signal comes, of those after the program has the table's lock.
const SAMPLE: usize = 24;

struct Change {
    directory: TempDir,
    arguments: &'static [&'static str],
    old: Vec<u8>,
}

impl Change {
    fn new(arguments: &'static [&'static str], stdin: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("etc")).unwrap();
        fs::write(path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        // Postfix reads a new main.cf again and again until it is some seconds old.
        File::open(path("etc/main.cf")).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        fs::write(path("stdin"), stdin).unwrap();
        let mut change = Change { directory, arguments, old: Vec::new() };
        let entries = |value: &str| (0..3_000).map(|i| format!("user{i} {value}\n")).collect();
        let write =
            |entries: String| fs::write(change.directory.path().join("m"), entries).unwrap();
        write(entries("the old value"));
        let output = change.run(&tools::real().program(Tool::Postmap), &["hash:m"]);
        assert!(output.status.success(), "{output:?}");
        write(entries("another value"));
        change.old = fs::read(change.directory.path().join("m.db")).unwrap();
        change
    }

    fn run(&self, program: &Path, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .current_dir(self.directory.path())
            .env("MAIL_CONFIG", "./etc")
            .stdin(File::open(self.directory.path().join("stdin")).unwrap())
            .output()
            .unwrap()
    }

    /// Makes the change from the start under strace. Returns what is listed then.
    fn make(&self, options: &[&str]) -> Vec<u8> {
        fs::write(self.directory.path().join("m.db"), &self.old).unwrap();
        let postmap = tools::real().program(Tool::Postmap);
        let trace = ["-f", "-qq", "-o", "trace"];
        let program = [postmap.to_str().unwrap()];
        let arguments = [&trace[..], options, &program[..], self.arguments].concat();
        self.run(Path::new("strace"), &arguments);
        self.listed()
    }

    fn listed(&self) -> Vec<u8> {
        self.run(&tools::real().program(Tool::Postmap), &["-s", "hash:m"]).stdout
    }

    /// Calls from the first in which the lock is taken: each with its number among those of its
    /// name.
    fn calls(&self) -> Vec<(String, usize)> {
        let trace = fs::read_to_string(self.directory.path().join("trace")).unwrap();
        let mut counts = BTreeMap::new();
        let mut calls = Vec::new();
        for line in trace.lines() {
            let Some((name, arguments)) = line.split_once('(') else { continue };
            let name = name.rsplit(' ').next().unwrap_or_default();
            let nth = counts.entry(name.to_owned()).or_insert(0);
            *nth += 1;
            if !calls.is_empty() || name == "flock" && arguments.contains("LOCK_EX") {
                calls.push((name.to_owned(), *nth));
            }
        }
        // From exit_group on there is nothing to interrupt; the lock itself may be waited for.
        calls.retain(|(name, _)| name != "exit_group");
        calls.split_off(1)
    }

    /// How often the old contents, the new, and others are found when a signal comes at some of the
    /// `calls`.
    fn interrupt(&self, signal: &str, wanted: impl Fn(&str) -> bool) -> [usize; 3] {
        let new = self.make(&[]);
        let mut calls = self.calls();
        calls.retain(|(name, _)| wanted(name));
        assert!(calls.len() > 3, "{calls:?}");
        fs::write(self.directory.path().join("m.db"), &self.old).unwrap();
        let old = self.listed();
        let mut found = [0; 3];
        let step = calls.len().div_ceil(SAMPLE);
        for (name, nth) in calls.iter().step_by(step) {
            let inject = format!("inject={name}:signal={signal}:when={nth}");
            let listed = self.make(&["-e", &inject]);
            found[if listed == old {
                0
            } else if listed == new {
                1
            } else {
                2
            }] += 1;
        }
        println!("{:?}, {signal}: {found:?} of {} calls", self.arguments, calls.len());
        found
    }
}

fn some_users(value: &str) -> String {
    (0..3_000).step_by(50).map(|i| format!("user{i}{value}\n")).collect()
}

#[test]
fn postfix_puts_signals_off_while_it_rebuilds_or_adds() {
    for (arguments, stdin) in [(&["hash:m"][..], ""), (&["-ri", "hash:m"], &some_users(" added"))] {
        let change = Change::new(arguments, stdin);
        for signal in ["SIGTERM", "SIGHUP", "SIGINT"] {
            // Those that come before it begins to put them off find the old table, and there are
            // few.
            let [old, _, torn] = change.interrupt(signal, |_| true);
            assert_eq!(torn, 0, "{arguments:?}, {signal}");
            assert!(old <= 2, "{arguments:?}, {signal}: {old}");
        }
    }
}

#[test]
fn postfix_does_not_put_signals_off_while_it_deletes() {
    let change = Change::new(&["-d", "-", "hash:m"], &some_users(""));
    let [_, _, torn] = change.interrupt("SIGTERM", |name| name == "pwrite64");
    assert!(torn > 0, "then it can take part in the test of signals at random moments");
}
