//! Our `postmap` killed at each system call that concerns a cdb table, and each such call failing: the
//! table is the old one or the new one, status 0 means the new one, and the next builder leaves
//! nothing but the table.
#![cfg(feature = "peers")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use map_tests::tools::{self, Tool};
use tempfile::TempDir;

/// The system calls by which a table is made.
const CALLS: [&str; 8] =
    ["openat", "fchmod", "flock", "statx", "ftruncate", "pwrite64", "fsync", "rename"];

/// Some that the standard library makes once more after `EINTR`.
const REPEATED: [&str; 4] = ["openat", "flock", "pwrite64", "fdatasync"];

const FAULTS: [&str; 5] =
    ["signal=SIGKILL", "error=EIO", "error=ENOSPC", "error=EPERM", "error=EINTR"];

/// Calls of a kind that are interrupted.
const MOST: usize = 4;

struct Place {
    directory: TempDir,
    /// Entries of the table.
    entries: usize,
    /// Whether there was a table before.
    replaces: bool,
}

impl Place {
    /// A place with an old table, which is there if it is to be replaced, and the text of a new one.
    fn new(entries: usize, replaces: bool) -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap(), entries, replaces };
        tools::configure(place.directory.path());
        fs::write(place.path("m"), place.text("old")).unwrap();
        let mut old = tools::ours().command(Tool::Postmap, place.directory.path());
        assert!(old.arg("cdb:m").status().unwrap().success());
        fs::rename(place.path("m.cdb"), place.path("old.cdb")).unwrap();
        fs::write(place.path("m"), place.text("new")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, value: &str) -> String {
        (0..self.entries).map(|entry| format!("key{entry} {value}\n")).collect()
    }

    /// Puts the old table in place, if there was one, and the text of the new one.
    fn lay(&self) {
        for name in ["m.cdb", "m.cdb.tmp"] {
            let _ = fs::remove_file(self.path(name));
        }
        if self.replaces {
            fs::copy(self.path("old.cdb"), self.path("m.cdb")).unwrap();
        }
    }

    /// Builds the table while a fault befalls one of the calls, counted by itself.
    fn build(&self, inject: &str) -> Output {
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-o"]).arg(self.path("trace")).args(["-e", inject]);
        for path in [self.path("m.cdb.tmp"), self.path("m.cdb"), self.directory.path().into()] {
            command.arg("-P").arg(path);
        }
        command.arg(tools::ours().program(Tool::Postmap)).arg(self.table());
        let output = command.env("MAIL_CONFIG", self.directory.path()).output();
        output.expect("strace, of the Debian package strace, runs")
    }

    fn table(&self) -> String {
        format!("cdb:{}", self.path("m").display())
    }

    /// What all entries of the table have, as Postfix finds them: `None` without a table.
    fn value(&self) -> Option<String> {
        let directory = self.directory.path();
        let keys = [0, self.entries / 2, self.entries - 1].map(|entry| format!("key{entry}"));
        let mut values = keys.map(|key| {
            let mut query = tools::real().command(Tool::Postmap, directory);
            let found = query.args(["-q", &key, "cdb:m"]).output().unwrap();
            let missing = found.stderr.ends_with(b"m.cdb: No such file or directory\n");
            assert!(found.status.success() || missing, "{found:?}");
            String::from_utf8(found.stdout).unwrap()
        });
        assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        Some(std::mem::take(&mut values[0])).filter(|value| !value.is_empty())
    }

    /// Returns `false` if there is no such call.
    fn interrupt(&self, call: &str, nth: usize, fault: &str) -> bool {
        self.lay();
        let output = self.build(&format!("inject={call}:{fault}:when={nth}"));
        let trace = fs::read_to_string(self.path("trace")).unwrap();
        let killed = output.status.signal().is_some();
        if !trace.contains("(INJECTED)") && !killed {
            assert!(output.status.success(), "{output:?}");
            return false;
        }
        let what = format!("{fault} of {call} number {nth}, {} entries", self.entries);
        let value = self.value();
        let (old, new) = (self.replaces.then_some("old\n"), Some("new\n"));
        assert!([old, new].contains(&value.as_deref()), "{what}: {value:?}");
        match output.status.code() {
            Some(0) => assert_eq!(value.as_deref(), new, "{what}"),
            Some(1) => {
                let message = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(message.starts_with("postmap: fatal: "), "{what}: {message}");
                assert!(fault != "error=EINTR" || !REPEATED.contains(&call), "{what}: {message}");
                // Only the last call comes after the new table has its name.
                let last = trace.contains("rename(") && call != "rename";
                assert!(value.as_deref() == old || last, "{what}: {message}");
            }
            _ => assert!(killed && fault == "signal=SIGKILL", "{what}: {output:?}"),
        }
        let mut next = tools::ours().command(Tool::Postmap, self.directory.path());
        assert!(next.arg("cdb:m").status().unwrap().success(), "{what}");
        assert_eq!(self.value().as_deref(), new, "{what}");
        assert!(!self.path("m.cdb.tmp").exists(), "{what}");
        true
    }
}

/// One so long that another thread gives it to the disk while it is made.
#[test]
fn a_long_table_of_which_the_disk_takes_no_part() {
    let place = Place::new(700_000, true);
    for fault in FAULTS {
        assert!(place.interrupt("fdatasync", 1, fault), "no part is given to the disk");
    }
    // The system tells of a part that is lost but once: the last call would not.
    place.lay();
    let output = place.build("inject=fdatasync:error=EIO:when=1");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.ends_with("Input/output error\n"), "{message}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_table_is_the_old_one_or_the_new_one() {
    // The longer one is written in several parts.
    for (entries, replaces) in [(1, false), (3, true), (100_000, true)] {
        let place = Place::new(entries, replaces);
        let mut runs = 0;
        for call in CALLS {
            for fault in FAULTS {
                let made = (1..=MOST).take_while(|nth| place.interrupt(call, *nth, fault)).count();
                assert!(made > 0, "no {call}");
                runs += made;
            }
        }
        println!("{entries} entries: {runs} runs");
    }
}
