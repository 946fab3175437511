//! Memory maps: of tables, the one dangerous way to read, and unsafe to use; and of files that nobody else has.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use bdb_file::{HashDb, Memory};

use crate::access::Stamp;
use crate::commit::settle;
use crate::error::Error;
use crate::journal::Journal;
use crate::lock::{open_exclusive, open_shared};
use crate::spec::{Kind, TableSpec};
use crate::table::{Contents, Table, TableOptions};

impl Table {
    /// Opens a table as a memory map of its file: nothing is read before it is needed, nothing is copied, and all
    /// processes that map the file share its memory. `options.access` is not used.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with); [`Error::UnsupportedType`] for tables without an index file.
    ///
    /// # Safety
    /// As long as the table lives, nobody may truncate or write to its file; see [`Memory::map`]. Replacing the
    /// file with a new one is no harm: that is how this crate writes tables, unless they are large and little changes, or
    /// another process has them open for writing. Real `postmap` rewrites them in place.
    /// [`refresh`](Self::refresh) extends the promise to the file that it finds.
    pub unsafe fn open_mapped(
        spec: impl Into<TableSpec>,
        options: TableOptions,
    ) -> Result<Self, Error> {
        let spec = spec.into();
        let Kind::File(storage) = spec.kind()? else {
            return Err(Error::UnsupportedType(spec.table_type().to_owned()));
        };
        let file = spec.file(storage);
        let contents = map(&file);
        Self::new(spec, file, &options, contents)
    }
}

/// Maps a table's file as it is now. Only for tables that [`Table::open_mapped`] has made.
///
/// A map shows the file as it is: a change of it that was interrupted is completed first, by who may write the file. Tells
/// whether there was one.
pub(crate) fn map(path: &Path) -> Result<(Contents, bool), bdb_file::Error> {
    let mut file = open_shared(path)?;
    let interrupted = Journal::find(&file)?.is_some();
    if interrupted {
        drop(file);
        settle(&open_exclusive(path)?, path)?;
        file = open_shared(path)?;
    }
    let stamp = Stamp::of(&file.metadata()?);
    // SAFETY: the caller of `Table::open_mapped` has promised that the file will not change while the table lives.
    let pages = unsafe { Memory::map(&file) }?;
    // The map keeps the file open, and with it the lock: no writer would ever get it.
    file.unlock()?;
    Ok((Contents::Mapped(HashDb::open(pages)?, stamp), interrupted))
}

/// Maps a file that has no name and that no other process has open, and closes it.
pub(crate) fn map_private(file: File) -> io::Result<Memory> {
    // SAFETY: without a name nobody comes upon the file, and its only descriptor is closed when this returns. The same user, or
    // root, could have opened that through /proc before, and still change the file; but who can do that can change the
    // memory of this process as well.
    unsafe { Memory::map(&file) }
}
