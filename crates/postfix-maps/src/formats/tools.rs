//! What programs ask of whole files, whatever their format: what [`Format`](crate::Format) hands on.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write};
use std::ops::ControlFlow;

use kv_file_core::{Datum, Source, TextFormat};

/// What goes wrong with a file, in words for programs: an [`io::Error`], or the error of the
/// format's crate.
pub type ToolError = Box<dyn StdError + Send + Sync>;

/// The result of what programs ask of whole files.
pub type ToolResult<T> = Result<T, ToolError>;

/// What programs ask of the files of a format.
pub(crate) struct Tools {
    /// Whether a file that begins with these bytes is of the format.
    pub is_database: fn(&[u8]) -> bool,
    /// The names of a file's databases; none for a file that is one nameless database.
    pub database_names: fn(&dyn Source) -> ToolResult<Vec<Vec<u8>>>,
    /// Opens the database of this name, or the only one.
    pub open: for<'s> fn(&'s dyn Source, Name<'_>) -> ToolResult<Box<dyn Database + 's>>,
    /// Tells all that is wrong with a file.
    pub verify: for<'r> fn(&dyn Source, Report<'r>) -> ToolResult<Verdict>,
    /// Writes the database of this name, or all of them, as text.
    pub dump: fn(&dyn Source, Name<'_>, TextFormat, &mut dyn Write) -> ToolResult<()>,
}

/// The name of a database, in a file of several.
type Name<'n> = Option<&'n [u8]>;

/// Where problems go, until it breaks off.
pub(crate) type Report<'r> = &'r mut dyn FnMut(Problem) -> ControlFlow<()>;

/// A database of a file that is open for reading.
pub trait Database {
    /// All values of a key.
    ///
    /// # Errors
    /// Damage on the way; what reading the file gave.
    fn get_all(&self, key: Datum<'_>) -> ToolResult<Vec<Vec<u8>>>;

    /// All pairs, in the order of the file. A key with several values comes once for each.
    fn iter(&self) -> DatabasePairs<'_>;

    /// Hands each key with all its values to `each`.
    ///
    /// # Errors
    /// As while iterating; the first that `each` returns.
    fn each_key(&self, each: EachKey<'_>) -> ToolResult<()> {
        let mut pairs = self.iter().peekable();
        while let Some(pair) = pairs.next() {
            let (key, value) = pair?;
            let mut values = vec![value.into_owned()];
            let is_same = |next: &ToolResult<_>| {
                next.as_ref().is_ok_and(|(next, _): &(Cow<'_, [u8]>, _)| *next == key)
            };
            while let Some(next) = pairs.next_if(is_same) {
                values.push(next?.1.into_owned());
            }
            each(&key, values)?;
        }
        Ok(())
    }

    /// Counts what the database holds and how its file is used.
    ///
    /// # Errors
    /// As while iterating.
    fn stat(&self) -> ToolResult<Vec<Figure>>;
}

/// All pairs of a [`Database`].
pub type DatabasePairs<'d> = Box<dyn Iterator<Item = ToolResult<DatabasePair<'d>>> + 'd>;

/// A key and a value of it.
pub type DatabasePair<'d> = (Cow<'d, [u8]>, Cow<'d, [u8]>);

/// What [`Database::each_key`] calls with a key and its values.
pub type EachKey<'e> = &'e mut dyn FnMut(&[u8], Vec<Vec<u8>>) -> ToolResult<()>;

/// Something that is wrong with a file, or odd.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Whether the file is damaged; otherwise it is legal, and nothing is lost by it.
    pub is_damage: bool,
    /// A name for programs, which stays the same from version to version.
    pub code: &'static str,
    /// Where it is, and the value that is wrong, as far as that is known: numbers with their names.
    pub place: Vec<(&'static str, Option<u64>)>,
    /// All of it in words.
    pub message: String,
}

/// What is to be said of a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether everything in the file can be relied on: all was looked at, and no damage found.
    pub is_sound: bool,
    /// Number of problems that are damage.
    pub damage: u64,
    /// Number of problems that are none to worry about.
    pub notes: u64,
    /// What the file holds: numbers with their names.
    pub counts: Vec<(&'static str, u64)>,
}

/// One figure of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figure {
    /// A name for programs.
    pub name: &'static str,
    /// A name for people.
    pub label: &'static str,
    /// What it is.
    pub value: FigureValue,
}

impl Figure {
    pub(crate) fn new(
        name: &'static str,
        label: &'static str,
        value: impl Into<FigureValue>,
    ) -> Self {
        Figure { name, label, value: value.into() }
    }
}

/// The value of a [`Figure`]. `Display` gives the words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FigureValue {
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A word.
    Word(&'static str),
    /// Several numbers with their names, and all of it in words.
    Several(Vec<(&'static str, u64)>, String),
}

impl fmt::Display for FigureValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FigureValue::Number(number) => number.fmt(f),
            FigureValue::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            FigureValue::Word(word) => f.write_str(word),
            FigureValue::Several(_, words) => f.write_str(words),
        }
    }
}

impl From<u64> for FigureValue {
    fn from(number: u64) -> Self {
        FigureValue::Number(number)
    }
}

impl From<u32> for FigureValue {
    fn from(number: u32) -> Self {
        FigureValue::Number(number.into())
    }
}

impl From<bool> for FigureValue {
    fn from(flag: bool) -> Self {
        FigureValue::Flag(flag)
    }
}

impl From<&'static str> for FigureValue {
    fn from(word: &'static str) -> Self {
        FigureValue::Word(word)
    }
}

/// An error that a text or a format has no place for something.
pub(crate) fn refused(words: &'static str) -> ToolError {
    io::Error::new(io::ErrorKind::InvalidInput, words).into()
}
