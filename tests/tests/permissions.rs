//! Modes and owners of our `postmap`'s files against Postfix's: section 7 of the postmap
//! specification, as root and as another user.
#![cfg(feature = "peers")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use map_tests::table_types::TABLE_TYPES;
use map_tests::tools::{self, Suite, Tool};
use map_tests::twin::{Call, Twin};
use tempfile::TempDir;

const ROOT: u32 = 0;
/// A user and a group that are not root's.
const NOBODY: u32 = 65_534;
/// Another one.
const DAEMON: u32 = 1;

/// The programs, copied to where every user can run them.
struct Programs {
    _directory: TempDir,
    ours: Suite,
    real: Suite,
}

impl Programs {
    /// Nothing unless the test runs as root: others cannot become somebody else.
    fn for_all_users() -> Option<Self> {
        if !fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == ROOT) {
            eprintln!("not compared: only root can become somebody else");
            return None;
        }
        let open_to_all = Permissions::from_mode(0o755);
        let directory =
            tempfile::Builder::new().permissions(open_to_all.clone()).tempdir().unwrap();
        let copy = |suite: &Suite, name| {
            let place = directory.path().join(name);
            fs::create_dir(&place).unwrap();
            fs::set_permissions(&place, open_to_all.clone()).unwrap();
            suite.copy_to(&place).unwrap()
        };
        let (ours, real) = (copy(tools::ours(), "ours"), copy(tools::real(), "real"));
        Some(Programs { _directory: directory, ours, real })
    }

    /// A twin of each type whose directory is `owner`'s, with a source `m` of mode 644, which is
    /// `owner`'s, too.
    fn twins(&self, name: &str, owner: u32) -> impl Iterator<Item = Twin> {
        TABLE_TYPES.iter().map(move |table_type| {
            let mut twin = Twin::between(table_type, name, &self.ours, &self.real);
            twin.owner("", owner, owner);
            twin.file("m", b"k v\nj w\n");
            twin.owner("m", owner, owner);
            twin
        })
    }
}

/// Runs `line` as `user`; standard input is an entry, in a regular file of mode 644.
fn call(line: &str, user: u32) -> Call {
    Call::line(Tool::Postmap, line.as_bytes()).stdin("new value\n").user(user)
}

/// All ways to write a map.
const WRITES: &[&str] = &["hash:m", "-i hash:m", "-d k hash:m", "-p hash:m", "-o hash:m"];

#[test]
fn the_mode_is_the_sources() {
    let Some(programs) = Programs::for_all_users() else { return };
    for user in [ROOT, NOBODY] {
        for mode in
            [0o600, 0o400, 0o640, 0o660, 0o644, 0o664, 0o666, 0o755, 0o004, 0o040, 0o7777, 0]
        {
            for options in ["", "-p ", "-o ", "-po "] {
                let name = format!("mode {mode:o}, options {options}, user {user}");
                for mut twin in programs.twins(&name, user) {
                    twin.file("entries", b"a b\n");
                    for name in ["m", "entries"] {
                        twin.owner(name, user, user);
                        twin.mode(name, mode);
                    }
                    let rebuild = call(&format!("{options}hash:m"), user);
                    let add = call(&format!("{options}-i hash:new"), user).stdin_file("entries");
                    for umask in [0o077, 0] {
                        twin.run(&rebuild.clone().umask(umask));
                        twin.run(&add.clone().umask(umask));
                    }
                }
            }
        }
    }
}

#[test]
fn a_source_that_is_no_regular_file() {
    let Some(programs) = Programs::for_all_users() else { return };
    for (user, umask) in [(ROOT, 0o077), (ROOT, 0), (NOBODY, 0o077), (NOBODY, 0)] {
        for mut twin in programs.twins(&format!("odd sources, user {user}, umask {umask:o}"), user)
        {
            twin.link("/dev/null", "null");
            twin.link("/dev/stdin", "stdin");
            for line in ["hash:null", "hash:stdin", "-i hash:added"] {
                twin.run(&call(line, user).umask(umask).piped());
                twin.run(&call(&format!("-p {line}"), user).umask(umask).piped());
            }
        }
    }
}

#[test]
fn an_old_map_keeps_its_mode_and_owner() {
    let Some(programs) = Programs::for_all_users() else { return };
    let owners = [(ROOT, ROOT), (NOBODY, NOBODY), (NOBODY, ROOT), (ROOT, NOBODY), (DAEMON, DAEMON)];
    for user in [ROOT, NOBODY] {
        for (owner, group) in owners {
            for mode in [0o600, 0o640, 0o644, 0o660, 0o666, 0o604, 0o444, 0o755, 0o6755, 0] {
                let name = format!("map of {owner}:{group}, mode {mode:o}, user {user}");
                for mut twin in programs.twins(&name, user) {
                    twin.run(&call("hash:m", user));
                    twin.owner("m.db", owner, group);
                    twin.mode("m.db", mode);
                    for line in WRITES {
                        twin.run(&call(line, user).umask(0o077));
                    }
                }
            }
        }
    }
}

/// Of the types that have one: it becomes the table, with its own mode and owner, or cannot be opened.
#[test]
fn a_left_over_temporary_file() {
    let Some(programs) = Programs::for_all_users() else { return };
    for user in [ROOT, NOBODY] {
        for owner in [ROOT, NOBODY, DAEMON] {
            for mode in [0o600, 0o644, 0o666, 0o444, 0o200, 0o755, 0] {
                let name = format!("left over by {owner}, mode {mode:o}, user {user}");
                for mut twin in programs.twins(&name, user) {
                    let Some(leftover) = twin.table_type().leftover else { continue };
                    let leftover = &format!("m{leftover}");
                    twin.run(&call("hash:m", user));
                    twin.file(leftover, &[7; 10_000]);
                    twin.owner(leftover, owner, owner);
                    twin.mode(leftover, mode);
                    twin.run(&call("hash:m", user).umask(0o077));
                    twin.run(&call("-q k hash:m", user));
                }
            }
        }
    }
}

/// Root becomes the owner of the source, or of standard input, and stays so for the maps that
/// follow.
#[test]
fn the_owner_is_the_sources() {
    let Some(programs) = Programs::for_all_users() else { return };
    let ids = [ROOT, NOBODY, DAEMON];
    for (user, group) in ids.into_iter().flat_map(|user| ids.map(|group| (user, group))) {
        for directory in [ROOT, NOBODY] {
            let name = format!("source of {user}:{group}, directory of {directory}");
            for mut twin in programs.twins(&name, directory) {
                twin.file("other", b"a b\n");
                twin.file("entries", b"c d\n");
                twin.mode("entries", 0o640);
                for name in ["m", "entries"] {
                    twin.owner(name, user, group);
                }
                for line in ["hash:m hash:other", "hash:other hash:m", "-o hash:m", "hash:m"] {
                    twin.run(&call(line, ROOT));
                }
                for line in ["-i hash:new", "-oi hash:new", "-i hash:new"] {
                    twin.run(&call(line, ROOT).stdin_file("entries"));
                }
                twin.run(&call("-d k hash:m", ROOT));
                // Another user's file is nobody else's affair.
                twin.run(&call("hash:m", DAEMON));
            }
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written() {
    let Some(programs) = Programs::for_all_users() else { return };
    for (directory, mode) in [(ROOT, 0o755), (ROOT, 0o1777), (NOBODY, 0o500), (ROOT, 0o711)] {
        for (owner, map_mode) in [(NOBODY, 0o640), (ROOT, 0o666), (ROOT, 0o644), (DAEMON, 0o662)] {
            let name = format!("directory {directory} {mode:o}, map {owner} {map_mode:o}");
            for mut twin in programs.twins(&name, directory) {
                twin.owner("m", NOBODY, NOBODY);
                twin.run(&call("-o hash:m", ROOT));
                twin.owner("m.db", owner, owner);
                twin.mode("m.db", map_mode);
                twin.mode("", mode);
                // As that user, and as root, who becomes that user.
                for user in [NOBODY, ROOT] {
                    for line in WRITES {
                        twin.run(&call(line, user));
                    }
                    twin.read(&call("-s hash:m", user));
                }
            }
        }
        for user in [NOBODY, ROOT] {
            let name = format!("directory {directory} {mode:o}, no map, user {user}");
            for mut twin in programs.twins(&name, directory) {
                twin.owner("m", NOBODY, NOBODY);
                twin.mode("", mode);
                for line in WRITES {
                    twin.run(&call(line, user));
                }
            }
        }
    }
}

#[test]
fn what_is_denied() {
    let Some(programs) = Programs::for_all_users() else { return };
    for (what, mode) in [
        ("d/m", 0o000),
        ("d/m.db", 0o000),
        ("d/m.db", 0o200),
        ("d/m.db", 0o400),
        ("d", 0o600),
        ("d", 0o300),
        ("etc", 0o000),
        ("etc/main.cf", 0o600),
    ] {
        for mut twin in programs.twins(&format!("{what} {mode:o}"), NOBODY) {
            twin.directory("d");
            twin.file("d/m", b"k v\nj w\n");
            for name in ["d", "d/m"] {
                twin.owner(name, NOBODY, NOBODY);
            }
            twin.run(&call("hash:d/m", NOBODY));
            twin.mode(what, mode);
            for options in ["", "-i ", "-d k ", "-q k ", "-q - ", "-s "] {
                twin.run(&call(&format!("{options}hash:d/m"), NOBODY));
            }
        }
    }
}

/// A user who has as many processes as allowed: a table so long that we would make it with several
/// threads is made with one.
#[test]
fn no_second_thread() {
    let Some(programs) = Programs::for_all_users() else { return };
    let directory = tempfile::tempdir().unwrap();
    chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let text: String = (0..100_000).map(|i| format!("user{i}@example.org value{i}\n")).collect();
    fs::write(directory.path().join("m"), text).unwrap();
    fs::write(directory.path().join("main.cf"), "").unwrap();
    let postmap = programs.ours.program(Tool::Postmap);
    let run = |limit: &[&str], line: &[&str]| {
        let mut command = Command::new("setpriv");
        let user = format!("--reuid={NOBODY}");
        command.args([&user, "--clear-groups", "prlimit"]).args(limit).arg(&postmap).args(line);
        let output = command.current_dir(&directory).output().unwrap();
        assert!(output.status.success(), "{limit:?}: {output:?}");
        output.stdout
    };
    let list = || run(&["--nofile=100"], &["-c", ".", "-s", "hash:m"]);
    run(&["--nofile=100"], &["-c", ".", "hash:m"]);
    let with_threads = list();
    assert_eq!(with_threads.iter().filter(|byte| **byte == b'\n').count(), 100_000);
    fs::remove_file(directory.path().join("m.db")).unwrap();
    run(&["--nproc=1"], &["-c", ".", "hash:m"]);
    assert!(list() == with_threads);
}
