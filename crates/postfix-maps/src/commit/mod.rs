//! Putting new contents in the place of old ones: ways named by their mechanism, which know no
//! format.

pub(crate) mod exchange;
pub(crate) mod journal;
mod lease;
pub(crate) mod lock;
pub(crate) mod new_file;

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kv_file_core::{Changes, Contents, FileSource};

/// How files of a format are locked, and how new contents take the place of old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Under `flock`, by a new file that changes names with the old one, or by overwriting it
    /// behind a journal.
    Exchange,
}

impl Way {
    /// Opens a file for reading and waits until no writer has it locked. As long as the result
    /// lives, none changes it.
    pub fn open_shared(self, path: &Path) -> io::Result<File> {
        match self {
            Way::Exchange => lock::open_shared(path),
        }
    }
}

/// A file that is about to be written. It is locked if it exists.
#[derive(Debug)]
pub(crate) enum Target {
    Exchange(exchange::Target),
}

/// Why a file cannot be written.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The old file cannot be locked, or not be written.
    Old(io::Error),
    /// No new one can be made.
    New(io::Error),
}

/// What was in a file's place and had to be mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    /// A file without contents, which has been removed.
    pub empty: bool,
    /// A change that was interrupted, and has been completed.
    pub interrupted: bool,
}

impl Mended {
    /// Warnings of it, without the program's name.
    pub fn warnings(self, file: &Path) -> impl Iterator<Item = Vec<u8>> + use<> {
        let file = file.as_os_str().as_bytes();
        let empty = self.empty.then(|| [b"removing zero-length database file: ", file].concat());
        let interrupted = self.interrupted.then(|| {
            [file, b": a change of this file had been interrupted, and has been completed"].concat()
        });
        empty.into_iter().chain(interrupted)
    }

    /// What was mended at one time or the other.
    pub fn or(self, other: Self) -> Self {
        Mended {
            empty: self.empty || other.empty,
            interrupted: self.interrupted || other.interrupted,
        }
    }
}

impl Target {
    /// Waits for the lock on the file, and finds out how new contents can be put in the place of
    /// all of it.
    ///
    /// A file that is not there yet gets the permissions `mode`; one that is there keeps its own,
    /// and its owner.
    pub fn lock(path: &Path, way: Way, mode: u32) -> Result<Self, Refused> {
        match way {
            Way::Exchange => exchange::Target::lock(path, mode).map(Target::Exchange),
        }
    }

    /// Waits for the lock on a file that is there, some of which is to be [changed](Self::change).
    pub fn lock_existing(path: &Path, way: Way) -> io::Result<Self> {
        match way {
            Way::Exchange => exchange::Target::lock_existing(path).map(Target::Exchange),
        }
    }

    /// What had to be done first.
    pub fn mended(&self) -> Mended {
        match self {
            Target::Exchange(target) => target.mended,
        }
    }

    /// The file that is there.
    pub fn old(&self) -> io::Result<FileSource> {
        match self {
            Target::Exchange(target) => target.old(),
        }
    }

    /// Returns `true` if the old file will be overwritten: readers that do not lock it may see it
    /// half written.
    pub fn overwrites(&self) -> bool {
        match self {
            Target::Exchange(target) => target.overwrites(),
        }
    }

    /// Puts new contents in place. They are on disk when this returns.
    ///
    /// After an error the old contents are still there, unless it was one of the very last step:
    /// docs/commit.md.
    pub fn replace(self, contents: &dyn Contents) -> io::Result<()> {
        match self {
            Target::Exchange(target) => target.replace(contents),
        }
    }

    /// Puts new contents in place if there still are none. Returns `true` if there were none.
    ///
    /// After an error there are none.
    pub fn create(self, contents: &dyn Contents) -> io::Result<bool> {
        match self {
            Target::Exchange(target) => target.create(contents),
        }
    }

    /// Changes some of a file that is there. The changes are on disk when this returns.
    ///
    /// Errors as for [`replace`](Self::replace).
    pub fn change(self, changes: &Changes) -> io::Result<()> {
        match self {
            Target::Exchange(target) => target.change(changes),
        }
    }
}
