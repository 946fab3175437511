//! Locks as Postfix takes them on Berkeley DB files: `flock`, on the whole file (postmap specification, section 8.2).

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, accessat};
use rustix::io::Errno;

/// Opens a file for reading and waits until no writer has it locked.
///
/// As long as the result lives, no writer that locks the file changes it.
pub(crate) fn open_shared(path: &Path) -> io::Result<File> {
    open(path, File::lock_shared)
}

/// Waits until this process is the only one to have a file locked, which it must be allowed to write.
///
/// The result is open for reading only, so that it does not count as a writer of the file ([`crate::lease`]);
/// [`open_writable`] gives the right to write.
pub(crate) fn open_exclusive(path: &Path) -> io::Result<File> {
    match accessat(CWD, path, rustix::fs::Access::WRITE_OK, AtFlags::EACCESS) {
        // An old kernel does not know; the writing will show.
        Ok(()) | Err(Errno::NOSYS) => open(path, File::lock),
        Err(error) => Err(error.into()),
    }
}

/// Opens a locked file for writing.
pub(crate) fn open_writable(path: &Path, locked: &File) -> io::Result<File> {
    let file = File::options().read(true).write(true).open(path)?;
    match same_file(&file.metadata()?, &locked.metadata()?) {
        true => Ok(file),
        // Somebody has replaced the file without asking for its lock.
        false => Err(Errno::STALE.into()),
    }
}

fn open(path: &Path, lock: impl Fn(&File) -> io::Result<()>) -> io::Result<File> {
    loop {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(Errno::ISDIR.into());
        }
        lock(&file)?;
        // While this process waited, another may have put a new file in the place of this one.
        match fs::metadata(path) {
            Ok(there) if same_file(&there, &file.metadata()?) => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}

fn same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
