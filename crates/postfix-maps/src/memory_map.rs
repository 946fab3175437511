//! Memory maps of tables: the one dangerous way to read, and unsafe to use.
#![allow(unsafe_code)]

use std::io;
use std::path::Path;

use kv_file_core::Memory;

use crate::formats::{Bytes, FileFormat};
use crate::lookup::Trouble;
use crate::reading::{Opened, opening};
use crate::sharing::Sharing;
use crate::sharing::left_over::settle;
use crate::sharing::lock::{Patience, open_exclusive};
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
    let (memory, stamp, interrupted) = map_file(format.sharing, path, patience).map_err(opening)?;
    let lookup = (format.open)(Bytes::Memory(memory))?;
    Ok(Opened { lookup, stamp: Some(stamp), interrupted })
}

fn map_file(
    sharing: Sharing,
    path: &Path,
    patience: Patience,
) -> io::Result<(Memory, Stamp, bool)> {
    let mut file = sharing.open_shared(path, patience)?;
    let interrupted = sharing.find_journal(&file)?.is_some();
    if interrupted {
        drop(file);
        settle(&open_exclusive(path, patience)?, path)?;
        file = sharing.open_shared(path, patience)?;
    }
    let stamp = Stamp::of(&file.metadata()?);
    // SAFETY: the caller of `Table::open_mapped` has promised that the file will not change while the
    // table lives.
    let memory = unsafe { Memory::map(&file) }?;
    // The map keeps the file open, and with it the lock: no writer would ever get it.
    file.unlock()?;
    Ok((memory, stamp, interrupted))
}
