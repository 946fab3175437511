//! A change of a large table that was interrupted: what our programs say of it, and of copies of
//! the file.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use map_tests::dbtools;
use map_tests::tools::{self, Tool};
use tempfile::TempDir;

const WARNING: &str = "m.db: a change of this file was interrupted: it is read as if completed\n";
const MENDED: &str = "m.db: a change of this file had been interrupted, and has been completed\n";

/// A table of 40,000 entries, `userN old N`, of which every tenth was about to become `new N` and
/// 4,000 to be added when the program was killed: some of the pages are written.
struct Interrupted(TempDir);

impl Interrupted {
    fn new() -> Self {
        Self::of("hash")
    }

    fn of(table_type: &str) -> Self {
        let place = Interrupted(TempDir::new().unwrap());
        let table = format!("{table_type}:m");
        fs::create_dir(place.path("etc")).unwrap();
        fs::write(place.path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        let main_cf = File::open(place.path("etc/main.cf")).unwrap();
        main_cf.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let lines = |users: &mut dyn Iterator<Item = usize>, value: &str| -> String {
            users.map(|i| format!("user{i}\t{value} {i}\n")).collect()
        };
        fs::write(place.path("m"), lines(&mut (0..40_000), "old")).unwrap();
        assert!(place.postmap(&[&table]).status.success());
        let changed = lines(&mut (0..40_000).step_by(10), "new");
        fs::write(place.path("changes"), changed + &lines(&mut (40_000..44_000), "new")).unwrap();

        // How many pages are written before the journal counts.
        fs::copy(place.path("m.db"), place.path("before.db")).unwrap();
        let trace = place.strace(&table, &["-e", "trace=pwrite64,fsync"]);
        assert!(trace.status.success(), "{trace:?}");
        let trace = fs::read_to_string(place.path("trace")).unwrap();
        let journal = trace.lines().take_while(|line| !line.contains("fsync(")).count();
        let all = trace.lines().filter(|line| line.contains("pwrite64(")).count();
        fs::copy(place.path("before.db"), place.path("m.db")).unwrap();
        let when = format!("inject=pwrite64:signal=SIGKILL:when={}", (journal + all) / 2);
        let killed = place.strace(&table, &["-e", "trace=pwrite64", "-e", &when]);
        assert_eq!(killed.status.signal(), Some(9), "{killed:?}");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).env("MAIL_CONFIG", "./etc").stdin(Stdio::null());
        command
    }

    fn strace(&self, table: &str, options: &[&str]) -> Output {
        self.command("strace".into())
            .args(["-f", "-qq", "-o", "trace"])
            .args(options)
            .arg(tools::ours().program(Tool::Postmap))
            .args(["-ri", table])
            .stdin(File::open(self.path("changes")).unwrap())
            .output()
            .expect("strace, of the Debian package of that name, runs")
    }

    fn postmap(&self, arguments: &[&str]) -> Output {
        let program = tools::ours().program(Tool::Postmap);
        self.command(program).args(arguments).output().unwrap()
    }

    fn bdbmap(&self, arguments: &[&str]) -> Output {
        let program = tools::ours().program(Tool::Postmap).with_file_name("bdbmap");
        self.command(program).args(arguments).output().unwrap()
    }

    /// What a real `postmap -s` lists.
    fn listed_by_postfix(&self, table: &str) -> Vec<String> {
        let program = tools::real().program(Tool::Postmap);
        let output = self.command(program).args(["-s", table]).output().unwrap();
        sorted(&output)
    }
}

fn sorted(output: &Output) -> Vec<String> {
    let mut lines: Vec<String> =
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn whoever_reads_an_interrupted_table_is_told() {
    let place = Interrupted::new();
    let warning = format!("postmap: warning: {WARNING}");
    let found = place.postmap(&["-q", "user43999", "hash:m"]);
    assert_eq!((found.stdout.as_slice(), messages(&found)), (&b"new 43999\n"[..], warning.clone()));
    let list = place.postmap(&["-s", "hash:m"]);
    assert_eq!((sorted(&list).len(), messages(&list)), (44_000, warning));
    // It is torn, and nobody who only reads mends it.
    assert_ne!(place.listed_by_postfix("hash:m"), sorted(&list));

    let verdict = place.bdbmap(&["verify", "m.db"]);
    assert_eq!(verdict.status.code(), Some(1));
    let verdict = String::from_utf8_lossy(&verdict.stdout).into_owned();
    assert!(verdict.starts_with("m.db: interrupted: "), "{verdict}");
    let last = verdict.lines().last().unwrap();
    assert!(last.starts_with("m.db: interrupted: 4"), "{last}");
    assert_eq!(place.bdbmap(&["verify", "-q", "m.db"]).status.code(), Some(1));

    let recovered = place.bdbmap(&["recover", "m.db"]);
    assert_eq!(recovered.status.code(), Some(0), "{recovered:?}");
    let said = String::from_utf8_lossy(&recovered.stdout).into_owned();
    assert_eq!(said, "m.db: completed a change that was interrupted\n");
    assert_eq!(place.listed_by_postfix("hash:m"), sorted(&list));
    assert_eq!(dbtools::verify(&place.path("m.db")), Ok(()));
    assert_eq!(messages(&place.postmap(&["-s", "hash:m"])), "");
}

#[test]
fn the_next_writer_completes_an_interrupted_change_and_says_so() {
    for arguments in [&["-i", "hash:m"][..], &["-d", "nobody", "hash:m"], &["hash:m"]] {
        let place = Interrupted::new();
        let output = place.postmap(arguments);
        assert_eq!(messages(&output), format!("postmap: warning: {MENDED}"), "{arguments:?}");
        let users = if arguments.len() == 1 { 40_000 } else { 44_000 };
        assert_eq!(place.listed_by_postfix("hash:m").len(), users, "{arguments:?}");
        assert_eq!(dbtools::verify(&place.path("m.db")), Ok(()), "{arguments:?}");
    }
}

#[test]
fn the_journal_in_a_copy_counts_for_nothing() {
    let place = Interrupted::new();
    fs::copy(place.path("m.db"), place.path("copy.db")).unwrap();
    let copied = fs::read(place.path("copy.db")).unwrap();
    // All see the same in it, and nobody completes anything.
    let list = place.postmap(&["-s", "hash:copy"]);
    assert_eq!(messages(&list), "");
    assert_eq!(sorted(&list), place.listed_by_postfix("hash:copy"));
    let deleted = place.postmap(&["-d", "nobody", "hash:copy"]);
    assert_eq!((deleted.status.code(), messages(&deleted)), (Some(1), String::new()));
    assert!(fs::read(place.path("copy.db")).unwrap() == copied);
}

/// Postfix's programs know of no journals. libdb replaces a value, and puts a pair into a leaf of a
/// btree that has room, without a trace on page 0.
#[test]
fn what_postfix_changes_in_an_interrupted_table_is_not_taken_back() {
    for table_type in ["hash", "btree"] {
        for i in [10, 9_995, 20_010, 39_990] {
            let place = Interrupted::of(table_type);
            let table = format!("{table_type}:m");
            let (key, value) = (format!("user{i}"), format!("the {i}"));
            fs::write(place.path("theirs"), format!("{key}\t{value}\n")).unwrap();
            let output = place
                .command(tools::real().program(Tool::Postmap))
                .args(["-ri", &table])
                .stdin(File::open(place.path("theirs")).unwrap())
                .output()
                .unwrap();
            assert_eq!((output.status.code(), messages(&output)), (Some(0), String::new()));
            let found = place.postmap(&["-q", &key, &table]);
            assert_eq!(String::from_utf8_lossy(&found.stdout), format!("{value}\n"), "{table}");
            let deleted = place.postmap(&["-d", "nobody", &table]);
            assert_eq!(deleted.status.code(), Some(1), "{deleted:?}");
            let found = place.postmap(&["-q", &key, &table]);
            let (found, said) = (String::from_utf8_lossy(&found.stdout), messages(&found));
            assert_eq!((found.into_owned(), said), (format!("{value}\n"), String::new()));
        }
    }
}

#[test]
fn an_interrupted_change_is_summed_up_once_and_not_for_each_lookup() {
    let place = Interrupted::new();
    let calls = |keys: usize| {
        let keys: String = (0..keys).map(|i| format!("user{i}\n")).collect();
        fs::write(place.path("keys"), keys).unwrap();
        let output = place
            .command("strace".into())
            .args(["-f", "-qq", "-o", "trace", "-e", "trace=pread64"])
            .arg(tools::ours().program(Tool::Postmap))
            .args(["-q", "-", "hash:m"])
            .stdin(File::open(place.path("keys")).unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::read_to_string(place.path("trace")).unwrap().lines().count()
    };
    let (one, many) = (calls(1), calls(200));
    // The journal has some megabytes: 64 KiB at a time.
    assert!(one > 20, "{one}");
    assert!(many - one < 199 * 15, "{one}, then {many}");
}
