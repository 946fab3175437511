//! Making tables of entries.

use std::fmt;
use std::path::{Path, PathBuf};

use kv_file_core::{Contents, Datum, Entries};
use postfix_map_text::KeyRules;

use super::commit::Target;
use super::options::WriteOptions;
use crate::error::{Error, Result};
use crate::formats::FileFormat;
use crate::lookup::{Cause, Operation};
use crate::options::Duplicates;
use crate::spec::TableSpec;
use crate::types;

/// A table's file, about to be made anew.
///
/// From [`open`](Self::open) on the table's old file, if there is one, is locked against Postfix's
/// programs and others that heed its locks; its contents stay as they are until the new ones are
/// put in their place, by [`finish`](Self::finish) or [`compile`](Self::compile). Dropping the
/// value changes nothing; that entries were put and the table never finished, no compiler can tell.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let map = format!("hash:{}/access", dir.path().display());
/// use postfix_maps::{NewTable, WriteOptions};
///
/// let mut new = NewTable::open(&map, WriteOptions::default())?;
/// new.put(b"example.com", b"OK")?;
/// new.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is written until `finish` or `compile`"]
#[derive(Debug)]
pub struct NewTable {
    pub(crate) spec: TableSpec,
    pub(crate) options: WriteOptions,
    pub(crate) storing: Storing,
    pub(crate) format: &'static FileFormat,
    path: PathBuf,
    target: Target,
    entries: Entries<'static>,
}

/// What has become of the entries of a new table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Entries that are in the table.
    pub entries: u32,
    /// Entries that were left out because another one has the same key.
    pub dropped: u32,
}

impl Summary {
    pub(crate) fn new(pushed: u32, dropped: u32) -> Self {
        Summary { entries: pushed.saturating_sub(dropped), dropped }
    }
}

/// How keys and values are prepared to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storing {
    pub rules: KeyRules,
    pub terminated: bool,
}

impl Storing {
    pub fn new(format: &FileFormat, options: &WriteOptions) -> Self {
        let terminated = options.terminators.to_write(format.write.terminated);
        Storing { rules: options.rules, terminated }
    }

    /// Hands a pair to `store` as it is to be stored, with NULs or without.
    ///
    /// # Errors
    /// Where the rules do not allow it, and what `store` gave.
    pub fn prepare<T>(
        self,
        key: &[u8],
        value: &[u8],
        nul: bool,
        store: impl FnOnce(Datum<'_>, Datum<'_>) -> Result<T>,
    ) -> Result<T> {
        let key = self.rules.prepare(key).map_err(|_| Error::not_utf8("key", key))?;
        self.rules.check_value(value).map_err(|_| Error::not_utf8("value of key", &key))?;
        let datum = |bytes| Datum { bytes, nul };
        store(datum(&key), datum(value))
    }
}

impl NewTable {
    /// Waits for the lock on the table's file.
    ///
    /// Read the text that the table is to be made from after this: of two programs that do the same
    /// at once, the second then sees what the first one saw, or newer.
    ///
    /// # Errors
    /// [`ErrorKind::UnsupportedType`](crate::ErrorKind::UnsupportedType) and
    /// [`ErrorKind::Failed`](crate::ErrorKind::Failed) for types that cannot be made; what the
    /// system said where the old file cannot be locked, or no new one be made.
    pub fn open(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self> {
        let spec = spec.into();
        let format = types::to_create(&spec)?;
        let path = format.file(spec.source());
        let target = Target::lock(&path, format.write.way, options.mode, options.lock_timeout);
        let target = target.map_err(|failed| format.failed(&path, failed))?;
        let storing = Storing::new(format, &options);
        Ok(NewTable { spec, options, storing, format, path, target, entries: Entries::over(&[]) })
    }

    /// The table's file, as it was named.
    pub fn file(&self) -> &Path {
        &self.path
    }

    /// Warnings of what had to be mended before the table could be made, without the program's
    /// name: a file without contents that was removed, a change that had been interrupted and was
    /// completed. [`compile`](Self::compile) tells them.
    pub fn mended(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        self.target.mended().warnings(&self.path)
    }

    /// Returns `true` if the old file will be overwritten, because no new one can be made beside it
    /// or because that could not have its owner and all its names. Otherwise a new file takes its
    /// place in one step, unless the two cannot be exchanged or another process has the old one
    /// open for writing by then.
    pub fn overwrites(&self) -> bool {
        self.target.overwrites()
    }

    /// Adds an entry; the key is folded by the rules.
    ///
    /// # Errors
    /// [`ErrorKind::NotUtf8`](crate::ErrorKind::NotUtf8) in UTF-8 mode,
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) beyond the limits of the format.
    pub fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        let NewTable { entries, format, path, storing, .. } = self;
        let put =
            storing.prepare(key.as_ref(), value.as_ref(), storing.terminated, |key, value| {
                entries.push(key, value).map_err(format.error_of(Operation::Write, path))
            });
        put.map_err(|error| error.of_file(path))
    }

    /// Adds an entry as it is: not folded, not checked, without terminators.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) beyond the limits of the format.
    pub fn put_bare(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<()> {
        self.entries.push(key.as_ref(), value.as_ref()).map_err(self.write_error())
    }

    /// Makes the table of the entries that were added; it is on disk when this returns. Returns how
    /// many there are: nobody is warned of those that are left out, whatever
    /// [`duplicates`](WriteOptions::duplicates) says ([`plan`](Self::plan) tells which).
    ///
    /// # Errors
    /// As [`PlannedTable::finish`], and as [`plan`](Self::plan).
    pub fn finish(self) -> Result<Summary> {
        self.plan()?.finish()
    }

    /// Settles what the table will hold of the entries that were added, before it is made.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) beyond the limits of the format;
    /// [`ErrorKind::DuplicateKey`](crate::ErrorKind::DuplicateKey) with
    /// [`Duplicates::Refuse`].
    pub fn plan(mut self) -> Result<PlannedTable> {
        let entries = self.take_entries();
        let pushed = entries.len();
        let plan = self.contents(entries, |_| None)?;
        let mut dropped = 0;
        plan.dropped(&mut |_, _| dropped += 1);
        Ok(PlannedTable { new: self, plan, summary: Summary::new(pushed, dropped) })
    }

    /// The entries that were added.
    pub(crate) fn take_entries(&mut self) -> Entries<'static> {
        let none = self.entries.fork();
        std::mem::replace(&mut self.entries, none)
    }

    /// What the file will hold, if nothing is refused. `place` tells where the entry with a key
    /// stands that is.
    pub(crate) fn contents<'t>(
        &self,
        entries: Entries<'t>,
        place: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Box<dyn Contents + 't>> {
        let plan = (self.format.write.plan)(entries, &self.options).map_err(self.write_error())?;
        if self.options.duplicates == Duplicates::Refuse {
            let mut first = None;
            plan.dropped(&mut |_, key| {
                first.get_or_insert_with(|| key.to_vec());
            });
            if let Some(key) = first {
                let error = self.format.duplicate(&self.path, &key);
                return Err(match place(&key) {
                    Some(place) => error.placed(&place, &key),
                    None => error,
                });
            }
        }
        Ok(plan)
    }

    /// Puts what was planned in place.
    pub(crate) fn write(self, plan: &dyn Contents) -> Result<()> {
        let NewTable { format, path, target, .. } = self;
        target.replace(plan).map_err(|failed| format.failed(&path, failed))
    }

    /// A function that makes errors of what was to be written.
    pub(crate) fn write_error<C: Into<Cause>>(&self) -> impl Fn(C) -> Error + use<C> {
        let (format, path) = (self.format, self.path.clone());
        move |cause| format.error(Operation::Write, &path, cause)
    }
}

/// A new table of which it is settled what it will hold: [`NewTable::plan`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let map = format!("hash:{}/access", dir.path().display());
/// use postfix_maps::{NewTable, WriteOptions};
///
/// let mut new = NewTable::open(&map, WriteOptions::default())?;
/// new.put("example.com", "OK")?;
/// new.put("Example.com", "REJECT")?;
/// let planned = new.plan()?;
/// let mut left_out = Vec::new();
/// planned.dropped(|number, key| left_out.push((number, key.to_vec())));
/// assert_eq!(left_out, [(1, b"example.com".to_vec())]);
/// assert_eq!(planned.finish()?.entries, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is written until `finish`"]
pub struct PlannedTable {
    new: NewTable,
    plan: Box<dyn Contents>,
    summary: Summary,
}

impl PlannedTable {
    /// How many entries there will be.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// The length that the table's file will have, in bytes.
    pub fn file_len(&self) -> u64 {
        self.plan.file_len()
    }

    /// Hands the entries that are left out to `each`, in the order in which they were added: the
    /// number of the entry, from 0, and its key as it would be stored, without a NUL.
    pub fn dropped(&self, mut each: impl FnMut(u32, &[u8])) {
        self.plan.dropped(&mut each);
    }

    /// Makes the table; it is on disk when this returns.
    ///
    /// # Errors
    /// What the system said. The old table is still there, unless the disk failed after the new one
    /// had been put in its place.
    pub fn finish(self) -> Result<Summary> {
        let PlannedTable { new, plan, summary } = self;
        new.write(&*plan)?;
        Ok(summary)
    }
}

impl fmt::Debug for PlannedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedTable")
            .field("new", &self.new)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}
