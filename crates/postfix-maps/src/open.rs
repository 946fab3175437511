//! Opening tables, whatever their type.

use std::os::unix::ffi::OsStrExt;

use postfix_map_text::KeyRules;

use crate::error::Result;
use crate::formats::FileFormat;
use crate::forms::KnownForms;
use crate::memory_map::map;
use crate::options::{Access, TableOptions};
use crate::reading::{Opened, Opener, each_time, snapshot};
use crate::spec::TableSpec;
use crate::table::{Table, TableFile};
use crate::types::{self, Definition, Keys, Readable};

impl Table {
    /// Opens a table such as `hash:/etc/postfix/virtual`, with the default options.
    ///
    /// # Errors
    /// As [`open_with_warnings`](Self::open_with_warnings).
    pub fn open(spec: impl Into<TableSpec>) -> Result<Self> {
        Self::open_with(spec, TableOptions::default())
    }

    /// Opens a table; warnings about its text are lost
    /// ([`open_with_warnings`](Self::open_with_warnings) tells them).
    ///
    /// # Errors
    /// As [`open_with_warnings`](Self::open_with_warnings).
    pub fn open_with(spec: impl Into<TableSpec>, options: TableOptions) -> Result<Self> {
        Self::open_with_warnings(spec, options, |_| ())
    }

    /// Opens a table. Warnings go to `warn`, without the program's name: of a change of the table's
    /// file that was interrupted, and about the text of a table that has no index file. Rules that
    /// make no sense are left out, in all types that have rules.
    ///
    /// # Errors
    /// [`ErrorKind::Name`] and [`ErrorKind::UnsupportedType`]; [`ErrorKind::NotFound`],
    /// [`ErrorKind::Io`], [`ErrorKind::Damaged`] and [`ErrorKind::UnsupportedFile`] for what is
    /// wrong with the file or the text; [`ErrorKind::Definition`] for a table without an index file
    /// whose name makes no sense, and for regular expressions that only other engines understand.
    ///
    /// # Complexity
    /// Reads a table's file once for a snapshot, its first 512 bytes otherwise. Waits for a writer
    /// that has it locked. Other tables' texts are read and understood once.
    ///
    /// [`ErrorKind::Name`]: crate::ErrorKind::Name
    /// [`ErrorKind::UnsupportedType`]: crate::ErrorKind::UnsupportedType
    /// [`ErrorKind::NotFound`]: crate::ErrorKind::NotFound
    /// [`ErrorKind::Io`]: crate::ErrorKind::Io
    /// [`ErrorKind::Damaged`]: crate::ErrorKind::Damaged
    /// [`ErrorKind::UnsupportedFile`]: crate::ErrorKind::UnsupportedFile
    /// [`ErrorKind::Definition`]: crate::ErrorKind::Definition
    pub fn open_with_warnings(
        spec: impl Into<TableSpec>,
        options: TableOptions,
        mut warn: impl FnMut(&[u8]),
    ) -> Result<Self> {
        open(spec.into(), &options, &mut warn)
    }

    /// Opens a table as a memory map of its file: nothing is read before it is needed, nothing is
    /// copied, and all processes that map the file share its memory. `options.access` is not used.
    ///
    /// # Errors
    /// As [`open_with_warnings`](Self::open_with_warnings);
    /// [`ErrorKind::UnsupportedType`](crate::ErrorKind::UnsupportedType) for tables without an
    /// index file.
    ///
    /// # Safety
    /// As long as the table lives, nobody may truncate or write to its file; see
    /// [`Memory::map`](bdb_file::Memory::map). Replacing the file with a new one is no harm: that
    /// is how this crate writes tables, unless they are large and little changes, or another
    /// process has them open for writing. Real `postmap` rewrites them in place.
    /// [`refresh`](Self::refresh) extends the promise to the file that it finds.
    #[allow(unsafe_code)]
    pub unsafe fn open_mapped(spec: impl Into<TableSpec>, options: TableOptions) -> Result<Self> {
        let spec = spec.into();
        match types::to_read(&spec)? {
            Readable::File(format) => open_file(spec, &options, format, map),
            Readable::Defined(_) => Err(types::unsupported(&spec)),
        }
    }
}

/// Opens a table of any type. Tables of tables open others in turn.
fn open(spec: TableSpec, options: &TableOptions, warn: &mut dyn FnMut(&[u8])) -> Result<Table> {
    let defined = match types::to_read(&spec)? {
        Readable::File(format) => {
            let opener = match options.access {
                Access::Snapshot => snapshot,
                Access::Locked => each_time,
            };
            let table = open_file(spec, options, format, opener)?;
            if table.is_interrupted() {
                let file = table.file().as_os_str().as_bytes();
                let text: &[u8] =
                    b": a change of this file was interrupted: it is read as if completed";
                warn(&[file, text].concat());
            }
            return Ok(table);
        }
        Readable::Defined(defined) => defined,
    };
    let lookup = (defined.open)(&mut Definition { spec: &spec, options, warn, open_member: open })?;
    let KeyRules { utf8, fold } = options.rules;
    let folded = match defined.keys {
        Keys::Fixed => true,
        Keys::Pattern => false,
        // Postfix folds for the members only where it checks UTF-8 for them.
        Keys::OfFirstMember => utf8 && lookup.folds_keys(),
    };
    Ok(Table {
        spec,
        rules: KeyRules { utf8, fold: fold && folded },
        terminators: options.terminators,
        forms: KnownForms::new(options.terminators),
        lookup,
        file: None,
    })
}

fn open_file(
    spec: TableSpec,
    options: &TableOptions,
    format: &'static FileFormat,
    opener: Opener,
) -> Result<Table> {
    let path = format.file(spec.source());
    let Opened { lookup, stamp, interrupted } =
        opener(format, &path).map_err(|trouble| format.trouble(&path, trouble))?;
    Ok(Table {
        spec,
        rules: options.rules,
        terminators: options.terminators,
        forms: KnownForms::new(options.terminators),
        lookup,
        file: Some(TableFile { format, path, opener, stamp, interrupted }),
    })
}
