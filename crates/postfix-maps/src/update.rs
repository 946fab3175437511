//! Changing single entries of a table.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use kv_file_core::Datum;

use crate::commit::{Found, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::formats::{FileFormat, Update};
use crate::forms::{KnownForms, cut_at_nul};
use crate::lookup::{Cause, Operation};
use crate::options::{Duplicates, WriteOptions};
use crate::spec::TableSpec;
use crate::stamp::is_older;
use crate::types;
use crate::write::{Storing, ensure};

/// A table that is being changed.
///
/// From [`open`](Self::open) on its file is locked against Postfix's programs and others that heed its locks. Nothing
/// changes on disk until [`commit`](Self::commit), which puts all changes in place at once: readers see all of them or
/// none, whatever fails in between. Dropping the value changes nothing.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let map = format!("hash:{}/access", dir.path().display());
/// use postfix_maps::{NewTable, Table, TableUpdate, WriteOptions};
///
/// let mut new = NewTable::open(&map, WriteOptions::default())?;
/// new.put(b"example.com", b"OK")?;
/// new.finish()?;
///
/// let mut update = TableUpdate::open(&map, WriteOptions::default())?;
/// update.put(b"example.org", b"REJECT")?;
/// assert!(update.delete(b"example.com")?);
/// assert_eq!(update.get(b"example.org")?.as_deref(), Some(&b"REJECT"[..]));
/// update.commit()?;
/// assert_eq!(Table::open(&map)?.get(b"example.com")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is written until `commit`"]
#[derive(Debug)]
pub struct TableUpdate {
    pub(crate) spec: TableSpec,
    pub(crate) storing: Storing,
    pub(crate) duplicates: Duplicates,
    format: &'static FileFormat,
    path: PathBuf,
    target: Target,
    update: Box<dyn Update>,
    forms: KnownForms,
    found: Found,
}

impl TableUpdate {
    /// Opens a table that is there, and waits for the lock on its file.
    ///
    /// Of the options, `mode` and `reproducible` are not used.
    ///
    /// # Errors
    /// As [`Table::open`](crate::Table::open); [`ErrorKind::NotSupported`] for types that cannot be changed.
    pub fn open(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self> {
        let spec = spec.into();
        let format = types::to_change(&spec)?;
        let path = format.file(spec.source());
        let target = Target::lock_existing(&path, format.way);
        let target = target.map_err(format.error_of(Operation::Open, &path))?;
        Self::new(spec, format, path, target, &options)
    }

    /// Opens a table, and makes an empty one first if there is none.
    ///
    /// # Errors
    /// As [`NewTable::open`](crate::NewTable::open) and [`open`](Self::open).
    pub fn open_or_create(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self> {
        let spec = spec.into();
        let format = types::to_create(&spec)?;
        let path = format.file(spec.source());
        let before = match fs::metadata(&path) {
            Ok(there) if there.len() > 0 => Found::default(),
            _ => ensure(format, &path, &options)?,
        };
        let target = Target::lock_existing(&path, format.way);
        let target = target.map_err(|error| Error::open(&path, error))?;
        let mut update = Self::new(spec, format, path, target, &options)?;
        update.found = update.found.or(before);
        Ok(update)
    }

    fn new(
        spec: TableSpec,
        format: &'static FileFormat,
        path: PathBuf,
        target: Target,
        options: &WriteOptions,
    ) -> Result<Self> {
        let update = target.old().map_err(Cause::from).and_then(format.update);
        Ok(TableUpdate {
            spec,
            storing: Storing::new(format, options),
            duplicates: options.duplicates,
            update: update.map_err(format.error_of(Operation::Open, &path))?,
            format,
            path,
            found: target.found(),
            target,
            forms: KnownForms::new(options.terminators),
        })
    }

    /// The table's file, as it was named.
    pub fn file(&self) -> &Path {
        &self.path
    }

    /// Returns `true` if the text that the table was made from is newer: see
    /// [`Table::is_older_than_source`](crate::Table::is_older_than_source).
    pub fn is_older_than_source(&self) -> bool {
        is_older(&self.path, self.spec.source())
    }

    /// The name that Postfix uses for the table in some messages: the type, and the table's file.
    pub fn internal_name(&self) -> Vec<u8> {
        self.spec.internal_name(&self.path)
    }

    /// Warnings of what had to be mended before the table could be changed, without the program's name: as
    /// [`NewTable::mended`](crate::NewTable::mended). [`add_all`](Self::add_all) tells them.
    pub fn mended(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        self.found.warnings(&self.path)
    }

    /// The value of a key with the changes so far, up to its first NUL: what a [`Table`](crate::Table) will find after
    /// [`commit`](Self::commit). The key is folded by the rules, and looked for with and without a terminating NUL by the NUL
    /// rule.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`] in UTF-8 mode, [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>> {
        let key = self.storing.rules.prepare(key)?;
        let found = self.forms.get().find(|nul| self.update.get(Datum { bytes: &key, nul }));
        let found = found.map_err(|cause| self.error(cause))?;
        Ok(found.map(|(value, _)| cut_at_nul(value)))
    }

    /// Adds an entry; the key is folded by the rules. Where it is there already, `options.duplicates` decides. Returns `true`
    /// if the entry is stored.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`] in UTF-8 mode, [`ErrorKind::Damaged`] and [`ErrorKind::Io`], [`ErrorKind::TooLarge`] beyond the
    /// limits of the format.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        self.put_as(key, value, self.duplicates)
    }

    pub(crate) fn put_as(
        &mut self,
        key: &[u8],
        value: &[u8],
        duplicates: Duplicates,
    ) -> Result<bool> {
        let TableUpdate { update, format, path, .. } = self;
        self.storing.prepare(key, value, |key, value| {
            update.put(key, value, duplicates).map_err(|cause| error(format, path, cause))
        })
    }

    /// Adds an entry as it is, in the place of one with the same key: not folded, not checked, without terminators.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_bare(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let stored = self.update.put(key.into(), value.into(), Duplicates::Replace);
        stored.map(drop).map_err(|cause| self.error(cause))
    }

    /// Removes a key; it is folded by the rules, and looked for with and without a terminating NUL by the NUL rule. Returns
    /// `true` if it was there.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`] in UTF-8 mode, [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    pub fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let key = self.storing.rules.prepare(key)?;
        let asked = self.forms.get();
        let update = &mut self.update;
        let deleted = asked.find(|nul| {
            let deleted = update.delete(Datum { bytes: &key, nul });
            deleted.map(|deleted| deleted.then_some(()))
        });
        let Some(((), form)) = deleted.map_err(|cause| self.error(cause))? else {
            return Ok(false);
        };
        self.forms.settle(asked, form);
        Ok(true)
    }

    /// Puts the changes in place; they are on disk when this returns. Where nothing was changed the file is not touched.
    ///
    /// # Errors
    /// What the system said. The table is as it was, unless the disk failed after the changes had been made durable.
    pub fn commit(self) -> Result<()> {
        let write_error = self.format.error_of(Operation::Write, &self.path);
        let changes = self.update.finish().map_err(&write_error)?;
        if changes.is_empty() {
            return Ok(());
        }
        self.target.change(&changes).map_err(|error| write_error(error.into()))
    }

    fn error(&self, cause: Cause) -> Error {
        error(self.format, &self.path, cause)
    }
}

fn error(format: &FileFormat, path: &Path, cause: Cause) -> Error {
    let operation = match cause {
        Cause::Format(ErrorKind::TooLarge, _) => Operation::Write,
        _ => Operation::Read,
    };
    format.error(operation, path, cause)
}
