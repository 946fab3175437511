//! Locks as Postfix takes them on Berkeley DB files: `flock`, on the whole file (postmap
//! specification, section 8.2).

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, OFlags, accessat};
use rustix::io::Errno;

/// How long to wait for a lock; `None`: for as long as it takes.
pub(crate) type Patience = Option<Duration>;

/// How long libraries wait unless they are told otherwise.
pub(crate) const DEFAULT_PATIENCE: Patience = Some(Duration::from_secs(60));

/// A lock that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// With other readers.
    Shared,
    /// Of nobody else.
    Exclusive,
}

/// When the patience of an operation is at its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// For an operation that begins now.
    pub fn of(patience: Patience) -> Self {
        // What is too far away to be counted is never.
        Deadline(patience.and_then(|patience| Instant::now().checked_add(patience)))
    }
}

/// Waits for a lock on a file.
///
/// No system call waits for a lock for some time: with an end to it, this tries again and again.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] where somebody else still has it locked at the end; what the
/// system said.
pub(crate) fn wait(file: &File, wanted: Lock, deadline: Deadline) -> io::Result<()> {
    // The pauses grow, so that a short wait ends soon and a long one costs little.
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(50);
    let Some(end) = deadline.0 else { return wait_for_ever(file, wanted) };
    let mut pause = SHORTEST;
    loop {
        let tried = match wanted {
            Lock::Shared => file.try_lock_shared(),
            Lock::Exclusive => file.try_lock(),
        };
        match tried {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {
                continue;
            }
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Errno::WOULDBLOCK.into());
        }
        thread::sleep(pause.min(left));
        pause = (2 * pause).min(LONGEST);
    }
}

fn wait_for_ever(file: &File, wanted: Lock) -> io::Result<()> {
    loop {
        let locked = match wanted {
            Lock::Shared => file.lock_shared(),
            Lock::Exclusive => file.lock(),
        };
        match locked {
            // A signal for which the program has a handler; one without ends it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Opens a file for reading and waits until no writer has it locked.
///
/// As long as the result lives, no writer that locks the file changes it.
pub(crate) fn open_shared(path: &Path, patience: Patience) -> io::Result<File> {
    open(path, Lock::Shared, patience)
}

/// Waits until this process is the only one to have a file locked, which it must be allowed to
/// write.
///
/// The result is open for reading only, so that it does not count as a writer of the file
/// where leases tell of these; [`open_writable`] gives the right to write.
pub(crate) fn open_exclusive(path: &Path, patience: Patience) -> io::Result<File> {
    match accessat(CWD, path, rustix::fs::Access::WRITE_OK, AtFlags::EACCESS) {
        // An old kernel does not know; the writing will show.
        Ok(()) | Err(Errno::NOSYS) => open(path, Lock::Exclusive, patience),
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

fn open(path: &Path, wanted: Lock, patience: Patience) -> io::Result<File> {
    let deadline = Deadline::of(patience);
    loop {
        let file = open_regular(path)?;
        wait(&file, wanted, deadline)?;
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
pub(crate) fn open_only_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
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
                let error = open(&path, None).unwrap_err();
                assert_eq!(error.to_string(), "Not a regular file", "{path:?}");
            }
        }
        assert_eq!(
            open_shared(directory.path(), None).unwrap_err().kind(),
            io::ErrorKind::IsADirectory
        );
    }
}
