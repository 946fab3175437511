//! Our programs on damaged files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use map_tests::tools::{self, Tool};
use tempfile::TempDir;

use crate::tally::{End, LIMIT, MEMORY, Tally};
use crate::{campaign, each_format};

/// Makes a table where a damaged file is.
const REBUILD: &str = "postmap";

/// Our commands, for `hash:` and `.db`, and what they read; each works on a copy of the file of its
/// own. Half of the sound files have the key.
const COMMANDS: [(&str, &[&str], &str); 11] = [
    (REBUILD, &["postmap", "hash:file"], ""),
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
    each_format(|format| {
        let table_type = format.table_type;
        let tally = Tally::default();
        campaign(format, 8, 5, |_, file| {
            let directory = TempDir::new().unwrap();
            let path = |name: &str| directory.path().join(name);
            fs::write(path("main.cf"), "compatibility_level = 3.6\n").unwrap();
            fs::write(path("file"), "key value\n").unwrap();
            let table = path(&table_type.file_name("file.db"));
            for (name, command, input) in COMMANDS {
                let command = command.iter().map(|word| table_type.line(word));
                let command: Vec<String> =
                    command.map(|word| table_type.file_name(&word).into_owned()).collect();
                fs::write(path("input"), input).unwrap();
                fs::write(&table, file).unwrap();
                let start = Instant::now();
                let output = run(&command, directory.path(), file.len());
                let end = match output.status.code() {
                    Some(0) => End::Answer,
                    Some(1 | 2) => End::Error,
                    _ => End::Killed,
                };
                if end == End::Killed {
                    println!("{name}: {output:?}");
                }
                tally.add(name, file.len(), end, start.elapsed(), None);
                if name == REBUILD {
                    assert_eq!(end, End::Answer, "{output:?}");
                    assert!((format.is_sound)(&fs::read(&table).unwrap()));
                }
            }
        });
        tally.finish();
    });
}

/// Runs a command with as much memory as it may have. It is killed when it has had its time.
fn run(command: &[String], directory: &Path, len: usize) -> Output {
    let script = "ulimit -v $1; shift; exec timeout -s KILL \"$@\" <input >/dev/null";
    let memory = (2 * len + MEMORY) / 1024;
    let program = tools::ours().program(Tool::Postmap).with_file_name(&command[0]);
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(memory.to_string()).arg(LIMIT.as_secs().to_string());
    shell.arg(program).args(&command[1..]).current_dir(directory).env("MAIL_CONFIG", directory);
    shell.stdin(Stdio::null()).output().unwrap()
}
