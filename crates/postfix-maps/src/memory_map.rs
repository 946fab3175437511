//! Memory maps: of tables, the one dangerous way to read, and unsafe to use; and of files that
//! nobody else has.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use kv_file_core::Memory;

use crate::commit::Way;
use crate::commit::exchange::settle;
use crate::commit::lock::{Patience, open_exclusive};
use crate::formats::{Bytes, FileFormat};
use crate::lookup::Trouble;
use crate::reading::{Opened, opening};
use crate::stamp::Stamp;

/// Maps a table's file as it is now. Only for tables that
/// [`Table::open_mapped`](crate::Table::open_mapped) has made.
///
/// A map shows the file as it is: a change of it that was interrupted is completed first, by who
/// may write the file.
pub(crate) fn map(
    format: &'static FileFormat,
    path: &Path,
    patience: Patience,
) -> Result<Opened, Trouble> {
    let (memory, stamp, interrupted) = map_file(format.way, path, patience).map_err(opening)?;
    let lookup = (format.open)(Bytes::Memory(memory))?;
    Ok(Opened { lookup, stamp: Some(stamp), interrupted })
}

fn map_file(way: Way, path: &Path, patience: Patience) -> io::Result<(Memory, Stamp, bool)> {
    let mut file = way.open_shared(path, patience)?;
    let interrupted = way.find_journal(&file)?.is_some();
    if interrupted {
        drop(file);
        settle(&open_exclusive(path, patience)?, path)?;
        file = way.open_shared(path, patience)?;
    }
    let stamp = Stamp::of(&file.metadata()?);
    // SAFETY: the caller of `Table::open_mapped` has promised that the file will not change while the
    // table lives.
    let memory = unsafe { Memory::map(&file) }?;
    // The map keeps the file open, and with it the lock: no writer would ever get it.
    file.unlock()?;
    Ok((memory, stamp, interrupted))
}

/// Maps a file that has no name and that no other process has open, and closes it.
pub(crate) fn map_private(file: File) -> io::Result<Memory> {
    // SAFETY: without a name nobody comes upon the file, and its only descriptor is closed when
    // this returns. The same user, or root, could have opened that through /proc before, and still
    // change the file; but who can do that can change the memory of this process as well.
    unsafe { Memory::map(&file) }
}
