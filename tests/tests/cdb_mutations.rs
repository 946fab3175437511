//! The table of single changes in the specification of the cdb format, section 6.1: each row made
//! in a file by real `postmap`, and looked at by real `postmap -q`, by `cdb -d` and by ours.
#![cfg(feature = "peers")]

#[path = "../../crates/cdb/tests/fuzzed/model.rs"]
#[allow(dead_code)]
mod model;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Output};

use cdb_file::{Cdb, ErrorKind, Fault, Severity, verify};
use map_tests::tools::{self, Suite, Tool};
use model::{hash, pair, slots};

const RECORDS: usize = 40;
/// A record in the middle, whose table is not the last.
const KEY: &str = "user17@example.com";

/// What a lookup of the key gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Value,
    /// The value and a byte of the next record.
    Longer,
    Nothing,
    /// An error while it is looked for.
    Damaged,
    /// An error when the file is opened.
    Unusable,
}

use Found::{Damaged, Longer, Nothing, Unusable, Value};

/// What `cdb -d` says of a file.
type Complaint = Option<&'static str>;

const FINE: Complaint = None;
const SHORT: Complaint = Some("unable to read: short file");
const BAD_FILE: Complaint = Some("invalid cdb file format: Protocol error");
const BAD_DATABASE: Complaint = Some("invalid database format: Protocol error");

/// Where the numbers are that concern the key.
struct Places {
    pointer: usize,
    slot: usize,
    record: usize,
    size: u32,
}

impl Places {
    fn of(file: &[u8]) -> Self {
        let table = (hash(KEY.as_bytes()) & 0xff) as usize;
        let is_its = |slot: &usize| pair(file, *slot).unwrap().0 == hash(KEY.as_bytes()) as usize;
        let slot = slots(file, table).step_by(8).find(is_its).unwrap();
        let record = pair(file, slot).unwrap().1;
        assert!(table < 255 && !(table + 1..256).all(|table| slots(file, table).is_empty()));
        Places { pointer: 8 * table, slot, record, size: file.len() as u32 }
    }
}

fn put(file: &mut [u8], at: usize, number: u32) {
    file[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

fn add(file: &mut [u8], at: usize, number: i32) {
    let old = pair(file, at).unwrap().0 as u32;
    put(file, at, old.wrapping_add_signed(number));
}

/// A change; what real `postmap -q`, `cdb -d` and our lookups make of it; and the damage that
/// verify finds.
struct Row {
    name: &'static str,
    change: fn(&mut Vec<u8>, &Places),
    real: Found,
    dump: Complaint,
    ours: Found,
    damage: Option<Fault>,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "none", change: |_, _| (), real: Value, dump: FINE, ours: Value, damage: None },
    Row { name: "EOD := 0", change: |file, _| put(file, 0, 0),
        real: Damaged, dump: BAD_FILE, ours: Damaged, damage: Some(Fault::EndOfData) },
    Row { name: "EOD := ffffffff", change: |file, _| put(file, 0, u32::MAX),
        real: Damaged, dump: SHORT, ours: Damaged, damage: Some(Fault::EndOfData) },
    Row { name: "EOD + 4", change: |file, _| add(file, 0, 4),
        real: Value, dump: BAD_DATABASE, ours: Value, damage: Some(Fault::Record) },
    Row { name: "EOD - 4", change: |file, _| add(file, 0, -4),
        real: Value, dump: BAD_DATABASE, ours: Value, damage: Some(Fault::Record) },
    Row { name: "slots n := ffffffff", change: |file, at| put(file, at.pointer + 4, u32::MAX),
        real: Damaged, dump: FINE, ours: Damaged, damage: Some(Fault::TablePlace) },
    Row { name: "slots n := 20000001", change: |file, at| put(file, at.pointer + 4, 0x2000_0001),
        real: Damaged, dump: FINE, ours: Damaged, damage: Some(Fault::TablePlace) },
    Row { name: "n := 0", change: |file, at| put(file, at.pointer + 4, 0),
        real: Nothing, dump: FINE, ours: Nothing, damage: Some(Fault::NotIndexed) },
    Row { name: "table position := 0", change: |file, at| put(file, at.pointer, 0),
        real: Damaged, dump: FINE, ours: Damaged, damage: Some(Fault::TablePlace) },
    Row { name: "table position := size", change: |file, at| put(file, at.pointer, at.size),
        real: Damaged, dump: FINE, ours: Damaged, damage: Some(Fault::TablePlace) },
    Row { name: "table position := size + 8", change: |file, at| put(file, at.pointer, at.size + 8),
        real: Damaged, dump: FINE, ours: Damaged, damage: Some(Fault::TablePlace) },
    Row { name: "slot position := 1", change: |file, at| put(file, at.slot + 4, 1),
        real: Nothing, dump: FINE, ours: Damaged, damage: Some(Fault::SlotPosition) },
    Row { name: "slot position := fffffff0", change: |file, at| put(file, at.slot + 4, 0xffff_fff0),
        real: Damaged, dump: FINE, ours: Damaged, damage: Some(Fault::SlotPosition) },
    Row { name: "slot position := 0", change: |file, at| put(file, at.slot + 4, 0),
        real: Nothing, dump: FINE, ours: Nothing, damage: Some(Fault::NotIndexed) },
    Row { name: "slot hash wrong", change: |file, at| add(file, at.slot, 1),
        real: Nothing, dump: FINE, ours: Nothing, damage: Some(Fault::SlotHash) },
    Row { name: "klen := ffffffff", change: |file, at| put(file, at.record, u32::MAX),
        real: Nothing, dump: BAD_DATABASE, ours: Damaged, damage: Some(Fault::Record) },
    Row { name: "vlen := ffffffff", change: |file, at| put(file, at.record + 4, u32::MAX),
        real: Damaged, dump: BAD_DATABASE, ours: Damaged, damage: Some(Fault::Record) },
    Row { name: "vlen := 7fffffff", change: |file, at| put(file, at.record + 4, 0x7fff_ffff),
        real: Damaged, dump: BAD_DATABASE, ours: Damaged, damage: Some(Fault::Record) },
    Row { name: "vlen + 1", change: |file, at| add(file, at.record + 4, 1),
        real: Longer, dump: BAD_DATABASE, ours: Longer, damage: Some(Fault::Record) },
    Row { name: "truncated by 1 byte", change: |file, at| file.truncate(at.size as usize - 1),
        real: Value, dump: FINE, ours: Value, damage: Some(Fault::TablePlace) },
    Row { name: "truncated to 2048", change: |file, _| file.truncate(2048),
        real: Damaged, dump: SHORT, ours: Damaged, damage: Some(Fault::EndOfData) },
    Row { name: "shorter than 2048", change: |file, _| file.truncate(2047),
        real: Unusable, dump: SHORT, ours: Unusable, damage: None },
    Row { name: "empty", change: |file, _| file.clear(),
        real: Unusable, dump: SHORT, ours: Unusable, damage: None },
    Row { name: "2048 zero bytes", change: |file, _| *file = vec![0; 2048],
        real: Nothing, dump: BAD_FILE, ours: Damaged, damage: Some(Fault::EndOfData) },
    Row { name: "4096 zero bytes", change: |file, _| *file = vec![0; 4096],
        real: Nothing, dump: BAD_FILE, ours: Damaged, damage: Some(Fault::EndOfData) },
    Row { name: "bytes appended", change: |file, _| file.extend([7; 100]),
        real: Value, dump: FINE, ours: Value, damage: None },
    Row { name: "all slots of the table used, none matching", change: |file, at| fill_table(file, at),
        real: Nothing, dump: FINE, ours: Nothing, damage: Some(Fault::SlotHash) },
];

/// Slots that lead to the first record, with hashes that nobody looks for.
fn fill_table(file: &mut [u8], at: &Places) {
    for slot in slots(file, at.pointer / 8).step_by(8) {
        put(file, slot, !(hash(KEY.as_bytes())));
        put(file, slot + 4, 2048);
    }
}

/// The end of the file without its last byte, for the key of the last table.
const CUT: &Row = &Row {
    name: "truncated by 1 byte, the key's table is the last",
    change: |_, _| (),
    real: Damaged,
    dump: FINE,
    ours: Damaged,
    damage: Some(Fault::TablePlace),
};

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        tools::configure(directory.path());
        let text: String = (0..RECORDS).map(|i| format!("user{i}@example.com v{i:03}\n")).collect();
        fs::write(directory.path().join("x"), text).unwrap();
        let place = Place { directory };
        let made = place.postmap(tools::real(), &["cdb:x"]);
        assert!(made.status.success(), "{made:?}");
        place
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("x.cdb")
    }

    fn postmap(&self, suite: &Suite, arguments: &[&str]) -> Output {
        suite.command(Tool::Postmap, self.directory.path()).args(arguments).output().unwrap()
    }

    /// What one of the programs finds.
    fn query(&self, suite: &Suite, key: &str, value: &str) -> Found {
        let output = self.postmap(suite, &["-q", key, "cdb:x"]);
        let message = String::from_utf8(output.stderr.clone()).unwrap();
        let fatal =
            |text: &str| message.contains(&format!("postmap: fatal: {text}: Protocol error\n"));
        match (output.status.code(), output.stdout.strip_suffix(b"\n")) {
            (Some(0), Some(found)) if message.is_empty() && found == value.as_bytes() => Value,
            (Some(0), Some([found @ .., _])) if message.is_empty() && found == value.as_bytes() => {
                Longer
            }
            (Some(1), None) if message.is_empty() => Nothing,
            (Some(1), None) if fatal("error reading x.cdb") => Damaged,
            (Some(1), None) if fatal("dict_cdbq_open: unable to init x.cdb") => Unusable,
            _ => panic!("{output:?}"),
        }
    }

    /// What `cdb -d` complains of.
    fn dump(&self) -> Option<String> {
        let output = Command::new("cdb").arg("-d").arg(self.file()).output();
        let output = output.expect("cdb, of the Debian package tinycdb, runs");
        if output.status.success() && output.stderr.is_empty() {
            return None;
        }
        let message = String::from_utf8(output.stderr).unwrap();
        let complaint = message.trim_end().strip_prefix("cdb: ");
        Some(complaint.unwrap_or_else(|| panic!("{message}")).to_owned())
    }

    /// All that is to be said of a row, as far as it differs from what it is to be.
    fn differences(&self, row: &Row, key: &str, value: &str) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, found: String, expected: String| {
            if found != expected {
                differences.push(format!("{}: {what}: {found}, not {expected}", row.name));
            }
        };
        let bytes = fs::read(self.file()).unwrap();
        let words = |found: Found| format!("{found:?}");
        compare("postmap -q", words(self.query(tools::real(), key, value)), words(row.real));
        compare("cdb -d", format!("{:?}", self.dump()), format!("{:?}", row.dump));
        compare("ours -q", words(self.query(tools::ours(), key, value)), words(row.ours));
        compare("ours", words(look_up(&bytes, key, value)), words(row.ours));
        compare("verify", damage(&bytes, row.damage), format!("{:?}", row.damage));
        differences
    }
}

/// What the library finds.
fn look_up(file: &[u8], key: &str, value: &str) -> Found {
    match Cdb::open(file).and_then(|database| Ok(database.get(key)?.map(|found| found.to_vec()))) {
        Ok(Some(found)) if found == value.as_bytes() => Value,
        Ok(Some(found)) if found[..found.len() - 1] == *value.as_bytes() => Longer,
        Ok(None) => Nothing,
        Ok(Some(found)) => panic!("{}", found.escape_ascii()),
        Err(error) => match error.kind() {
            ErrorKind::Damaged(_) => Damaged,
            ErrorKind::NotADatabase => Unusable,
            kind => panic!("{kind:?}"),
        },
    }
}

/// The damage that verify finds; what is expected, if that is among it.
fn damage(file: &[u8], expected: Option<Fault>) -> String {
    let mut found = Vec::new();
    let verdict = verify(file, |problem| {
        if problem.severity() == Severity::Damage {
            found.push(problem.fault);
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = verdict {
        assert!(matches!(error.kind(), ErrorKind::NotADatabase));
        return "None".to_owned();
    }
    let one = found.iter().find(|fault| Some(**fault) == expected).or(found.first());
    format!("{:?}", one)
}

/// The key of a record whose table is the last.
fn key_of_last_table(file: &[u8]) -> (String, String) {
    let table = (0..256).rev().find(|table| !slots(file, *table).is_empty()).unwrap();
    let position = slots(file, table).step_by(8).map(|slot| pair(file, slot).unwrap().1);
    let (key, value) = model::record(file, position.max().unwrap()).unwrap();
    let own = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (own(key), own(value))
}

#[test]
fn each_row_of_the_table() {
    let place = Place::new();
    let sound = fs::read(place.file()).unwrap();
    let places = Places::of(&sound);
    let mut differences = Vec::new();
    for row in ROWS {
        let mut file = sound.clone();
        (row.change)(&mut file, &places);
        fs::write(place.file(), file).unwrap();
        differences.extend(place.differences(row, KEY, "v017"));
    }
    let (key, value) = key_of_last_table(&sound);
    fs::write(place.file(), &sound[..sound.len() - 1]).unwrap();
    differences.extend(place.differences(CUT, &key, &value));
    assert!(differences.is_empty(), "{differences:#?}");
}
