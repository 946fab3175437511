//! What can go wrong with a table.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use postfix_map_text::NotUtf8;
use rustix::io::Errno;

/// The result of an operation on tables.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a table could not be opened, searched, changed or made.
///
/// Displayed in words for people who do not have Postfix's documentation at hand;
/// [`message`](Self::message) gives Postfix's own words.
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: Vec<u8>,
    detail: Option<Vec<u8>>,
    /// In plain words, where Postfix's are not.
    words: Option<String>,
    path: Option<PathBuf>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name of a table has no type in front of its colon, or no name behind it. (One without a
    /// colon is of the type `hash`.)
    Name,
    /// The type of the table is unknown, or tables of it cannot be read or made here.
    UnsupportedType,
    /// The type has no such operation: deleting, listing, making tables.
    NotSupported,
    /// The name of a table without an index file makes no sense, or its text cannot be used.
    Definition,
    /// The file is not there.
    NotFound,
    /// The file is already there.
    AlreadyExists,
    /// Somebody had the file locked for longer than `lock_timeout` allows to wait.
    Locked,
    /// The system refused or failed: [`Error::get_ref`] has its error.
    Io,
    /// The file is damaged, or not of the table's type; the error's words say what is wrong, and
    /// where, and so does [`Error::get_ref`].
    Damaged,
    /// The file is of a kind that this crate does not read, or not change.
    UnsupportedFile,
    /// More or longer entries than the format of the table's file can hold.
    TooLarge,
    /// A second entry with the same key, where [`Duplicates::Refuse`](crate::Duplicates::Refuse)
    /// allows none.
    DuplicateKey,
    /// UTF-8 mode is on, and a key or value to be stored is not UTF-8.
    NotUtf8,
    /// UTF-8 mode is on, and the value found is not UTF-8: Postfix answers a query with an error
    /// then.
    ValueNotUtf8,
    /// The operation came to nothing, and might not the next time: all operations on tables of the
    /// type `fail`.
    Failed,
}

impl Error {
    /// An error in Postfix's words.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Vec<u8>>) -> Self {
        let message = message.into();
        let (detail, words, path, source) = (None, None, None, None);
        Error(Box::new(Inner { kind, message, detail, words, path, source }))
    }

    /// `WHAT PATH: REASON`, for what the system said.
    pub(crate) fn system(what: &str, path: &Path, source: io::Error) -> Self {
        let reason = strerror(&source);
        let path_bytes = path.as_os_str().as_encoded_bytes();
        let message = [what.as_bytes(), b" ", path_bytes, b": ", reason.as_bytes()].concat();
        let kind = kind_of(&source);
        let error = Error::new(kind, message).at(path).caused_by(source);
        if kind == ErrorKind::Locked { error.in_words(locked(path)) } else { error }
    }

    /// The type of a table, as `type:name`, has no such operation.
    pub(crate) fn not_supported(table: &[u8], operation: &str) -> Self {
        let text: [&[u8]; 5] =
            [b"table ", table, b": ", operation.as_bytes(), b" operation is not supported"];
        Error::new(ErrorKind::NotSupported, text.concat())
    }

    /// An operation on a table came to nothing.
    pub(crate) fn failed(table: &[u8], operation: &str) -> Self {
        let text: [&[u8]; 5] =
            [b"table ", table, b": ", operation.as_bytes(), b" error: Application error"];
        Error::new(ErrorKind::Failed, text.concat())
    }

    /// A file, not a table's own, that cannot be opened.
    #[doc(hidden)]
    pub fn open(path: &Path, source: io::Error) -> Self {
        Error::system("open", path, source)
    }

    /// A text that cannot be read to its end.
    #[doc(hidden)]
    pub fn read(path: &Path, source: io::Error) -> Self {
        Error::system("error reading", path, source)
    }

    /// Adds the file that it is about.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.0.path = Some(path.to_owned());
        self
    }

    /// Adds the file, also to the words.
    pub(crate) fn of_file(mut self, path: &Path) -> Self {
        if let Some(words) = &mut self.0.words {
            *words = format!("{}: {words}", path.display());
        }
        self.at(path)
    }

    /// Says it in plain words.
    pub(crate) fn in_words(mut self, words: impl Into<String>) -> Self {
        self.0.words = Some(words.into());
        self
    }

    /// Adds what Postfix's words do not tell.
    pub(crate) fn with_detail(mut self, detail: impl Into<Vec<u8>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns `true` if there is no such file. A key that is not found is no error.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Returns `true` if the same may come to something later without anybody mending it: a lock
    /// that was held for too long, a system short of memory, disk or descriptors. A mail server
    /// answers with a temporary error whatever has gone wrong.
    pub fn is_temporary(&self) -> bool {
        match self.kind() {
            ErrorKind::Locked | ErrorKind::Failed => true,
            ErrorKind::Io => {
                let source = self.get_ref().and_then(|source| source.downcast_ref::<io::Error>());
                source.is_some_and(is_short_of_something)
            }
            _ => false,
        }
    }

    /// The error of the system, or of the crate of the file's format, that is behind it.
    pub fn get_ref(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// The file that the error is about, if it is about one.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// Postfix's words: what `postmap` prints behind `fatal: `, with every byte of names as it is
    /// (postmap specification, sections 1 and 4).
    pub fn message(&self) -> &[u8] {
        &self.0.message
    }

    /// What is worth a line of its own before [`message`](Self::message), which says little: what
    /// is wrong with a damaged file, or which value is not UTF-8.
    pub fn detail(&self) -> Option<&[u8]> {
        self.0.detail.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.words {
            Some(words) => words.fmt(f),
            None => String::from_utf8_lossy(self.detail().unwrap_or(self.message())).fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, path, source, .. } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", &self.to_string())
            .field("path", path)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    /// What is behind the error that [`get_ref`](Error::get_ref) returns, whose words are part of
    /// this one's.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().and_then(|source| source.source())
    }
}

/// That the lock of a file was waited for in vain.
pub(crate) fn locked(path: &Path) -> String {
    format!("{}: locked for too long, by another process or by this one", path.display())
}

fn is_short_of_something(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::Interrupted
            | Kind::OutOfMemory
            | Kind::QuotaExceeded
            | Kind::ResourceBusy
            | Kind::StaleNetworkFileHandle
            | Kind::StorageFull
            | Kind::TimedOut
    ) || matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}

/// The kind of an error that the system has given.
pub(crate) fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::WouldBlock => ErrorKind::Locked,
        _ => ErrorKind::Io,
    }
}

/// The system's words for an error, without the number that the standard library adds.
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// Postfix's warning about a key or, where that is not at fault, a value that UTF-8 mode does not
/// allow.
pub fn not_utf8_message(table: &[u8], key: &[u8], value: &[u8]) -> Vec<u8> {
    let reason = NotUtf8.to_string();
    let reason = reason.as_bytes();
    if str::from_utf8(key).is_err() {
        [table, b": non-UTF-8 key \"", key, b"\": ", reason].concat()
    } else {
        [table, b": key \"", key, b"\": non-UTF-8 value \"", value, b"\": ", reason].concat()
    }
}

const _: () =
    assert!(size_of::<Result<Option<std::borrow::Cow<'static, [u8]>>>>() == 3 * size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_come_without_its_numbers() {
        assert_eq!(strerror(&io::Error::from_raw_os_error(2)), "No such file or directory");
        assert_eq!(strerror(&io::Error::from_raw_os_error(13)), "Permission denied");
        assert_eq!(strerror(&io::Error::other("odd")), "odd");
    }

    #[test]
    fn an_error_has_postfixs_words_and_its_own() {
        let error = Error::open("/no".as_ref(), io::Error::from_raw_os_error(2));
        assert_eq!((error.kind(), error.path()), (ErrorKind::NotFound, Some("/no".as_ref())));
        assert_eq!(error.message(), b"open /no: No such file or directory");
        assert_eq!(error.to_string(), "open /no: No such file or directory");
        assert!(error.get_ref().is_some_and(|source| source.is::<io::Error>()));
        assert!(error.source().is_none(), "nobody says it twice");
        let error = Error::new(ErrorKind::Damaged, "Invalid argument").with_detail("m.db: page 3");
        assert_eq!(error.to_string(), "m.db: page 3");
        assert_eq!(error.message(), b"Invalid argument");
    }
}
