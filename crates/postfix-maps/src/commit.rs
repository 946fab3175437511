//! Putting a new file in the place of a table's old one.
//!
//! The usual way is a new file beside the old one, renamed over it when it is complete and on disk: whoever opens the
//! table sees the old contents or the new, whatever fails in between. Where the new file could not take over the old
//! one's place in every respect (its owner, its other names) or the directory cannot be written, the old file is
//! overwritten, which is what Postfix always does.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::NamedTempFile;

use crate::error::Error;
use crate::lock::open_exclusive;

/// A table's file, about to be written. It is locked if it exists.
#[derive(Debug)]
pub(crate) struct Target {
    /// As the table's user named it.
    path: PathBuf,
    /// Where symbolic links lead.
    file: PathBuf,
    way: Way,
    /// Whether a file without contents was in the way and has been removed.
    pub removed_empty: bool,
}

#[derive(Debug)]
enum Way {
    /// There is no old file.
    Create(NamedTempFile),
    /// The new file takes the place of the old one, which stays locked until then.
    Replace {
        new: NamedTempFile,
        _old: File,
    },
    Overwrite(File),
}

impl Target {
    /// Waits for the lock on the table's file, and finds out how the new contents can be put in its place.
    ///
    /// A table that is not there yet gets the permissions `mode`; one that is keeps its own, and its owner.
    pub fn open(path: PathBuf, mode: u32) -> Result<Self, Error> {
        let file = follow_links(&path);
        let open_error = |source| Error::Open { path: path.clone(), source };
        let mut removed_empty = false;
        let old = match open_exclusive(&file) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(open_error(error)),
        };
        let mut old = match old {
            Some(old) => {
                let metadata = old.metadata().map_err(open_error)?;
                Some((old, metadata))
            }
            None => None,
        };
        // Postfix removes what libdb would refuse to open.
        if old.as_ref().is_some_and(|(_, metadata)| metadata.len() == 0)
            && fs::remove_file(&file).is_ok()
        {
            removed_empty = true;
            old = None;
        }
        let new = new_file_beside(&file);
        let way = match (old, new) {
            (None, Ok(new)) => {
                set_mode(new.as_file(), mode).map_err(open_error)?;
                Way::Create(new)
            }
            (None, Err(error)) => {
                return Err(Error::OpenDatabase { path, source: error.into() });
            }
            (Some((old, metadata)), Ok(new)) => {
                if can_replace(&metadata, new.as_file()) {
                    Way::Replace { new, _old: old }
                } else {
                    Way::Overwrite(old)
                }
            }
            (Some((old, _)), Err(error)) if forbidden(&error) => Way::Overwrite(old),
            (Some(_), Err(error)) => return Err(Error::Write { path, source: error.into() }),
        };
        Ok(Target { path, file, way, removed_empty })
    }

    /// The table's file, as its user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the old file will be overwritten: readers that do not lock it may see it half written.
    pub fn overwrites(&self) -> bool {
        matches!(self.way, Way::Overwrite(_))
    }

    /// Writes the new contents, `len` bytes, and puts them in place. They are on disk when this returns.
    ///
    /// After an error the old contents are still there, except where the old file was being overwritten; even then
    /// they are as long as no byte had been written, for which the disk is asked for room first.
    pub fn write(self, len: u64, contents: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        match self.way {
            Way::Create(new) => {
                contents(new.as_file())?;
                new.as_file().sync_all()?;
                if let Err(error) = new.persist_noclobber(&self.file) {
                    if error.error.kind() != io::ErrorKind::AlreadyExists {
                        return Err(error.error);
                    }
                    // Another writer was quicker: this one comes after it.
                    let _other = open_exclusive(&self.file)?;
                    error.file.persist(&self.file)?;
                }
            }
            Way::Replace { new, _old } => {
                contents(new.as_file())?;
                new.as_file().sync_all()?;
                new.persist(&self.file)?;
            }
            Way::Overwrite(mut old) => {
                reserve(&old, len)?;
                old.rewind()?;
                contents(&old)?;
                old.set_len(len)?;
                return old.sync_all();
            }
        }
        sync_directory(&self.file)
    }
}

/// Where a path leads when it is a symbolic link, to a file or to nothing yet.
fn follow_links(path: &Path) -> PathBuf {
    if let Ok(file) = fs::canonicalize(path) {
        return file;
    }
    match fs::read_link(path) {
        Ok(link) => directory(path).join(link),
        Err(_) => path.to_owned(),
    }
}

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file in the directory of another: nobody else's, and removed unless it is put in place.
fn new_file_beside(file: &Path) -> io::Result<NamedTempFile> {
    let name = file.file_name().unwrap_or_default();
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    tempfile::Builder::new().prefix(&prefix).tempfile_in(directory(file)).map_err(|error| {
        // The crate's own errors name the temporary file; only the system's part concerns the user.
        error.raw_os_error().map_or(error, io::Error::from_raw_os_error)
    })
}

/// Gives a new file the owner and the permissions of the old one, if that can be done and is all that there is to it.
fn can_replace(old: &Metadata, new: &File) -> bool {
    let Ok(made) = new.metadata() else { return false };
    let same_owner = (made.uid(), made.gid()) == (old.uid(), old.gid());
    old.nlink() == 1
        && (same_owner || fchown(new, Some(old.uid()), Some(old.gid())).is_ok())
        && set_mode(new, old.mode()).is_ok()
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode & 0o7777))
}

fn forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Makes sure that a file can hold `len` bytes, before the first of them is changed.
fn reserve(file: &File, len: u64) -> io::Result<()> {
    let before = file.metadata()?.len();
    match fallocate(file, FallocateFlags::empty(), 0, len) {
        // Not every file system can; the writing will show.
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        Err(error) => {
            file.set_len(before)?;
            Err(error.into())
        }
    }
}

/// Makes a rename last. A directory that may be written but not read is as safe as it can be made.
fn sync_directory(file: &Path) -> io::Result<()> {
    match File::open(directory(file)) {
        Ok(directory) => directory.sync_all(),
        Err(error) if forbidden(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
