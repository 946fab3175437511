//! What can go wrong with a table, in Postfix's words.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use crate::spec::TableSpec;

/// Why a table could not be opened, searched or made.
///
/// Displayed in the words that `postmap` prints behind `fatal: ` (postmap specification, sections 1 and 4);
/// [`source`](std::error::Error::source) tells more where Postfix's words say little, as for a damaged file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The table's type or name is empty.
    #[error("open dictionary: expecting \"type:name\" form instead of \"{0}\"")]
    Name(TableSpec),
    /// No table of this type can be read.
    #[error("unsupported dictionary type: {}", .0.display())]
    UnsupportedType(OsString),
    /// No table of this type can be made: nobody knows the type.
    #[error("unsupported dictionary type: {kind}. Is the postfix-{kind} package installed?", kind = .0.display())]
    MissingType(OsString),
    /// No table of this type can be made: it has no file.
    #[error("unsupported dictionary type: {} does not support bulk-mode creation.", .0.display())]
    LookupOnlyType(OsString),
    /// A table behind `proxy:` cannot be made.
    #[error("can't create maps via the proxy service")]
    CreateProxy,
    /// A file that is not the table's own, or the lock on the table's file.
    #[error("open {}: {}", .path.display(), strerror(.source))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The table's file is not there, cannot be read, or is not what it should be.
    #[error("open database {}: {}", .path.display(), open_reason(.source))]
    OpenDatabase {
        /// The table's file.
        path: PathBuf,
        /// What the system said, or what is wrong with the file.
        source: bdb_file::Error,
    },
    /// The table's file is damaged, or could not be read.
    #[error("error reading {}: {}", .path.display(), open_reason(.source))]
    Read {
        /// The table's file.
        path: PathBuf,
        /// What the system said, or what is wrong with the file, and on which page.
        source: bdb_file::Error,
    },
    /// UTF-8 mode is on, and the value found is not UTF-8: Postfix answers a query with an error then.
    #[error("table {}: query error", String::from_utf8_lossy(.table))]
    ValueNotUtf8 {
        /// The table, as `type:file`.
        table: Vec<u8>,
        /// The key that was asked for, as it was given.
        key: Vec<u8>,
        /// The value found.
        value: Vec<u8>,
    },
    /// The name of a table without an index file makes no sense, its text cannot be used, or it cannot be changed: Postfix's
    /// words, with every byte as it is.
    #[error("{}", String::from_utf8_lossy(.0))]
    Definition(Vec<u8>),
    /// The type has no such operation: `delete`, `sequence`.
    #[error("{}", String::from_utf8_lossy(&not_supported(.table, .operation)))]
    NotSupported {
        /// The table, as `type:name`.
        table: Vec<u8>,
        /// What was to be done.
        operation: &'static str,
    },
    /// The operation came to nothing, and might not the next time.
    #[error("{}", String::from_utf8_lossy(&failed(.table, .operation)))]
    Failed {
        /// The table, as `type:name`.
        table: Vec<u8>,
        /// What was to be done.
        operation: &'static str,
    },
    /// UTF-8 mode is on, and a key or value to be stored is not UTF-8.
    #[error("malformed UTF-8 or invalid codepoint")]
    NotUtf8(#[from] postfix_map_text::NotUtf8),
    /// The new table could not be written. What was there before still is.
    #[error("error writing {}: {}", .path.display(), open_reason(.source))]
    Write {
        /// The table's file.
        path: PathBuf,
        /// What the system said, or which limit of the format the table exceeds.
        source: bdb_file::Error,
    },
}

impl Error {
    /// What [`Display`](std::fmt::Display) shows, with every byte of the table's name as it is where that is possible.
    pub fn message(&self) -> Vec<u8> {
        match self {
            Error::Definition(message) => message.clone(),
            Error::NotSupported { table, operation } => not_supported(table, operation),
            Error::Failed { table, operation } => failed(table, operation),
            error => error.to_string().into_bytes(),
        }
    }

    /// What is wrong with a table's file, where Postfix's words do not tell.
    pub fn detail(&self) -> Option<String> {
        match self {
            Error::OpenDatabase { path, source }
            | Error::Read { path, source }
            | Error::Write { path, source }
                if !matches!(source.kind(), bdb_file::ErrorKind::Io(_)) =>
            {
                Some(format!("{}: {source}", path.display()))
            }
            _ => None,
        }
    }
}

fn not_supported(table: &[u8], operation: &str) -> Vec<u8> {
    [b"table ", table, b": ", operation.as_bytes(), b" operation is not supported"].concat()
}

fn failed(table: &[u8], operation: &str) -> Vec<u8> {
    [b"table ", table, b": ", operation.as_bytes(), b" error: Application error"].concat()
}

/// The system's words for an error, without the number that the standard library adds.
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// Postfix's warning about a key or, where that is not at fault, a value that UTF-8 mode does not allow.
pub fn not_utf8_message(table: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    let reason = postfix_map_text::NotUtf8.to_string();
    let reason = reason.as_bytes();
    if str::from_utf8(key).is_err() {
        [table, b": non-UTF-8 key \"", key, b"\": ", reason].concat()
    } else {
        [table, b": key \"", key, b"\": non-UTF-8 value \"", value, b"\": ", reason].concat()
    }
}

/// libdb has one word for every file that it cannot make sense of.
fn open_reason(error: &bdb_file::Error) -> String {
    match error.kind() {
        bdb_file::ErrorKind::Io(error) => strerror(error),
        _ => "Invalid argument".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_come_without_its_numbers() {
        assert_eq!(strerror(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(strerror(&io::Error::from_raw_os_error(13)), "Permission denied");
        assert_eq!(strerror(&io::Error::other("odd")), "odd");
    }
}
