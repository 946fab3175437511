//! Putting new contents in the place of old ones: ways named by their mechanism, which know no
//! format.

mod exchange;
mod fill;
mod new_file;
pub(crate) mod overwrite;
mod rename;
mod system;

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use kv_file_core::{Changes, Contents, FileSource};

use crate::lookup::Operation;
use crate::sharing::lock::Patience;

/// How new contents take the place of old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Under `flock`, by a new file that changes names with the old one, or by overwriting it
    /// behind a journal.
    Exchange,
    /// A temporary file with this suffix, under `flock`, takes the old one's name.
    Rename { suffix: &'static str },
}

/// What could not be done, and why.
pub(crate) type Failed = (Operation, io::Error);

/// A file that is about to be written. It is locked if it exists.
#[derive(Debug)]
pub(crate) enum Target {
    Exchange(exchange::Target),
    Rename(rename::Target),
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
    /// Waits for the lock on the file, and finds out how new contents can be put in the place of all
    /// of it.
    ///
    /// A file that is not there yet gets the permissions `mode`; one that is there keeps its own,
    /// and its owner, if the way allows it.
    pub fn lock(path: &Path, way: Way, mode: u32, patience: Patience) -> Result<Self, Failed> {
        match way {
            Way::Exchange => exchange::Target::lock(path, mode, patience).map(Target::Exchange),
            Way::Rename { suffix } => {
                rename::Target::lock(path, suffix, mode, patience).map(Target::Rename)
            }
        }
    }

    /// What had to be done first.
    pub fn mended(&self) -> Mended {
        match self {
            Target::Exchange(target) => target.mended,
            Target::Rename(_) => Mended::default(),
        }
    }

    /// Returns `true` if the old file will be overwritten: readers that do not lock it may see it
    /// half written.
    pub fn overwrites(&self) -> bool {
        match self {
            Target::Exchange(target) => target.overwrites(),
            Target::Rename(_) => false,
        }
    }

    /// Puts new contents in place. They are on disk when this returns.
    ///
    /// After an error the old contents are still there, unless it was one of the very last step:
    /// docs/commit.md.
    pub fn replace(self, contents: &dyn Contents) -> Result<(), Failed> {
        match self {
            Target::Exchange(target) => {
                target.replace(contents).map_err(|error| (Operation::Write, error))
            }
            Target::Rename(target) => target.replace(contents),
        }
    }
}

/// Makes a file with these contents if there is none. Returns `true` if there was none.
pub(crate) fn create(
    path: &Path,
    way: Way,
    mode: u32,
    patience: Patience,
    contents: &dyn Contents,
) -> Result<bool, Failed> {
    match way {
        Way::Exchange => {
            let target = exchange::Target::lock(path, mode, patience)?;
            target.create(contents).map_err(|error| (Operation::Write, error))
        }
        Way::Rename { suffix } => {
            rename::Target::lock(path, suffix, mode, patience)?.create(contents)
        }
    }
}

/// How single changes are made in files of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeWay {
    /// As [`Way::Exchange`]; where a large file changes a little, it is overwritten.
    Exchange,
}

/// A file that is there, some of which is about to be changed. It is locked.
#[derive(Debug)]
pub(crate) enum Changing {
    Exchange(exchange::Target),
}

impl Changing {
    /// Waits for the lock on a file that is there.
    pub fn lock(path: &Path, way: ChangeWay, patience: Patience) -> io::Result<Self> {
        match way {
            ChangeWay::Exchange => {
                exchange::Target::lock_existing(path, patience).map(Changing::Exchange)
            }
        }
    }

    /// Makes a file with these contents if there is none. Returns what had to be done first.
    pub fn ensure(
        path: &Path,
        way: ChangeWay,
        mode: u32,
        patience: Patience,
        contents: &dyn Contents,
    ) -> Result<Mended, Failed> {
        match way {
            ChangeWay::Exchange => {
                let target = exchange::Target::lock(path, mode, patience)?;
                let mended = target.mended;
                target.create(contents).map_err(|error| (Operation::Write, error))?;
                Ok(mended)
            }
        }
    }

    /// What had to be done first.
    pub fn mended(&self) -> Mended {
        match self {
            Changing::Exchange(target) => target.mended,
        }
    }

    /// The file that is there.
    pub fn file(&self) -> io::Result<FileSource> {
        match self {
            Changing::Exchange(target) => target.old(),
        }
    }

    /// Makes changes in it. They are on disk when this returns.
    ///
    /// Errors as for [`Target::replace`].
    pub fn change(self, changes: &Changes) -> io::Result<()> {
        match self {
            Changing::Exchange(target) => target.change(changes),
        }
    }
}
