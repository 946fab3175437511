//! What Postfix says of tables in files: one value of [`FileFormat`] for each type.
//!
//! Its functions are called once a file, none once a key.

pub(crate) mod bdb;
pub(crate) mod btree;
pub(crate) mod cdb;
pub(crate) mod hash;
pub(crate) mod tools;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use kv_file_core::{Memory, Source};

use self::tools::Tools;
use crate::error::{Error, ErrorKind, locked};
use crate::locked_file::LockedFile;
use crate::lookup::{Cause, Lookup, Operation, Trouble};
use crate::sharing::Sharing;
use crate::spec::TableSpec;
#[cfg(feature = "write")]
use crate::write::WriteFormat;

/// A type of tables in files.
pub(crate) struct FileFormat {
    /// What stands before the colon.
    pub name: &'static str,
    /// What a table's name gets to become that of its file.
    pub suffix: &'static str,
    /// How readers and writers share files.
    pub sharing: Sharing,
    /// Opens a file for lookups.
    pub open: fn(Bytes) -> Result<Box<dyn Lookup>, Trouble>,
    /// Postfix's words for what cannot be done with a table's file, and the reason.
    pub words: fn(Operation, &Path, &str) -> Vec<u8>,
    /// What programs ask of whole files.
    pub tools: &'static Tools,
    /// How files are made and changed.
    #[cfg(feature = "write")]
    pub write: &'static WriteFormat,
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
    pub fn trouble(&self, file: &Path, Trouble { operation, cause }: Trouble) -> Error {
        error(self.words, operation, file, *cause)
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
