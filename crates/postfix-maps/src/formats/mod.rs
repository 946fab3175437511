//! What Postfix says of tables in files: one value of [`FileFormat`] for each type.
//!
//! Its functions are called once a file, none once a key.

pub(crate) mod hash;

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use kv_file_core::{Changes, Contents, Datum, Entries, FileSource, Memory, Source};

use crate::commit::Way;
use crate::error::{Error, ErrorKind, kind_of, strerror};
use crate::locked_file::LockedFile;
use crate::lookup::{Cause, Lookup, Operation};
use crate::options::{Duplicates, WriteOptions};

/// A plan for a file.
pub(crate) type Planned<'t> = Result<Box<dyn Contents + 't>, Cause>;

/// A type of tables in files.
pub(crate) struct FileFormat {
    /// What stands before the colon.
    pub name: &'static str,
    /// What a table's name gets to become that of its file.
    pub suffix: &'static str,
    /// Whether keys and values have a terminating NUL, unless somebody wants it otherwise.
    pub terminated: bool,
    /// How files are locked, and how new contents take the place of old ones.
    pub way: Way,
    /// Opens a file for lookups.
    pub open: fn(Bytes) -> Result<Box<dyn Lookup>, Cause>,
    /// Plans a file of these entries.
    pub plan: for<'t> fn(Entries<'t>, &WriteOptions) -> Planned<'t>,
    /// Plans a file without entries, to which some will be added.
    pub plan_empty: fn(&WriteOptions) -> Planned<'static>,
    /// Opens a file that is there to be changed.
    pub update: fn(FileSource) -> Result<Box<dyn Update>, Cause>,
    /// Postfix's words for what is wrong with a table's file.
    pub words: fn(Operation, &Path, &Cause) -> Vec<u8>,
}

impl FileFormat {
    /// The file of the table with this name.
    pub fn file(&self, name: &Path) -> PathBuf {
        let mut file = name.as_os_str().to_owned();
        file.push(self.suffix);
        PathBuf::from(file)
    }

    /// The error for what is wrong with a table's file.
    pub fn error(&self, operation: Operation, file: &Path, cause: impl Into<Cause>) -> Error {
        let cause = cause.into();
        let words = (self.words)(operation, file, &cause);
        match cause {
            Cause::System(source) => Error::new(kind_of(&source), words).at(file).caused_by(source),
            Cause::Format(kind, source) => {
                let detail = format!(": {source}");
                let detail = [file.as_os_str().as_encoded_bytes(), detail.as_bytes()].concat();
                Error::new(kind, words).at(file).with_detail(detail).caused_by(source)
            }
        }
    }

    /// A function that makes [`error`](Self::error)s.
    pub fn error_of<C: Into<Cause>>(
        &'static self,
        operation: Operation,
        file: &Path,
    ) -> impl Fn(C) -> Error {
        move |cause| self.error(operation, file, cause)
    }
}

impl fmt::Debug for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Where the bytes of an open table's file are. One type, so that each format is compiled once.
#[derive(Debug)]
pub(crate) enum Bytes {
    Memory(Memory),
    Locked(LockedFile),
}

impl Source for Bytes {
    fn len(&self) -> io::Result<u64> {
        match self {
            Bytes::Memory(memory) => memory.len(),
            Bytes::Locked(file) => file.len(),
        }
    }

    #[inline]
    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Bytes::Memory(memory) => memory.read_at(at, len),
            Bytes::Locked(file) => file.read_at(at, len),
        }
    }

    #[inline]
    fn as_slice(&self) -> Option<&[u8]> {
        match self {
            Bytes::Memory(memory) => memory.as_slice(),
            Bytes::Locked(_) => None,
        }
    }
}

/// A table's file that is being changed.
pub(crate) trait Update: fmt::Debug + Send {
    /// What is stored under a key, the changes so far included.
    fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Cause>;

    /// Stores a pair. Where the key is there already, `duplicates` decides. Returns `true` if the pair is stored.
    fn put(
        &mut self,
        key: Datum<'_>,
        value: Datum<'_>,
        duplicates: Duplicates,
    ) -> Result<bool, Cause>;

    /// Removes a key. Returns `true` if it was there.
    fn delete(&mut self, key: Datum<'_>) -> Result<bool, Cause>;

    /// What is to be written.
    fn finish(self: Box<Self>) -> Result<Changes, Cause>;
}

/// `WHAT FILE: REASON`: how Postfix reports most errors of files. `unknown` is its reason for all that is no error of the system.
pub(crate) fn words(what: &str, file: &Path, cause: &Cause, unknown: &str) -> Vec<u8> {
    let reason = match cause {
        Cause::System(error) => Cow::Owned(strerror(error)),
        Cause::Format(..) => Cow::Borrowed(unknown),
    };
    let file = file.as_os_str().as_encoded_bytes();
    [what.as_bytes(), b" ", file, b": ", reason.as_bytes()].concat()
}

/// What a format has found, as a cause.
pub(crate) fn found(
    kind: ErrorKind,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Cause {
    Cause::Format(kind, Box::new(error))
}
