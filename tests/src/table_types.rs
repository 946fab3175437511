//! The types of tables in files that both our programs and Postfix's make, and what tests need to
//! know of each. A new type is one more element of [`TABLE_TYPES`].
//!
//! Cases are written for `hash:` and `.db`; a [`Twin`](crate::twin::Twin) of another type
//! translates them.

use std::borrow::Cow;
use std::path::Path;

use crate::dbtools::{self, Pair};

/// What of a table's file must be the same in ours and in Postfix's.
#[derive(Clone, Copy, Debug)]
pub enum Contents {
    /// The pairs in it.
    Pairs(fn(&Path) -> Vec<Pair>),
    /// All of our bytes and, of Postfix's, those in use; the time in them counts for nothing.
    Bytes {
        /// Those that are in use.
        in_use: fn(&[u8]) -> &[u8],
    },
}

/// Judges a table's file.
pub type Check = fn(&Path) -> Result<(), String>;

/// A type of tables in files.
#[derive(Debug)]
pub struct TableType {
    /// What stands before the colon of a table's name.
    pub name: &'static str,
    /// What the name of a table's file has at its end, with the dot.
    pub suffix: &'static str,
    /// Whether keys and values end in a NUL unless an option says otherwise.
    pub keys_end_in_nul: bool,
    /// What the name of a new file has at its end until it takes that of the old one; a failed build
    /// leaves it, as Postfix's does. `None` where Postfix overwrites the old file.
    pub leftover: Option<&'static str>,
    /// Whether a table can be changed: options `-i` and `-d`.
    pub changes: bool,
    /// Whether real Postfix lists a table: option `-s`.
    pub lists: bool,
    /// Whether tables of the same pairs are listed in the same order.
    pub ordered: bool,
    /// What of a file must be equal.
    pub contents: Contents,
    /// What a program that is not ours has against a file, where there is such a program.
    pub check: Option<Check>,
    /// How our diagnoses of a damaged file begin: Postfix only calls it an invalid argument.
    pub diagnoses: &'static [&'static str],
}

/// The type that cases are written for.
pub const HASH: &TableType = &TableType {
    name: "hash",
    suffix: ".db",
    keys_end_in_nul: true,
    leftover: None,
    changes: true,
    lists: true,
    ordered: false,
    contents: Contents::Pairs(dbtools::dump),
    check: Some(dbtools::verify),
    diagnoses: &[
        "not a Berkeley DB file",
        "page ",
        "file length ",
        "file is truncated",
        "file holds several named databases",
        "unsupported version ",
        "unsupported access method",
        "database is encrypted",
        "database is partitioned",
    ],
};

/// The other type in Berkeley DB files, whose pairs are in the order of their keys.
pub const BTREE: &TableType = &TableType { name: "btree", ordered: true, ..*HASH };

/// Files of tinycdb's format, which are never changed.
pub const CDB: &TableType = &TableType {
    name: "cdb",
    suffix: ".cdb",
    keys_end_in_nul: false,
    leftover: Some(".cdb.tmp"),
    changes: false,
    lists: false,
    ordered: true,
    contents: Contents::Bytes { in_use: without_tail },
    check: None,
    diagnoses: &["not a cdb file", "offset "],
};

/// A cdb file up to the end of its last table. Behind it tinycdb leaves what has been replaced, which
/// ours does not (cdb specification, section 5.2).
fn without_tail(file: &[u8]) -> &[u8] {
    let last_pointer = file.get(255 * 8..).and_then(|rest| rest.first_chunk::<8>());
    let end = last_pointer.map(|[a, b, c, d, e, f, g, h]| {
        let (at, slots) =
            (u32::from_le_bytes([*a, *b, *c, *d]), u32::from_le_bytes([*e, *f, *g, *h]));
        at as usize + 8 * slots as usize
    });
    end.and_then(|end| file.get(..end)).unwrap_or(file)
}

/// Every type that our programs make.
pub const TABLE_TYPES: &[&TableType] = &[HASH, BTREE, CDB];

impl TableType {
    /// The type for a generated case: all types share the seeds.
    pub fn of_seed(seed: u64) -> &'static Self {
        nth_of(TABLE_TYPES.iter().copied(), seed)
    }

    /// As [`of_seed`](TableType::of_seed), of the types whose tables can be changed.
    pub fn changing_of_seed(seed: u64) -> &'static Self {
        nth_of(TABLE_TYPES.iter().copied().filter(|table_type| table_type.changes), seed)
    }

    /// An argument of a command line that was written for `hash:`, for this type.
    pub fn argument<'a>(&self, argument: &'a [u8]) -> Cow<'a, [u8]> {
        let (start, rest) = match argument.strip_prefix(b"proxy:") {
            Some(rest) => (&b"proxy:"[..], rest),
            None => (&b""[..], argument),
        };
        let Some(table) = rest.strip_prefix(b"hash:") else { return argument.into() };
        let (table, suffix) = match table.strip_suffix(HASH.suffix.as_bytes()) {
            Some(table) => (table, self.suffix),
            None => (table, ""),
        };
        [start, self.name.as_bytes(), b":", table, suffix.as_bytes()].concat().into()
    }

    /// A command line that was written for `hash:`, its words separated by single spaces, for this
    /// type.
    pub fn line(&self, line: &str) -> String {
        let words = line.split(' ').map(|word| self.argument(word.as_bytes()));
        let words: Vec<_> = words.map(|word| String::from_utf8_lossy(&word).into_owned()).collect();
        words.join(" ")
    }

    /// The name of a file that was written with `.db`, for this type.
    pub fn file_name<'a>(&self, name: &'a str) -> Cow<'a, str> {
        match name.strip_suffix(HASH.suffix) {
            Some(stem) => format!("{stem}{}", self.suffix).into(),
            None => name.into(),
        }
    }

    /// A `main.cf` that was written where `hash` is the default type, for this type.
    pub fn main_cf<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        const SETTING: &str = "default_database_type =";
        if self.name == HASH.name {
            return text.into();
        }
        let written = String::from_utf8_lossy(text);
        let ours = format!("{SETTING} {}\n", self.name);
        let translated = if written.contains(SETTING) {
            written.replace(&format!("{SETTING} {}\n", HASH.name), &ours)
        } else {
            // At the end: a first line that begins with a space would otherwise belong to it.
            let newline = if written.is_empty() || written.ends_with('\n') { "" } else { "\n" };
            format!("{written}{newline}{ours}")
        };
        translated.into_bytes().into()
    }
}

/// One of the types, in turn.
fn nth_of(
    types: impl Iterator<Item = &'static TableType> + Clone,
    seed: u64,
) -> &'static TableType {
    let count = types.clone().count() as u64;
    types.cycle().nth((seed % count) as usize).expect("`hash` is one of the types")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: TableType = TableType { name: "cdb", suffix: ".cdb", ..*HASH };

    #[test]
    fn cases_are_translated() {
        for (hash, other) in [
            (&b"hash:m"[..], &b"cdb:m"[..]),
            (b"hash:d/m.db", b"cdb:d/m.cdb"),
            (b"hash:", b"cdb:"),
            (b"proxy:hash:m", b"proxy:cdb:m"),
            (b"m", b"m"),
            (b"foo:m.db", b"foo:m.db"),
            (b"-q", b"-q"),
        ] {
            assert_eq!(*OTHER.argument(hash), *other);
            assert_eq!(*HASH.argument(hash), *hash);
        }
        assert_eq!(OTHER.line("-q  k hash:m hash:n.db"), "-q  k cdb:m cdb:n.cdb");
        assert_eq!(HASH.line("-q  k hash:m hash:n.db"), "-q  k hash:m hash:n.db");
        for (hash, other) in [("d/m.db", "d/m.cdb"), ("m", "m"), ("m.db2", "m.db2")] {
            assert_eq!(OTHER.file_name(hash), other);
            assert_eq!(HASH.file_name(hash), hash);
        }
        for (hash, other) in [
            ("", "default_database_type = cdb\n"),
            ("  a = b", "  a = b\ndefault_database_type = cdb\n"),
            ("default_database_type = hash\n", "default_database_type = cdb\n"),
            ("default_database_type = foo\n", "default_database_type = foo\n"),
            ("default_database_type =\n", "default_database_type =\n"),
        ] {
            assert_eq!(*OTHER.main_cf(hash.as_bytes()), *other.as_bytes());
            assert_eq!(*HASH.main_cf(hash.as_bytes()), *hash.as_bytes());
        }
    }

    #[test]
    fn the_seeds_are_shared() {
        let of = |pick: fn(u64) -> &'static TableType| -> Vec<&str> {
            (0..TABLE_TYPES.len() as u64).map(|seed| pick(seed).name).collect()
        };
        let all: Vec<_> = TABLE_TYPES.iter().map(|table_type| table_type.name).collect();
        assert_eq!(of(TableType::of_seed), all);
        assert_eq!(of(TableType::changing_of_seed)[0], "hash");
    }
}
