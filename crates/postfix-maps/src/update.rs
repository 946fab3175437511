//! Changing single entries of a table.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bdb_file::{Changes, Datum, FileSource, HashUpdate, Keep};
use postfix_map_text::KeyRules;

use crate::access::is_older;
use crate::commit::{Found, Target};
use crate::error::Error;
use crate::nul::NulState;
use crate::spec::{Storage, TableSpec};
use crate::writer::{Duplicates, NewTable, WriteOptions};

/// A table that is being changed.
///
/// From [`open`](Self::open) on its file is locked against Postfix's programs and others that heed its locks. Nothing
/// changes on disk until [`commit`](Self::commit), which puts all changes in place at once: readers see all of them or
/// none, whatever fails in between. Dropping the value changes nothing.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let map = format!("hash:{}/access", dir.path().display());
/// use postfix_maps::{MapUpdate, MapWriter, Table, WriteOptions};
///
/// let mut writer = MapWriter::create(&map, WriteOptions::default())?;
/// writer.put(b"example.com", b"OK")?;
/// writer.finish()?;
///
/// let mut update = MapUpdate::open(&map, WriteOptions::default())?;
/// update.put(b"example.org", b"REJECT")?;
/// assert!(update.delete(b"example.com")?);
/// update.commit()?;
/// assert_eq!(Table::open(&map)?.get(b"example.com")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MapUpdate {
    pub(crate) spec: TableSpec,
    target: Target,
    update: HashUpdate<FileSource>,
    pub(crate) rules: KeyRules,
    nul: NulState,
    terminated: bool,
    pub(crate) duplicates: Duplicates,
    found: Found,
}

impl MapUpdate {
    /// Opens a table that is there, and waits for the lock on its file.
    ///
    /// Of the options, `mode` and `reproducible` are not used.
    ///
    /// # Errors
    /// As [`Table::open_with`](crate::Table::open_with).
    pub fn open(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self, Error> {
        let spec = spec.into();
        let storage = spec.storage()?;
        let path = spec.file(storage);
        let target = Target::open_existing(&path);
        let target = target.map_err(|error| Error::OpenDatabase { path, source: error.into() })?;
        Self::new(spec, target, storage, options)
    }

    /// Opens a table, and makes an empty one first if there is none.
    ///
    /// # Errors
    /// As [`NewTable::open`], and [`Error::OpenDatabase`] for a file that is no table.
    pub fn open_or_create(
        spec: impl Into<TableSpec>,
        options: WriteOptions,
    ) -> Result<Self, Error> {
        let spec = spec.into();
        let storage = spec.storage_to_create()?;
        let path = spec.file(storage);
        let before = match fs::metadata(&path) {
            Ok(there) if there.len() > 0 => Found::default(),
            _ => NewTable::ensure(spec.clone(), &options)?,
        };
        let target = Target::open_existing(&path).map_err(|source| Error::Open { path, source })?;
        let mut update = Self::new(spec, target, storage, options)?;
        update.found.empty |= before.empty;
        update.found.interrupted |= before.interrupted;
        Ok(update)
    }

    fn new(
        spec: TableSpec,
        target: Target,
        storage: Storage,
        options: WriteOptions,
    ) -> Result<Self, Error> {
        let update = target
            .old_pages()
            .and_then(HashUpdate::open)
            .map_err(|source| Error::OpenDatabase { path: target.path().to_owned(), source })?;
        Ok(MapUpdate {
            spec,
            found: target.found,
            target,
            update,
            rules: options.rules,
            nul: NulState::new(options.terminators),
            terminated: options.terminators.to_write(match storage {
                Storage::Hash => true,
            }),
            duplicates: options.duplicates,
        })
    }

    /// The table's file, as it was named.
    pub fn file(&self) -> &Path {
        self.target.path()
    }

    /// Whether the text that the table was made from is newer: see
    /// [`Table::is_older_than_source`](crate::Table::is_older_than_source).
    pub fn is_older_than_source(&self) -> bool {
        is_older(self.file(), self.spec.source())
    }

    /// The name that Postfix uses for the table in some messages: the type, and the table's file.
    pub fn internal_name(&self) -> Vec<u8> {
        [self.spec.table_type().as_bytes(), b":", self.file().as_os_str().as_bytes()].concat()
    }

    /// Warnings of what had to be mended before the table could be changed, without the program's name: as
    /// [`NewTable::mended`]. [`add_all`](Self::add_all) tells them.
    pub fn mended(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        self.found.warnings(self.file())
    }

    /// Adds an entry; the key is folded by the rules. Where it is there already, `options.duplicates` decides: tells
    /// whether the entry is stored.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] in UTF-8 mode, [`Error::Read`] for a damaged file, [`Error::Write`] beyond the limits of the
    /// format.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool, Error> {
        self.put_or_keep(key, value, self.duplicates.keep())
    }

    pub(crate) fn put_or_keep(
        &mut self,
        key: &[u8],
        value: &[u8],
        keep: Keep,
    ) -> Result<bool, Error> {
        let key = self.rules.prepare(key)?;
        self.rules.check_value(value)?;
        let datum = |bytes| Datum { bytes, nul: self.terminated };
        let (key, value) = (datum(&key), datum(value));
        let stored = self.update.put(key, value, keep);
        stored.map_err(|source| self.error(source))
    }

    /// Adds an entry as it is, in the place of one with the same key: not folded, not checked, without terminators.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_bare(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let stored = self.update.put(key, value, Keep::Last);
        stored.map(drop).map_err(|source| self.error(source))
    }

    /// Removes a key; it is folded by the rules, and looked for with and without a terminating NUL by the NUL rule. Tells
    /// whether it was there.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] in UTF-8 mode, [`Error::Read`] for a damaged file.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Error> {
        let key = self.rules.prepare(key)?;
        let update = &mut self.update;
        let deleted = self.nul.lookup(|nul| {
            let deleted = update.delete(Datum { bytes: &key, nul });
            deleted.map(|deleted| deleted.then_some(()))
        });
        deleted.map(|deleted| deleted.is_some()).map_err(|source| self.error(source))
    }

    /// Puts the changes in place; they are on disk when this returns. Where nothing was changed the file is not touched.
    ///
    /// # Errors
    /// [`Error::Write`]: the table is as it was, unless the disk failed after the changes had been made durable.
    pub fn commit(self) -> Result<(), Error> {
        let path = self.target.path().to_owned();
        let target = self.target;
        let commit = |changes: Changes| match changes.is_empty() {
            true => Ok(()),
            false => target.change(&changes).map_err(bdb_file::Error::from),
        };
        let done = self.update.finish().and_then(commit);
        done.map_err(|source| Error::Write { path, source })
    }

    fn error(&self, source: bdb_file::Error) -> Error {
        let path = self.target.path().to_owned();
        match source.kind() {
            bdb_file::ErrorKind::TooLarge => Error::Write { path, source },
            _ => Error::Read { path, source },
        }
    }
}
