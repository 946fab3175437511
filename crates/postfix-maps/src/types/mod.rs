//! Tables without an index file (specification of the table types): what they answer is in their name, in a text that is
//! read when they are opened, or somewhere else on the machine.

mod cidr;
mod compound;
mod entries;
mod environ;
mod fail;
mod inline;
mod pattern;
mod randmap;
mod regex;
mod rules;
mod statics;
mod template;
mod texthash;
mod unix;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::error::Error;
use crate::file_values;
use crate::spec::TableSpec;
use crate::table::TableOptions;

/// A key and its value.
type Pair<'d> = (&'d [u8], &'d [u8]);

/// A table that is open for reading, beneath what all have in common: folding, and the checks of UTF-8 mode.
pub(crate) trait Dictionary: fmt::Debug + Send + Sync {
    /// The value of a key that is as the type wants it.
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure>;

    /// All keys and values, for types that can tell them.
    fn entries(&self) -> Result<Vec<Pair<'_>>, Failure> {
        Err(Failure::NotSupported)
    }

    /// For [`Keys::OfFirstMember`]: whether the first member's keys are folded.
    fn folds_keys(&self) -> bool {
        false
    }
}

/// Why a table has no answer. The outermost table names itself in the error that is made of it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It might have one later.
    Retry,
    /// The type has no such operation.
    NotSupported,
    /// An error that is complete.
    Error(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

/// Opens a table of one type.
type Opener = fn(&mut Definition<'_>) -> Result<Box<dyn Dictionary>, Error>;

/// A type of tables without an index file.
pub(crate) struct DictionaryType {
    /// What stands before the colon.
    name: &'static str,
    /// Whether its keys are folded.
    pub keys: Keys,
    /// What a change of its tables comes to.
    pub change: Change,
    pub open: Opener,
}

/// What the keys of a type are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Words, which are folded before they are looked up.
    Fixed,
    /// Texts to match patterns with, never folded.
    Pattern,
    /// What they are to its first member.
    OfFirstMember,
}

/// What becomes of an attempt to delete a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The table is not even opened.
    ReadOnly,
    /// The type has no such operation.
    NotSupported,
    /// It fails.
    Fails,
}

/// All types (specification of the table types, section 1).
#[rustfmt::skip]
const TYPES: &[DictionaryType] = &[
    DictionaryType { name: "cidr", keys: Keys::Pattern, change: Change::ReadOnly, open: cidr::open },
    DictionaryType { name: "environ", keys: Keys::Fixed, change: Change::NotSupported, open: environ::open },
    DictionaryType { name: "fail", keys: Keys::Pattern, change: Change::Fails, open: fail::open },
    DictionaryType { name: "inline", keys: Keys::Fixed, change: Change::ReadOnly, open: inline::open },
    DictionaryType { name: "internal", keys: Keys::Fixed, change: Change::NotSupported, open: entries::open_internal },
    DictionaryType { name: "pcre", keys: Keys::Pattern, change: Change::ReadOnly, open: pattern::open_pcre },
    DictionaryType { name: "pipemap", keys: Keys::OfFirstMember, change: Change::ReadOnly, open: compound::open_pipemap },
    DictionaryType { name: "randmap", keys: Keys::Pattern, change: Change::ReadOnly, open: randmap::open },
    DictionaryType { name: "regexp", keys: Keys::Pattern, change: Change::ReadOnly, open: pattern::open_regexp },
    DictionaryType { name: "static", keys: Keys::Fixed, change: Change::NotSupported, open: statics::open },
    DictionaryType { name: "texthash", keys: Keys::Fixed, change: Change::ReadOnly, open: texthash::open },
    DictionaryType { name: "unionmap", keys: Keys::OfFirstMember, change: Change::ReadOnly, open: compound::open_unionmap },
    DictionaryType { name: "unix", keys: Keys::Fixed, change: Change::ReadOnly, open: unix::open },
];

/// The type of this name, if there is one.
pub(crate) fn find(name: &OsStr) -> Option<&'static DictionaryType> {
    TYPES.iter().find(|known| known.name == name)
}

/// A table that is about to be opened.
pub(crate) struct Definition<'d> {
    pub spec: &'d TableSpec,
    pub options: &'d TableOptions,
    /// Where warnings go, without the program's name.
    pub warn: &'d mut dyn FnMut(&[u8]),
}

impl<'d> Definition<'d> {
    /// The name without the type.
    fn name(&self) -> &'d [u8] {
        self.spec.name().as_bytes()
    }

    /// A value as the table is to hold it: with `-F` the text names files.
    ///
    /// # Errors
    /// What is wrong with the files.
    fn value(&self, text: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        if self.options.values_are_files { file_values::encode(text) } else { Ok(text.to_vec()) }
    }

    /// The error of a name that is not what it should be.
    fn bad_syntax(&self, problem: &[u8], expected: &str) -> Error {
        let (spec, kind) = (self.spec.to_bytes(), self.spec.table_type().as_bytes());
        let expected = expected.as_bytes();
        let text: [&[u8]; 8] =
            [problem, b": \"", &spec, b"\"; need \"", kind, b":", expected, b"\""];
        Error::Definition(text.concat())
    }
}
