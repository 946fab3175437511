//! Locks as Postfix takes them on Berkeley DB files: `flock`, on the whole file (postmap specification, section 8.2).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Opens a file for reading and waits until no writer has it locked.
///
/// As long as the result lives, no writer that locks the file changes it.
pub(crate) fn open_shared(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true), File::lock_shared)
}

/// Opens a file for writing and waits until it is the only one to have it locked.
pub(crate) fn open_exclusive(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true).write(true), File::lock)
}

fn open(
    path: &Path,
    how: &OpenOptions,
    lock: impl Fn(&File) -> io::Result<()>,
) -> io::Result<File> {
    loop {
        let file = how.open(path)?;
        lock(&file)?;
        // While this process waited, another may have put a new file in the place of this one.
        if leads_to(path, &file)? {
            return Ok(file);
        }
    }
}

/// Whether a path leads to an open file.
fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let (there, here) = match fs::metadata(path) {
        Ok(there) => (there, file.metadata()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok((there.dev(), there.ino()) == (here.dev(), here.ino()))
}
