//! What can be found wrong with a file, under names that stay.

use std::fmt;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Legal, and nothing is lost by it.
    Note,
    /// The file is damaged: a record cannot be found or read, or would mislead a program.
    Damage,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Damage => "damage",
        })
    }
}

/// One problem of a file, and where it is: what [`verify`](crate::verify()) reports, and why reading
/// [fails](crate::ErrorKind::Damaged).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Offset in the file.
    pub at: u64,
    /// What is wrong there.
    pub fault: Fault,
    /// The value that is wrong, where one is.
    pub value: Option<u64>,
}

impl Problem {
    #[inline]
    pub(crate) fn at(at: u64, fault: Fault) -> Self {
        Problem { at, fault, value: None }
    }

    #[inline]
    pub(crate) fn value(self, value: impl Into<u64>) -> Self {
        Problem { value: Some(value.into()), ..self }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.fault.severity()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}: {}", self.at, self.fault)?;
        match self.value {
            Some(value) => write!(f, ": {value}"),
            None => Ok(()),
        }
    }
}

/// Defines [`Fault`]: one row for each, with its code, its severity and its words.
macro_rules! faults {
    ($($name:ident, $code:literal, $severity:ident, $words:literal;)*) => {
        /// What is wrong with a file: the checks of [section 8].
        ///
        /// [section 8]: crate::specification#8-verify-checklist
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $(#[doc = concat!("`", $code, "`: ", $words, ".")] $name,)*
        }

        impl Fault {
            /// All faults.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// A name for programs, which stays the same from version to version.
            pub fn code(self) -> &'static str {
                match self { $(Fault::$name => $code,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Fault::$name => Severity::$severity,)* }
            }
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Fault::$name => $words,)* })
            }
        }
    };
}

#[rustfmt::skip]
faults! {
    EndOfData, "end-of-data", Damage, "end of the records lies outside the file";
    Record, "record", Damage, "record does not end where the next one, or the records end";
    TablePlace, "table-place", Damage, "hash table lies outside the file, or not behind the one before";
    SlotPosition, "slot-position", Damage, "slot does not lead to a record";
    SlotHash, "slot-hash", Damage, "slot has another hash than its record's key";
    SlotTable, "slot-table", Damage, "slot is in the table of other hashes";
    SlotTwice, "slot-twice", Damage, "two slots lead to one record";
    Unreachable, "unreachable", Damage, "empty slot ends the search before this one";
    NotIndexed, "not-indexed", Damage, "no slot leads to the record";
    EmptySlot, "empty-slot", Note, "empty slot has a hash";
    Slots, "slots", Note, "number of slots is not twice that of the records";
    SameKey, "same-key", Note, "records with the key of an earlier one, which alone is found";
    Zeroed, "zeroed", Note, "record was replaced by zeros";
    Tail, "tail", Note, "bytes behind the last table";
}
