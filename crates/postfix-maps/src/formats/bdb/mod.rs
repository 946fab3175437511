//! What the types in Berkeley DB files have in common (postmap specification, section 8).

mod tools;

use std::path::Path;

use bdb_file::{BuildOptions, ErrorKind as Kind, FileId, Keep};

pub(super) use self::tools::TOOLS;
use crate::error::{Error, ErrorKind};
use crate::lookup::{Cause, Failure, Operation, Trouble};
use crate::options::{Duplicates, WriteOptions};

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

/// What Postfix's warnings call a table: its file.
pub(crate) fn called(file: &Path) -> Vec<u8> {
    file.as_os_str().as_encoded_bytes().to_vec()
}

pub(super) fn build_options(options: &WriteOptions) -> BuildOptions {
    let file_id = if options.reproducible { FileId::Contents } else { FileId::Unique };
    BuildOptions::default().file_id(file_id)
}

pub(super) fn keep(duplicates: Duplicates) -> Keep {
    match duplicates {
        Duplicates::Warn | Duplicates::Ignore | Duplicates::Refuse => Keep::First,
        Duplicates::Replace => Keep::Last,
    }
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

/// What a change fails with.
pub(super) fn trouble(error: bdb_file::Error) -> Trouble {
    let cause = Cause::from(error);
    let is_limit = cause.kind == ErrorKind::TooLarge;
    cause.at(if is_limit { Operation::Write } else { Operation::Read })
}
