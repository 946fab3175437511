//! Whatever stands in a cdb table's place, or in that of its temporary file, and a disk or a limit
//! that does not let it be written: what our `postmap` does, beside Postfix's, and what becomes of
//! the table.
#![cfg(feature = "peers")]

#[path = "crash/mounts.rs"]
#[allow(dead_code)]
mod mounts;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use map_tests::tools::{self, Suite, Tool};
use mounts::Mount;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const NOBODY: u32 = 65_534;

struct Place {
    directory: TempDir,
}

impl Place {
    /// A table with the value `old`, whose text says `new`.
    fn new() -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        tools::configure(place.directory.path());
        fs::write(place.path("m"), "k old\n").unwrap();
        assert!(place.postmap(tools::ours(), &["cdb:m"]).status.success());
        fs::write(place.path("m"), "k new\n").unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, suite: &Suite, arguments: &[&str]) -> Command {
        let mut command = suite.command(Tool::Postmap, self.directory.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn postmap(&self, suite: &Suite, arguments: &[&str]) -> Output {
        self.command(suite, arguments).output().unwrap()
    }

    fn start(&self, suite: &Suite, arguments: &[&str]) -> Child {
        let mut command = self.command(suite, arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What there is afterwards: each file's name, type, mode, owner and length, and the table's
    /// value.
    fn state(&self) -> Vec<String> {
        let names = fs::read_dir(self.directory.path()).unwrap();
        let mut state: Vec<String> = names
            .map(|name| {
                let name = name.unwrap();
                let about = name.metadata().unwrap();
                let (mode, len) = (about.mode(), if about.is_file() { about.len() } else { 0 });
                format!("{:?} {mode:o} {} {len}", name.file_name(), about.uid())
            })
            .collect();
        state.sort();
        state.push(self.value());
        state
    }

    /// The value of the table, if it is one.
    fn value(&self) -> String {
        let found = self.postmap(tools::ours(), &["-q", "k", "cdb:m"]);
        String::from_utf8(found.stdout).unwrap().trim_end().to_owned()
    }
}

fn message(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let message = text.strip_prefix("postmap: fatal: ").unwrap_or(&text);
    message.trim_end().to_owned()
}

/// What Postfix does that ours does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Real {
    /// Nothing.
    Same,
    /// It refuses with other words.
    Says(&'static str),
    /// It succeeds, and there is no table any more.
    LosesTheTable,
    /// It waits for somebody.
    Waits,
}

/// What is done first, what then happens, and the value of the table afterwards.
struct Row {
    name: &'static str,
    lay: fn(&Place) -> Option<Mount>,
    arguments: &'static [&'static str],
    message: &'static str,
    real: Real,
    value: &'static str,
}

const BUILD: &[&str] = &["cdb:m"];
const QUERY: &[&str] = &["-q", "k", "cdb:m"];

const NOT_REGULAR: &str = "open database m.cdb.tmp: Not a regular file";

fn node(path: PathBuf, kind: FileType, device: u64) -> Option<Mount> {
    // In the place of what is there.
    let _ = fs::remove_file(&path);
    mknodat(CWD, &path, kind, Mode::from_raw_mode(0o666), device).unwrap();
    None
}

fn link(target: &str, path: PathBuf) -> Option<Mount> {
    let _ = fs::remove_file(&path);
    symlink(target, path).unwrap();
    None
}

fn directory(path: PathBuf) -> Option<Mount> {
    let _ = fs::remove_file(&path);
    fs::create_dir(path).unwrap();
    None
}

fn bind(place: &Place, name: &str) -> Option<Mount> {
    fs::write(place.path("other"), fs::read(place.path("m.cdb")).unwrap()).unwrap();
    File::options().create(true).append(true).open(place.path(name)).unwrap();
    Some(Mount::file(&place.path("other"), &place.path(name)))
}

/// A file system of the directory's own, with the same files.
fn own_disk(place: &Place, fill: bool) -> Option<Mount> {
    let names = ["m", "m.cdb", "main.cf"];
    let files = names.map(|name| fs::read(place.path(name)).unwrap());
    let mount = Mount::memory(place.directory.path(), "size=64k");
    tools::configure(place.directory.path());
    for (name, contents) in names.into_iter().zip(files).take(2) {
        fs::write(place.path(name), contents).unwrap();
    }
    if fill {
        fs::write(place.path("filler"), vec![0; 1 << 20]).unwrap_err();
    }
    Some(mount)
}

/// The null device.
fn null() -> u64 {
    makedev(1, 3)
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "nothing", lay: |_| None,
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "the temporary file is a directory", lay: |at| directory(at.path("m.cdb.tmp")),
        arguments: BUILD, message: "open database m.cdb.tmp: Is a directory",
        real: Real::Same, value: "old" },
    Row { name: "a link to a file", lay: |at| {
            fs::write(at.path("other"), [7; 100_000]).unwrap();
            link("other", at.path("m.cdb.tmp"))
        },
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "a link to a file that is to be made", lay: |at| link("x", at.path("m.cdb.tmp")),
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "a link that leads nowhere", lay: |at| link("no/x", at.path("m.cdb.tmp")),
        arguments: BUILD, message: "open database m.cdb.tmp: No such file or directory",
        real: Real::Same, value: "old" },
    Row { name: "a link to itself", lay: |at| link("m.cdb.tmp", at.path("m.cdb.tmp")),
        arguments: BUILD, message: "open database m.cdb.tmp: Too many levels of symbolic links",
        real: Real::Same, value: "old" },
    Row { name: "a FIFO", lay: |at| node(at.path("m.cdb.tmp"), FileType::Fifo, 0),
        arguments: BUILD, message: NOT_REGULAR,
        real: Real::Says("finish database m.cdb.tmp: Illegal seek"), value: "old" },
    Row { name: "a socket", lay: |at| { UnixListener::bind(at.path("m.cdb.tmp")).unwrap(); None },
        arguments: BUILD, message: NOT_REGULAR,
        real: Real::Says("open database m.cdb.tmp: No such device or address"), value: "old" },
    Row { name: "a device", lay: |at| node(at.path("m.cdb.tmp"), FileType::CharacterDevice, null()),
        arguments: BUILD, message: NOT_REGULAR, real: Real::LosesTheTable, value: "old" },
    Row { name: "a link to a device", lay: |at| link("/dev/null", at.path("m.cdb.tmp")),
        arguments: BUILD, message: NOT_REGULAR, real: Real::LosesTheTable, value: "old" },
    Row { name: "somebody else's, and longer", lay: |at| {
            fs::write(at.path("m.cdb.tmp"), [7; 100_000]).unwrap();
            chown(at.path("m.cdb.tmp"), Some(NOBODY), Some(NOBODY)).unwrap();
            None
        },
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "one with two names", lay: |at| {
            fs::write(at.path("other"), [7; 100]).unwrap();
            fs::hard_link(at.path("other"), at.path("m.cdb.tmp")).unwrap();
            None
        },
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "a mount point", lay: |at| bind(at, "m.cdb.tmp"),
        arguments: BUILD,
        message: "rename database from m.cdb.tmp to m.cdb: Device or resource busy",
        real: Real::Same, value: "old" },
    Row { name: "the table is a directory", lay: |at| directory(at.path("m.cdb")),
        arguments: BUILD, message: "rename database from m.cdb.tmp to m.cdb: Is a directory",
        real: Real::Same, value: "" },
    Row { name: "the table is a mount point", lay: |at| bind(at, "m.cdb"),
        arguments: BUILD,
        message: "rename database from m.cdb.tmp to m.cdb: Device or resource busy",
        real: Real::Same, value: "old" },
    Row { name: "the table is a link", lay: |at| {
            fs::rename(at.path("m.cdb"), at.path("other")).unwrap();
            link("other", at.path("m.cdb"))
        },
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "the table is a link that leads nowhere", lay: |at| link("no/x", at.path("m.cdb")),
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "the table is a FIFO", lay: |at| node(at.path("m.cdb"), FileType::Fifo, 0),
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "the table is a device",
        lay: |at| node(at.path("m.cdb"), FileType::CharacterDevice, null()),
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    Row { name: "a disk of its own", lay: |at| own_disk(at, false),
        arguments: BUILD, message: "", real: Real::Same, value: "new" },
    // A longer table would be written by Postfix before it is finished, and the words be the same.
    Row { name: "a full disk", lay: |at| own_disk(at, true),
        arguments: BUILD, message: "error writing m.cdb.tmp: No space left on device",
        real: Real::Says("finish database m.cdb.tmp: No space left on device"), value: "old" },
    // How long a directory is differs from file system to file system, and so do the words.
    Row { name: "a query of a directory", lay: |at| {
            directory(at.path("m.cdb"));
            Some(Mount::memory(&at.path("m.cdb"), "size=64k"))
        },
        arguments: QUERY, message: "dict_cdbq_open: unable to init m.cdb: Protocol error",
        real: Real::Same, value: "" },
    Row { name: "a query of a link that leads nowhere", lay: |at| link("x", at.path("m.cdb")),
        arguments: QUERY, message: "open database m.cdb: No such file or directory",
        real: Real::Same, value: "" },
    Row { name: "a query of a device",
        lay: |at| node(at.path("m.cdb"), FileType::CharacterDevice, null()),
        arguments: QUERY, message: "open database m.cdb: Not a regular file",
        real: Real::Says("dict_cdbq_open: unable to init m.cdb: Protocol error"), value: "" },
    Row { name: "a query of a FIFO", lay: |at| node(at.path("m.cdb"), FileType::Fifo, 0),
        arguments: QUERY, message: "open database m.cdb: Not a regular file",
        real: Real::Waits, value: "" },
    Row { name: "a full disk does not matter to a query", lay: |at| own_disk(at, true),
        arguments: QUERY, message: "", real: Real::Same, value: "old" },
];

/// Whether a program, which is ended, was still waiting after a while.
fn waits(mut child: Child) -> bool {
    thread::sleep(Duration::from_millis(300));
    let waits = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    waits
}

impl Row {
    fn check(&self) {
        let place = Place::new();
        let mount = (self.lay)(&place);
        let output = place.postmap(tools::ours(), self.arguments);
        let Row { name, message: expected, .. } = self;
        assert_eq!(message(&output), *expected, "{name}");
        assert_eq!(output.status.code(), Some((!expected.is_empty()).into()), "{name}");
        let state = place.state();
        assert_eq!(place.value(), self.value, "{name}");
        drop(mount);

        let place = Place::new();
        let mount = (self.lay)(&place);
        if self.real == Real::Waits {
            assert!(waits(place.start(tools::real(), self.arguments)), "{name}");
            return;
        }
        let real = place.postmap(tools::real(), self.arguments);
        let is_same = (real.status, &real.stdout) == (output.status, &output.stdout);
        match self.real {
            Real::LosesTheTable => {
                assert!(real.status.success() && place.value().is_empty(), "{name}: {real:?}");
                return;
            }
            Real::Says(words) => assert_eq!(message(&real), words, "{name}"),
            Real::Same | Real::Waits => assert_eq!(message(&real), *expected, "{name}"),
        }
        assert!(is_same, "{name}: {real:?}");
        assert_eq!(place.state(), state, "{name}");
        drop(mount);
    }
}

#[test]
fn whatever_is_in_the_way() {
    ROWS.iter().for_each(Row::check);
}

/// Whoever limits the size of files.
#[test]
fn a_limit_of_file_sizes() {
    for (limit, left_over) in [(1000, 0), (0, 5000), (2048, 0)] {
        let run = |suite: &Suite| {
            let place = Place::new();
            fs::write(place.path("m.cdb.tmp"), vec![7; left_over]).unwrap();
            let mut limited = Command::new("prlimit");
            limited.arg(format!("--fsize={limit}")).arg(suite.program(Tool::Postmap)).arg("cdb:m");
            limited.current_dir(&place.directory).env("MAIL_CONFIG", place.directory.path());
            limited.envs(suite.preload().map(|object| ("LD_PRELOAD", object)));
            let output = limited.output().expect("prlimit, of the Debian package util-linux, runs");
            assert_eq!(place.value(), "old");
            (message(&output), output.status.code(), place.state())
        };
        let (ours, real) = (run(tools::ours()), run(tools::real()));
        assert_eq!(ours.0, "error writing m.cdb.tmp: File too large");
        assert_eq!(real.0, "finish database m.cdb.tmp: File too large");
        assert_eq!((ours.1, ours.2), (real.1, real.2));
    }
}

/// The lock on the temporary file, held by another builder, for as long as the result lives.
fn locked(path: &Path) -> File {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.unwrap();
    file.lock().unwrap();
    file
}

/// Waits until a program waits for a lock.
fn until_it_waits(child: &Child) {
    let start = Instant::now();
    let pid = child.id().to_string();
    let waits = |line: &str| line.contains("->") && line.split(' ').any(|word| word == pid);
    while !fs::read_to_string("/proc/locks").unwrap().lines().any(waits) {
        assert!(start.elapsed().as_secs() < 10, "it does not wait");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_builder_waits_for_another_and_readers_do_not() {
    for suite in [tools::ours(), tools::real()] {
        let place = Place::new();
        let lock = locked(&place.path("m.cdb.tmp"));
        let child = place.start(suite, &["cdb:m"]);
        until_it_waits(&child);
        for reader in [tools::ours(), tools::real()] {
            let found = place.postmap(reader, &["-q", "k", "cdb:m"]);
            assert_eq!(found.stdout, b"old\n", "{found:?}");
        }
        assert_eq!(place.postmap(tools::ours(), &["-s", "cdb:m"]).stdout, b"k\told\n");
        // What the other one makes is there before this one reads its text.
        fs::write(place.path("m"), "k newer\n").unwrap();
        drop(lock);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert_eq!(place.value(), "newer");

        // A table's own lock is nobody's business.
        let _lock = locked(&place.path("m.cdb"));
        assert!(place.postmap(suite, &["cdb:m"]).status.success());
        assert_eq!(place.postmap(suite, &["-q", "k", "cdb:m"]).stdout, b"newer\n");
    }
}

/// Postfix puts signals off until it has the lock, and has made the table.
#[test]
fn a_signal_ends_a_builder_that_waits() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let place = Place::new();
        let lock = locked(&place.path("m.cdb.tmp"));
        let [ours, real] = [tools::ours(), tools::real()].map(|suite| {
            let child = place.start(suite, &["cdb:m"]);
            until_it_waits(&child);
            kill_process(Pid::from_child(&child), signal).unwrap();
            child
        });
        let output = ours.wait_with_output().unwrap();
        assert!(output.status.code().is_none(), "{signal:?}: {output:?}");
        assert_eq!(place.value(), "old");
        until_it_waits(&real);
        drop(lock);
        real.wait_with_output().unwrap();
        assert_eq!(place.value(), "new");
    }
}

/// Keys and values of no bytes, which other builders make, and a value of 100 MB.
#[test]
fn the_shortest_and_the_longest() {
    let place = Place::new();
    fs::write(place.path("records"), "+0,1:->v\n+1,1:e->w\n\n").unwrap();
    let make = Command::new("cdb")
        .args(["-c", "m.cdb", "records"])
        .current_dir(&place.directory)
        .output()
        .expect("cdb, of the Debian package tinycdb, runs");
    assert!(make.status.success(), "{make:?}");
    for key in ["", "e", "f"] {
        let query = ["-q", key, "cdb:m"];
        let (ours, real) =
            (place.postmap(tools::ours(), &query), place.postmap(tools::real(), &query));
        assert_eq!(ours, real);
    }

    let value = [b'x'; 8].repeat(100_000_000 / 8);
    fs::write(place.path("m"), [b"short y\nlong ", &value[..], b"\n"].concat()).unwrap();
    let [ours, real] = [tools::ours(), tools::real()].map(|suite| {
        let made = place.postmap(suite, &["cdb:m"]);
        assert!(made.status.success() && made.stderr.is_empty(), "{:?}", made.status);
        fs::read(place.path("m.cdb")).unwrap()
    });
    assert!(ours == real);
    for suite in [tools::ours(), tools::real()] {
        let found = place.postmap(suite, &["-q", "long", "cdb:m"]);
        assert!(found.stdout.strip_suffix(b"\n") == Some(&value[..]));
        assert_eq!(place.postmap(suite, &["-q", "short", "cdb:m"]).stdout, b"y\n");
    }
}

/// A file that somebody cuts off while keys are looked up: Postfix, which has mapped it, dies.
#[test]
fn a_file_that_shrinks() {
    for (suite, signal) in [(tools::ours(), None), (tools::real(), Some(Signal::BUS))] {
        let place = Place::new();
        let text: String = (0..5000).map(|i| format!("k{i} value{i}\n")).collect();
        fs::write(place.path("m"), text).unwrap();
        assert!(place.postmap(suite, &["cdb:m"]).status.success());
        let mut child = place
            .command(suite, &["-q", "-", "cdb:m"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keys = child.stdin.take().unwrap();
        writeln!(keys, "k1").unwrap();
        // Ours may come to it only when it is shorter.
        let maps = || fs::read_to_string(format!("/proc/{}/maps", child.id())).unwrap();
        let start = Instant::now();
        while signal.is_some() && !maps().contains("m.cdb") {
            assert!(start.elapsed().as_secs() < 10, "{}", maps());
        }
        File::options().write(true).open(place.path("m.cdb")).unwrap().set_len(2100).unwrap();
        // Postfix's may have died already, of what it was reading.
        writeln!(keys, "k4000\nk4001\nk1").ok();
        drop(keys);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), signal.map(Signal::as_raw), "{output:?}");
        if signal.is_none() {
            let message = String::from_utf8(output.stderr).unwrap();
            assert!(message.ends_with("fatal: error reading m.cdb: Protocol error\n"), "{message}");
        }
    }
}
