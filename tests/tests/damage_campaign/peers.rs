//! The programs of libdb and tinycdb on damaged files, beside ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Output};
use std::sync::Mutex;

use cdb_file::{Cdb, dump};
use map_tests::made::{self, Outcome};
use map_tests::tools::{self, Suite, Tool};
use tempfile::TempDir;

use crate::cdb::CDB;
use crate::hash::HASH;
use crate::{ROUNDS, campaign};

/// Seconds that libdb's programs get.
const SECONDS: u32 = 5;

/// How often each program ended in each way.
type Outcomes = BTreeMap<(&'static str, Outcome), u64>;

fn print(outcomes: &Outcomes) {
    println!(
        "| program | files | accepts | rejects | crashes | hangs |\n| --- | --- | --- | --- | --- | --- |"
    );
    let programs: BTreeSet<_> = outcomes.keys().map(|(program, _)| *program).collect();
    for program in programs {
        let count = |outcome| outcomes.get(&(program, outcome)).copied().unwrap_or_default();
        let counts =
            [Outcome::Accepts, Outcome::Rejects, Outcome::Crashes, Outcome::Hangs].map(count);
        let [accepts, rejects, crashes, hangs] = counts;
        println!(
            "| {program} | {} | {accepts} | {rejects} | {crashes} | {hangs} |",
            counts.iter().sum::<u64>()
        );
    }
}

#[test]
fn libdb() {
    let outcomes = Mutex::new(Outcomes::new());
    let verdicts = Mutex::new(BTreeMap::<(Outcome, bool), u64>::new());
    campaign(&HASH, 5, ROUNDS, |_, file| {
        let is_sound = (HASH.is_sound)(file);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let ask = |program| {
            // Even these programs change what they look at.
            fs::write(&path, file).unwrap();
            let outcome = made::ask(program, &path, SECONDS);
            *outcomes.lock().unwrap().entry((program, outcome)).or_default() += 1;
            outcome
        };
        ask("db5.3_dump");
        let theirs = ask("db5.3_verify");
        *verdicts.lock().unwrap().entry((theirs, is_sound)).or_default() += 1;
        assert!(!is_sound || theirs != Outcome::Rejects, "libdb rejects it, and we do not");
    });
    print(&outcomes.into_inner().unwrap());
    println!(
        "db5.3_verify's verdict, whether ours is that the file is sound: {:?}",
        verdicts.into_inner().unwrap()
    );
}

/// A key of half of the files.
const KEY: &str = "2";

/// What `cdb -d` prints, ours does, and what it refuses, ours does. Where `postmap -q` finds a
/// value, ours finds the same one, or the damage on the way.
#[test]
fn tinycdb() {
    let outcomes = Mutex::new(Outcomes::new());
    let note = |program, outcome| {
        *outcomes.lock().unwrap().entry((program, outcome)).or_default() += 1;
    };
    campaign(&CDB, 5, ROUNDS, |_, file| {
        let directory = TempDir::new().unwrap();
        tools::configure(directory.path());
        let path = directory.path().join("file.cdb");
        fs::write(&path, file).unwrap();

        let theirs = Command::new("cdb").arg("-d").arg(&path).output();
        let theirs = theirs.expect("cdb, of the Debian package tinycdb, runs");
        note("cdb -d", outcome(&theirs));
        let mut text = Vec::new();
        let ours = Cdb::open(file).and_then(|database| dump(&database, &mut text));
        match outcome(&theirs) {
            Outcome::Accepts => assert!(ours.is_ok() && text == theirs.stdout, "{ours:?}"),
            Outcome::Rejects => assert!(ours.is_err(), "{theirs:?}"),
            _ => {}
        }

        let query = |suite: &Suite| {
            let mut command = suite.command(Tool::Postmap, directory.path());
            command.args(["-q", KEY, "cdb:file"]).output().unwrap()
        };
        let theirs = query(tools::real());
        note("postmap -q", outcome(&theirs));
        let ours = query(tools::ours());
        let is_damage = ours.status.code() == Some(1) && !ours.stderr.is_empty();
        let same = |one: &Output, other: &Output| {
            one.status == other.status && one.stdout == other.stdout && one.stderr == other.stderr
        };
        // Of an empty value (cdb specification, section 7.4).
        let crashed = outcome(&theirs) == Outcome::Crashes;
        assert!(is_damage || crashed || same(&ours, &theirs), "{ours:?}\n{theirs:?}");
        assert!(!is_damage || !(CDB.is_sound)(file), "{ours:?}");
    });
    print(&outcomes.into_inner().unwrap());
}

/// A program that has something to say rejects the file; that a key is not there is no rejection.
fn outcome(output: &Output) -> Outcome {
    match output.status.code() {
        None => Outcome::Crashes,
        Some(_) if output.stderr.is_empty() => Outcome::Accepts,
        Some(_) => Outcome::Rejects,
    }
}
