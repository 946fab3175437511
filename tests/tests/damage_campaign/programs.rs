//! The programs on damaged files: ours, and libdb's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use map_tests::made::{self, Outcome};
use map_tests::tools::{self, Tool};
use tempfile::TempDir;

use crate::library;
use crate::tally::{End, LIMIT, MEMORY, Tally};
use crate::{ROUNDS, campaign};

/// Our commands, and what they read; each works on a copy of the file of its own. Half of the sound
/// files have the key.
const COMMANDS: [(&str, &[&str], &str); 10] = [
    ("postmap -q", &["postmap", "-q", "2", "hash:file"], ""),
    ("postmap -q -", &["postmap", "-q", "-", "hash:file"], "2\nuser1@example.com\nabsent\n"),
    ("postmap -s", &["postmap", "-s", "hash:file"], ""),
    ("postmap -i", &["postmap", "-ri", "hash:file"], "2 new\nuser1@example.com new\n"),
    ("postmap -d", &["postmap", "-d", "2", "hash:file"], ""),
    ("bdbmap verify", &["bdbmap", "verify", "file.db"], ""),
    ("bdbmap salvage", &["bdbmap", "salvage", "--doubtful", "file.db"], ""),
    ("bdbmap dump", &["bdbmap", "dump", "file.db"], ""),
    ("bdbmap stat", &["bdbmap", "stat", "file.db"], ""),
    ("bdbmap get", &["bdbmap", "get", "file.db", "2"], ""),
];

#[test]
fn tools() {
    // Built, perhaps, before the time is taken.
    tools::ours();
    let tally = Tally::default();
    campaign(8, 5, |_, file| {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
        for (name, command, input) in COMMANDS {
            fs::write(directory.path().join("input"), input).unwrap();
            fs::write(directory.path().join("file.db"), file).unwrap();
            let start = Instant::now();
            let output = run(command, directory.path(), file.len());
            let end = match output.status.code() {
                Some(0) => End::Answer,
                Some(1 | 2) => End::Error,
                _ => End::Killed,
            };
            if end == End::Killed {
                println!("{name}: {output:?}");
            }
            tally.add(name, file.len(), end, start.elapsed(), None);
        }
    });
    tally.finish();
}

/// Runs a command with as much memory as it may have. It is killed when it has had its time.
fn run(command: &[&str], directory: &Path, len: usize) -> Output {
    let script = "ulimit -v $1; shift; exec timeout -s KILL \"$@\" <input >/dev/null";
    let memory = (2 * len + MEMORY) / 1024;
    let program = tools::ours().program(Tool::Postmap).with_file_name(command[0]);
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(memory.to_string()).arg(LIMIT.as_secs().to_string());
    shell.arg(program).args(&command[1..]).current_dir(directory).env("MAIL_CONFIG", directory);
    shell.stdin(Stdio::null()).output().unwrap()
}

/// Seconds that libdb's programs get.
const SECONDS: u32 = 5;

#[test]
fn libdb() {
    let outcomes = Mutex::new(BTreeMap::<(&str, Outcome), u64>::new());
    let verdicts = Mutex::new(BTreeMap::<(Outcome, bool), u64>::new());
    campaign(5, ROUNDS, |_, file| {
        let is_sound = library::is_sound(file).is_ok_and(|sound| sound);
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
    println!(
        "| program | files | accepts | rejects | crashes | hangs |\n| --- | --- | --- | --- | --- | --- |"
    );
    let outcomes = outcomes.into_inner().unwrap();
    for program in ["db5.3_dump", "db5.3_verify"] {
        let count = |outcome| outcomes.get(&(program, outcome)).copied().unwrap_or_default();
        let counts =
            [Outcome::Accepts, Outcome::Rejects, Outcome::Crashes, Outcome::Hangs].map(count);
        let [accepts, rejects, crashes, hangs] = counts;
        println!(
            "| {program} | {} | {accepts} | {rejects} | {crashes} | {hangs} |",
            counts.iter().sum::<u64>()
        );
    }
    println!(
        "db5.3_verify's verdict, whether ours is that the file is sound: {:?}",
        verdicts.into_inner().unwrap()
    );
}
