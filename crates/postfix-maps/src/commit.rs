//! Putting new contents in the place of a table's old ones.
//!
//! The usual way is a new file beside the old one, which changes places with it when it is complete and on disk: whoever
//! opens the table sees the old contents or the new, whatever fails in between. The old file is overwritten instead, with a
//! journal ([`crate::journal`]), where a new one could not take over its place in every respect (its owner, its other
//! names), where the directory cannot be written, where another process has the old one open for writing, and where a small
//! change to a large table would make copying it cost more than it is worth.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use bdb_file::{Changes, FilePages};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::database::NewContents;
use crate::error::Error;
use crate::journal::{self, Journal};
use crate::lease::Lease;
use crate::lock::{open_exclusive, open_writable};

/// The largest file that is copied for a change of some of its pages, in bytes. See docs/commit.md for how it was found.
const COPY_LIMIT: u64 = 2 << 20;

/// Unit of a journal that holds a whole file.
const JOURNAL_BLOCK: u64 = 65536;

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
        old: File,
    },
    Overwrite(File),
}

impl Target {
    /// Waits for the lock on the table's file, and finds out how new contents can be put in the place of all of it.
    ///
    /// A table that is not there yet gets the permissions `mode`; one that is keeps its own, and its owner.
    pub fn open(path: PathBuf, mode: u32) -> Result<Self, Error> {
        let mut file = follow_links(&path);
        let old = match open_exclusive(&file) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Open { path, source }),
        };
        let mut removed_empty = false;
        if let Some(old) = old {
            // Postfix removes what libdb would refuse to open; of a symbolic link, the link.
            let metadata = settle(&old, &file).map_err(|source| open_error(&path, source))?;
            removed_empty = metadata.len() == 0 && fs::remove_file(&path).is_ok();
            if !removed_empty {
                let new = stand_in(&file, &metadata)
                    .map_err(|error| Error::Write { path: path.clone(), source: error.into() })?;
                let way = match new {
                    Some(new) => Way::Replace { new, old },
                    None => Way::Overwrite(old),
                };
                return Ok(Target { path, file, way, removed_empty });
            }
            file = path.clone();
        }
        match new_file_beside(&file).and_then(|new| set_mode(new.as_file(), mode).map(|()| new)) {
            Ok(new) => Ok(Target { path, file, way: Way::Create(new), removed_empty }),
            Err(error) => Err(Error::OpenDatabase { path, source: error.into() }),
        }
    }

    /// Waits for the lock on the file of a table that is there, some of whose pages are to be [changed](Self::change).
    pub fn open_existing(path: &Path) -> io::Result<Self> {
        let file = follow_links(path);
        let old = open_exclusive(&file)?;
        settle(&old, &file)?;
        // A change may come to nothing: no new file before there is one.
        Ok(Target { path: path.to_owned(), file, way: Way::Overwrite(old), removed_empty: false })
    }

    /// The table's file, as its user named it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pages of the file that is there.
    pub fn old_pages(&self) -> Result<FilePages, bdb_file::Error> {
        match &self.way {
            Way::Create(_) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
            Way::Replace { old, .. } | Way::Overwrite(old) => Ok(FilePages::new(old.try_clone()?)),
        }
    }

    /// Whether the old file will be overwritten: readers that do not lock it may see it half written.
    pub fn overwrites(&self) -> bool {
        matches!(self.way, Way::Overwrite(_))
    }

    /// Puts a new table in place. It is on disk when this returns.
    ///
    /// After an error the old contents are still there, unless it was one of the very last step: docs/commit.md.
    pub fn write(self, contents: &dyn NewContents) -> io::Result<()> {
        match self.way {
            Way::Create(new) => {
                contents.write_to(new.as_file())?;
                if let Some(new) = create(new, &self.file)? {
                    // Another writer was quicker: this one comes after it.
                    let other = open_exclusive(&self.file)?;
                    if let Replaced::No = replace(new, &other, &self.file)? {
                        overwrite_all(&other, &self.file, contents)?;
                    }
                }
                Ok(())
            }
            Way::Replace { new, old } => {
                contents.write_to(new.as_file())?;
                match replace(new, &old, &self.file)? {
                    Replaced::Yes => Ok(()),
                    Replaced::No => overwrite_all(&old, &self.file, contents),
                }
            }
            Way::Overwrite(old) => overwrite_all(&old, &self.file, contents),
        }
    }

    /// Puts a new table in place if there still is none. Tells whether there was none.
    ///
    /// After an error there is none.
    pub fn create(self, contents: &dyn NewContents) -> io::Result<bool> {
        let Way::Create(new) = self.way else { return Ok(false) };
        contents.write_to(new.as_file())?;
        Ok(create(new, &self.file)?.is_none())
    }

    /// Changes some pages of the table that is there. They are on disk when this returns.
    ///
    /// Errors as for [`write`](Self::write).
    pub fn change(self, changes: &Changes) -> io::Result<()> {
        let Way::Overwrite(mut old) = self.way else { return Err(io::ErrorKind::NotFound.into()) };
        let metadata = old.metadata()?;
        let small = metadata.len() <= COPY_LIMIT;
        let new = if small { stand_in(&self.file, &metadata)? } else { None };
        let Some(new) = new else { return overwrite_pages(&old, &self.file, changes) };
        old.rewind()?;
        io::copy(&mut old, &mut new.as_file())?;
        new.as_file().set_len(changes.file_len())?;
        for (offset, page) in changes.pages() {
            new.as_file().write_all_at(page, offset)?;
        }
        match replace(new, &old, &self.file)? {
            Replaced::Yes => Ok(()),
            Replaced::No => overwrite_pages(&old, &self.file, changes),
        }
    }
}

/// A new file for the place of an old one, if it can take that in every respect.
fn stand_in(file: &Path, old: &Metadata) -> io::Result<Option<NamedTempFile>> {
    match new_file_beside(file) {
        Ok(new) => Ok(Some(new).filter(|new| can_replace(old, new.as_file()))),
        Err(error) if forbidden(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Completes the change of a locked file that an interrupted process has left.
pub(crate) fn settle(locked: &File, file: &Path) -> io::Result<Metadata> {
    if let Some(journal) = Journal::find(locked)? {
        journal.complete(&open_writable(file, locked)?)?;
    }
    locked.metadata()
}

fn open_error(path: &Path, source: io::Error) -> Error {
    Error::Open { path: path.to_owned(), source }
}

/// Makes a new file durable and gives it its name; gives it back if there is a file of that name by now.
///
/// A symbolic link that leads nowhere is no file: the new one takes its place, as in Postfix.
fn create(new: NamedTempFile, file: &Path) -> io::Result<Option<NamedTempFile>> {
    new.as_file().sync_all()?;
    if !file.exists() && file.is_symlink() {
        fs::remove_file(file)?;
    }
    match new.persist_noclobber(file) {
        Ok(_) => sync_directory(file).map(|()| None),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Some(error.file)),
        Err(error) => Err(error.error),
    }
}

/// Whether a new file has been put in the place of an old one.
enum Replaced {
    Yes,
    /// Another process has the old one open for writing. Postfix's programs do not see that a file has been replaced while
    /// they waited for its lock: they would change the new one without a lock.
    No,
}

/// Makes a new file durable and puts it in the place of an old, locked one, and that too.
fn replace(new: NamedTempFile, old: &File, file: &Path) -> io::Result<Replaced> {
    new.as_file().sync_all()?;
    new.as_file().lock_shared()?;
    let Some(lease) = Lease::take(old) else { return Ok(Replaced::No) };
    match exchange(new.path(), file) {
        Ok(()) => {}
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS) => return Ok(Replaced::No),
        Err(error) => return Err(error.into()),
    }
    if lease.is_broken() {
        // The process that waits would get the old file, whatever its name.
        exchange(new.path(), file)?;
        return Ok(Replaced::No);
    }
    drop(lease);
    // Postfix's readers that waited for the lock on the old file now open the new one, and trust that they have locked
    // it. It stays locked for them while the names are made durable.
    old.unlock()?;
    let (new, name) = new.into_parts();
    name.close()?;
    sync_directory(file)?;
    drop(new);
    Ok(Replaced::Yes)
}

/// Gives each of two files the other's name, in one step.
fn exchange(one: &Path, other: &Path) -> rustix::io::Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
}

/// Puts a new table in the place of an old one's contents.
fn overwrite_all(old: &File, file: &Path, contents: &dyn NewContents) -> io::Result<()> {
    let old = &open_writable(file, old)?;
    let len = contents.file_len();
    let offsets: Vec<u64> = (0..len).step_by(JOURNAL_BLOCK as usize).collect();
    journal::overwrite(old, len, JOURNAL_BLOCK, &offsets, |mut file, start| {
        file.seek(SeekFrom::Start(start))?;
        contents.write_to(file)
    })
}

/// Puts changed pages in the place of the old ones.
fn overwrite_pages(old: &File, file: &Path, changes: &Changes) -> io::Result<()> {
    let old = &open_writable(file, old)?;
    let offsets: Vec<u64> = changes.pages().map(|(offset, _)| offset).collect();
    let page_size = u64::from(changes.page_size());
    journal::overwrite(old, changes.file_len(), page_size, &offsets, |file, start| {
        let places = (start..).step_by(page_size as usize);
        let mut pages = changes.pages().zip(places);
        pages.try_for_each(|((_, page), place)| file.write_all_at(page, place))
    })
}

/// Where a path leads, through symbolic links.
fn follow_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
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

/// Makes a rename last. A directory that may be written but not read is as safe as it can be made.
fn sync_directory(file: &Path) -> io::Result<()> {
    match File::open(directory(file)) {
        Ok(directory) => directory.sync_all(),
        Err(error) if forbidden(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
