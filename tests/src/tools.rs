//! Where the programs under comparison are: Postfix's `postmap` and `postalias`, and ours.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;
use std::time::SystemTime;

/// The version of Postfix whose behaviour the specifications describe.
const POSTFIX: &str = "3.7.";

/// One of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Lookup tables: `key value` lines.
    Postmap,
    /// Alias databases: `name: value` lines.
    Postalias,
}

impl Tool {
    /// The program's file name.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Postmap => "postmap",
            Tool::Postalias => "postalias",
        }
    }
}

/// A directory that holds both programs.
#[derive(Clone, Debug)]
pub struct Suite {
    directory: PathBuf,
    preload: Option<PathBuf>,
}

impl Suite {
    /// The programs in `directory`, run as they are.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Suite { directory: directory.into(), preload: None }
    }

    /// Copies of the programs in `directory`, for users who cannot reach the originals.
    ///
    /// # Errors
    ///
    /// As [`fs::copy`].
    pub fn copy_to(&self, directory: &Path) -> io::Result<Self> {
        let copy = |from: &Path, name: &str| {
            let to = directory.join(name);
            fs::copy(from, &to).map(|_| to)
        };
        for tool in [Tool::Postmap, Tool::Postalias] {
            copy(&self.program(tool), tool.name())?;
        }
        let preload = self.preload().map(|object| copy(object, "preload.so")).transpose()?;
        Ok(Suite { directory: directory.to_owned(), preload })
    }

    /// The path of one of the programs.
    pub fn program(&self, tool: Tool) -> PathBuf {
        self.directory.join(tool.name())
    }

    /// One of the programs, to be run in a directory that [`configure`] has been called with.
    pub fn command(&self, tool: Tool, directory: &Path) -> Command {
        // Whoever runs the tests in the background or under nohup has signals ignored, and hands
        // that on.
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(self.program(tool));
        command.current_dir(directory).env("MAIL_CONFIG", directory);
        command.envs(self.preload().map(|object| ("LD_PRELOAD", object)));
        command
    }

    /// A shared object to preload into the programs, if any.
    pub fn preload(&self) -> Option<&Path> {
        self.preload.as_deref()
    }
}

/// Writes a plain `main.cf`, as old as can be: Postfix reads a new one again and again until it is
/// some seconds old.
///
/// # Panics
///
/// When the directory cannot be written.
pub fn configure(directory: &Path) {
    let main_cf = directory.join("main.cf");
    let written = fs::write(&main_cf, "compatibility_level = 3.6\n")
        .and_then(|()| File::options().write(true).open(&main_cf))
        .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH));
    written.expect("the directory is writable");
}

/// Postfix's own programs, freed of the pause after a fatal error.
///
/// # Panics
///
/// When Postfix 3.7 or a C compiler is not installed.
pub fn real() -> &'static Suite {
    static REAL: OnceLock<Suite> = OnceLock::new();
    REAL.get_or_init(|| {
        let directory = directory_of(Tool::Postmap.name())
            .unwrap_or_else(|| panic!("postmap not found: install the Debian package postfix"));
        check_version(&directory);
        Suite { directory, preload: Some(nosleep()) }
    })
}

/// Our programs, `bdbmap` beside them: built in release mode at the first call, or taken from the
/// directory that the environment variable `MAP_TESTS_PROGRAMS` names.
///
/// # Panics
///
/// When the build fails.
pub fn ours() -> &'static Suite {
    static OURS: OnceLock<Suite> = OnceLock::new();
    OURS.get_or_init(|| match env::var_os("MAP_TESTS_PROGRAMS") {
        Some(directory) => Suite::new(directory),
        None => Suite::new(build()),
    })
}

/// Builds the packages `postmap` and `bdbmap` next to the running test and returns where their
/// programs are.
fn build() -> PathBuf {
    let target = target_directory();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--package", "postmap", "--package", "bdbmap"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(status.success(), "building our programs failed");
    target.join("release")
}

/// The first directory that has `program`: `/usr/sbin`, where ordinary users' `PATH` does not lead,
/// or one of `PATH`.
fn directory_of(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    [PathBuf::from("/usr/sbin")]
        .into_iter()
        .chain(env::split_paths(&path))
        .find(|directory| directory.join(program).is_file())
}

fn check_version(directory: &Path) {
    let output = Command::new(directory.join("postconf"))
        .args(["-d", "-h", "mail_version"])
        .output()
        .expect("postconf, of the Debian package postfix, runs");
    let version = String::from_utf8_lossy(&output.stdout);
    assert!(
        version.starts_with(POSTFIX),
        "the specifications describe Postfix {POSTFIX}x (Debian 12), this is {version:?}"
    );
}

/// Compiles the shared object that makes `sleep` return at once.
fn nosleep() -> PathBuf {
    let directory = target_directory().join("tmp");
    fs::create_dir_all(&directory).expect("the target directory is writable");
    let object = directory.join("nosleep.so");
    // Test programs run side by side: each writes its own file, the last rename wins.
    let fresh = directory.join(format!("nosleep-{}.so", process::id()));
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .args([fresh.as_os_str(), OsStr::new(concat!(env!("CARGO_MANIFEST_DIR"), "/c/nosleep.c"))])
        .status()
        .expect("cc, of the Debian package gcc, runs");
    assert!(status.success(), "compiling nosleep.c failed");
    fs::rename(&fresh, &object).expect("the target directory is writable");
    object
}

/// The target directory of the running test, which is `TARGET/PROFILE/deps/NAME`.
fn target_directory() -> PathBuf {
    env::current_exe()
        .expect("a program knows its path")
        .ancestors()
        .nth(3)
        .expect("cargo runs tests below its target directory")
        .to_owned()
}
