//! What the types in Berkeley DB files have in common (postmap specification, section 8).

mod tools;
#[cfg(feature = "write")]
pub(super) mod write;

use std::path::Path;

use bdb_file::ErrorKind as Kind;

pub(super) use self::tools::{byte_order, pages, plain, tools};
use crate::error::{Error, ErrorKind};
use crate::lookup::{Cause, Failure, Operation};

/// Suffix of a table's file.
pub(crate) const SUFFIX: &str = ".db";

/// Postfix's words: `WHAT FILE: REASON`.
pub(crate) fn words(operation: Operation, file: &Path, reason: &str) -> Vec<u8> {
    let what: &[u8] = match operation {
        Operation::Open | Operation::Make | Operation::Change => b"open database ",
        Operation::Lock => b"open ",
        Operation::Read => b"error reading ",
        Operation::Write | Operation::Rename => b"error writing ",
    };
    [what, file.as_os_str().as_encoded_bytes(), b": ", reason.as_bytes()].concat()
}

/// The error for what is wrong with a Berkeley DB file that need not be a table's.
pub(crate) fn error_of<C: Into<Cause>>(operation: Operation, file: &Path) -> impl Fn(C) -> Error {
    move |cause| super::error(words, operation, file, cause.into())
}

impl From<bdb_file::Error> for Cause {
    /// libdb has one word for all that is wrong with a file.
    fn from(error: bdb_file::Error) -> Self {
        let error = match error.into_kind() {
            Kind::Io(error) => return error.into(),
            error => error,
        };
        let kind = match error {
            Kind::Unsupported(_) | Kind::SeveralDatabases => ErrorKind::UnsupportedFile,
            Kind::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Damaged,
        };
        let source = Some(bdb_file::Error::from(error).into());
        Cause { kind, reason: "Invalid argument".into(), source, tells_more: true }
    }
}

/// What a lookup fails with.
pub(super) fn failure(error: bdb_file::Error) -> Failure {
    Failure::File(Cause::from(error).at(Operation::Read))
}
