//! A table without an index file that is about to be opened.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::file_values;
use crate::options::TableOptions;
use crate::reload::ReadText;
use crate::spec::TableSpec;
use crate::table::Table;

/// A table without an index file that is about to be opened.
pub(crate) struct Definition<'d> {
    pub spec: &'d TableSpec,
    pub options: &'d TableOptions,
    /// Where warnings go, without the program's name.
    pub warn: &'d mut dyn FnMut(&[u8]),
    /// Opens a member of a table of tables: handed down, so that no type has to know of all others.
    pub open_member: OpenMember,
    /// The files that were read.
    pub texts: RefCell<Vec<ReadText>>,
}

/// Opens a table of any type; warnings go to the function.
type OpenMember = fn(TableSpec, &TableOptions, &mut dyn FnMut(&[u8])) -> Result<Table>;

impl<'d> Definition<'d> {
    /// The name without the type.
    pub fn name(&self) -> &'d [u8] {
        self.spec.name().as_bytes()
    }

    /// A value as the table is to hold it: with `-F` the text names files.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn value(&self, text: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        if !self.options.values_are_files {
            return Ok(text.to_vec());
        }
        file_values::encode_noting(text, |path, file, contents| self.note(path, file, contents))
    }

    /// Reads a file to its end, and takes note of it.
    ///
    /// # Errors
    /// What reading gave; `text` has what came before.
    pub fn read_to_end(&self, path: &Path, file: &File, text: &mut Vec<u8>) -> io::Result<usize> {
        let before = file.metadata();
        let result = { file }.read_to_end(text);
        if let Ok(before) = before {
            self.note(path, &before, text);
        }
        result
    }

    /// Takes note of a file that was read; of one that is not regular, nobody can tell whether it
    /// has changed.
    fn note(&self, path: &Path, file: &Metadata, contents: &[u8]) {
        if file.is_file() {
            self.texts.borrow_mut().push(ReadText::new(path, file, contents));
        }
    }

    /// Opens a member of a table of tables, as `type:name`.
    pub fn member(&mut self, name: &[u8]) -> Result<Table> {
        let spec = TableSpec::parse(OsStr::from_bytes(name), b"");
        (self.open_member)(spec, self.options, self.warn)
    }

    /// The error of a name that is not what it should be.
    pub fn bad_syntax(&self, problem: &[u8], expected: &str) -> Error {
        let (spec, kind) = (self.spec.to_bytes(), self.spec.table_type().as_bytes());
        let expected = expected.as_bytes();
        let text: [&[u8]; 8] =
            [problem, b": \"", &spec, b"\"; need \"", kind, b":", expected, b"\""];
        definition_error(text.concat())
    }
}

/// The error of a table whose name or text makes no sense, in Postfix's words.
pub(super) fn definition_error(words: impl Into<Vec<u8>>) -> Error {
    Error::new(ErrorKind::Definition, words)
}
