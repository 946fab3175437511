//! A temporary file beside the old one, whose place it takes by its name (cdb specification, section
//! 7.2).
//!
//! The temporary file has a name that is known to all, and its lock keeps builders apart: who waits
//! for it finds that the file has got another name meanwhile, and starts over. A finished file never
//! changes; nobody locks it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kv_file_core::Contents;

use super::Failed;
use super::fill::fill;
use crate::lookup::Operation;
use crate::sharing::lock::{self, Deadline, Lock, Patience, open_only_regular, same_file};

/// A temporary file, locked.
#[derive(Debug)]
pub(crate) struct Target {
    file: PathBuf,
    temporary: PathBuf,
    new: File,
}

impl Target {
    /// Waits for the lock on the temporary file. One that is made gets the permissions `mode`; one
    /// that somebody has left keeps its own.
    pub fn lock(path: &Path, suffix: &str, mode: u32, patience: Patience) -> Result<Self, Failed> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(suffix);
        let temporary = PathBuf::from(temporary);
        let deadline = Deadline::of(patience);
        loop {
            let new = open(&temporary, mode).map_err(|error| (Operation::Make, error))?;
            let locked =
                lock(&new, &temporary, deadline).map_err(|error| (Operation::Lock, error))?;
            if locked {
                return Ok(Target { file: path.to_owned(), temporary, new });
            }
        }
    }

    /// Puts new contents in place. They are on disk when this returns; after an error the old ones
    /// are still there, and so is the temporary file, as in Postfix.
    pub fn replace(self, contents: &dyn Contents) -> Result<(), Failed> {
        let write = || {
            self.new.set_len(0)?;
            fill(&self.new, contents)?;
            self.new.sync_all()
        };
        write().map_err(|error| (Operation::Write, error))?;
        let rename = || {
            fs::rename(&self.temporary, &self.file)?;
            super::exchange::sync_directory(&self.file)
        };
        rename().map_err(|error| (Operation::Rename, error))
    }

    /// Puts new contents in place if there are none: of those who have the lock, this is the first.
    pub fn create(self, contents: &dyn Contents) -> Result<bool, Failed> {
        if self.file.symlink_metadata().is_ok() {
            fs::remove_file(&self.temporary).map_err(|error| (Operation::Make, error))?;
            return Ok(false);
        }
        self.replace(contents).map(|()| true)
    }
}

/// Opens a temporary file, or makes it. A device in its place would take the table's name.
fn open(temporary: &Path, mode: u32) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).mode(mode & 0o7777);
    match options.clone().create_new(true).open(temporary) {
        Ok(new) => {
            new.set_permissions(Permissions::from_mode(mode & 0o7777))?;
            Ok(new)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match open_only_regular(temporary, &mut options) {
                // A link to a file that is to be made. Or it is gone again by now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    options.create(true).truncate(false).open(temporary)
                }
                opened => opened,
            }
        }
        Err(error) => Err(error),
    }
}

/// Waits for the lock on a temporary file. Returns `true` if it still has its name then.
fn lock(new: &File, temporary: &Path, deadline: Deadline) -> io::Result<bool> {
    lock::wait(new, Lock::Exclusive, deadline)?;
    match fs::metadata(temporary) {
        Ok(there) => {
            let locked = new.metadata()?;
            Ok(same_file(&there, &locked) && there.nlink() == locked.nlink() && there.nlink() > 0)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(&'static [u8]);

    impl Contents for Bytes {
        fn file_len(&self) -> u64 {
            self.0.len() as u64
        }

        fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
            put(0, self.0)
        }
    }

    #[test]
    fn a_left_over_file_is_used_and_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.cdb");
        let temporary = directory.path().join("m.cdb.tmp");
        fs::write(&temporary, "longer than the new contents").unwrap();
        fs::set_permissions(&temporary, Permissions::from_mode(0o600)).unwrap();
        for (contents, mode) in [(&b"one"[..], 0o600), (b"two", 0o640)] {
            let target = Target::lock(&path, ".tmp", 0o640, None).unwrap();
            target.replace(&Bytes(contents)).unwrap();
            assert_eq!(fs::read(&path).unwrap(), contents);
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
            assert!(!temporary.exists());
        }
    }

    #[test]
    fn what_is_no_file_does_not_become_the_table() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.cdb");
        std::os::unix::fs::symlink("/dev/null", directory.path().join("m.cdb.tmp")).unwrap();
        let (operation, error) = Target::lock(&path, ".tmp", 0o640, None).unwrap_err();
        assert_eq!((operation, &error.to_string()[..]), (Operation::Make, "Not a regular file"));
        assert!(!path.exists());
    }

    #[test]
    fn builders_take_turns() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.cdb");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let target = Target::lock(&path, ".tmp", 0o644, None).unwrap();
                        target.replace(&Bytes(b"contents")).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read(&path).unwrap(), b"contents");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
