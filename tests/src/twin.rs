//! The same commands run by our programs and by Postfix's in twin directories, with everything that
//! can be seen compared after each.
//!
//! A [`Twin`] has two directories, `ours` and `real`. What is laid out goes to both; each command
//! then runs once in either, standing in the directory, so that no name in a message differs.
//!
//! Whoever uses a twin writes `hash:` for the type of a table and `.db` for the end of its file's
//! name; a twin of another [type](crate::table_types) puts that type's in their place.
//!
//! The directories are made below `TMPDIR`. The programs wait for their files to reach the disk,
//! unless `TMPDIR` is in memory, as `/dev/shm` is.

mod call;
mod files;
mod moment;

use std::borrow::Cow;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

pub use call::{Call, Outcome, Status};

use crate::differences;
use crate::table_types::{HASH, TABLE_TYPES, TableType};
use crate::tools::{self, Suite};
use files::Comparison;

/// The configuration of a new twin: UTF-8 mode is on.
const MAIN_CF: &[u8] = b"compatibility_level = 3.6\n";

/// Postfix reads a `main.cf` again and again until it is some seconds old: all are a day old.
const DAY: u64 = 86_400;

/// The longest piece of data that a report shows.
const SHOWN: usize = 2_000;

/// Whose programs, or whose files.
#[derive(Clone, Copy)]
enum Whose {
    Ours,
    Real,
}

impl Whose {
    /// The directory's name. Both have one length, should a program ever print it.
    fn name(self) -> &'static str {
        match self {
            Whose::Ours => "ours",
            Whose::Real => "real",
        }
    }
}

/// Two directories in which the same happens, except for the difference that is looked for.
pub struct Twin {
    ours: Suite,
    real: Suite,
    /// The parent of the two directories; taken out when it is to stay.
    root: Option<TempDir>,
    path: PathBuf,
    table_type: &'static TableType,
    comparison: Comparison,
    /// What has been done so far, for the report.
    steps: Vec<String>,
}

impl Twin {
    /// Directories for our programs and the real ones, with no file but a `etc/main.cf` that turns
    /// UTF-8 mode on. The name, for example the seed of a generated case, heads the report of a
    /// difference.
    ///
    /// # Panics
    ///
    /// When the real programs are missing or ours cannot be built.
    pub fn new(name: &str) -> Self {
        Twin::of(HASH, name)
    }

    /// As [`new`](Twin::new), with tables of another type.
    ///
    /// # Panics
    ///
    /// As [`new`](Twin::new).
    pub fn of(table_type: &'static TableType, name: &str) -> Self {
        Twin::between(table_type, name, tools::ours(), tools::real())
    }

    /// A twin of each type, one after the other.
    ///
    /// # Panics
    ///
    /// As [`new`](Twin::new).
    pub fn each(name: &str) -> impl Iterator<Item = Self> {
        TABLE_TYPES.iter().map(move |table_type| Twin::of(table_type, name))
    }

    /// As [`of`](Twin::of), with other programs in the two roles.
    ///
    /// # Panics
    ///
    /// When there is no place for temporary files.
    pub fn between(table_type: &'static TableType, name: &str, ours: &Suite, real: &Suite) -> Self {
        let root = tempfile::Builder::new()
            .prefix("twin-")
            // Open to all: a program run by root becomes the owner of the map's source.
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary directory");
        let mut twin = Twin {
            ours: ours.clone(),
            real: real.clone(),
            path: root.path().to_owned(),
            root: Some(root),
            table_type,
            comparison: Comparison::new(table_type),
            steps: vec![format!("{name}, {}", table_type.name)],
        };
        twin.directory("");
        twin.directory("etc");
        twin.main_cf(MAIN_CF);
        twin
    }

    /// The type of its tables.
    pub fn table_type(&self) -> &'static TableType {
        self.table_type
    }

    /// Writes `etc/main.cf`; the type of the twin's tables is the default.
    pub fn main_cf(&mut self, text: &[u8]) {
        let text = self.table_type.main_cf(text);
        self.file("etc/main.cf", &text);
        self.age("etc/main.cf", DAY);
    }

    /// Makes a file with mode 644, or replaces the contents of one and keeps its mode.
    pub fn file(&mut self, name: &str, contents: &[u8]) {
        self.lay(format!("{name}: {}", shown(contents)), name, |path| {
            let is_new = !path.exists();
            fs::write(path, contents)?;
            if is_new {
                fs::set_permissions(path, Permissions::from_mode(0o644))?;
            }
            Ok(())
        });
    }

    /// Makes a directory with mode 755.
    pub fn directory(&mut self, name: &str) {
        self.lay(format!("mkdir {name}"), name, |path| {
            fs::create_dir(path)?;
            fs::set_permissions(path, Permissions::from_mode(0o755))
        });
    }

    /// Makes a symbolic link.
    pub fn link(&mut self, target: &str, name: &str) {
        let target = &*self.table_type.file_name(target);
        self.lay(format!("ln -s {target} {name}"), name, |path| symlink(target, path));
    }

    /// Gives a file another name, besides the one it has.
    pub fn hard_link(&mut self, name: &str, other: &str) {
        let name = &*self.table_type.file_name(name);
        self.lay(format!("ln {name} {other}"), other, |path| {
            fs::hard_link(path.with_file_name(name), path)
        });
    }

    /// Gives a file another name in the place of the one it has.
    pub fn rename(&mut self, name: &str, other: &str) {
        let other = &*self.table_type.file_name(other);
        self.lay(format!("mv {name} {other}"), name, |path| {
            fs::rename(path, path.with_file_name(other))
        });
    }

    /// Removes a file.
    pub fn remove(&mut self, name: &str) {
        self.lay(format!("rm {name}"), name, |path| fs::remove_file(path));
    }

    /// Sets a file's permissions.
    pub fn mode(&mut self, name: &str, mode: u32) {
        self.lay(format!("chmod {mode:o} {name}"), name, |path| {
            fs::set_permissions(path, Permissions::from_mode(mode))
        });
    }

    /// Gives a file to another user and group; needs [root](is_root).
    pub fn owner(&mut self, name: &str, user: u32, group: u32) {
        self.lay(format!("chown {user}:{group} {name}"), name, |path| {
            chown(path, Some(user), Some(group))
        });
    }

    /// Sets a file's time of modification to so many seconds ago.
    pub fn age(&mut self, name: &str, seconds: u64) {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        self.lay(format!("touch -d '-{seconds} seconds' {name}"), name, |path| {
            File::open(path)?.set_modified(time)
        });
    }

    /// Whether there is a file: in both directories, or in neither.
    pub fn has(&self, name: &str) -> bool {
        self.path_of(Whose::Real, name).exists()
    }

    /// What the real programs left in a file.
    ///
    /// # Panics
    ///
    /// When there is no such file.
    pub fn real_file(&self, name: &str) -> Vec<u8> {
        fs::read(self.path_of(Whose::Real, name)).expect("the real program left the file")
    }

    /// Runs a command that may write, on both sides, and compares what it said and what it left.
    /// Returns what the real program said.
    ///
    /// # Panics
    ///
    /// On a difference.
    pub fn run(&mut self, call: &Call) -> Outcome {
        self.try_run(call).unwrap_or_else(|difference| panic!("{difference}"))
    }

    /// As [`run`](Twin::run).
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn try_run(&mut self, call: &Call) -> Result<Outcome, String> {
        let expected = self.execute(call, Whose::Real, Whose::Real);
        self.check(call, Whose::Ours, Whose::Ours, &expected)?;
        Ok(expected)
    }

    /// Runs a command that only reads, each side's program on each side's files: four outcomes,
    /// which must agree. Returns what the real program said of its own files.
    ///
    /// # Panics
    ///
    /// On a difference.
    pub fn read(&mut self, call: &Call) -> Outcome {
        self.try_read(call).unwrap_or_else(|difference| panic!("{difference}"))
    }

    /// As [`read`](Twin::read).
    ///
    /// # Errors
    ///
    /// The difference.
    pub fn try_read(&mut self, call: &Call) -> Result<Outcome, String> {
        let expected = self.try_run(call)?;
        self.check(call, Whose::Real, Whose::Ours, &expected)?;
        self.check(call, Whose::Ours, Whose::Real, &expected)?;
        Ok(expected)
    }

    /// Runs a command that may write, each side's program on the files of the *other* side, and
    /// compares what it said and what it left. Returns what the real program said.
    ///
    /// # Panics
    ///
    /// On a difference.
    pub fn cross(&mut self, call: &Call) -> Outcome {
        let expected = self.execute(call, Whose::Real, Whose::Ours);
        self.check(call, Whose::Ours, Whose::Real, &expected)
            .unwrap_or_else(|difference| panic!("{difference}"));
        expected
    }

    /// Does the same to a path in both directories.
    fn lay(&mut self, step: String, name: &str, act: impl Fn(&Path) -> io::Result<()>) {
        self.steps.push(step);
        for whose in [Whose::Ours, Whose::Real] {
            let path = self.path_of(whose, name);
            act(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }

    /// Runs one side's program in one side's directory.
    fn execute(&mut self, call: &Call, program: Whose, files: Whose) -> Outcome {
        let call = call.of_type(self.table_type);
        let stdin = self.path.join(format!("stdin.{}", self.steps.len()));
        fs::write(&stdin, &call.stdin).expect("the temporary directory is writable");
        let suite = match program {
            Whose::Ours => &self.ours,
            Whose::Real => &self.real,
        };
        let directory = self.directory_of(files);
        self.steps.push(call.shell(suite, &directory, &stdin));
        call.run(suite, &directory, &stdin)
    }

    /// Runs one side's program in one side's directory and compares: its outcome with the expected
    /// one, then the directories.
    fn check(
        &mut self,
        call: &Call,
        program: Whose,
        files: Whose,
        expected: &Outcome,
    ) -> Result<(), String> {
        let found = self.execute(call, program, files);
        let roles = format!("{} on the files of {}", program.name(), files.name());
        let [ours, real] = [Whose::Ours, Whose::Real].map(|whose| self.directory_of(whose));
        let is_more = matches!(program, Whose::Ours) && differences::is_more(expected, &found);
        let outcome = if is_more { None } else { self.outcome_difference(call, &found, expected) };
        let difference = outcome.or_else(|| self.comparison.difference(&ours, &real));
        difference.map_or(Ok(()), |difference| Err(format!("DIFFERENCE, {roles}: {difference}")))
    }

    /// How what a program said differs from what was expected.
    fn outcome_difference(
        &self,
        call: &Call,
        found: &Outcome,
        expected: &Outcome,
    ) -> Option<String> {
        let found = self.comparable(call, found);
        let expected = self.comparable(call, expected);
        if found == expected {
            return None;
        }
        let mut text = format!("status {:?}, expected {:?}\n", found.status, expected.status);
        text += &divergence("stdout", &found.stdout, &expected.stdout);
        text += &divergence("stderr", &found.stderr, &expected.stderr);
        Some(text)
    }

    /// An outcome without what may differ: the order of a listing that has none, the present time, the chatter of
    /// `-v`, the known differences.
    fn comparable(&self, call: &Call, outcome: &Outcome) -> Outcome {
        let is_message = |line: &&[u8]| {
            let levels: [&[u8]; 4] = [b": warning: ", b": error: ", b": fatal: ", b": panic: "];
            levels.iter().any(|level| line.windows(level.len()).any(|part| part == *level))
        };
        let mut stdout: Vec<&[u8]> = lines(&outcome.stdout).collect();
        let mut stderr: Vec<Cow<[u8]>> = lines(&outcome.stderr)
            .filter(|line| !differences::is_known(line))
            .filter(|line| !call.is_verbose() || is_message(line))
            .map(differences::common_form)
            .collect();
        if call.lists() && !self.table_type.ordered {
            stdout.sort();
            stderr.sort();
        }
        Outcome {
            status: outcome.status,
            stdout: moment::forget(&stdout.concat()),
            stderr: stderr.concat(),
        }
    }

    fn directory_of(&self, whose: Whose) -> PathBuf {
        self.path.join(whose.name())
    }

    /// Where a file of either side is.
    fn path_of(&self, whose: Whose, name: &str) -> PathBuf {
        self.directory_of(whose).join(&*self.table_type.file_name(name))
    }
}

impl Drop for Twin {
    /// Leaves the directories, and tells how to reproduce what is in them, when the test failed.
    fn drop(&mut self) {
        if thread::panicking()
            && let Some(root) = self.root.take()
        {
            eprintln!("{}\nfiles kept: {}", self.steps.join("\n"), root.keep().display());
        }
    }
}

/// Whether the test may give files away.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// The lines of a text, each with its newline.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}

/// Both texts when they differ, from a little before the first difference on.
fn divergence(name: &str, found: &[u8], expected: &[u8]) -> String {
    if found == expected {
        return String::new();
    }
    let same = found.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let start = same.saturating_sub(100);
    let tail = |text: &[u8]| shown(&text[start..]);
    format!(
        "{name} differs at byte {same}, from byte {start} on:\n found:    {}\n expected: {}\n",
        tail(found),
        tail(expected)
    )
}

/// Bytes for people to read, cut when there are many.
fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let rest = bytes.len() - cut.len();
    let more = if rest > 0 { format!(" and {rest} bytes") } else { String::new() };
    format!("b\"{}\"{more}", cut.escape_ascii())
}
