//! Ways to get at the contents of a table's file while others may change it.

use std::borrow::Cow;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bdb_file::{Memory, Source};

use crate::journal::{Journal, Trailer};
use crate::lock::open_shared;

/// How an open [`Table`](crate::Table) reads its file. All are safe to share between threads.
///
/// A third way, a memory map, is [`Table::open_mapped`](crate::Table::open_mapped).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Read the whole file into memory once, under a shared lock. Lookups then make no system call, and see the table as
    /// it was, until [`Table::refresh`](crate::Table::refresh) finds that it has changed.
    #[default]
    Snapshot,
    /// For each lookup open the file, lock it, read the few pages that matter, and close it: slower, always current,
    /// and no memory is held. Postfix's own protocol.
    Locked,
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether the file had been left alone for a while. If not, a change might come within the same tick of the
    /// clock and leave no trace in its times.
    settled: bool,
}

/// Longer than any file system's clock takes to tick.
const TICK: Duration = Duration::from_secs(2);

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        // Programs set a file's modification time as they like, but not the other.
        let (seconds, nanoseconds) = modified.max(changed);
        let since = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds.try_into().unwrap_or_default()))
            .and_then(|at| {
                at.checked_add(Duration::from_nanos(nanoseconds.try_into().unwrap_or_default()))
            });
        let age = since.and_then(|at| SystemTime::now().duration_since(at).ok());
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified,
            changed,
            settled: age.is_some_and(|age| age > TICK),
        }
    }

    /// Whether the file at `path` may be another than the one that was stamped, or have other contents.
    pub fn is_outdated(&self, path: &Path) -> io::Result<bool> {
        Ok(!self.settled || !self.is_of(&fs::metadata(path)?))
    }

    /// Whether a file looks as it did when it was stamped.
    fn is_of(&self, metadata: &Metadata) -> bool {
        Stamp { settled: self.settled, ..Stamp::of(metadata) } == *self
    }
}

/// Reads a whole file under a shared lock. Tells also whether a change of it was interrupted; what is read is the contents after it.
///
/// Real `postmap -d` writes after it has given up its lock: reading starts over while the file changes.
pub(crate) fn read_whole(path: &Path) -> io::Result<(Memory, Stamp, bool)> {
    const TRIES: usize = 10;
    let mut tries = 1;
    loop {
        let file = open_shared(path)?;
        let before = file.metadata()?;
        let mut journal = None;
        let bytes = Memory::read_with(&file, |copy| {
            journal = Journal::find(&file)?;
            let Some(journal) = &journal else { return Ok(copy.len()) };
            let new_len = usize::try_from(journal.new_len()).unwrap_or(usize::MAX);
            let len = copy.len().min(new_len);
            journal.complete_copy(&file, 0, &mut copy[..len])?;
            Ok(len)
        })?;
        let after = file.metadata()?;
        // What was seen before the reading counts: a change while it went on shows as one.
        let stamp = Stamp::of(&before);
        if stamp.is_of(&after) || tries == TRIES {
            return Ok((bytes, stamp, journal.is_some()));
        }
        tries += 1;
    }
}

/// A table's file, page by page, under the shared lock that keeps Postfix's programs and this crate's from changing it: for
/// reading it with `bdb-file` itself.
///
/// Where a change of the file was interrupted, its contents are those after the change, as in a [`Table`](crate::Table).
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("virtual.db");
/// # use postfix_maps::{MapWriter, WriteOptions};
/// # let mut writer = MapWriter::create(&format!("hash:{}/virtual", dir.path().display()), WriteOptions::default())?;
/// # writer.put(b"root", b"bob")?;
/// # writer.finish()?;
/// use bdb_file::HashDb;
/// use postfix_maps::LockedFile;
///
/// let database = HashDb::open(LockedFile::open(&path)?)?;
/// assert_eq!(database.stat()?.keys, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LockedFile {
    file: File,
    journal: Option<Arc<Journal>>,
}

impl LockedFile {
    /// Opens a file and waits until no writer has it locked. The lock lasts as long as the value.
    ///
    /// # Errors
    /// Those of opening and locking the file; that it is no regular file.
    ///
    /// # Complexity
    /// Reads the file's last bytes; where a change was interrupted, also the new contents of what it changes.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_known(path, &KnownJournal::default())
    }

    /// As [`open`](Self::open), but takes a journal that is known for what it is, instead of reading it once more.
    pub(crate) fn open_known(path: &Path, known: &KnownJournal) -> io::Result<Self> {
        let file = open_shared(path)?;
        let journal = known.find(&file)?;
        Ok(LockedFile { file, journal })
    }

    /// Whether a change of the file was interrupted. The file itself has some of both contents; the next writer, or `bdbmap
    /// recover`, completes it.
    pub fn is_interrupted(&self) -> bool {
        self.journal.is_some()
    }

    /// The file as it is, and as programs see it that do not know of interrupted changes: Postfix's.
    pub fn as_stored(self) -> Self {
        LockedFile { journal: None, ..self }
    }
}

impl Source for LockedFile {
    fn len(&self) -> io::Result<u64> {
        match &self.journal {
            Some(journal) => Ok(journal.new_len()),
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

/// The journal that was last found in a file, and the file's state then: so that not each lookup reads all of it to see
/// whether it is whole.
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

/// Whether a table's file is older than the text that it was made from, which has been left alone for a while since.
///
/// Postfix's rule (postmap specification, section 8.3), in whole seconds.
pub(crate) fn is_older(file: &Path, source: &Path) -> bool {
    const WHILE: u64 = 100;
    let seconds =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|t| t.as_secs());
    let modified = |path: &Path| seconds(fs::metadata(path).ok()?.modified().ok()?).ok();
    let now = seconds(SystemTime::now()).unwrap_or_default();
    match (modified(file), modified(source)) {
        (Some(file), Some(source)) => source > file && source < now.saturating_sub(WHILE),
        _ => false,
    }
}
