//! Changing single entries of a table.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use kv_file_core::Datum;

use super::commit::{Changing, Mended};
use super::format::{Update, UpdateFormat};
use super::new_table::Storing;
use super::options::WriteOptions;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::{Error, Result};
use crate::formats::FileFormat;
use crate::forms::{KnownForms, cut_at_nul};
use crate::lookup::{Cause, Operation, Trouble};
use crate::options::Duplicates;
use crate::spec::TableSpec;
use crate::stamp::is_older;
use crate::types;

/// A table that is being changed.
///
/// From [`open`](Self::open) on its file is locked against Postfix's programs and others that heed
/// its locks. Nothing changes on disk until [`commit`](Self::commit), which puts all changes in
/// place at once: readers see all of them or none, whatever fails in between. Dropping the value
/// changes nothing.
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
    pub(crate) format: &'static FileFormat,
    path: PathBuf,
    changing: Changing,
    update: Box<dyn Update>,
    forms: KnownForms,
    mended: Mended,
}

impl TableUpdate {
    /// Opens a table that is there, and waits for the lock on its file.
    ///
    /// Of the options, `mode` and `reproducible` are not used.
    ///
    /// # Errors
    /// As [`Table::open`](crate::Table::open); [`ErrorKind::NotSupported`] for types that cannot be
    /// changed.
    pub fn open(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self> {
        let spec = spec.into();
        let format = types::to_change(&spec)?;
        let path = format.file(spec.source());
        let update = format.to_update(&path)?;
        let file = Changing::lock(&path, update.way, options.lock_timeout);
        let file = file.map_err(format.error_of(Operation::Open, &path))?;
        Self::new(spec, format, path, (file, update), &options)
    }

    /// Opens a table, and makes an empty one first if there is none.
    ///
    /// # Errors
    /// As [`NewTable::open`](crate::NewTable::open) and [`open`](Self::open).
    pub fn open_or_create(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self> {
        let spec = spec.into();
        let format = types::to_create(&spec)?;
        let path = format.file(spec.source());
        let update = format.to_update(&path)?;
        let before = match fs::metadata(&path) {
            Ok(there) if there.len() > 0 => Mended::default(),
            _ => {
                let write_error = format.error_of(Operation::Write, &path);
                let plan = (update.plan_empty)(&options).map_err(write_error)?;
                Changing::ensure(&path, update.way, options.mode, options.lock_timeout, &*plan)
                    .map_err(|failed| format.failed(&path, failed))?
            }
        };
        let file = Changing::lock(&path, update.way, options.lock_timeout);
        let file = file.map_err(format.error_of(Operation::Lock, &path))?;
        let mut update = Self::new(spec, format, path, (file, update), &options)?;
        update.mended = update.mended.or(before);
        Ok(update)
    }

    fn new(
        spec: TableSpec,
        format: &'static FileFormat,
        path: PathBuf,
        (changing, update): (Changing, UpdateFormat),
        options: &WriteOptions,
    ) -> Result<Self> {
        let update = changing.file().map_err(Cause::from).and_then(update.open);
        Ok(TableUpdate {
            spec,
            storing: Storing::new(format, options),
            duplicates: options.duplicates,
            update: update.map_err(format.error_of(Operation::Open, &path))?,
            format,
            path,
            mended: changing.mended(),
            changing,
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

    /// Warnings of what had to be mended before the table could be changed, without the program's
    /// name: as [`NewTable::mended`](crate::NewTable::mended). [`add_all`](Self::add_all) tells
    /// them.
    pub fn mended(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        self.mended.warnings(&self.path)
    }

    /// The value of a key with the changes so far, up to its first NUL: what a
    /// [`Table`](crate::Table) will find after [`commit`](Self::commit). The key is folded by the
    /// rules, and looked for with and without a terminating NUL by the NUL rule.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`] in UTF-8 mode, [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Cow<'_, [u8]>>> {
        let key = self.prepare(key.as_ref())?;
        let asked = self.forms.get();
        let found = asked.find(|nul| self.update.get(Datum { bytes: &key, nul }));
        let Some((value, form)) = found.map_err(|trouble| self.trouble(trouble))? else {
            return Ok(None);
        };
        self.forms.settle(asked, form);
        Ok(Some(cut_at_nul(value)))
    }

    /// Adds an entry; the key is folded by the rules. Where it is there already,
    /// `options.duplicates` decides. Returns `true` if the entry is stored.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`] in UTF-8 mode, [`ErrorKind::DuplicateKey`] with
    /// [`Duplicates::Refuse`], [`ErrorKind::Damaged`] and [`ErrorKind::Io`],
    /// [`ErrorKind::TooLarge`] beyond the limits of the format.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.put_as(key.as_ref(), value.as_ref(), self.duplicates)
    }

    pub(crate) fn put_as(
        &mut self,
        key: &[u8],
        value: &[u8],
        duplicates: Duplicates,
    ) -> Result<bool> {
        let TableUpdate { update, format, path, storing, .. } = self;
        // As Postfix has it: what is known of the table's keys by now holds for new ones.
        let nul = self.forms.to_store(storing.terminated);
        let put = storing.prepare(key, value, nul, |key, value| {
            let stored = update.put(key, value, duplicates);
            match stored.map_err(|trouble| format.trouble(path, trouble))? {
                false if duplicates == Duplicates::Refuse => Err(format.duplicate(path, key.bytes)),
                stored => Ok(stored),
            }
        });
        put.map_err(|error| error.of_file(path))
    }

    /// Adds an entry as it is, in the place of one with the same key: not folded, not checked,
    /// without terminators.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_bare(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let (key, value) = (key.as_ref().into(), value.as_ref().into());
        let stored = self.update.put(key, value, Duplicates::Replace);
        stored.map(drop).map_err(|trouble| self.trouble(trouble))
    }

    /// Removes a key; it is folded by the rules, and looked for with and without a terminating NUL
    /// by the NUL rule. Returns `true` if it was there.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`] in UTF-8 mode, [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    pub fn delete(&mut self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = self.prepare(key.as_ref())?;
        let asked = self.forms.get();
        let update = &mut self.update;
        let deleted = asked.find(|nul| {
            let deleted = update.delete(Datum { bytes: &key, nul });
            deleted.map(|deleted| deleted.then_some(()))
        });
        let Some(((), form)) = deleted.map_err(|trouble| self.trouble(trouble))? else {
            return Ok(false);
        };
        self.forms.settle(asked, form);
        Ok(true)
    }

    /// Puts the changes in place; they are on disk when this returns. Where nothing was changed the
    /// file is not touched.
    ///
    /// # Errors
    /// What the system said. The table is as it was, unless the disk failed after the changes had
    /// been made durable.
    pub fn commit(self) -> Result<()> {
        let TableUpdate { format, path, changing, update, .. } = self;
        let changes = update.finish().map_err(|trouble| format.trouble(&path, trouble))?;
        if changes.is_empty() {
            return Ok(());
        }
        changing.change(&changes).map_err(format.error_of(Operation::Write, &path))
    }

    fn prepare<'k>(&self, key: &'k [u8]) -> Result<Cow<'k, [u8]>> {
        let prepared = self.storing.rules.prepare(key);
        prepared.map_err(|_| Error::not_utf8("key", key).of_file(&self.path))
    }

    fn trouble(&self, trouble: Trouble) -> Error {
        self.format.trouble(&self.path, trouble)
    }
}
