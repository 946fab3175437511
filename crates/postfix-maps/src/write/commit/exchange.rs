//! A new file that changes names with the old one, or overwriting behind a journal.
//!
//! The usual way is a new file beside the old one, which changes places with it when it is complete
//! and on disk: whoever opens the table sees the old contents or the new, whatever fails in
//! between. The old file is overwritten instead, with a journal ([`overwrite`](super::overwrite)),
//! where a new one cannot be made or could not take over its place in every respect (its owner, its
//! other names), where the two cannot be exchanged, for whatever reason, where another process has
//! the old one open for writing, and where a small change to a large table would make copying it
//! cost more than it is worth.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Seek};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use kv_file_core::{Block, Changes, Contents, FileSource};
use rustix::fs::{Timespec, Timestamps, UTIME_OMIT, futimens};

use super::fill::fill;
use super::new_file::{EmptyFile, NewFile};
use super::overwrite::{Blocks, overwrite};
use super::system::{Lease, exchange, names_stay};
use super::{Failed, Mended};
use crate::lookup::Operation;
use crate::sharing::left_over::{directory, follow_links, settle, sweep};
use crate::sharing::lock::{Patience, open_exclusive, open_writable};

/// The largest file that is copied for a change of some of its pages, in bytes. See docs/commit.md
/// for how it was found.
const COPY_LIMIT: u64 = 2 << 20;

/// Unit of a journal that holds a whole file.
const JOURNAL_BLOCK: u64 = 65536;

/// A table's file, about to be written. It is locked if it exists.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where symbolic links lead.
    file: PathBuf,
    state: State,
    patience: Patience,
    /// What had to be done first.
    pub mended: Mended,
}

#[derive(Debug)]
enum State {
    /// There is no old file.
    Create(NewFile),
    /// There was none, and a new one can have no other name than the table's.
    Fill(EmptyFile),
    /// The new file takes the place of the old one, which stays locked until then.
    Replace {
        new: NewFile,
        old: File,
    },
    Overwrite(File),
}

impl Target {
    /// As [`super::Target::lock`].
    pub fn lock(path: &Path, mode: u32, patience: Patience) -> Result<Self, Failed> {
        let mut file = follow_links(path);
        let old = match open_exclusive(&file, patience) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err((Operation::Lock, error)),
        };
        sweep(&file);
        let mut mended = Mended::default();
        if let Some(old) = old {
            let (metadata, interrupted) =
                settle(&old, &file).map_err(|error| (Operation::Lock, error))?;
            mended.interrupted = interrupted;
            // Postfix removes what libdb would refuse to open; of a symbolic link, the link.
            mended.empty = metadata.len() == 0 && fs::remove_file(path).is_ok();
            if !mended.empty {
                let state = match stand_in(&file, &metadata) {
                    Some(new) => State::Replace { new, old },
                    None => State::Overwrite(old),
                };
                return Ok(Target { file, state, patience, mended });
            }
            file = path.to_owned();
        }
        let state =
            create_state(&file, mode, patience).map_err(|error| (Operation::Make, error))?;
        Ok(Target { file, state, patience, mended })
    }

    /// As [`super::Changing::lock`].
    pub fn lock_existing(path: &Path, patience: Patience) -> io::Result<Self> {
        let file = follow_links(path);
        let old = open_exclusive(&file, patience)?;
        sweep(&file);
        let (_, interrupted) = settle(&old, &file)?;
        let mended = Mended { interrupted, ..Mended::default() };
        // A change may come to nothing: no new file before there is one.
        Ok(Target { file, state: State::Overwrite(old), patience, mended })
    }

    /// As [`super::Changing::file`].
    pub fn old(&self) -> io::Result<FileSource> {
        match &self.state {
            State::Create(_) | State::Fill(_) => Err(io::ErrorKind::NotFound.into()),
            State::Replace { old, .. } | State::Overwrite(old) => {
                Ok(FileSource::new(old.try_clone()?))
            }
        }
    }

    /// As [`super::Target::overwrites`].
    pub fn overwrites(&self) -> bool {
        matches!(self.state, State::Overwrite(_))
    }

    /// As [`super::Target::replace`].
    pub fn replace(self, contents: &dyn Contents) -> io::Result<()> {
        match self.state {
            State::Create(_) | State::Fill(_) => {
                let (file, patience) = (self.file.clone(), self.patience);
                if !self.create(contents)? {
                    // Another writer was quicker: this one comes after it.
                    let other = open_exclusive(&file, patience)?;
                    settle(&other, &file)?;
                    overwrite_all(&other, &file, contents)?;
                }
                Ok(())
            }
            State::Replace { new, old } => {
                fill(new.file(), contents)?;
                match replace(new, &old, &self.file)? {
                    Replaced::Yes => Ok(()),
                    Replaced::No => overwrite_all(&old, &self.file, contents),
                }
            }
            State::Overwrite(old) => overwrite_all(&old, &self.file, contents),
        }
    }

    /// Puts new contents in place if there still are none. Returns `true` if there were none.
    ///
    /// After an error there are none.
    pub fn create(self, contents: &dyn Contents) -> io::Result<bool> {
        match self.state {
            State::Create(new) => create(new, &self.file, contents, self.patience),
            State::Fill(empty) => fill_empty(&empty, &self.file, contents).map(|()| true),
            State::Replace { .. } | State::Overwrite(_) => Ok(false),
        }
    }

    /// As [`super::Changing::change`].
    pub fn change(self, changes: &Changes) -> io::Result<()> {
        let State::Overwrite(mut old) = self.state else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let metadata = old.metadata()?;
        let small = metadata.len() <= COPY_LIMIT;
        let new = if small { stand_in(&self.file, &metadata) } else { None };
        let Some(new) = new else { return overwrite_pages(&old, &self.file, changes) };
        old.rewind()?;
        io::copy(&mut old, &mut new.file())?;
        new.file().set_len(changes.file_len)?;
        for Block { at, bytes } in &changes.blocks {
            new.file().write_all_at(bytes, *at)?;
        }
        match replace(new, &old, &self.file)? {
            Replaced::Yes => Ok(()),
            Replaced::No => overwrite_pages(&old, &self.file, changes),
        }
    }
}

/// A new file for the place of an old one, if it can take that in every respect.
fn stand_in(file: &Path, old: &Metadata) -> Option<NewFile> {
    if old.nlink() != 1 || names_stay(directory(file)) {
        return None;
    }
    NewFile::beside(file).ok().filter(|new| take_over(old, new.file()))
}

/// How a table is made where there is none.
fn create_state(file: &Path, mode: u32, patience: Patience) -> io::Result<State> {
    match NewFile::beside(file) {
        Ok(new) => set_mode(new.file(), mode).map(|()| State::Create(new)),
        // Some may make no files but tables.
        Err(_) => empty_file(file, mode, patience).map(State::Fill),
    }
}

fn empty_file(file: &Path, mode: u32, patience: Patience) -> io::Result<EmptyFile> {
    let empty = EmptyFile::create(file, patience)?;
    set_mode(empty.file(), mode)?;
    Ok(empty)
}

/// Fills a new file, makes it durable and gives it its name. Returns `true` if there was no file of
/// that name by then.
///
/// A symbolic link that leads nowhere is no file: the new one takes its place, as in Postfix.
fn create(
    new: NewFile,
    file: &Path,
    contents: &dyn Contents,
    patience: Patience,
) -> io::Result<bool> {
    fill(new.file(), contents)?;
    new.file().sync_all()?;
    let mode = new.file().metadata()?.mode();
    if !file.exists() && file.is_symlink() {
        fs::remove_file(file)?;
    }
    let created = new.create(file).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems cannot give a file a name without taking it from another.
        _ => fill_empty(&empty_file(file, mode, patience)?, file, contents),
    });
    match created {
        Ok(()) => sync_directory(file).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a new table in the place of nothing.
fn fill_empty(empty: &EmptyFile, file: &Path, contents: &dyn Contents) -> io::Result<()> {
    overwrite_all(empty.file(), file, contents)?;
    sync_directory(file)
}

/// Whether a new file has taken the place of an old one.
enum Replaced {
    Yes,
    /// It could not be, or another process has the old one open for writing. Postfix's programs do
    /// not see that a file has been replaced while they waited for its lock: they would change the
    /// new one without a lock.
    No,
}

/// Makes a new file durable and puts it in the place of an old, locked one, and that too.
fn replace(mut new: NewFile, old: &File, file: &Path) -> io::Result<Replaced> {
    new.file().sync_all()?;
    let Some(lease) = Lease::take(old) else { return Ok(Replaced::No) };
    let Ok(name) = new.name(file) else { return Ok(Replaced::No) };
    // Should this process end before the old file has lost its name, Postfix's daemons see that it
    // is not what they have opened any more: they look at its time and whether it has a name
    // (postmap specification, section 8.3).
    let modified = set_later(old);
    let exchanged = exchange(name, file);
    if exchanged.is_err() || lease.is_broken() {
        // Not every file can be exchanged, a mount point for one. Or somebody waits to write to the
        // old one, and will do so whatever its name.
        if exchanged.is_ok() {
            exchange(name, file)?;
        }
        set_modified(old, modified);
        return Ok(Replaced::No);
    }
    drop(lease);
    // Postfix's readers that waited for the lock on the old file now open the new one, and trust
    // that they have locked it. It stays locked for them while the names are made durable.
    old.unlock()?;
    let _locked = new.into_file();
    sync_directory(file)?;
    Ok(Replaced::Yes)
}

/// Gives a file a time of another second than before, which is returned. Only its owner can.
fn set_later(file: &File) -> Option<Timespec> {
    let metadata = file.metadata().ok()?;
    let modified = Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() };
    let later = Timespec { tv_sec: modified.tv_sec.checked_add(1)?, ..modified };
    set_modified(file, Some(later));
    Some(modified)
}

fn set_modified(file: &File, modified: Option<Timespec>) {
    if let Some(last_modification) = modified {
        let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let _ = futimens(file, &Timestamps { last_access, last_modification });
    }
}

/// Puts a new table in the place of an old one's contents.
fn overwrite_all(old: &File, file: &Path, contents: &dyn Contents) -> io::Result<()> {
    let old = &open_writable(file, old)?;
    let len = contents.file_len();
    let offsets: Vec<u64> = (0..len).step_by(JOURNAL_BLOCK as usize).collect();
    let blocks = Blocks { block: JOURNAL_BLOCK, offsets: &offsets };
    overwrite(old, len, blocks, |file, start| {
        contents.blocks(&mut |at, bytes| file.write_all_at(bytes, start + at))
    })
}

/// Puts changed pages in the place of the old ones.
fn overwrite_pages(old: &File, file: &Path, changes: &Changes) -> io::Result<()> {
    let old = &open_writable(file, old)?;
    let offsets: Vec<u64> = changes.blocks.iter().map(|block| block.at).collect();
    let block = u64::from(changes.block_len);
    let blocks = Blocks { block, offsets: &offsets };
    overwrite(old, changes.file_len, blocks, |file, start| {
        let places = (start..).step_by(block as usize);
        let mut blocks = changes.blocks.iter().zip(places);
        blocks.try_for_each(|(block, place)| file.write_all_at(&block.bytes, place))
    })
}

/// Gives a new file the owner and the permissions of the old one, if that can be done.
fn take_over(old: &Metadata, new: &File) -> bool {
    let Ok(made) = new.metadata() else { return false };
    let same_owner = (made.uid(), made.gid()) == (old.uid(), old.gid());
    (same_owner || fchown(new, Some(old.uid()), Some(old.gid())).is_ok())
        && set_mode(new, old.mode()).is_ok()
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode & 0o7777))
}

/// Makes a rename last. A directory that may be written but not read is as safe as it can be made.
pub(super) fn sync_directory(file: &Path) -> io::Result<()> {
    match File::open(directory(file)) {
        Ok(directory) => directory.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}
