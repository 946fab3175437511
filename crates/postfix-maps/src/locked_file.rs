//! A table's file that nobody changes as long as it is open.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kv_file_core::Source;

use crate::sharing::Sharing;
use crate::sharing::journal::{Journal, Trailer};
use crate::sharing::lock::Patience;
use crate::stamp::Stamp;

/// A table's file, page by page, under the shared lock that keeps Postfix's programs and this
/// crate's from changing it: for reading it with `bdb-file` itself.
///
/// Where a change of the file was interrupted, its contents are those after the change, as in a
/// [`Table`](crate::Table).
///
/// ```
/// # #[cfg(feature = "write")] {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("virtual.db");
/// # use postfix_maps::{NewTable, WriteOptions};
/// # let mut new = NewTable::open(&format!("hash:{}/virtual", dir.path().display()), WriteOptions::default())?;
/// # new.put(b"root", b"bob")?;
/// # new.finish()?;
/// use bdb_file::HashDb;
/// use postfix_maps::LockedFile;
///
/// let database = HashDb::open(LockedFile::open(&path, None)?)?;
/// assert_eq!(database.stat()?.keys, 1);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LockedFile {
    file: File,
    journal: Option<Arc<Journal>>,
}

impl LockedFile {
    /// Opens a file and waits until no writer has it locked, for `lock_timeout` at most; `None`
    /// waits for as long as it takes. The lock lasts as long as the value.
    ///
    /// # Errors
    /// Those of opening and locking the file; that it is no regular file;
    /// [`io::ErrorKind::WouldBlock`] where the time is over.
    ///
    /// # Complexity
    /// Reads the file's last bytes; where a change was interrupted, also the new contents of what
    /// it changes.
    pub fn open(path: impl AsRef<Path>, lock_timeout: Option<Duration>) -> io::Result<Self> {
        Self::open_by(path.as_ref(), Sharing::Locked, lock_timeout)
    }

    /// As [`open`](Self::open), of a file that its readers and writers share so.
    pub(crate) fn open_by(path: &Path, sharing: Sharing, patience: Patience) -> io::Result<Self> {
        Self::open_known(path, sharing, patience, &KnownJournal::default())
    }

    /// As [`open`](Self::open), but takes a journal that is known for what it is, instead of
    /// reading it once more.
    pub(crate) fn open_known(
        path: &Path,
        sharing: Sharing,
        patience: Patience,
        known: &KnownJournal,
    ) -> io::Result<Self> {
        let file = sharing.open_shared(path, patience)?;
        let journal = if sharing.has_journals() { known.find(&file)? } else { None };
        Ok(LockedFile { file, journal })
    }

    /// Whether a change of the file was interrupted. The file itself has some of both contents; the
    /// next writer, or `bdbmap recover`, completes it.
    pub fn is_interrupted(&self) -> bool {
        self.journal.is_some()
    }

    /// The file as it is, and as programs see it that do not know of interrupted changes:
    /// Postfix's.
    pub fn as_stored(self) -> Self {
        LockedFile { journal: None, ..self }
    }
}

impl Source for LockedFile {
    fn len(&self) -> io::Result<u64> {
        match &self.journal {
            Some(journal) => Ok(journal.new_len),
            None => Ok(self.file.metadata()?.len()),
        }
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, at)?;
        if let Some(journal) = &self.journal {
            journal.complete_copy(&self.file, at, &mut bytes)?;
        }
        Ok(Cow::Owned(bytes))
    }
}

/// The journal that was last found in a file, and the file's state then: so that not each lookup
/// reads all of it to see whether it is whole.
#[derive(Debug, Default)]
pub(crate) struct KnownJournal(Mutex<Option<(Stamp, Arc<Journal>)>>);

impl KnownJournal {
    fn find(&self, file: &File) -> io::Result<Option<Arc<Journal>>> {
        let metadata = file.metadata()?;
        let Some(trailer) = Trailer::read(file, &metadata)? else { return Ok(None) };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stamp, journal)) = &*known
            && stamp.is_of(&metadata)
        {
            return Ok(Some(Arc::clone(journal)));
        }
        *known =
            trailer.journal(file, &metadata)?.map(|found| (Stamp::of(&metadata), found.into()));
        Ok(known.as_ref().map(|(_, journal)| Arc::clone(journal)))
    }
}
