//! Locks as Postfix takes them on Berkeley DB files: `flock`, on the whole file (postmap
//! specification, section 8.2).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags, accessat};
use rustix::io::Errno;

/// Opens a file for reading and waits until no writer has it locked.
///
/// As long as the result lives, no writer that locks the file changes it.
pub(crate) fn open_shared(path: &Path) -> io::Result<File> {
    open(path, File::lock_shared)
}

/// Waits until this process is the only one to have a file locked, which it must be allowed to
/// write.
///
/// The result is open for reading only, so that it does not count as a writer of the file
/// ([`super::lease`]); [`open_writable`] gives the right to write.
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
        let file = open_regular(path)?;
        while let Err(error) = lock(&file) {
            // A signal for which the program has a handler; one without ends it.
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        // While this process waited, another may have put a new file in the place of this one.
        match fs::metadata(path) {
            Ok(there) if same_file(&there, &file.metadata()?) => return Ok(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Opens a regular file for reading. Of others, opening some would wait for somebody, and opening
/// some does something.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    open_only_regular(path, File::options().read(true))
}

/// As [`open_regular`], with options.
pub(super) fn open_only_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let refuse_others = |metadata: Metadata| match metadata.file_type() {
        kind if kind.is_file() => Ok(()),
        kind if kind.is_dir() => Err(Errno::ISDIR.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "Not a regular file")),
    };
    refuse_others(fs::metadata(path)?)?;
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = options.custom_flags(flags).open(path)?;
    // It may be another by now.
    refuse_others(file.metadata()?)?;
    Ok(file)
}

pub(crate) fn same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        for path in [path("fifo"), path("socket"), "/dev/null".into()] {
            for open in [open_shared, open_exclusive] {
                // A FIFO would wait for somebody who writes to it.
                let error = open(&path).unwrap_err();
                assert_eq!(error.to_string(), "Not a regular file", "{path:?}");
            }
        }
        assert_eq!(open_shared(directory.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }
}
