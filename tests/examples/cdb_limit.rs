//! The longest cdb file, of 2^32 - 1 bytes: one that has it is made, and read by all; one that would
//! be a byte longer is refused before anything is written. Panics where that is not so.
//!
//! Takes 5 GB of disk, 10 GB of memory and some minutes:
//!
//! ```sh
//! TMPDIR=/var/tmp cargo run --release -p map-tests --features peers --example cdb_limit
//! ```

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use cdb_file::{Cdb, FileSource, verify};
use map_tests::tools::{self, Suite, Tool};
use postfix_maps::{Access, Table, TableOptions};
use tempfile::TempDir;

const LONGEST: u64 = u32::MAX as u64;
/// Length of the keys, and of all values but the last.
const KEY: u64 = 8;
const VALUE: u64 = 4000;
/// What a record takes: two lengths before it, and two slots in a table.
const RECORD: u64 = 8 + KEY + VALUE + 16;
const RECORDS: u64 = (LONGEST - 2048) / RECORD;

/// The records of a file of this length.
fn records(file_len: u64) -> impl Iterator<Item = (String, String)> {
    let rest = file_len - 2048 - RECORDS * RECORD;
    (0..RECORDS).map(move |number| {
        let len = if number + 1 == RECORDS { VALUE + rest } else { VALUE };
        (key(number), value(number, len))
    })
}

fn key(number: u64) -> String {
    format!("k{number:07}")
}

/// Wherever it is cut it is another one.
fn value(number: u64, len: u64) -> String {
    let word = format!("{number:07}-");
    word.repeat(len as usize / word.len() + 1)[..len as usize].to_owned()
}

struct Place {
    directory: TempDir,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Has our postmap make a table of this length. The text comes through a pipe: it would need as
    /// much disk as the table.
    fn build(&self, file_len: u64) -> Output {
        let source = self.path("m");
        symlink("/dev/stdin", &source).unwrap();
        let mut postmap = tools::ours().command(Tool::Postmap, self.directory.path());
        postmap.arg("cdb:m").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = postmap.spawn().unwrap();
        let mut text = BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
        for (key, value) in records(file_len) {
            writeln!(text, "{key} {value}").unwrap();
        }
        drop(text);
        let output = child.wait_with_output().unwrap();
        fs::remove_file(source).unwrap();
        output
    }

    fn postmap(&self, suite: &Suite, arguments: &[&str]) -> Output {
        suite.command(Tool::Postmap, self.directory.path()).args(arguments).output().unwrap()
    }
}

fn cdb(arguments: &[&str], file: &Path) -> Command {
    let mut command = Command::new("cdb");
    command.arg(arguments[0]).arg(file).args(&arguments[1..]);
    command
}

/// Runs a step and prints how long it takes.
fn step<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{name}: {:.1} s", start.elapsed().as_secs_f64());
    result
}

/// What `cdb -d` prints of a file is what went into it.
fn assert_is_dumped(file: &Path) {
    let dump = cdb(&["-d"], file).stdout(Stdio::piped()).spawn();
    let mut dump = dump.expect("cdb, of the Debian package tinycdb, runs");
    let mut printed = BufReader::with_capacity(1 << 20, dump.stdout.take().unwrap());
    let mut line = Vec::new();
    for (key, value) in records(LONGEST) {
        let expected = format!("+{},{}:{key}->{value}\n", key.len(), value.len());
        line.resize(expected.len(), 0);
        printed.read_exact(&mut line).unwrap();
        assert!(line == expected.as_bytes(), "{key}");
    }
    line.clear();
    printed.read_to_end(&mut line).unwrap();
    assert_eq!(line, b"\n");
    assert!(dump.wait().unwrap().success());
}

fn main() {
    let place = Place { directory: tempfile::tempdir().unwrap() };
    tools::configure(place.directory.path());
    let file = place.path("m.cdb");

    let made = step("ours", || place.build(LONGEST));
    assert!(made.status.success() && made.stderr.is_empty(), "{made:?}");
    assert_eq!(fs::metadata(&file).unwrap().len(), LONGEST);

    step("cdb -d", || assert_is_dumped(&file));
    let figures = step("cdb -s", || cdb(&["-s"], &file).output().unwrap());
    let figures = String::from_utf8(figures.stdout).unwrap();
    println!("{figures}");
    assert!(figures.starts_with(&format!("number of records: {RECORDS}\n")), "{figures}");

    let options = TableOptions::default().access(Access::Locked);
    let table = Table::open_with(format!("cdb:{}", place.path("m").display()), options).unwrap();
    let last = RECORDS - 1;
    for number in (0..RECORDS).step_by(RECORDS as usize / 100).chain([last]) {
        let (key, value) = (key(number), value(number, VALUE));
        let found = cdb(&["-q", &key], &file).output().unwrap();
        let real = place.postmap(tools::real(), &["-q", &key, "cdb:m"]);
        let ours = place.postmap(tools::ours(), &["-q", &key, "cdb:m"]);
        assert_eq!(ours, real);
        assert_eq!(ours.stdout.strip_suffix(b"\n"), Some(&found.stdout[..]));
        assert!(found.stdout.starts_with(value.as_bytes()), "{key}: {found:?}");
        assert_eq!(table.get(&key).unwrap().as_deref(), Some(&found.stdout[..]));
    }
    let verdict = step("verify", || {
        verify(FileSource::new(File::open(&file).unwrap()), |_| ControlFlow::Break(()))
    });
    let verdict = verdict.unwrap();
    assert_eq!((verdict.records, verdict.notes, verdict.is_sound()), (RECORDS, 0, true));
    let database = Cdb::open(FileSource::new(File::open(&file).unwrap())).unwrap();
    step("list", || {
        for (record, (key, value)) in database.iter().zip(records(LONGEST)) {
            let (found_key, found) = record.unwrap();
            assert!(found_key == key.as_bytes() && found == value.as_bytes(), "{key}");
        }
    });

    // A byte more.
    let old = fs::metadata(&file).unwrap();
    let refused = step("refusal", || place.build(LONGEST + 1));
    let message = String::from_utf8(refused.stderr).unwrap();
    println!("{message}");
    assert!(message.contains("too large for a cdb file"), "{message}");
    assert!(message.ends_with("postmap: fatal: error writing m.cdb.tmp: Cannot allocate memory\n"));
    assert_eq!(refused.status.code(), Some(1));
    let there = fs::metadata(&file).unwrap();
    assert_eq!((there.ino(), there.mtime_nsec()), (old.ino(), old.mtime_nsec()));
    // Nothing of the new one was written.
    assert_eq!(fs::metadata(place.path("m.cdb.tmp")).unwrap().len(), 0);
    let found = place.postmap(tools::ours(), &["-q", &key(last), "cdb:m"]);
    assert!(found.stdout.starts_with(value(last, VALUE).as_bytes()));
}
