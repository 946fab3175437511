//! Reading files that others write: their locks, and what they have left when they were interrupted.

pub(crate) mod journal;
pub(crate) mod left_over;
pub(crate) mod lock;

use std::fs::File;
use std::io;
use std::path::Path;

use self::journal::Journal;
use self::lock::Patience;

/// How readers and writers of a format share its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Under `flock`. Where a change was interrupted there is a journal.
    Locked,
    /// Finished files never change, and are not locked.
    Finished,
}

impl Sharing {
    /// Opens a file for reading and waits until no writer has it locked. As long as the result
    /// lives, none changes it.
    pub fn open_shared(self, path: &Path, patience: Patience) -> io::Result<File> {
        match self {
            Sharing::Locked => lock::open_shared(path, patience),
            Sharing::Finished => lock::open_regular(path),
        }
    }

    /// Returns `true` if files may have journals.
    pub fn has_journals(self) -> bool {
        self == Sharing::Locked
    }

    /// The journal of a file whose change was interrupted.
    pub fn find_journal(self, file: &File) -> io::Result<Option<Journal>> {
        if self.has_journals() { Journal::find(file) } else { Ok(None) }
    }
}
