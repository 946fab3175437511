//! What can go wrong.

use std::borrow::Cow;
use std::fmt;
use std::io;

use crate::fault::Problem;

/// The result of an operation that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a database could not be opened, read, built or changed. What exactly, [`kind`](Self::kind)
/// tells.
///
/// ```
/// use bdb_file::{ErrorKind, HashDb};
///
/// let error = HashDb::open(b"no database").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::NotADatabase));
/// ```
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorKind>);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0).field("message", &self.to_string()).finish()
    }
}

// A lookup returns as much as it does without errors.
const _: () = assert!(size_of::<Result<Option<Cow<'static, [u8]>>>>() == 3 * size_of::<usize>());

/// The kinds of [`Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system failed to read or write.
    #[error(transparent)]
    Io(io::Error),
    /// The file is too short or does not start as any Berkeley DB file does.
    #[error("not a Berkeley DB file")]
    NotADatabase,
    /// A Berkeley DB file of a kind that this crate does not read.
    #[error(transparent)]
    Unsupported(Unsupported),
    /// The file's length is no multiple of its page size: it was cut short, or is being written.
    #[error("file length {len} is not a multiple of the page size {page_size}")]
    Length {
        /// Length of the file in bytes.
        len: u64,
        /// Page size that page 0 states, in bytes.
        page_size: u32,
    },
    /// The file has fewer pages than its page 0 says: it was cut short, or is being written.
    #[error(
        "file is truncated: page 0 says that its last page is {stated}, but it has {pages} pages"
    )]
    Truncated {
        /// Number of pages that are there.
        pages: u64,
        /// Last page number according to page 0.
        stated: u32,
    },
    /// A page contradicts the format. The file is damaged; what other pages hold can still be read.
    ///
    /// [`verify`](crate::verify()) reports all problems of a file.
    #[error("{0}")]
    Corrupt(Problem),
    /// The file holds several databases, each under a name: open one with
    /// [`HashDb::open_named`](crate::HashDb::open_named) or
    /// [`BtreeDb::open_named`](crate::BtreeDb::open_named).
    #[error("file holds several named databases")]
    SeveralDatabases,
    /// The file holds no database of the name asked for.
    #[error("file holds no database of that name")]
    NoSuchDatabase,
    /// The text of a dump makes no sense.
    #[error("line {line}: {problem}")]
    Text {
        /// Number of the line; the first is 1.
        line: u64,
        /// What is wrong with it.
        problem: TextProblem,
    },
    /// More data than the format can address: pages are numbered with 32 bits, and so are the bytes
    /// of an item.
    #[error("too large for a Berkeley DB file")]
    TooLarge,
    /// A build option outside the format's limits.
    #[error("invalid option: {0}")]
    Option(&'static str),
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// What went wrong, to be kept.
    pub fn into_kind(self) -> ErrorKind {
        *self.0
    }
}

impl From<ErrorKind> for Error {
    #[cold]
    #[inline(never)]
    fn from(kind: ErrorKind) -> Self {
        Error(Box::new(kind))
    }
}

impl From<io::Error> for Error {
    #[cold]
    fn from(error: io::Error) -> Self {
        ErrorKind::Io(error).into()
    }
}

impl From<Unsupported> for Error {
    #[cold]
    fn from(reason: Unsupported) -> Self {
        ErrorKind::Unsupported(reason).into()
    }
}

impl From<Problem> for Error {
    #[cold]
    #[inline(never)]
    fn from(problem: Problem) -> Self {
        ErrorKind::Corrupt(problem).into()
    }
}

impl From<kv_file_core::TooLarge> for Error {
    #[cold]
    fn from(_: kv_file_core::TooLarge) -> Self {
        ErrorKind::TooLarge.into()
    }
}

/// A kind of Berkeley DB file that this crate refuses by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The database is encrypted.
    #[error("database is encrypted")]
    Encrypted,
    /// The database is spread over several files.
    #[error("database is partitioned")]
    Partitioned,
    /// A file of Berkeley DB 1.85 or of a C library's `dbopen`.
    #[error("file has the format of Berkeley DB 1.85")]
    Version185,
    /// A version of the format before Berkeley DB 3.1 or after 6.
    #[error("unsupported version {0} of the file format")]
    Version(u32),
    /// A database of another access method than the one that it was opened for.
    #[error("unsupported access method: {0}")]
    AccessMethod(&'static str),
    /// A btree whose items are packed.
    #[error("database is compressed")]
    Compressed,
    /// The table was built with an application's own hash function: it can be listed, not searched.
    #[error("database has a hash function of its own")]
    HashFunction,
}

/// What is wrong with a line of a dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextProblem {
    /// The header has a line that is not `keyword=value`.
    #[error("expected keyword=value")]
    NotAHeaderLine,
    /// A keyword that no dump has of a database that this crate reads.
    #[error("unknown keyword {0:?}")]
    Keyword(String),
    /// A value that its keyword cannot have.
    #[error("impossible value of {0}")]
    Value(&'static str),
    /// A keyword of another access method.
    #[error("{0} does not go with the type")]
    OtherType(&'static str),
    /// The database is of another access method than hash and btree.
    #[error("unsupported access method")]
    AccessMethod,
    /// The header does not state the type.
    #[error("header does not state the type")]
    NoType,
    /// The text ends inside a header.
    #[error("text ends before HEADER=END")]
    NoHeaderEnd,
    /// The text ends inside a database: it has been cut short.
    #[error("text ends before DATA=END")]
    NoDataEnd,
    /// A line of data that does not start with a space, or is malformed.
    #[error("malformed key or data")]
    Item,
    /// The database ends after a key.
    #[error("key without data")]
    NoData,
}
