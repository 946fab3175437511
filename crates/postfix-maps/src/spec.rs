//! Names of tables: `type:name`, as in `hash:/etc/postfix/virtual`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::types::{self, Change, DictionaryType};

/// The name of a table, split at its first colon (postmap specification, section 1).
///
/// Any text has this form; whether the type exists shows when the table is opened or made.
///
/// ```
/// use postfix_maps::TableSpec;
///
/// let spec = TableSpec::from("hash:/etc/postfix/virtual");
/// assert_eq!(spec.table_type(), "hash");
/// assert_eq!(spec.name(), "/etc/postfix/virtual");
/// assert_eq!(TableSpec::parse("virtual".as_ref(), b"hash"), TableSpec::from("hash:virtual"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableSpec {
    table_type: OsString,
    name: OsString,
}

/// What a table is, by its type.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// It has an index file.
    File(Storage),
    /// It has none.
    Dictionary(&'static DictionaryType),
}

/// The types of tables in files, by how they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// A Berkeley DB hash file, `NAME.db`.
    Hash,
}

/// Postfix's types that have no file to make.
const LOOKUP_ONLY: &[&str] = &[
    "cidr",
    "environ",
    "inline",
    "internal",
    "ldap",
    "memcache",
    "mysql",
    "nis",
    "nisplus",
    "pcre",
    "pgsql",
    "pipemap",
    "proxy",
    "randmap",
    "regexp",
    "socketmap",
    "sqlite",
    "static",
    "tcp",
    "texthash",
    "unionmap",
    "unix",
];

impl TableSpec {
    /// Splits a name; one without a colon has the type `default_type` (main.cf's `default_database_type`).
    pub fn parse(text: &OsStr, default_type: &[u8]) -> Self {
        let bytes = text.as_bytes();
        let (table_type, name) = match bytes.iter().position(|byte| *byte == b':') {
            Some(colon) => (&bytes[..colon], &bytes[colon + 1..]),
            None => (default_type, bytes),
        };
        TableSpec {
            table_type: OsStr::from_bytes(table_type).to_owned(),
            name: OsStr::from_bytes(name).to_owned(),
        }
    }

    /// The type, such as `hash`.
    pub fn table_type(&self) -> &OsStr {
        &self.table_type
    }

    /// The name within the type: for tables in files, the path of the source, without the suffix of the table's own file.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// What the table is, for reading it.
    pub(crate) fn kind(&self) -> Result<Kind, Error> {
        if self.table_type.is_empty() || self.name.is_empty() {
            return Err(Error::Name(self.clone()));
        }
        match (self.table_type.as_bytes(), types::find(&self.table_type)) {
            (b"hash", _) => Ok(Kind::File(Storage::Hash)),
            (_, Some(dictionary)) => Ok(Kind::Dictionary(dictionary)),
            _ => Err(Error::UnsupportedType(self.table_type.clone())),
        }
    }

    /// How the table is stored, for changing it.
    pub(crate) fn storage(&self) -> Result<Storage, Error> {
        let dictionary = match self.kind()? {
            Kind::File(storage) => return Ok(storage),
            Kind::Dictionary(dictionary) => dictionary,
        };
        let (table, operation) = (self.to_bytes(), "delete");
        Err(match dictionary.change {
            Change::ReadOnly => Error::Definition(
                [&self.to_bytes()[..], b" map requires O_RDONLY access mode"].concat(),
            ),
            Change::NotSupported => Error::NotSupported { table, operation },
            Change::Fails => Error::Failed { table, operation },
        })
    }

    /// How the table is stored, for making it.
    pub(crate) fn storage_to_create(&self) -> Result<Storage, Error> {
        match self.table_type.as_bytes() {
            b"hash" => Ok(Storage::Hash),
            b"fail" => Err(Error::Failed { table: self.to_bytes(), operation: "write" }),
            _ if LOOKUP_ONLY.iter().any(|known| *known == self.table_type) => {
                Err(Error::LookupOnlyType(self.table_type.clone()))
            }
            _ => Err(Error::MissingType(self.table_type.clone())),
        }
    }

    /// The file that holds the table: the name, and a suffix for the type.
    pub(crate) fn file(&self, storage: Storage) -> PathBuf {
        let suffix = match storage {
            Storage::Hash => ".db",
        };
        let mut file = self.name.clone();
        file.push(suffix);
        PathBuf::from(file)
    }

    /// The file that holds the table, for types that are stored in one which this crate reads.
    pub fn database(&self) -> Option<PathBuf> {
        match self.kind() {
            Ok(Kind::File(storage)) => Some(self.file(storage)),
            _ => None,
        }
    }

    /// The text that the table is made from.
    pub fn source(&self) -> &Path {
        Path::new(&self.name)
    }

    /// `type:name` in bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.table_type.as_bytes(), b":", self.name.as_bytes()].concat()
    }
}

impl<T: AsRef<str> + ?Sized> From<&T> for TableSpec {
    /// A name without a colon is of the type `hash`.
    fn from(text: &T) -> Self {
        TableSpec::parse(OsStr::new(text.as_ref()), b"hash")
    }
}

impl fmt::Display for TableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        OsString::from_vec(self.to_bytes()).display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_splits() {
        for (text, table_type, name) in [
            ("hash:m", "hash", "m"),
            ("hash:x:y", "hash", "x:y"),
            ("x:y", "x", "y"),
            ("m", "btree", "m"),
            ("/etc/m", "btree", "/etc/m"),
            (":m", "", "m"),
            ("hash:", "hash", ""),
            ("", "btree", ""),
        ] {
            let spec = TableSpec::parse(text.as_ref(), b"btree");
            assert_eq!((spec.table_type(), spec.name()), (table_type.as_ref(), name.as_ref()));
        }
    }

    #[test]
    fn a_suffix_is_always_added() {
        let file = |name: &str| TableSpec::from(name).file(Storage::Hash);
        assert_eq!(file("hash:m"), Path::new("m.db"));
        assert_eq!(file("hash:m.db"), Path::new("m.db.db"));
        assert_eq!(TableSpec::from("hash:m").database(), Some(file("hash:m")));
        assert_eq!(TableSpec::from("static:m").database(), None);
    }
}
