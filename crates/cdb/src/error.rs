//! What can go wrong.

use std::borrow::Cow;
use std::fmt;
use std::io;

use crate::fault::Problem;

/// The result of an operation that can fail with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be opened, read or made. What exactly, [`kind`](Self::kind) tells.
///
/// ```
/// use cdb_file::{Cdb, ErrorKind};
///
/// let error = Cdb::open(b"no database").unwrap_err();
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
    /// The file is too short for its 256 pointers, or too long for numbers of 32 bits.
    #[error("not a cdb file")]
    NotADatabase,
    /// Something in the file contradicts the format.
    #[error("{0}")]
    Damaged(Problem),
    /// More than a file can hold: its positions have 32 bits.
    #[error("too large for a cdb file")]
    TooLarge,
    /// The text of a dump makes no sense.
    #[error("record {record}: {problem}")]
    Text {
        /// Number of the record; the first is 1.
        record: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
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

impl From<Problem> for Error {
    #[cold]
    #[inline(never)]
    fn from(problem: Problem) -> Self {
        ErrorKind::Damaged(problem).into()
    }
}

impl From<kv_file_core::TooLarge> for Error {
    #[cold]
    fn from(_: kv_file_core::TooLarge) -> Self {
        ErrorKind::TooLarge.into()
    }
}
