//! Ways to read a table's file that others may change, whatever its format.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use kv_file_core::Memory;

use crate::formats::{Bytes, FileFormat};
use crate::forms::Forms;
use crate::locked_file::{KnownJournal, LockedFile};
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, Trouble};
use crate::options::Access;
use crate::sharing::Sharing;
use crate::sharing::lock::Patience;
use crate::stamp::Stamp;

/// A table's file, open for lookups.
#[derive(Debug)]
pub(crate) struct Opened {
    pub lookup: Box<dyn Lookup>,
    /// The file's state, where it is read but once.
    pub stamp: Option<Stamp>,
    /// Whether a change of the file had been interrupted.
    pub interrupted: bool,
}

/// Opens a table's file in one of the ways; how, so that it can be opened anew.
pub(crate) type Opener = fn(&'static FileFormat, &Path, Patience) -> Result<Opened, Trouble>;

impl Access {
    pub(crate) fn opener(self) -> Opener {
        match self {
            Access::Snapshot => snapshot,
            Access::Locked => each_time,
        }
    }
}

/// Reads the whole file into memory.
pub(crate) fn snapshot(
    format: &'static FileFormat,
    path: &Path,
    patience: Patience,
) -> Result<Opened, Trouble> {
    let (memory, stamp, interrupted) =
        read_whole(path, format.sharing, patience).map_err(opening)?;
    let lookup = (format.open)(Bytes::Memory(memory))?;
    Ok(Opened { lookup, stamp: Some(stamp), interrupted })
}

/// Sees that the file can be opened, which it will be for each lookup.
fn each_time(
    format: &'static FileFormat,
    path: &Path,
    patience: Patience,
) -> Result<Opened, Trouble> {
    let (path, journal) = (path.to_owned(), KnownJournal::default());
    let table = EachTime { format, path, patience, journal };
    let file = table.open().map_err(opening)?;
    let interrupted = file.is_interrupted();
    (format.open)(Bytes::Locked(file))?;
    Ok(Opened { lookup: Box::new(table), stamp: None, interrupted })
}

/// Reads a whole file under a shared lock. Tells also whether a change of it was interrupted; what
/// is read is the contents after it.
///
/// Real `postmap -d` writes after it has given up its lock: reading starts over while the file
/// changes.
fn read_whole(
    path: &Path,
    sharing: Sharing,
    patience: Patience,
) -> io::Result<(Memory, Stamp, bool)> {
    const TRIES: usize = 10;
    let mut tries = 1;
    loop {
        let file = sharing.open_shared(path, patience)?;
        let before = file.metadata()?;
        let (bytes, interrupted) = read_all(&file, sharing)?;
        let after = file.metadata()?;
        // What was seen before the reading counts: a change while it went on shows as one.
        let stamp = Stamp::of(&before);
        if stamp.is_of(&after) || tries == TRIES {
            return Ok((bytes, stamp, interrupted));
        }
        tries += 1;
    }
}

/// The contents of a file, after the change that was interrupted if there was one.
fn read_all(file: &File, sharing: Sharing) -> io::Result<(Memory, bool)> {
    let mut journal = None;
    let bytes = Memory::read_with(file, |copy| {
        journal = sharing.find_journal(file)?;
        let Some(journal) = &journal else { return Ok(copy.len()) };
        let new_len = usize::try_from(journal.new_len).unwrap_or(usize::MAX);
        let len = copy.len().min(new_len);
        journal.complete_copy(file, 0, &mut copy[..len])?;
        Ok(len)
    })?;
    Ok((bytes, journal.is_some()))
}

/// Reads a file that is open.
pub(crate) fn read_open(format: &'static FileFormat, file: &File) -> Result<Opened, Trouble> {
    let (memory, interrupted) = read_all(file, format.sharing).map_err(opening)?;
    let lookup = (format.open)(Bytes::Memory(memory))?;
    Ok(Opened { lookup, stamp: None, interrupted })
}

/// What went wrong before a file's contents were looked at.
pub(crate) fn opening(error: io::Error) -> Trouble {
    Cause::from(error).at(Operation::Open)
}

/// A table whose file is opened for each lookup.
#[derive(Debug)]
struct EachTime {
    format: &'static FileFormat,
    path: PathBuf,
    patience: Patience,
    journal: KnownJournal,
}

impl EachTime {
    /// The file, locked for as long as the result lives.
    fn open(&self) -> io::Result<LockedFile> {
        LockedFile::open_known(&self.path, self.format.sharing, self.patience, &self.journal)
    }

    fn lookup(&self) -> Result<Box<dyn Lookup>, Failure> {
        let file = self.open().map_err(opening);
        file.and_then(|file| (self.format.open)(Bytes::Locked(file))).map_err(Failure::File)
    }
}

impl Lookup for EachTime {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        let table = self.lookup()?;
        let found = table.get(key, forms)?;
        Ok(found.map(|(value, form)| (Cow::Owned(value.into_owned()), form)))
    }

    /// Copies all pairs, so that the lock can be given up.
    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        let table = self.lookup()?;
        let own = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        let (mut pairs, mut copies) = (table.iter()?, Vec::new());
        let mut next = VecDeque::new();
        loop {
            pairs.next_pairs(&mut next);
            if next.is_empty() {
                return Ok(Box::new(copies.into_iter().map(Ok)));
            }
            for pair in next.drain(..) {
                let (key, value) = pair?;
                copies.push((own(key), own(value)));
            }
        }
    }
}
