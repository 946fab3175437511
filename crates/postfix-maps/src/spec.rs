//! Names of tables: `type:name`, as in `hash:/etc/postfix/virtual`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The name of a table, split at its first colon ([postmap specification, section 1]).
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
///
/// [postmap specification, section 1]: crate::specification::postmap#1-command-line
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableSpec {
    table_type: OsString,
    name: OsString,
}

impl TableSpec {
    /// The table of this type and name: for types in files, the path of the source, without the
    /// suffix of the table's own file.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use postfix_maps::TableSpec;
    ///
    /// let directory = Path::new("/etc/postfix");
    /// let spec = TableSpec::new("hash", directory.join("virtual"));
    /// assert_eq!(spec, TableSpec::from("hash:/etc/postfix/virtual"));
    /// ```
    pub fn new(table_type: impl AsRef<OsStr>, name: impl AsRef<OsStr>) -> Self {
        TableSpec { table_type: table_type.as_ref().into(), name: name.as_ref().into() }
    }

    /// Splits a name; one without a colon has the type `default_type` (main.cf's
    /// `default_database_type`).
    pub fn parse(text: &OsStr, default_type: &[u8]) -> Self {
        let bytes = text.as_bytes();
        let (table_type, name) = match bytes.iter().position(|byte| *byte == b':') {
            Some(colon) => (&bytes[..colon], &bytes[colon + 1..]),
            None => (default_type, bytes),
        };
        TableSpec::new(OsStr::from_bytes(table_type), OsStr::from_bytes(name))
    }

    /// The type, such as `hash`.
    pub fn table_type(&self) -> &OsStr {
        &self.table_type
    }

    /// The name within the type: for tables in files, the path of the source, without the suffix of
    /// the table's own file.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The text that the table is made from.
    pub fn source(&self) -> &Path {
        Path::new(&self.name)
    }

    /// The name that Postfix uses for the table in some messages: the type, and the table's file.
    pub(crate) fn internal_name(&self, file: &Path) -> Vec<u8> {
        [self.table_type.as_bytes(), b":", file.as_os_str().as_bytes()].concat()
    }

    /// `type:name` in bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.table_type.as_bytes(), b":", self.name.as_bytes()].concat()
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
}
