//! Making files in the formats of tables, and putting them in the place of others.

use std::fmt;
use std::io::BufRead;

use kv_file_core::Contents;
use rustix::io::Errno;

use super::commit::{self, Target};
use crate::database_file::DatabaseFile;
#[cfg(doc)]
use crate::database_file::Format;
use crate::error::{Error, Result};
use crate::formats::tools::ToolResult;

impl DatabaseFile {
    /// Makes the file, which is not there yet, with the permissions `mode`. It is on disk when this
    /// returns.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where there is a file; what the
    /// system said.
    pub fn create(&self, mode: u32, contents: &dyn Contents) -> Result<()> {
        let exists = || Error::open(&self.path, Errno::EXIST.into());
        // To lock it would be to wait for the lock on it.
        if self.path.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let format = self.format().0;
        let created =
            commit::create(&self.path, format.write.way, mode, self.lock_timeout, contents);
        if created.map_err(|failed| format.failed(&self.path, failed))? {
            Ok(())
        } else {
            Err(exists())
        }
    }

    /// Makes the file, or puts a new one in the place of one that is there, as a table's: under the
    /// lock of its format, with its owner and permissions if the format's way of writing keeps them,
    /// and so that whoever opens it sees the old contents or the new. One that is not there gets the
    /// permissions `mode`.
    ///
    /// # Errors
    /// Where the old file cannot be locked, or no new one be made. The old contents are still there,
    /// unless the disk failed after the new ones had been put in their place.
    pub fn replace(&self, mode: u32, contents: &dyn Contents) -> Result<()> {
        let format = self.format().0;
        Target::lock(&self.path, format.write.way, mode, self.lock_timeout)
            .and_then(|target| target.replace(contents))
            .map_err(|failed| format.failed(&self.path, failed))
    }

    /// Understands a text as [`Format::dump`] writes it, for this file: that of a table becomes what
    /// the table's type has, one at a path what the text says.
    ///
    /// # Errors
    /// What is wrong with the text, and where; what reading it gave.
    pub fn load(&self, text: &mut dyn BufRead, options: &LoadOptions<'_>) -> ToolResult<Loaded> {
        (self.format().0.write.load)(text, options, self.format.is_some())
    }
}

/// How a text is understood.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions<'o> {
    /// Whether the text has no header: its lines are in turn a key and its value.
    pub plain: bool,
    /// Whether of several values of a key, where the database does not hold several, the first one
    /// counts instead of the last.
    pub keep_first: bool,
    /// The database of this name is made into a file of its own.
    pub database: Option<&'o [u8]>,
    /// Whether the same text gives the same file, byte for byte.
    pub reproducible: bool,
}

/// A file that a text has been made into.
pub struct Loaded {
    /// What is to be written.
    pub contents: Box<dyn Contents>,
    /// The keys of which values have been left out, although that is no rule of the database.
    pub left_out: Vec<Vec<u8>>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("left_out", &self.left_out).finish_non_exhaustive()
    }
}
