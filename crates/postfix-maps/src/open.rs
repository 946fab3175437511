//! Opening tables, whatever their type.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::database_file::format_of;
use crate::error::{Error, ErrorKind, Result};
use crate::formats::FileFormat;
use crate::memory_map::map;
use crate::options::{Access, TableOptions};
use crate::reading::{Opened, Opener, read_open};
use crate::reload::Seen;
use crate::sharing::lock::open_regular;
use crate::spec::TableSpec;
use crate::table::{Origin, Table, TableFile};
use crate::types::{self, Definition, Keys, Readable};

impl Table {
    /// Opens a table such as `hash:/etc/postfix/virtual`, with the default options. A name without a
    /// colon is of the type `hash`, as in Postfix; a file is opened by its path with
    /// [`open_file`](Self::open_file).
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

    /// Opens the table in a file, whatever its name: `open("hash:virtual.db")` would look for
    /// `virtual.db.db`, as Postfix does. The file's contents tell its format.
    ///
    /// ```
    /// # #[cfg(feature = "write")] {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("virtual.db");
    /// # let map = format!("hash:{}/virtual", dir.path().display());
    /// # let mut new = postfix_maps::NewTable::open(&map, postfix_maps::WriteOptions::default())?;
    /// # new.put("info@example.org", "bob")?;
    /// # new.finish()?;
    /// use postfix_maps::{Table, TableOptions};
    ///
    /// let table = Table::open_file(&path, TableOptions::default())?;
    /// assert_eq!(table.get("info@example.org")?.as_deref(), Some(&b"bob"[..]));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open_with_warnings`](Self::open_with_warnings).
    pub fn open_file(path: impl AsRef<Path>, options: TableOptions) -> Result<Self> {
        let path = path.as_ref();
        let file = open_regular(path).map_err(|error| Error::open(path, error))?;
        let format = known_format(&file, path)?;
        let opener = options.access.opener();
        open_file(format.spec(path), options, format, path.to_owned(), opener)
    }

    /// Reads the table in a file that is open already, such as one that was opened before a
    /// process gave up its rights; `path` is what messages call it. `options.access` is not used,
    /// and the table stays as it is ([`reloaded`](Self::reloaded) finds nothing new).
    ///
    /// No lock is taken: a lock on `file` is the caller's, and this would change it.
    ///
    /// # Errors
    /// As [`open_with_warnings`](Self::open_with_warnings).
    pub fn read_file(file: &File, path: impl AsRef<Path>, options: TableOptions) -> Result<Self> {
        let path = path.as_ref();
        let format = known_format(file, path)?;
        let opened = read_open(format, file);
        let opened = opened.map_err(|trouble| format.trouble(path, trouble))?;
        let options = options.access(Access::Snapshot);
        Ok(of_file(format.spec(path), options, format, path.to_owned(), (opened, None)))
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
    /// [`reloaded`](Self::reloaded) extends the promise to the file that it finds.
    #[allow(unsafe_code)]
    pub unsafe fn open_mapped(spec: impl Into<TableSpec>, options: TableOptions) -> Result<Self> {
        let spec = spec.into();
        match types::to_read(&spec)? {
            Readable::File(format) => {
                let path = format.file(spec.source());
                let options = options.access(Access::Snapshot);
                open_file(spec, options, format, path, map)
            }
            Readable::Defined(_) => Err(types::unsupported(&spec)),
        }
    }
}

/// Opens a table of any type. Tables of tables open others in turn.
pub(crate) fn open(
    spec: TableSpec,
    options: &TableOptions,
    warn: &mut dyn FnMut(&[u8]),
) -> Result<Table> {
    let defined = match types::to_read(&spec)? {
        Readable::File(format) => {
            let opener = options.access.opener();
            let path = format.file(spec.source());
            let table = open_file(spec, options.clone(), format, path, opener)?;
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
    let texts = RefCell::default();
    let mut definition = Definition { spec: &spec, options, warn, open_member: open, texts };
    let lookup = (defined.open)(&mut definition)?;
    let texts = definition.texts.into_inner();
    let rules = options.rules;
    let folded = match defined.keys {
        Keys::Fixed => true,
        Keys::Pattern => false,
        // Postfix folds for the members only where it checks UTF-8 for them.
        Keys::OfFirstMember => {
            rules.utf8 && lookup.members().first().is_some_and(|m| m.rules().fold)
        }
    };
    let rules = rules.fold(rules.fold && folded);
    Ok(Table::new(spec, options.clone(), rules, lookup, Origin::Texts(texts)))
}

/// The format of a file that may be of any.
fn known_format(file: &File, path: &Path) -> Result<&'static FileFormat> {
    let format = format_of(file, path).map_err(|error| Error::read(path, error))?;
    format.ok_or_else(|| {
        let words = "its contents are of no format that is known, and its name says nothing";
        Error::new(ErrorKind::UnsupportedFile, words).in_words(words).of_file(path)
    })
}

/// Opens a table's file in one of the ways.
pub(crate) fn open_file(
    spec: TableSpec,
    options: TableOptions,
    format: &'static FileFormat,
    path: PathBuf,
    opener: Opener,
) -> Result<Table> {
    let opened = opener(format, &path, options.lock_timeout);
    let opened = opened.map_err(|trouble| format.trouble(&path, trouble))?;
    Ok(of_file(spec, options, format, path, (opened, Some(opener))))
}

fn of_file(
    spec: TableSpec,
    options: TableOptions,
    format: &'static FileFormat,
    path: PathBuf,
    (opened, opener): (Opened, Option<Opener>),
) -> Table {
    let Opened { lookup, stamp, interrupted } = opened;
    let seen = stamp.map(|stamp| Seen::new(&path, stamp));
    let (rules, file) = (options.rules, TableFile { format, path, opener, seen, interrupted });
    Table::new(spec, options, rules, lookup, Origin::File(file))
}
