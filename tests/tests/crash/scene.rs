//! A change of a map, made again and again from the start, and what programs see of the map
//! afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use map_tests::dbtools;
use map_tests::table_types::TableType;
use map_tests::tools::{self, Suite, Tool};
use tempfile::TempDir;

use crate::calls::{self, SystemCall};

pub type Pairs = BTreeMap<String, String>;

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
pub enum Action {
    Rebuild,
    Add,
    Delete,
}

impl Action {
    pub const ALL: [Action; 3] = [Action::Rebuild, Action::Add, Action::Delete];

    /// The arguments of the command, but for the map.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Action::Rebuild => &[],
            Action::Add => &["-ri"],
            Action::Delete => &["-d", "-"],
        }
    }
}

/// The map before it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    Missing,
    Small,
    /// Too large to be copied for a small change.
    Large,
    /// It has another name: a new file could not take its place.
    Linked,
}

/// A change of a map, again and again from the start.
pub struct Scene {
    pub name: String,
    directory: TempDir,
    /// The map's name, with its type.
    spec: String,
    map: Map,
    pub action: Action,
    /// The contents of the map's file before the change, between its steps, and after it.
    pub states: Vec<Option<Vec<u8>>>,
    /// The pairs of each, and what programs list.
    pairs: Vec<Option<Pairs>>,
    listings: Vec<Option<String>>,
    /// Whether the change is made in the old file.
    pub overwrites: bool,
    /// By the sum of a file's contents: the state that readers see. What they see of the same bytes
    /// is asked once.
    seen: RefCell<HashMap<u64, usize>>,
    verified: RefCell<HashMap<u64, Result<(), String>>>,
}

impl Scene {
    /// Makes the map with programs of `maker`, and the change once without harm; returns its calls,
    /// too.
    pub fn new(
        table_type: &TableType,
        map: Map,
        action: Action,
        maker: &Suite,
    ) -> (Self, Vec<SystemCall>) {
        let directory = tempfile::Builder::new().prefix("crash-").tempdir().unwrap();
        let by = if is_ours(maker) { "ours" } else { "Postfix" };
        let mut scene = Scene {
            name: format!("{action:?} of {map:?} {} by {by}", table_type.name),
            directory,
            spec: format!("{}:m", table_type.name),
            map,
            action,
            states: Vec::new(),
            pairs: Vec::new(),
            listings: Vec::new(),
            overwrites: false,
            seen: RefCell::default(),
            verified: RefCell::default(),
        };
        fs::create_dir(scene.path("etc")).unwrap();
        fs::write(scene.path("etc/main.cf"), "compatibility_level = 3.6\n").unwrap();
        // Postfix reads a new main.cf again and again until it is some seconds old.
        File::open(scene.path("etc/main.cf"))
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();

        let (users, changed, width) =
            if map == Map::Large { (11_000, 6, 230) } else { (400, 20, 30) };
        let users_before = if map == Map::Missing { 0 } else { users };
        let old = pairs(0..users_before, &format!("{:-<width$}", "the old value of user"));
        let mut new = old.clone();
        let stdin = match action {
            Action::Rebuild => {
                // Half of those that stay keep their values.
                new = pairs(10..users + users / 5, "the new value");
                new.extend(
                    old.iter()
                        .skip(11)
                        .step_by(2)
                        .filter(|(key, _)| new.contains_key(*key))
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .collect::<Pairs>(),
                );
                String::new()
            }
            Action::Add => {
                // Longer values, which need other pages, and so many keys that buckets are divided.
                let longer = format!("{:+<1$}", "changed", width + 60);
                let mut added = pairs((0..users).step_by(users / changed), &longer);
                added.extend(pairs(users..users + 10 * changed, "added"));
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
        fs::write(scene.path("next"), "next\tof the next writer\n").unwrap();
        fs::write(scene.path("stdin"), stdin).unwrap();
        if map == Map::Missing {
            scene.states.push(None);
            scene.pairs.push(None);
            scene.listings.push(None);
            if action == Action::Add {
                assert!(scene.run(maker, &["-i", &scene.spec], "nothing").status.success());
                scene.note(old);
            }
        } else {
            fs::write(scene.path("m"), text(&old)).unwrap();
            assert!(scene.run(maker, &[&scene.spec], "nothing").status.success());
            scene.note(old);
        }
        fs::write(scene.path("m"), text(&new)).unwrap();

        scene.lay();
        let inode = |scene: &Scene| fs::metadata(scene.path("m.db")).map(|found| found.ino()).ok();
        let before = inode(&scene);
        let output = scene.strace(&[]);
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", scene.name);
        scene.overwrites = inode(&scene) == before;
        scene.note(new);
        assert_eq!(scene.left_over(), [""; 0], "{}, without harm", scene.name);
        let calls = calls::of_map(&scene.trace(), scene.place());
        (scene, calls)
    }

    /// Notes the present file as one of the states, after the real programs have accepted it.
    fn note(&mut self, pairs: Pairs) {
        let listing = self.list(tools::real()).unwrap();
        assert!(listing == Some(text(&pairs)), "{}", self.name);
        assert_eq!(self.verify(), Ok(()), "{}", self.name);
        self.states.push(self.contents());
        self.pairs.push(Some(pairs));
        self.listings.push(listing);
    }

    pub fn place(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place().join(name)
    }

    pub fn trace(&self) -> String {
        fs::read_to_string(self.path("trace")).unwrap()
    }

    /// The number of the state after the change.
    pub fn last(&self) -> usize {
        self.states.len() - 1
    }

    pub fn contents(&self) -> Option<Vec<u8>> {
        match fs::read(self.path("m.db")) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            contents => Some(contents.unwrap()),
        }
    }

    /// Puts the old map in place, and nothing else beside it.
    pub fn lay(&self) {
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
        let mut names = names(self.place());
        let own = ["etc", "m", "next", "nothing", "stdin", "trace"];
        names.retain(|name| !own.contains(&name.as_str()));
        names
    }

    /// What is there besides those and the map.
    pub fn left_over(&self) -> Vec<String> {
        let mut names = self.files();
        names.retain(|name| name != "m.db" && (name != "other.db" || self.map != Map::Linked));
        names
    }

    fn run(&self, suite: &Suite, arguments: &[&str], stdin: &str) -> Output {
        self.command(&suite.program(Tool::Postmap))
            .args(arguments)
            .stdin(File::open(self.path(stdin)).unwrap())
            .output()
            .unwrap()
    }

    /// Makes the change under strace, which gets further options.
    pub fn strace(&self, options: &[&str]) -> Output {
        self.command(Path::new("strace"))
            .args(["-f", "-y", "-qq", "-o", "trace", "-e"])
            .arg(format!("trace={}", calls::TRACED))
            .args(options)
            .arg(tools::ours().program(Tool::Postmap))
            .args(self.action.options())
            .arg(&self.spec)
            .stdin(File::open(self.path("stdin")).unwrap())
            .output()
            .expect("strace, of the Debian package of that name, runs")
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.place()).env("MAIL_CONFIG", "./etc");
        // The same entries make the same bytes.
        command.env("SOURCE_DATE_EPOCH", "1");
        command
    }

    /// The sorted listing of the map, if it is there.
    fn list(&self, suite: &Suite) -> Result<Option<String>, String> {
        if !self.path("m.db").exists() {
            return Ok(None);
        }
        let output = self.run(suite, &["-s", &self.spec], "nothing");
        only_interrupted(&output)?;
        if !output.status.success() {
            return Err(format!("postmap -s: {output:?}"));
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines.sort_unstable();
        Ok(Some(lines.concat()))
    }

    fn contents_sum(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.contents().hash(&mut hasher);
        hasher.finish()
    }

    /// What `db5.3_verify` has against the map, asked once for the same bytes.
    fn verify(&self) -> Result<(), String> {
        let sum = self.contents_sum();
        let mut verified = self.verified.borrow_mut();
        verified.entry(sum).or_insert_with(|| dbtools::verify(&self.path("m.db"))).clone()
    }

    /// The number of the state that readers see: all of ours, and Postfix's where it can be
    /// expected of them.
    pub fn look(&self) -> Result<usize, String> {
        let sum = self.contents_sum();
        if let Some(state) = self.seen.borrow().get(&sum) {
            return Ok(*state);
        }
        let listing = self.list(tools::ours())?;
        let state = self.listings.iter().position(|state| *state == listing);
        let state = state.ok_or("torn: ours lists neither the old map nor the new")?;
        if self.contents().is_some() {
            if self.overwrites {
                self.look_up_by_real()?;
            } else if self.list(tools::real())? != listing {
                return Err("torn for Postfix".into());
            }
            if self.dump()? != listing {
                return Err("bdbmap dump sees something else than postmap -s".into());
            }
        }
        self.seen.borrow_mut().insert(sum, state);
        Ok(state)
    }

    /// Postfix's lookups of the keys that the change leaves alone. A file that is rebuilt in place
    /// may get another arrangement of pages: then they may miss some, but find nothing that is in
    /// neither state.
    fn look_up_by_real(&self) -> Result<(), String> {
        let (Some(Some(old)), Some(Some(new))) = (self.pairs.first(), self.pairs.last()) else {
            return Ok(());
        };
        let same: Pairs = old
            .iter()
            .filter(|(key, value)| new.get(*key) == Some(*value))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        assert!(same.len() > 100, "{}", self.name);
        fs::write(self.path("keys"), same.keys().map(|key| format!("{key}\n")).collect::<String>())
            .unwrap();
        let output = self.run(tools::real(), &["-q", "-", &self.spec], "keys");
        fs::remove_file(self.path("keys")).unwrap();
        let found = String::from_utf8(output.stdout.clone()).unwrap();
        let wrong = found.lines().find(|line| match line.split_once('\t') {
            Some((key, value)) => same.get(key).map(String::as_str) != Some(value),
            None => true,
        });
        if let Some(wrong) = wrong {
            return Err(format!("Postfix finds {wrong:?}"));
        }
        let missed = same.len() - found.lines().count();
        if self.action == Action::Rebuild {
            if missed > 0 {
                println!("{}: Postfix misses {missed} of {} meanwhile", self.name, same.len());
            }
            return Ok(());
        }
        match missed == 0 && output.stderr.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "Postfix misses {missed} of {} keys that stay: {}",
                same.len(),
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    /// The sorted listing of the map as `bdbmap dump` has it; whether `verify` and `recover` agree
    /// with what it says.
    fn dump(&self) -> Result<Option<String>, String> {
        let bdbmap = tools::ours().program(Tool::Postmap).with_file_name("bdbmap");
        let run = |arguments: &[&str]| self.command(&bdbmap).args(arguments).output().unwrap();
        let output = run(&["dump", "-p", "m.db"]);
        if !output.status.success() {
            return Err(format!("bdbmap dump: {output:?}"));
        }
        if !output.stderr.is_empty() {
            only_interrupted(&output)?;
            let interrupted = self.contents().unwrap_or_default();
            let before = run(&["verify", "m.db"]).status.code();
            let recovered = run(&["recover", "m.db"]);
            let after = run(&["verify", "m.db"]).status.code();
            let again = run(&["dump", "-p", "m.db"]);
            let by_libdb = dbtools::verify(&self.path("m.db"));
            // As it was: in the same inode, since elsewhere it would not count as interrupted.
            fs::write(self.path("m.db"), interrupted).unwrap();
            if (before, after) != (Some(1), Some(0)) || !recovered.status.success() {
                return Err(format!("verify says {before:?}, {recovered:?}, then {after:?}"));
            }
            if by_libdb.is_err() || again.stdout != output.stdout || !again.stderr.is_empty() {
                return Err(format!("recovered, {by_libdb:?}, and dumped as another map"));
            }
        }
        let text = String::from_utf8(output.stdout).unwrap();
        let items: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix(' ')?.strip_suffix("\\00")).collect();
        let (pairs, []) = items.as_chunks::<2>() else { panic!("{text}") };
        let mut lines: Vec<String> =
            pairs.iter().map(|[key, value]| format!("{key}\t{value}\n")).collect();
        lines.sort_unstable();
        Ok(Some(lines.concat()))
    }

    /// Lets the next of our programs find the map as it is, in `state`, and one that changes it.
    /// Then all is well.
    pub fn settle(&self, state: usize) -> Result<(), String> {
        let next = |arguments: &[&str], stdin: &str, status: i32| {
            let output = self.run(tools::ours(), arguments, stdin);
            only_interrupted(&output)?;
            match output.status.code() == Some(status) {
                true => Ok(()),
                false => Err(format!("the next writer: {output:?}")),
            }
        };
        if self.contents().is_some() {
            match state % 2 {
                0 => next(&["-i", &self.spec], "nothing", 0)?,
                _ => next(&["-d", "absent", &self.spec], "nothing", 1)?,
            }
            let contents = self.contents();
            // Behind the last page there may be what a journal became that was not finished.
            let same = contents.as_ref().zip(self.states[state].as_ref());
            if !same.is_some_and(|(contents, state)| contents.starts_with(state)) {
                return Err("the next writer leaves other contents".into());
            }
            self.verify().map_err(|error| format!("after the next writer: {error}"))?;
        }
        next(&["-i", &self.spec], "next", 0)?;
        let listing = self.list(tools::real())?.unwrap_or_default();
        let mut expected = self.pairs[state].clone().unwrap_or_default();
        expected.insert("next".into(), "of the next writer".into());
        if listing != text(&expected) {
            return Err("the next change is made of another map".into());
        }
        self.verify().map_err(|error| format!("after the next change: {error}"))?;
        let left = self.left_over();
        if left.is_empty() { Ok(()) } else { Err(format!("left after the next change: {left:?}")) }
    }
}

fn is_ours(suite: &Suite) -> bool {
    suite.program(Tool::Postmap) == tools::ours().program(Tool::Postmap)
}

/// A program that finds an interrupted change may say so, and nothing else.
fn only_interrupted(output: &Output) -> Result<(), String> {
    let text = String::from_utf8_lossy(&output.stderr);
    match text.lines().find(|line| !line.contains("interrupted")) {
        None => Ok(()),
        Some(line) => Err(format!("message {line:?}")),
    }
}

/// The names of a directory's files, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
