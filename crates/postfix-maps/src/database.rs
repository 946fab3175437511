//! Writing database files that need not be a table's, in the way of tables.

use std::io;
use std::path::Path;

use kv_file_core::Contents;
use rustix::io::Errno;

use crate::commit::Target;
use crate::error::Error;

/// Makes a database file that is not there yet, with the permissions `mode`. It is on disk when this returns.
///
/// # Errors
/// [`Error::Open`] where there is a file; [`Error::OpenDatabase`] where none can be made; [`Error::Write`].
pub fn create_database(path: &Path, mode: u32, contents: &dyn Contents) -> Result<(), Error> {
    let exists = || Error::Open { path: path.to_owned(), source: Errno::EXIST.into() };
    // Target would wait for the lock on it.
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let created = Target::open(path.to_owned(), mode)?.create(contents);
    if created.map_err(|source| write_error(path, source))? { Ok(()) } else { Err(exists()) }
}

/// Makes a database file, or puts a new one in the place of one that is there, as a table's: under its lock, with its owner
/// and permissions, and so that whoever opens it sees the old contents or the new. One that is not there gets the
/// permissions `mode`.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("people.db");
/// use bdb_file::{BuildOptions, HashBuilder, HashDb, Keep};
/// use postfix_maps::{LockedFile, replace_database};
///
/// let mut builder = HashBuilder::new(BuildOptions::default());
/// builder.push(b"bob", b"baker")?;
/// replace_database(&path, 0o600, &builder.plan(Keep::Last)?)?;
/// let people = HashDb::open(LockedFile::open(&path)?)?;
/// assert_eq!(people.get(b"bob")?.as_deref(), Some(&b"baker"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Open`] where the old file cannot be locked, [`Error::OpenDatabase`] where none can be made.
/// [`Error::Write`]: the old contents are still there, unless the disk failed after the new ones had been put in their place.
pub fn replace_database(path: &Path, mode: u32, contents: &dyn Contents) -> Result<(), Error> {
    let target = Target::open(path.to_owned(), mode)?;
    target.write(contents).map_err(|source| write_error(path, source))
}

fn write_error(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source: source.into() }
}
