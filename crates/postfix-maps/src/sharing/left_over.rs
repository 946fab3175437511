//! What a process has left that was ended before it could finish: a change of a file that was
//! interrupted, new files beside it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::journal::Trailer;
use super::lock::open_writable;

/// Where a path leads, through symbolic links.
pub(crate) fn follow_links(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Completes the change of a locked file that an interrupted process has left, and says whether
/// there was one. What was written of a journal that was not finished is cut off.
pub(crate) fn settle(locked: &File, file: &Path) -> io::Result<(Metadata, bool)> {
    let metadata = locked.metadata()?;
    let Some(trailer) = Trailer::read(locked, &metadata)? else { return Ok((metadata, false)) };
    let journal = trailer.journal(locked, &metadata)?;
    if let Some(journal) = &journal {
        journal.complete(&open_writable(file, locked)?)?;
    } else if let Some(old_len) = trailer.unfinished(locked, &metadata)? {
        open_writable(file, locked)?.set_len(old_len)?;
    }
    Ok((locked.metadata()?, journal.is_some()))
}

/// The directory that a file is in.
pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Removes files beside the table's that a process has left which was ended before it could; they
/// may hold all of its contents. To be called by who has the lock of the table's file, or before
/// there is one.
///
/// What is being made has a lock.
pub(crate) fn sweep(path: &Path) {
    let prefix = prefix(path);
    let is_left_over = |name: &OsStr| {
        name.as_bytes()
            .strip_prefix(prefix.as_bytes())
            .is_some_and(|rest| rest.len() == RANDOM && rest.iter().all(u8::is_ascii_alphanumeric))
    };
    for entry in fs::read_dir(directory(path)).into_iter().flatten().flatten() {
        if is_left_over(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let path = entry.path();
            // Nobody gets it for writing meanwhile, and whoever reads it may go on.
            let unlocked = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if unlocked {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// What stands behind a file's name in that of a new one beside it, before as many random letters.
const MARK: &str = ".new-";
pub(crate) const RANDOM: usize = 6;
/// The longest name of a file that file systems know.
const NAME_MAX: usize = 255;

/// How the name of a new file beside `path` begins.
pub(crate) fn prefix(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let room = NAME_MAX - 1 - MARK.len() - RANDOM;
    let name = OsStr::from_bytes(&name[..name.len().min(room)]);
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(MARK);
    prefix
}
