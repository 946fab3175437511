//! Writing database files that need not be a table's, in the way of tables.

use std::path::Path;

use kv_file_core::Contents;
use rustix::io::Errno;

use crate::commit::Failed;
use crate::commit::exchange::Target;
use crate::error::{Error, Result};
use crate::formats::bdb;
use crate::lookup::Operation;

/// Makes a database file that is not there yet, with the permissions `mode`. It is on disk when
/// this returns.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where there is a file; what the
/// system said.
pub fn create_database(path: &Path, mode: u32, contents: &dyn Contents) -> Result<()> {
    let exists = || Error::open(path, Errno::EXIST.into());
    // To lock it would be to wait for the lock on it.
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let target = Target::lock(path, mode).map_err(|failed| error(path, failed))?;
    if target.create(contents).map_err(bdb::error_of(Operation::Write, path))? {
        Ok(())
    } else {
        Err(exists())
    }
}

/// Makes a database file, or puts a new one in the place of one that is there, as a table's: under
/// its lock, with its owner and permissions, and so that whoever opens it sees the old contents or
/// the new. One that is not there gets the permissions `mode`.
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
/// Where the old file cannot be locked, or no new one be made. The old contents are still there,
/// unless the disk failed after the new ones had been put in their place.
pub fn replace_database(path: &Path, mode: u32, contents: &dyn Contents) -> Result<()> {
    let replaced = Target::lock(path, mode)
        .and_then(|target| target.replace(contents).map_err(|error| (Operation::Write, error)));
    replaced.map_err(|failed| error(path, failed))
}

fn error(path: &Path, (operation, error): Failed) -> Error {
    bdb::error_of(operation, path)(error)
}
