//! Files for new contents, in the directory of the one whose place they will take.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::system::{link, nameless};
use crate::sharing::left_over::{RANDOM, directory, prefix};
use crate::sharing::lock::{Patience, open_exclusive, same_file};

/// A file that no reader of tables sees. It is gone when the value is, unless it has been put in
/// place.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    /// `None` as long as it has no name at all.
    name: Option<TempPath>,
}

impl NewFile {
    /// Makes a file in the directory of `path`, which only this user may open.
    ///
    /// Where the system can, it has no name (`O_TMPFILE`): nothing is left of it however the
    /// process ends. It is locked, so that [`sweep`](crate::sharing::left_over::sweep) knows that it
    /// is somebody's.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let (file, name) = match nameless(directory(path)) {
            Ok(file) => (file, None),
            Err(_) => {
                let prefix = prefix(path);
                let mut builder = tempfile::Builder::new();
                let named = builder.prefix(&prefix).rand_bytes(RANDOM).tempfile_in(directory(path));
                let (file, name) = named?.into_parts();
                (file, Some(name))
            }
        };
        // Where there are no locks there was none on the old file, either.
        let _ = file.lock_shared();
        Ok(NewFile { file, name })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its name, which nobody looks for, in the directory of `path`.
    pub fn name(&mut self, path: &Path) -> io::Result<&Path> {
        if self.name.is_none() {
            let prefix = prefix(path);
            let mut builder = tempfile::Builder::new();
            let named = builder
                .prefix(&prefix)
                .rand_bytes(RANDOM)
                .make_in(directory(path), |name| link(&self.file, name))?;
            self.name = Some(named.into_temp_path());
        }
        self.name.as_deref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Gives the file the name `path`.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where something has that name. After any error the file is
    /// gone.
    pub fn create(self, path: &Path) -> io::Result<()> {
        match self.name {
            Some(name) => name.persist_noclobber(path).map_err(|error| error.error),
            None => link(&self.file, path),
        }
    }

    /// Takes its name away, which by now is that of the file whose place it has taken; gives the
    /// file itself, still locked.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// A file under its final name that has no contents yet: where a new one cannot be made elsewhere
/// and named when it is whole.
///
/// It is locked, and removed with the value if it still is empty then.
#[derive(Debug)]
pub(crate) struct EmptyFile {
    file: File,
    path: PathBuf,
}

impl EmptyFile {
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where something has that name.
    pub fn create(path: &Path, patience: Patience) -> io::Result<Self> {
        let made = File::options().write(true).create_new(true).mode(0o600).open(path)?.metadata();
        let file = open_exclusive(path, patience)?;
        match same_file(&made?, &file.metadata()?) {
            true => Ok(EmptyFile { file, path: path.to_owned() }),
            // Somebody else has found it before it was locked.
            false => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for EmptyFile {
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::sharing::left_over::sweep;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_new_file_is_seen_when_it_is_given_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let new = NewFile::beside(&path).unwrap();
        new.file().write_all(b"new").unwrap();
        assert!(new.name.is_some() || names(directory.path()).is_empty());
        new.create(&path).unwrap();
        assert_eq!(names(directory.path()), ["m.db"]);
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let other = NewFile::beside(&path).unwrap();
        assert_eq!(other.create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn names_beside_a_file_are_never_too_long() {
        let directory = tempfile::tempdir().unwrap();
        for len in [1, 242, 243, 244, 248, 255] {
            let path = directory.path().join("n".repeat(len));
            let mut new = NewFile::beside(&path).unwrap();
            let name = new.name(&path).unwrap().to_owned();
            assert!(name.exists(), "{len}");
            sweep(&path);
            assert!(name.exists(), "{len}: it is locked");
            drop(new);
            assert!(!name.exists(), "{len}");
        }
    }

    #[test]
    fn what_nobody_has_locked_is_removed_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let kept =
            [".m.db.backup", ".m.db.new-", ".m.db.new-abc", ".m.db.new-abcde.", ".n.db.new-abcdef"];
        for name in kept.iter().chain(&[".m.db.new-Abc123"]) {
            fs::write(directory.path().join(name), b"").unwrap();
        }
        fs::create_dir(directory.path().join(".m.db.new-folder")).unwrap();
        sweep(&path);
        let mut left = names(directory.path());
        left.sort();
        let mut expected: Vec<&str> = kept.into_iter().chain([".m.db.new-folder"]).collect();
        expected.sort();
        assert_eq!(left, expected);
    }

    #[test]
    fn an_empty_file_is_removed_and_a_filled_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        drop(EmptyFile::create(&path, None).unwrap());
        assert!(!path.exists());
        let empty = EmptyFile::create(&path, None).unwrap();
        assert_eq!(
            EmptyFile::create(&path, None).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        fs::write(&path, b"contents").unwrap();
        drop(empty);
        assert!(path.exists());
    }
}
