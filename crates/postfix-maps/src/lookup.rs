//! Open tables of any type, below what all have in common: folding, the NUL rule, and the checks of
//! UTF-8 mode.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use kv_file_core::{Datum, TooLarge};

use crate::error::{Error, ErrorKind, kind_of, strerror};
use crate::forms::Forms;
use crate::table::Table;

/// An open table of any type.
pub(crate) trait Lookup: fmt::Debug + Send + Sync {
    /// The value stored under a key in one of these forms, and in which: those that were asked for,
    /// where the type has no forms.
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure>;

    /// The values of many keys, in their order.
    fn get_many<'t>(&'t self, keys: &[Datum<'_>], each: &mut dyn FnMut(ValueOf<'t>)) {
        for key in keys {
            let found = self.get(key.bytes, Forms::one(key.nul));
            each(found.map(|found| found.map(|(value, _)| value)));
        }
    }

    /// All keys and values as they are stored, for types that can tell them.
    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Err(Failure::NotSupported)
    }

    /// The bytes of the table's file, where they are in memory.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// For tables made of tables: these.
    fn members(&self) -> &[Table] {
        &[]
    }
}

/// A value, and the form in which it was found.
pub(crate) type Found<'t> = (Cow<'t, [u8]>, Forms);

/// The value of one of many keys.
pub(crate) type ValueOf<'t> = Result<Option<Cow<'t, [u8]>>, Failure>;

/// Keys and values.
pub(crate) type Pairs<'t> = Box<dyn NextPairs<'t> + 't>;

/// An iterator over pairs, asked for some at a time: one virtual call for all of them.
pub(crate) trait NextPairs<'t>: Send {
    /// Adds the next pairs, if there are any.
    fn next_pairs(&mut self, pairs: &mut VecDeque<Result<Pair<'t>, Failure>>);
}

impl<'t, I: Iterator<Item = Result<Pair<'t>, Failure>> + Send> NextPairs<'t> for I {
    fn next_pairs(&mut self, pairs: &mut VecDeque<Result<Pair<'t>, Failure>>) {
        const TOGETHER: usize = 32;
        pairs.extend(self.take(TOGETHER));
    }
}

/// A key and its value.
pub(crate) type Pair<'t> = (Cow<'t, [u8]>, Cow<'t, [u8]>);

/// Why a table has no answer. The outermost table names itself in the error that is made of it.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It might have one later.
    Retry,
    /// The type has no such operation.
    NotSupported,
    /// Something is wrong with its file.
    File(Trouble),
    /// An error that is complete.
    Error(Error),
}

/// What is wrong with a table's file, and what was to be done.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub operation: Operation,
    pub cause: Box<Cause>,
}

/// What is done with a table's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "write"), expect(dead_code, reason = "who only reads does but some"))]
pub(crate) enum Operation {
    /// Opening it.
    Open,
    /// Making a new one.
    Make,
    /// Waiting for the lock without which none is written.
    Lock,
    /// Looking up.
    Read,
    /// Writing all of it, or a change.
    Write,
    /// Putting a new one in its place.
    Rename,
    /// Opening it for single changes.
    Change,
}

/// Why something cannot be done with a table's file.
#[derive(Debug)]
pub(crate) struct Cause {
    pub kind: ErrorKind,
    /// Postfix's reason: behind the last colon of its message.
    pub reason: Cow<'static, str>,
    pub source: Option<Box<dyn StdError + Send + Sync>>,
    /// Whether the source tells more than Postfix's reason.
    pub tells_more: bool,
}

impl Cause {
    pub fn at(self, operation: Operation) -> Trouble {
        Trouble { operation, cause: Box::new(self) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        Cause {
            kind: kind_of(&error),
            reason: strerror(&error).into(),
            source: Some(error.into()),
            tells_more: false,
        }
    }
}

impl From<TooLarge> for Cause {
    fn from(error: TooLarge) -> Self {
        Cause {
            kind: ErrorKind::TooLarge,
            reason: "Invalid argument".into(),
            source: Some(error.into()),
            tells_more: true,
        }
    }
}
