//! Making tables.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bdb_file::{BuildOptions, Datum, FileId, HashBuilder, Keep, Plan};
use postfix_map_text::KeyRules;

use crate::commit::{Found, Target};
use crate::error::Error;
use crate::nul::Terminators;
use crate::spec::{Storage, TableSpec};

/// How a table is made. The default is what `postmap` does with a current configuration.
#[derive(Clone, Debug)]
pub struct WriteOptions {
    /// UTF-8 mode and folding of keys.
    pub rules: KeyRules,
    /// Whether keys and values get a terminating NUL.
    pub terminators: Terminators,
    /// What becomes of a second entry with the same key.
    pub duplicates: Duplicates,
    /// Permissions of a table that is not there yet, whatever the process's umask. One that is keeps its own.
    /// [`mode_like`] copies those of a source.
    pub mode: u32,
    /// Whether the same entries make the same file, byte for byte, instead of one with an identification of its own.
    pub reproducible: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            rules: KeyRules { utf8: true, fold: true },
            terminators: Terminators::default(),
            duplicates: Duplicates::default(),
            mode: 0o644,
            reproducible: false,
        }
    }
}

impl WriteOptions {
    fn file_id(&self) -> FileId {
        if self.reproducible { FileId::Contents } else { FileId::Unique }
    }
}

/// What becomes of a second entry with the same key (postmap specification, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// It is left out, with a warning.
    #[default]
    Warn,
    /// It is left out: `postmap -w`.
    Ignore,
    /// It takes the first one's place: `postmap -r`.
    Replace,
}

impl Duplicates {
    pub(crate) fn keep(self) -> Keep {
        match self {
            Duplicates::Warn | Duplicates::Ignore => Keep::First,
            Duplicates::Replace => Keep::Last,
        }
    }
}

/// The permissions of a new table whose source has these: reading is copied for group and others, the owner may always
/// read and write, and nothing else is allowed (postmap specification, section 7).
pub fn mode_like(source: &Metadata) -> u32 {
    if source.is_file() { 0o600 | source.mode() & 0o044 } else { 0o644 }
}

/// A table's file, about to be made anew.
///
/// From [`open`](Self::open) on the table's old file, if there is one, is locked against Postfix's programs and others
/// that heed its locks; its contents stay as they are until the new ones are put in their place. Dropping the value
/// changes nothing.
#[derive(Debug)]
pub struct NewTable {
    pub(crate) spec: TableSpec,
    pub(crate) options: WriteOptions,
    storage: Storage,
    target: Target,
}

impl NewTable {
    /// Waits for the lock on the table's file.
    ///
    /// Read the text that the table is to be made from after this: of two programs that do the same at once, the second
    /// then sees what the first one saw, or newer.
    ///
    /// # Errors
    /// [`Error::Failed`], [`Error::MissingType`] and [`Error::LookupOnlyType`] for types that cannot be made,
    /// [`Error::Open`] where the old file cannot be locked, [`Error::OpenDatabase`] where no new one can be made.
    pub fn open(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self, Error> {
        let spec = spec.into();
        let storage = spec.storage_to_create()?;
        let target = Target::open(spec.file(storage), options.mode)?;
        Ok(NewTable { spec, options, storage, target })
    }

    /// Makes an empty table if there is none. Tells what was there instead.
    pub(crate) fn ensure(spec: TableSpec, options: &WriteOptions) -> Result<Found, Error> {
        let table = NewTable::open(spec, options.clone())?;
        let found = table.target.found;
        let path = table.file().to_owned();
        // What will be added is not known: libdb's usual page size suits most.
        let file_id = options.file_id();
        let build = BuildOptions::default().page_size(4096).file_id(file_id);
        let plan = HashBuilder::new(build).plan(Keep::First);
        let created = plan.and_then(|plan| Ok(table.target.create(&plan)?));
        created.map(|_| found).map_err(|source| Error::Write { path, source })
    }

    /// The table's file, as it was named.
    pub fn file(&self) -> &Path {
        self.target.path()
    }

    /// Warnings of what had to be mended before the table could be made, without the program's name: a file without contents
    /// that was removed, a change that had been interrupted and was completed. [`compile`](Self::compile) tells them.
    pub fn mended(&self) -> impl Iterator<Item = Vec<u8>> + use<> {
        self.target.found.warnings(self.file())
    }

    /// Whether the old file will be overwritten, because no new one can be made beside it or because that could not
    /// have its owner and all its names. Otherwise a new file takes its place in one step, unless the two cannot be exchanged or
    /// another process has the old one open for writing by then.
    pub fn overwrites(&self) -> bool {
        self.target.overwrites()
    }

    /// Starts to collect entries whose keys and values are mostly parts of `text`: these are not copied.
    pub fn writer_over(self, text: &[u8]) -> MapWriter<'_> {
        let file_id = self.options.file_id();
        let entries = NewEntries {
            builder: HashBuilder::over(text, BuildOptions::default().file_id(file_id)),
            rules: self.options.rules,
            terminated: self.options.terminators.to_write(match self.storage {
                Storage::Hash => true,
            }),
            file: self.target.path().to_owned(),
        };
        MapWriter { target: self.target, entries, duplicates: self.options.duplicates }
    }
}

/// Collects the entries of a table.
///
/// Nothing changes on disk until [`finish`](Self::finish).
#[derive(Debug)]
pub struct MapWriter<'t> {
    target: Target,
    pub(crate) entries: NewEntries<'t>,
    duplicates: Duplicates,
}

/// What a table will hold.
#[derive(Debug)]
pub(crate) struct NewEntries<'t> {
    builder: HashBuilder<'t>,
    rules: KeyRules,
    terminated: bool,
    /// For messages.
    file: PathBuf,
}

impl MapWriter<'static> {
    /// Starts to make a table.
    ///
    /// # Errors
    /// As [`NewTable::open`].
    pub fn create(spec: impl Into<TableSpec>, options: WriteOptions) -> Result<Self, Error> {
        Ok(NewTable::open(spec, options)?.writer_over(&[]))
    }
}

impl<'t> MapWriter<'t> {
    /// Adds an entry; the key is folded by the rules.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] in UTF-8 mode, [`Error::Write`] beyond the limits of the format.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.entries.put(key, value)
    }

    /// Adds an entry as it is: not folded, not checked, without terminators.
    ///
    /// # Errors
    /// [`Error::Write`] beyond the limits of the format.
    pub fn put_bare(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.entries.put_bare(key, value)
    }

    /// Makes the table; it is on disk when this returns.
    ///
    /// # Errors
    /// [`Error::Write`]: the old table is still there, unless the disk failed after the new one had been put in its place.
    pub fn finish(self) -> Result<(), Error> {
        self.plan()?.finish()
    }

    /// Settles what the table will hold.
    pub(crate) fn plan(self) -> Result<PlannedMap<'t>, Error> {
        match self.entries.builder.plan(self.duplicates.keep()) {
            Ok(plan) => Ok(PlannedMap { target: self.target, plan, duplicates: self.duplicates }),
            Err(source) => Err(Error::Write { path: self.target.path().to_owned(), source }),
        }
    }
}

impl<'t> NewEntries<'t> {
    /// As [`MapWriter::put`].
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let key = self.rules.prepare(key)?;
        self.rules.check_value(value)?;
        let datum = |bytes| Datum { bytes, nul: self.terminated };
        self.push(datum(&key), datum(value))
    }

    /// As [`MapWriter::put_bare`].
    pub fn put_bare(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.push(key.into(), value.into())
    }

    fn push(&mut self, key: Datum<'_>, value: Datum<'_>) -> Result<(), Error> {
        self.builder.push(key, value).map_err(|source| self.error(source))
    }

    /// None, of the same table and from the same text.
    pub fn none(&self) -> Self {
        NewEntries { builder: self.builder.empty(), file: self.file.clone(), ..*self }
    }

    /// Adds those that another has.
    pub fn append(&mut self, other: Self) -> Result<(), Error> {
        self.builder.append(other.builder).map_err(|source| self.error(source))
    }

    fn error(&self, source: bdb_file::Error) -> Error {
        Error::Write { path: self.file.clone(), source }
    }
}

/// A table whose contents are settled, before its file is written.
pub(crate) struct PlannedMap<'t> {
    target: Target,
    plan: Plan<'t>,
    duplicates: Duplicates,
}

impl PlannedMap<'_> {
    /// The entries that are left out and to be warned of: the number of each among all that were put, and its key.
    pub fn duplicates(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let wanted = self.duplicates == Duplicates::Warn;
        self.plan.dropped().filter(move |_| wanted)
    }

    pub fn finish(self) -> Result<(), Error> {
        let path = self.target.path().to_owned();
        self.target.write(&self.plan).map_err(|error| Error::Write { path, source: error.into() })
    }
}
