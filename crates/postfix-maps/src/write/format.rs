//! What Postfix says of making and changing tables in files: one value of [`WriteFormat`] for each
//! type.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;
use std::path::Path;

use kv_file_core::{Changes, Contents, Datum, Entries, FileSource};

use super::commit::{ChangeWay, Failed, Way};
use super::database_file::{LoadOptions, Loaded};
use super::options::WriteOptions;
use crate::error::{Error, ErrorKind};
use crate::formats::FileFormat;
use crate::formats::tools::ToolResult;
use crate::lookup::{Cause, Operation, Trouble};
use crate::options::Duplicates;

/// A plan for a file.
pub(crate) type Planned<'t> = Result<Box<dyn Contents + 't>, Cause>;

/// How files of a type are made and changed.
pub(crate) struct WriteFormat {
    /// Whether keys and values have a terminating NUL, unless somebody wants it otherwise.
    pub terminated: bool,
    /// How new contents take the place of old ones.
    pub way: Way,
    /// Plans a file of these entries.
    pub plan: for<'t> fn(Entries<'t>, &WriteOptions) -> Planned<'t>,
    /// How files are changed; `None` where the type has no such operation.
    pub update: Option<UpdateFormat>,
    /// What warnings of duplicate entries call the table in a file.
    pub called: fn(&Path) -> Vec<u8>,
    /// Understands a text as the format's tools write it; whether the file is to be that of a table
    /// of this type, whatever the text says.
    pub load: for<'r> fn(&'r mut dyn BufRead, &LoadOptions<'_>, bool) -> ToolResult<Loaded>,
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
    /// The error for what cannot be done with a table's file.
    pub fn error(&self, operation: Operation, file: &Path, cause: impl Into<Cause>) -> Error {
        self.trouble(file, cause.into().at(operation))
    }

    /// A function that makes [`error`](Self::error)s.
    pub fn error_of<C: Into<Cause>>(
        &'static self,
        operation: Operation,
        file: &Path,
    ) -> impl Fn(C) -> Error {
        move |cause| self.error(operation, file, cause)
    }

    /// As [`error`](Self::error), of what could not be put in place.
    pub fn failed(&self, file: &Path, (operation, error): Failed) -> Error {
        self.error(operation, file, error)
    }

    /// What is said of a second entry with the same key, in a warning or an error.
    pub fn duplicate_words(&self, file: &Path, key: &[u8]) -> Vec<u8> {
        [&(self.write.called)(file)[..], b": duplicate entry: \"", key, b"\""].concat()
    }

    /// The error for a second entry with the same key.
    pub fn duplicate(&self, file: &Path, key: &[u8]) -> Error {
        Error::new(ErrorKind::DuplicateKey, self.duplicate_words(file, key)).at(file)
    }

    /// How files are opened for single changes: known before any of them is locked.
    pub fn to_update(&self, file: &Path) -> Result<UpdateFormat, Error> {
        self.write.update.ok_or_else(|| {
            let (kind, reason) = (ErrorKind::NotSupported, Cow::Borrowed("not supported"));
            let cause = Cause { kind, reason, source: None, tells_more: false };
            let words = "tables of this type are made as a whole; their entries cannot be changed";
            self.error(Operation::Change, file, cause).in_words(words).of_file(file)
        })
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
