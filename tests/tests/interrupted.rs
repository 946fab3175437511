//! Signals that come while a table waits for its lock or is written, limits of file sizes, and
//! readers that go away: as with Postfix's `postmap` (section 4 of the postmap specification).
#![cfg(feature = "peers")]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use map_tests::table_types::{HASH, TABLE_TYPES, TableType};
use map_tests::tools::{self, Suite, Tool};
use tempfile::TempDir;

/// How long a program that is told to end may take.
const PROMPTLY: Duration = Duration::from_secs(10);

/// A directory with tables `m` and `n`, made from texts that have changed since.
struct Place {
    directory: TempDir,
    table_type: &'static TableType,
}

/// The types of tables that are written in place under a lock: those that can be changed.
fn types() -> impl Iterator<Item = &'static TableType> {
    TABLE_TYPES.iter().copied().filter(|table_type| table_type.changes)
}

impl Place {
    /// A place for tables of each type.
    fn each() -> impl Iterator<Item = Self> {
        types().map(Place::new)
    }

    fn new(table_type: &'static TableType) -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap(), table_type };
        fs::create_dir(place.path("etc")).unwrap();
        fs::write(place.path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        let old = SystemTime::now() - Duration::from_secs(86_400);
        File::open(place.path("etc/main.cf")).unwrap().set_modified(old).unwrap();
        for name in ["m", "n"] {
            fs::write(place.path(name), "k old\n").unwrap();
        }
        let made = place.command(tools::real(), "hash:m hash:n").output().unwrap();
        assert!(made.status.success());
        for name in ["m", "n"] {
            fs::write(place.path(name), "k new\n").unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(&*self.table_type.file_name(name))
    }

    fn command(&self, suite: &Suite, line: &str) -> Command {
        // Whoever runs the tests in the background or under nohup has signals ignored, and hands
        // that on.
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(suite.program(Tool::Postmap));
        self.prepare(&mut command, suite).args(self.table_type.line(line).split(' '));
        command
    }

    /// A command of a shell, written for `hash:`, in which `$0` is the program.
    fn shell(&self, suite: &Suite, script: &str) -> Command {
        let mut command = Command::new("sh");
        let script = self.table_type.line(script);
        self.prepare(&mut command, suite).args(["-c", &script]).arg(suite.program(Tool::Postmap));
        command
    }

    fn prepare<'c>(&self, command: &'c mut Command, suite: &Suite) -> &'c mut Command {
        command.current_dir(&self.directory).env("MAIL_CONFIG", "etc").stdin(Stdio::null());
        command.envs(suite.preload().map(|object| ("LD_PRELOAD", object)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped())
    }

    /// The value of the key `k`.
    fn value(&self, table: &str) -> String {
        let found = self.command(tools::real(), &format!("-q k hash:{table}")).output().unwrap();
        String::from_utf8(found.stdout).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(&self.directory).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn kill(child: &Child, signal: &str) {
    assert!(
        Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Waits until a process sleeps in a lock.
fn await_lock(child: &Child) {
    let wchan = format!("/proc/{}/syscall", child.id());
    let start = Instant::now();
    // The number of flock, on x86-64 and elsewhere.
    let waits = || {
        fs::read_to_string(&wchan)
            .is_ok_and(|call| call.starts_with("73 ") || call.starts_with("32 "))
    };
    while !waits() {
        assert!(start.elapsed() < PROMPTLY, "does not wait for the lock");
        thread::sleep(Duration::from_millis(5));
    }
}

/// How a process ended; killed, and so by signal 9, where it does not end promptly.
fn end(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PROMPTLY {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn who_waits_for_a_lock_can_be_interrupted() {
    for suite in [tools::ours(), tools::real()] {
        for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
            for line in ["hash:m", "-i hash:m", "-d k hash:m"] {
                for place in Place::each() {
                    let (before, files) = (fs::read(place.path("m.db")).unwrap(), place.files());
                    let lock = File::open(place.path("m.db")).unwrap();
                    lock.lock().unwrap();
                    let child = place.command(suite, line).spawn().unwrap();
                    await_lock(&child);
                    kill(&child, signal);
                    let output = end(child);
                    assert_eq!(output.status.signal(), Some(number), "{line}: {output:?}");
                    assert_eq!(fs::read(place.path("m.db")).unwrap(), before, "{line}");
                    assert_eq!(place.files(), files);
                }
            }
        }
    }
}

/// As under nohup.
#[test]
fn an_ignored_signal_stays_ignored() {
    for suite in [tools::ours(), tools::real()] {
        for place in Place::each() {
            let lock = File::open(place.path("m.db")).unwrap();
            lock.lock().unwrap();
            let child =
                place.shell(suite, "trap '' HUP; exec \"$0\" hash:m hash:n").spawn().unwrap();
            await_lock(&child);
            kill(&child, "HUP");
            lock.unlock().unwrap();
            assert!(end(child).status.success());
            assert_eq!([place.value("m"), place.value("n")], ["new\n", "new\n"]);

            // And while one is being written: the first table's entries are still being read.
            let mut child = place.shell(suite, "trap '' HUP; exec \"$0\" -ri hash:m hash:n");
            let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(b"k newer\n").unwrap();
            await_writing(&place.path("m.db"));
            kill(&child, "HUP");
            drop(stdin);
            assert!(end(child).status.success());
            assert_eq!(place.value("m"), "newer\n");
        }
    }
}

/// Waits until somebody has a table locked.
fn await_writing(table: &Path) {
    let start = Instant::now();
    loop {
        let file = File::open(table).unwrap();
        if file.try_lock_shared().is_err() {
            // The mask is set right behind the lock.
            return thread::sleep(Duration::from_millis(100));
        }
        assert!(start.elapsed() < PROMPTLY, "nobody locks the table");
        drop(file);
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signal_waits_for_the_table_that_is_being_written() {
    for suite in [tools::ours(), tools::real()] {
        for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)] {
            for place in Place::each() {
                let mut child = place.command(suite, "-ri hash:m hash:n");
                let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
                let mut stdin = child.stdin.take().unwrap();
                stdin.write_all(b"k newer\n").unwrap();
                await_writing(&place.path("m.db"));
                kill(&child, signal);
                thread::sleep(Duration::from_millis(50));
                assert!(child.try_wait().unwrap().is_none());
                stdin.write_all(b"more entries\n").unwrap();
                drop(stdin);
                assert_eq!(end(child).status.signal(), Some(number));
                assert_eq!([place.value("m"), place.value("n")], ["newer\n", "old\n"]);
            }
        }
    }
}

/// A rebuild, and a deletion, that get a signal with each system call that writes or renames.
#[test]
fn a_signal_while_writing_leaves_a_whole_table() {
    for table_type in types() {
        let calls = ["fsync", "pwrite64", "renameat2"];
        for (line, calls) in [("hash:m hash:n", &calls[..]), ("-d k hash:m hash:n", &calls[..1])] {
            let mut hit = 0;
            for call in calls {
                let place = Place::new(table_type);
                let files = place.files();
                let program = tools::ours().program(Tool::Postmap);
                let inject = format!("inject={call}:signal=SIGTERM:when=1");
                let mut command = Command::new("strace");
                place.prepare(&mut command, tools::ours());
                command.args(["-f", "-o", "/dev/null", "-e", &inject]).arg(program);
                let output = command.args(table_type.line(line).split(' ')).output().unwrap();
                if output.status.signal() == Some(15) {
                    hit += 1;
                    let first = if line.starts_with("-d") { "" } else { "new\n" };
                    assert_eq!(
                        [place.value("m").as_str(), &place.value("n")],
                        [first, "old\n"],
                        "{call}"
                    );
                } else {
                    assert!(output.status.success(), "{call}: {output:?}");
                }
                assert_eq!(place.files(), files, "{call}");
            }
            assert!(hit > 0, "{line} makes none of the calls");
        }
    }
}

#[test]
fn a_file_too_large_is_an_error() {
    let text: String = (0..20_000).map(|i| format!("key{i}: value{i}\n")).collect();
    let postmaps = [("postmap", "hash:m"), ("postalias", "hash:m"), ("postmap", "-i hash:m")];
    let of_types =
        types().flat_map(|table_type| postmaps.map(|(program, line)| (table_type, program, line)));
    for (table_type, program, line) in of_types.chain([(HASH, "bdbmap", "load fresh.db m.dump")]) {
        let place = Place::new(table_type);
        fs::write(place.path("m"), &text).unwrap();
        let dump: String = (0..20_000).map(|i| format!(" {i:06x}\n 00\n")).collect();
        let head = "VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n";
        fs::write(place.path("m.dump"), [head, &dump, "DATA=END\n"].concat()).unwrap();
        let (before, files) = (fs::read(place.path("m.db")).unwrap(), place.files());
        let path = tools::ours().program(Tool::Postmap).with_file_name(program);
        // Blocks of 512 bytes.
        let script = format!("ulimit -f 64; exec {} {line} <m", path.display());
        let output = place.shell(tools::ours(), &script).output().unwrap();
        let status = if program == "bdbmap" { 2 } else { 1 };
        assert_eq!(output.status.code(), Some(status), "{program}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("File too large"), "{program}: {said}");
        assert_eq!(fs::read(place.path("m.db")).unwrap(), before, "{program} {line}");
        assert_eq!(place.files(), files, "{program} {line}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program() {
    for place in Place::each() {
        let text: String = (0..20_000).map(|i| format!("key{i} value{i}\n")).collect();
        fs::write(place.path("m"), &text).unwrap();
        let keys: String = (0..20_000).map(|i| format!("key{i}\n")).collect();
        fs::write(place.path("keys"), keys).unwrap();
        assert!(place.command(tools::real(), "hash:m").output().unwrap().status.success());
        for line in ["-s hash:m", "-q - hash:m", "-q key1 hash:m"] {
            let [ours, real] = [tools::ours(), tools::real()].map(|suite| {
                let mut command = place.command(suite, line);
                command.stdin(File::open(place.path("keys")).unwrap());
                command.stdout(gone());
                command.status().unwrap().signal()
            });
            assert_eq!((ours, real), (Some(13), Some(13)), "{line}");
        }
    }
}

/// A pipe that nobody reads from.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}
