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
        if file.metadata()?.is_dir() {
            return Err(rustix::io::Errno::ISDIR.into());
        }
        lock(&file)?;
        // While this process waited, another may have put a new file in the place of this one.
        if leads_to(path, &file)? {
            return Ok(file);
        }
    }
}

/// Whether another process waits for the exclusive lock on a file that this one has locked.
///
/// Where the system does not tell (`/proc/locks`, proc_locks(5)), nobody does.
pub(crate) fn is_awaited(file: &File) -> io::Result<bool> {
    let inode = file.metadata()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").unwrap_or_default();
    Ok(locks.lines().any(|line| is_waiting_writer(line, &inode)))
}

/// Whether a line of `/proc/locks` tells of a process that waits to write the file with this inode, on whichever device:
/// some file systems have other numbers for theirs here than elsewhere.
fn is_waiting_writer(line: &str, inode: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    words.by_ref().take(4).eq(["->", "FLOCK", "ADVISORY", "WRITE"])
        && words.nth(1).and_then(|place| place.rsplit(':').next()) == Some(inode)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_writers_are_told_from_others() {
        for (line, waits) in [
            ("1: -> FLOCK  ADVISORY  WRITE 812 fd:00:4711 0 EOF", true),
            ("12:  -> FLOCK  ADVISORY  WRITE 812 00:1b:4711 0 EOF", true),
            ("1: -> FLOCK  ADVISORY  READ 812 fd:00:4711 0 EOF", false),
            ("1: -> FLOCK  ADVISORY  WRITE 812 fd:00:47110 0 EOF", false),
            ("1: -> POSIX  ADVISORY  WRITE 812 fd:00:4711 0 EOF", false),
            ("1: FLOCK  ADVISORY  WRITE 811 fd:00:4711 0 EOF", false),
            ("1: -> FLOCK  ADVISORY  WRITE", false),
            ("", false),
        ] {
            assert_eq!(is_waiting_writer(line, "4711"), waits, "{line}");
        }
    }
}
