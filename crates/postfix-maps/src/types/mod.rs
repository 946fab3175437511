//! The one registry of table types: every type of Postfix's, those that are not read here included.

mod cidr;
mod compound;
mod definition;
mod environ;
mod fail;
mod inline;
mod listed;
#[cfg_attr(not(feature = "regex"), path = "no_pattern.rs")]
mod pattern;
mod randmap;
#[cfg(feature = "regex")]
mod regex;
mod rules;
mod statics;
#[cfg(feature = "regex")]
mod template;
mod texthash;
mod unix;

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::formats::{FileFormat, btree, cdb, hash};
use crate::lookup::Lookup;
use crate::spec::TableSpec;

pub(crate) use definition::Definition;

/// The type of tables that are named without one, unless main.cf says otherwise.
pub(crate) static DEFAULT: &FileFormat = &hash::FORMAT;

/// A type of tables.
struct TableType {
    /// What stands before the colon.
    name: &'static str,
    kind: Kind,
}

/// What tables of a type are.
#[derive(Clone, Copy)]
enum Kind {
    /// In a file of their own.
    File(&'static FileFormat),
    /// Without an index file: what they answer is in their name, in a text that is read when they
    /// are opened, or somewhere else on the machine.
    Defined(Defined),
    /// Postfix's, and not read here.
    NotRead { create: Create, change: Change },
}

/// A type of tables without an index file.
#[derive(Clone, Copy)]
pub(crate) struct Defined {
    /// Whether their keys are folded.
    pub keys: Keys,
    change: Change,
    pub open: Open,
}

type Open = fn(&mut Definition<'_>) -> Result<Box<dyn Lookup>>;

/// What a table that can be read is.
pub(crate) enum Readable {
    File(&'static FileFormat),
    Defined(Defined),
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

/// What becomes of an attempt to change a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// The table is not even opened.
    ReadOnly,
    /// The type has no such operation.
    NotSupported,
    /// It fails.
    Fails,
    /// Tables of this type cannot be opened.
    Unknown,
}

/// What becomes of an attempt to make a table that is not read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Create {
    /// Postfix looks for a package of its own that could.
    Package,
    /// Tables of this type have no file to make.
    LookupOnly,
    /// As well, and Postfix's tools refuse it before they look at anything else.
    Proxied,
}

const fn file(format: &'static FileFormat) -> TableType {
    TableType { name: format.name, kind: Kind::File(format) }
}

const fn defined(name: &'static str, keys: Keys, change: Change, open: Open) -> TableType {
    TableType { name, kind: Kind::Defined(Defined { keys, change, open }) }
}

const fn not_read(name: &'static str, create: Create, change: Change) -> TableType {
    TableType { name, kind: Kind::NotRead { create, change } }
}

/// All types (specification of the table types, section 1).
#[rustfmt::skip]
static TYPES: &[TableType] = &[
    // A file whose contents say nothing has the first format of its suffix.
    file(&hash::FORMAT),
    file(&btree::FORMAT),
    file(&cdb::FORMAT),

    defined("cidr", Keys::Pattern, Change::ReadOnly, cidr::open),
    defined("environ", Keys::Fixed, Change::NotSupported, environ::open),
    defined("fail", Keys::Pattern, Change::Fails, fail::open),
    defined("inline", Keys::Fixed, Change::ReadOnly, inline::open),
    defined("internal", Keys::Fixed, Change::NotSupported, listed::open_internal),
    defined("pcre", Keys::Pattern, Change::ReadOnly, pattern::open_pcre),
    defined("pipemap", Keys::OfFirstMember, Change::ReadOnly, compound::open_pipemap),
    defined("randmap", Keys::Pattern, Change::ReadOnly, randmap::open),
    defined("regexp", Keys::Pattern, Change::ReadOnly, pattern::open_regexp),
    defined("static", Keys::Fixed, Change::NotSupported, statics::open),
    defined("texthash", Keys::Fixed, Change::ReadOnly, texthash::open),
    defined("unionmap", Keys::OfFirstMember, Change::ReadOnly, compound::open_unionmap),
    defined("unix", Keys::Fixed, Change::ReadOnly, unix::open),

    not_read("dbm", Create::Package, Change::Unknown),
    not_read("ldap", Create::LookupOnly, Change::Unknown),
    not_read("lmdb", Create::Package, Change::Unknown),
    not_read("memcache", Create::LookupOnly, Change::Unknown),
    not_read("mongodb", Create::Package, Change::Unknown),
    not_read("mysql", Create::LookupOnly, Change::Unknown),
    not_read("nis", Create::LookupOnly, Change::ReadOnly),
    not_read("nisplus", Create::Package, Change::Unknown),
    not_read("pgsql", Create::LookupOnly, Change::Unknown),
    not_read("proxy", Create::Proxied, Change::Unknown),
    not_read("sdbm", Create::Package, Change::Unknown),
    not_read("socketmap", Create::LookupOnly, Change::ReadOnly),
    not_read("sqlite", Create::LookupOnly, Change::Unknown),
    not_read("tcp", Create::LookupOnly, Change::ReadOnly),
];

/// What tables of a type are; `None` for one that Postfix does not know, either.
fn kind(spec: &TableSpec) -> Option<Kind> {
    TYPES.iter().find(|known| known.name == spec.table_type()).map(|known| known.kind)
}

/// What a table is, for reading it.
pub(crate) fn to_read(spec: &TableSpec) -> Result<Readable> {
    if spec.table_type().is_empty() || spec.name().is_empty() {
        let text: [&[u8]; 3] = [
            b"open dictionary: expecting \"type:name\" form instead of \"",
            &spec.to_bytes(),
            b"\"",
        ];
        return Err(Error::new(ErrorKind::Name, text.concat()));
    }
    match kind(spec) {
        Some(Kind::File(format)) => Ok(Readable::File(format)),
        Some(Kind::Defined(defined)) => Ok(Readable::Defined(defined)),
        Some(Kind::NotRead { .. }) | None => Err(unsupported(spec)),
    }
}

/// The format of a table that is to be changed.
pub(crate) fn to_change(spec: &TableSpec) -> Result<&'static FileFormat> {
    let change = match kind(spec) {
        Some(Kind::NotRead { change, .. }) => change,
        _ => match to_read(spec)? {
            Readable::File(format) => return Ok(format),
            Readable::Defined(defined) => defined.change,
        },
    };
    let table = spec.to_bytes();
    Err(match change {
        Change::ReadOnly => Error::new(
            ErrorKind::NotSupported,
            [&table[..], b" map requires O_RDONLY access mode"].concat(),
        ),
        Change::NotSupported => Error::not_supported(&table, "delete"),
        Change::Fails => Error::failed(&table, "delete"),
        Change::Unknown => unsupported(spec),
    })
}

/// The format of a table that is to be made.
pub(crate) fn to_create(spec: &TableSpec) -> Result<&'static FileFormat> {
    let package = || {
        let kind = spec.table_type().display();
        unsupported_with(spec, &format!(". Is the postfix-{kind} package installed?"))
    };
    Err(match kind(spec) {
        Some(Kind::File(format)) => return Ok(format),
        Some(Kind::Defined(Defined { change: Change::Fails, .. })) => {
            Error::failed(&spec.to_bytes(), "write")
        }
        Some(
            Kind::Defined(_) | Kind::NotRead { create: Create::LookupOnly | Create::Proxied, .. },
        ) => unsupported_with(spec, " does not support bulk-mode creation."),
        Some(Kind::NotRead { create: Create::Package, .. }) | None => package(),
    })
}

/// The error for a type that is not read here.
pub(crate) fn unsupported(spec: &TableSpec) -> Error {
    unsupported_with(spec, "")
}

fn unsupported_with(spec: &TableSpec, more: &str) -> Error {
    let kind = spec.table_type().as_encoded_bytes();
    let text = [b"unsupported dictionary type: ", kind, more.as_bytes()].concat();
    Error::new(ErrorKind::UnsupportedType, text)
}

/// The format of a table in a file, and that file.
pub(crate) fn file_format(spec: &TableSpec) -> Option<(&'static FileFormat, PathBuf)> {
    match to_read(spec) {
        Ok(Readable::File(format)) => Some((format, format.file(spec.source()))),
        _ => None,
    }
}

/// The formats of all types in files.
pub(crate) fn file_formats() -> impl Iterator<Item = &'static FileFormat> {
    TYPES.iter().filter_map(|known| match known.kind {
        Kind::File(format) => Some(format),
        _ => None,
    })
}

impl TableSpec {
    /// The file that holds the table, for types that are stored in one which this crate reads.
    pub fn database(&self) -> Option<PathBuf> {
        file_format(self).map(|(_, file)| file)
    }

    /// Returns `true` if the table is behind Postfix's proxy service: `postmap` refuses to make or
    /// list such ones.
    pub fn is_proxied(&self) -> bool {
        matches!(kind(self), Some(Kind::NotRead { create: Create::Proxied, .. }))
    }
}

impl From<&str> for TableSpec {
    /// A name without a colon is of the type `hash`.
    fn from(text: &str) -> Self {
        TableSpec::parse(text.as_ref(), DEFAULT.name.as_bytes())
    }
}

impl From<&String> for TableSpec {
    /// As `From<&str>`.
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for TableSpec {
    /// As `From<&str>`.
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&TableSpec> for TableSpec {
    fn from(spec: &TableSpec) -> Self {
        spec.clone()
    }
}

impl FromStr for TableSpec {
    type Err = Infallible;

    /// As `From<&str>`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_there_once() {
        for (i, known) in TYPES.iter().enumerate() {
            assert!(TYPES[..i].iter().all(|other| other.name != known.name), "{}", known.name);
        }
        assert!(matches!(kind(&TableSpec::from("m")), Some(Kind::File(_))), "the default type");
    }

    #[test]
    fn tables_in_files_have_one() {
        assert_eq!(TableSpec::from("hash:m").database(), Some("m.db".into()));
        assert_eq!(TableSpec::from("static:m").database(), None);
        assert_eq!(TableSpec::from("ldap:m").database(), None);
    }

    #[test]
    fn what_cannot_be_done_has_postfixs_words() {
        let words = |error: Error| String::from_utf8(error.message().to_vec()).unwrap();
        let created = |spec: &str| words(to_create(&spec.into()).unwrap_err());
        let changed = |spec: &str| words(to_change(&spec.into()).unwrap_err());
        for spec in ["proxy:m", "tcp:m", "ldap:m", "cidr:m", "static:m"] {
            let expected = "does not support bulk-mode creation.";
            assert!(created(spec).ends_with(expected), "{spec}");
        }
        for spec in ["sdbm:m", "mongodb:m", "nothing:m"] {
            assert!(created(spec).ends_with("package installed?"), "{spec}");
        }
        for spec in ["tcp:m", "cidr:m", "socketmap:m"] {
            assert_eq!(changed(spec), format!("{spec} map requires O_RDONLY access mode"));
        }
        for (spec, expected) in [
            ("ldap:m", "unsupported dictionary type: ldap"),
            ("static:m", "table static:m: delete operation is not supported"),
            ("fail:m", "table fail:m: delete error: Application error"),
            (":m", "open dictionary: expecting \"type:name\" form instead of \":m\""),
        ] {
            assert_eq!(changed(spec), expected);
        }
        assert_eq!(created("fail:m"), "table fail:m: write error: Application error");
    }
}
