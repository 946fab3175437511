//! What Postfix says of tables in files: one value of [`FileFormat`] for each type.
//!
//! Its functions are called once a file, none once a key.

pub(crate) mod bdb;
pub(crate) mod cdb;
pub(crate) mod hash;
pub(crate) mod tools;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use kv_file_core::{Changes, Contents, Datum, Entries, FileSource, Memory, Source};

use self::tools::Tools;
use crate::commit::{ChangeWay, Failed, Way};
use crate::error::{Error, ErrorKind, locked};
use crate::locked_file::LockedFile;
use crate::lookup::{Cause, Lookup, Operation, Trouble};
use crate::options::{Duplicates, WriteOptions};
use crate::spec::TableSpec;

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
    pub open: fn(Bytes) -> Result<Box<dyn Lookup>, Trouble>,
    /// Plans a file of these entries.
    pub plan: for<'t> fn(Entries<'t>, &WriteOptions) -> Planned<'t>,
    /// How files are changed; `None` where the type has no such operation.
    pub update: Option<UpdateFormat>,
    /// Postfix's words for what cannot be done with a table's file, and the reason.
    pub words: fn(Operation, &Path, &str) -> Vec<u8>,
    /// What warnings of duplicate entries call the table in a file.
    pub called: fn(&Path) -> Vec<u8>,
    /// What programs ask of whole files.
    pub tools: &'static Tools,
}

/// How single entries of a table are changed.
#[derive(Clone, Copy)]
pub(crate) struct UpdateFormat {
    pub way: ChangeWay,
    /// Opens a file that is there.
    pub open: fn(FileSource) -> Result<Box<dyn Update>, Cause>,
    /// Plans a file without entries, to which some will be added.
    pub plan_empty: fn(&WriteOptions) -> Planned<'static>,
}

impl FileFormat {
    /// The file of the table with this name.
    pub fn file(&self, name: &Path) -> PathBuf {
        let mut file = name.as_os_str().to_owned();
        file.push(self.suffix);
        PathBuf::from(file)
    }

    /// The name of the table in a file. Where the file's name has not the format's suffix, no table
    /// of the type is in it, and the name is for messages only.
    pub fn spec(&self, file: &Path) -> TableSpec {
        let name = file.as_os_str().as_bytes();
        let source = name.strip_suffix(self.suffix.as_bytes()).unwrap_or(name);
        TableSpec::new(self.name, OsStr::from_bytes(source))
    }

    /// The error for what is wrong with a table's file.
    pub fn error(&self, operation: Operation, file: &Path, cause: impl Into<Cause>) -> Error {
        error(self.words, operation, file, cause.into())
    }

    /// As [`error`](Self::error), of which the format itself has told the operation.
    pub fn trouble(&self, file: &Path, Trouble { operation, cause }: Trouble) -> Error {
        error(self.words, operation, file, *cause)
    }

    /// As [`error`](Self::error), of what could not be put in place.
    pub fn failed(&self, file: &Path, (operation, error): Failed) -> Error {
        self.error(operation, file, error)
    }

    /// What is said of a second entry with the same key, in a warning or an error.
    pub fn duplicate_words(&self, file: &Path, key: &[u8]) -> Vec<u8> {
        [&(self.called)(file)[..], b": duplicate entry: \"", key, b"\""].concat()
    }

    /// The error for a second entry with the same key.
    pub fn duplicate(&self, file: &Path, key: &[u8]) -> Error {
        Error::new(ErrorKind::DuplicateKey, self.duplicate_words(file, key)).at(file)
    }

    /// A function that makes [`error`](Self::error)s.
    pub fn error_of<C: Into<Cause>>(
        &'static self,
        operation: Operation,
        file: &Path,
    ) -> impl Fn(C) -> Error {
        move |cause| self.error(operation, file, cause)
    }

    /// How files are opened for single changes: known before any of them is locked.
    pub fn to_update(&self, file: &Path) -> Result<UpdateFormat, Error> {
        self.update.ok_or_else(|| {
            let (kind, reason) = (ErrorKind::NotSupported, Cow::Borrowed("not supported"));
            let cause = Cause { kind, reason, source: None, tells_more: false };
            let words = "tables of this type are made as a whole; their entries cannot be changed";
            self.error(Operation::Change, file, cause).in_words(words).of_file(file)
        })
    }
}

/// The error for what is wrong with a file, in a format's words.
pub(crate) fn error(
    words: fn(Operation, &Path, &str) -> Vec<u8>,
    operation: Operation,
    file: &Path,
    cause: Cause,
) -> Error {
    let Cause { kind, reason, source, tells_more } = cause;
    let mut error = Error::new(kind, words(operation, file, &reason)).at(file);
    if kind == ErrorKind::Locked {
        error = error.in_words(locked(file));
    }
    if let Some(source) = source {
        if tells_more {
            let detail = format!(": {source}");
            let file = file.as_os_str().as_encoded_bytes();
            error = error.with_detail([file, detail.as_bytes()].concat());
        }
        error = error.caused_by(source);
    }
    error
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
    fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Trouble>;

    /// Stores a pair. Where the key is there already, `duplicates` decides. Returns `true` if the
    /// pair is stored.
    fn put(
        &mut self,
        key: Datum<'_>,
        value: Datum<'_>,
        duplicates: Duplicates,
    ) -> Result<bool, Trouble>;

    /// Removes a key. Returns `true` if it was there.
    fn delete(&mut self, key: Datum<'_>) -> Result<bool, Trouble>;

    /// What is to be written.
    fn finish(self: Box<Self>) -> Result<Changes, Trouble>;
}
