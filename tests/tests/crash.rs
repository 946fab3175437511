//! Our `postmap` killed at each system call by which it writes, and each such call failing: the map is the old one or the
//! new one, and status 0 means the new one.
//!
//! A call at which the program is killed is not executed any more. Kills therefore show all states between two calls, and
//! the calls from which on the map is the new one: these may also fail with the new map in place, as there is nobody who
//! could still undo the change. They are: where a new file replaces the old one, the `fsync` of the directory; where the
//! old one is overwritten, the copying of a journal that is on disk (`pwrite64`, `fsync`, `ftruncate`).
#![cfg(feature = "peers")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use map_tests::dbtools;
use map_tests::tools::{self, Suite, Tool};
use tempfile::TempDir;

/// All system calls that change files or directories, or make changes durable.
const WRITING: &str = "openat,creat,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,fallocate,fsync,fdatasync,\
    sync_file_range,rename,renameat,renameat2,link,linkat,unlink,unlinkat,copy_file_range,sendfile,splice,chmod,fchmod,\
    fchmodat,chown,fchown,fchownat";

type Pairs = BTreeMap<String, String>;

/// The keys `user0` and so on.
fn pairs(users: impl Iterator<Item = usize>, value: &str) -> Pairs {
    users.map(|i| (format!("user{i}"), format!("{value} {i}"))).collect()
}

fn text(pairs: &Pairs) -> String {
    pairs.iter().fold(String::new(), |mut text, (key, value)| {
        writeln!(text, "{key}\t{value}").expect("a string takes all");
        text
    })
}

/// What is done to a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Rebuild,
    Add,
    Delete,
}

impl Action {
    const ALL: [Action; 3] = [Action::Rebuild, Action::Add, Action::Delete];

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Action::Rebuild => &["hash:m"],
            Action::Add => &["-ri", "hash:m"],
            Action::Delete => &["-d", "-", "hash:m"],
        }
    }
}

/// The map before it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Map {
    Missing,
    Small,
    Large,
    /// It has another name: a new file could not take its place.
    Linked,
}

/// A change of a map, again and again from the start.
struct Scene {
    name: String,
    directory: TempDir,
    map: Map,
    action: Action,
    /// The contents of the map's file before the change, between its steps, and after it.
    states: Vec<Option<Vec<u8>>>,
    /// What our program lists of each.
    listings: Vec<Option<String>>,
    overwrites: bool,
}

/// A system call: its name, and how many of that name came before it, plus one.
#[derive(Debug)]
struct SystemCall {
    name: String,
    nth: usize,
}

impl Scene {
    /// Makes the map, and the change once without harm; returns its writing calls, too.
    fn new(map: Map, action: Action) -> (Self, Vec<SystemCall>) {
        let directory = tempfile::Builder::new().prefix("crash-").tempdir().unwrap();
        let mut scene = Scene {
            name: format!("{action:?} of {map:?}"),
            directory,
            map,
            action,
            states: Vec::new(),
            listings: Vec::new(),
            overwrites: false,
        };
        fs::create_dir(scene.path("etc")).unwrap();
        fs::write(scene.path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        // Postfix reads a new main.cf again and again until it is some seconds old.
        File::open(scene.path("etc/main.cf"))
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();

        let (users, changed) = if map == Map::Large { (40_000, 6) } else { (400, 20) };
        let old = if map == Map::Missing { 0 } else { users };
        let old = pairs(0..old, "the old value of a user, whose number is");
        let mut new = old.clone();
        let stdin = match action {
            Action::Rebuild => {
                new = pairs(10..users + users / 5, "the new value");
                String::new()
            }
            Action::Add => {
                let mut added = pairs((0..users).step_by(users / changed), "changed");
                added.extend(pairs(users..users + changed, "added"));
                new.extend(added.clone());
                text(&added)
            }
            Action::Delete => {
                let deleted = pairs((0..users).step_by(users / changed), "");
                new.retain(|key, _| !deleted.contains_key(key));
                deleted.keys().map(|key| format!("{key}\n")).collect()
            }
        };
        fs::write(scene.path("nothing"), "").unwrap();
        fs::write(scene.path("stdin"), stdin).unwrap();
        if map == Map::Missing {
            scene.states.push(None);
            scene.listings.push(None);
            if action == Action::Add {
                assert!(scene.run(&["-i", "hash:m"], "nothing").status.success());
                scene.note(&old);
            }
        } else {
            fs::write(scene.path("m"), text(&old)).unwrap();
            assert!(scene.run(&["hash:m"], "nothing").status.success());
            scene.note(&old);
        }
        fs::write(scene.path("m"), text(&new)).unwrap();

        scene.lay();
        let inode = |scene: &Scene| fs::metadata(scene.path("m.db")).map(|found| found.ino()).ok();
        let before = inode(&scene);
        let output = scene.strace(&[]);
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", scene.name);
        scene.overwrites = inode(&scene) == before;
        scene.note(&new);
        scene.assert_files("without harm");
        let calls = writing_calls(&fs::read_to_string(scene.path("trace")).unwrap());
        (scene, calls)
    }

    /// Notes the present file as one of the states, after the real programs have accepted it.
    fn note(&mut self, pairs: &Pairs) {
        let listing = list(self.directory.path(), tools::real());
        assert_eq!(listing.as_ref(), Some(&text(pairs)), "{}", self.name);
        assert_eq!(dbtools::verify(&self.path("m.db")), Ok(()), "{}", self.name);
        self.states.push(self.contents());
        self.listings.push(listing);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn contents(&self) -> Option<Vec<u8>> {
        fs::read(self.path("m.db")).ok()
    }

    /// Puts the old map in place, and nothing else beside it.
    fn lay(&self) {
        for name in self.files() {
            fs::remove_file(self.path(&name)).unwrap();
        }
        if let Some(contents) = &self.states[0] {
            fs::write(self.path("m.db"), contents).unwrap();
        }
        if self.map == Map::Linked {
            fs::hard_link(self.path("m.db"), self.path("other.db")).unwrap();
        }
    }

    /// What is there besides the files of the test itself.
    fn files(&self) -> Vec<String> {
        let mut names = names(self.directory.path());
        names.retain(|name| !["etc", "m", "nothing", "stdin", "trace"].contains(&name.as_str()));
        names
    }

    /// Nothing is left beside the map.
    fn assert_files(&self, when: &str) {
        let mut expected = Vec::new();
        expected.extend(self.contents().map(|_| "m.db"));
        expected.extend((self.map == Map::Linked).then_some("other.db"));
        assert_eq!(self.files(), expected, "{}, {when}", self.name);
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        self.command(&tools::ours().program(Tool::Postmap))
            .args(arguments)
            .stdin(File::open(self.path(stdin)).unwrap())
            .output()
            .unwrap()
    }

    /// Makes the change under strace, which gets further options.
    fn strace(&self, options: &[&str]) -> Output {
        self.command(Path::new("strace"))
            .args(["-f", "-qq", "-o", "trace", "-e"])
            .arg(format!("trace={WRITING}"))
            .args(options)
            .arg(tools::ours().program(Tool::Postmap))
            .args(self.action.arguments())
            .stdin(File::open(self.path("stdin")).unwrap())
            .output()
            .expect("strace, of the Debian package of that name, runs")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).env("MAIL_CONFIG", "./etc");
        // The same entries make the same bytes.
        command.env("SOURCE_DATE_EPOCH", "1");
        command
    }

    /// Makes the change from the start while `fault` befalls one of its calls. Returns how it ended, and the number of the
    /// state that the map is in.
    fn interrupt(&self, call: &SystemCall, fault: &str) -> (Output, usize) {
        self.lay();
        let when = format!("{} number {}, {fault}", call.name, call.nth);
        let inject = format!("inject={}:{fault}:when={}", call.name, call.nth);
        let output = self.strace(&["-e", &inject]);
        if output.status.signal().is_none() && !call.name.starts_with("unlink") {
            self.assert_files(&when);
        }
        if !self.overwrites {
            assert!(self.states.contains(&self.contents()), "{}, {when}: torn", self.name);
        }
        let seen = list(self.directory.path(), tools::ours());
        assert_eq!(self.dumped(), seen, "{}, {when}: bdbmap sees something else", self.name);
        self.settle(call.nth, &when);
        let state = self.state().unwrap_or_else(|| panic!("{}, {when}: torn", self.name));
        assert!(seen == self.listings[state], "{}, {when}: listed otherwise", self.name);
        (output, state)
    }

    /// The number of the state that the map is in. Behind its last page there may be what a journal became that was not
    /// finished; the next change cuts it off, and the real programs do not mind.
    fn state(&self) -> Option<usize> {
        let contents = self.contents();
        if let Some(same) = self.states.iter().position(|state| *state == contents) {
            return Some(same);
        }
        let contents = contents?;
        let state = self
            .states
            .iter()
            .position(|state| state.as_ref().is_some_and(|state| contents.starts_with(state)))?;
        let listing = list(self.directory.path(), tools::real());
        assert!(listing == self.listings[state], "{}: listed otherwise", self.name);
        assert_eq!(dbtools::verify(&self.path("m.db")), Ok(()), "{}", self.name);
        Some(state)
    }

    /// The sorted listing of the map, if it is there, as `bdbmap dump` has it.
    fn dumped(&self) -> Option<String> {
        self.contents()?;
        let bdbmap = tools::ours().program(Tool::Postmap).with_file_name("bdbmap");
        let output = self.command(&bdbmap).args(["dump", "-p", "m.db"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        if !output.stderr.is_empty() {
            let verified = self.command(&bdbmap).args(["verify", "m.db"]).output().unwrap();
            assert!(verified.status.success(), "{verified:?}");
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let items: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix(' ')?.strip_suffix("\\00")).collect();
        let (pairs, []) = items.as_chunks::<2>() else { panic!("{text}") };
        let mut lines: Vec<String> =
            pairs.iter().map(|[key, value]| format!("{key}\t{value}\n")).collect();
        lines.sort_unstable();
        Some(lines.concat())
    }

    /// Lets the next of our programs find the map, if it is there: one or another.
    fn settle(&self, choice: usize, when: &str) {
        if self.contents().is_some() {
            let (arguments, status): (&[&str], _) = match choice % 2 {
                0 => (&["-i", "hash:m"], 0),
                _ => (&["-d", "absent", "hash:m"], 1),
            };
            let output = self.run(arguments, "nothing");
            assert_eq!(output.status.code(), Some(status), "{}, {when}: {output:?}", self.name);
            assert!(output.stderr.is_empty(), "{}, {when}: {output:?}", self.name);
        }
    }
}

/// The names of a directory's files, sorted.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The sorted listing of the map, if it is there.
fn list(directory: &Path, suite: &Suite) -> Option<String> {
    directory.join("m.db").exists().then(|| {
        let output = Command::new(suite.program(Tool::Postmap))
            .args(["-s", "hash:m"])
            .current_dir(directory)
            .env("MAIL_CONFIG", "./etc")
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.sort_unstable();
        lines.concat()
    })
}

/// The calls of a trace that write: an `openat` only where it may create a file.
fn writing_calls(trace: &str) -> Vec<SystemCall> {
    let mut counts = BTreeMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        // Each line starts with the number of the process.
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        if name != "openat" || arguments.contains("O_CREAT") {
            calls.push(SystemCall { name: name.to_owned(), nth: *nth });
        }
    }
    calls
}

/// Kills the program at each of its writing calls, and lets each of them fail.
fn interrupt_everywhere(map: Map, action: Action, overwrites: bool) {
    let (scene, calls) = Scene::new(map, action);
    assert_eq!(scene.overwrites, overwrites, "{}", scene.name);
    let last = scene.states.len() - 1;

    let states: Vec<usize> = calls
        .iter()
        .map(|call| {
            let (output, state) = scene.interrupt(call, "signal=SIGKILL");
            assert_eq!(output.status.signal(), Some(9), "{}, {call:?}: {output:?}", scene.name);
            state
        })
        .collect();
    assert!(states.is_sorted(), "{}: {states:?}", scene.name);
    assert_eq!(states[0], 0, "{}", scene.name);

    for error in ["ENOSPC", "EIO"] {
        for (call, before) in calls.iter().zip(&states) {
            let (output, state) = scene.interrupt(call, &format!("error={error}"));
            let context = || format!("{}, {error} of {call:?}: {output:?}", scene.name);
            match output.status.code() {
                Some(0) => assert_eq!(state, last, "{}", context()),
                Some(1) => {
                    assert!(output.stderr.starts_with(b"postmap: fatal: "), "{}", context());
                    assert!(state < last || *before == last, "{}", context());
                }
                _ => panic!("{}", context()),
            }
        }
    }
}

#[test]
fn a_missing_map() {
    interrupt_everywhere(Map::Missing, Action::Rebuild, false);
    // An empty map comes in between, as with Postfix.
    interrupt_everywhere(Map::Missing, Action::Add, false);
}

#[test]
fn a_small_map() {
    for action in Action::ALL {
        interrupt_everywhere(Map::Small, action, false);
    }
}

#[test]
fn a_large_map() {
    for action in Action::ALL {
        interrupt_everywhere(Map::Large, action, action != Action::Rebuild);
    }
}

#[test]
fn a_map_with_two_names() {
    for action in Action::ALL {
        interrupt_everywhere(Map::Linked, action, true);
    }
}

/// A file system in memory.
struct Disk(PathBuf);

impl Disk {
    fn mount(directory: &Path, size: &str) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "none"])
            .arg(directory)
            .status()
            .unwrap();
        assert!(mounted.success(), "only root can mount a file system, and not in every container");
        Disk(directory.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

/// A change for which the disk has no room is refused, and leaves the old map.
#[test]
fn a_full_disk() {
    for action in Action::ALL {
        for linked in [false, true] {
            let (scene, _) = Scene::new(Map::Small, action);
            let place = scene.path("disk");
            fs::create_dir(&place).unwrap();
            let _disk = Disk::mount(&place, "size=1m");
            fs::write(place.join("m.db"), scene.states[0].as_ref().unwrap()).unwrap();
            let mut files = vec!["filler", "m", "m.db"];
            if linked {
                fs::hard_link(place.join("m.db"), place.join("other.db")).unwrap();
                files.push("other.db");
            }
            symlink("../m", place.join("m")).unwrap();
            fs::write(place.join("filler"), vec![0; 1 << 20]).unwrap_err();

            let output = scene
                .command(&tools::ours().program(Tool::Postmap))
                .args(action.arguments())
                .current_dir(&place)
                .env("MAIL_CONFIG", "../etc")
                .stdin(File::open(scene.path("stdin")).unwrap())
                .output()
                .unwrap();
            let message = "postmap: fatal: error writing m.db: No space left on device\n";
            assert_eq!(String::from_utf8_lossy(&output.stderr), message, "{}", scene.name);
            assert_eq!(output.status.code(), Some(1), "{}", scene.name);
            let found = fs::read(place.join("m.db")).ok();
            assert!(found == scene.states[0], "{}: another map", scene.name);
            assert_eq!(names(&place), files, "{}", scene.name);
        }
    }
}
