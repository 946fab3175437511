//! Open tables.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::vec;

use bdb_file::{Datum, HashDb, Memory, Source};
use postfix_map_text::KeyRules;

use crate::access::{Access, KnownJournal, LockedFile, Stamp, is_older, read_whole};
use crate::error::Error;
use crate::mapped::map;
use crate::nul::{NulState, Terminators, before_nul};
use crate::spec::{Kind, TableSpec};
use crate::types::{Definition, Dictionary, Failure, Keys};
use crate::writer::Duplicates;

/// How a table is to be read. The default is what Postfix does with a current configuration.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// UTF-8 mode and folding of keys.
    pub rules: KeyRules,
    /// Whether the table's keys end in a NUL.
    pub terminators: Terminators,
    /// How the file is read.
    pub access: Access,
    /// For `texthash`: which of two entries with the same key counts, and whether there is a warning.
    pub duplicates: Duplicates,
    /// For tables whose values are in their name or text: whether these are names of files, whose contents are found, in
    /// base64: `postmap -F` (postmap specification, section 11).
    pub values_are_files: bool,
    /// For `environ`: variables and their values, in front of those of the process's environment. Postfix's programs
    /// add what main.cf's `import_environment` says
    /// ([`Config::import_environment`](crate::config::Config::import_environment)).
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Default for TableOptions {
    fn default() -> Self {
        TableOptions {
            rules: KeyRules { utf8: true, fold: true },
            terminators: Terminators::default(),
            access: Access::default(),
            duplicates: Duplicates::default(),
            values_are_files: false,
            environment: Vec::new(),
        }
    }
}

/// A lookup table, open for reading.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let virtual_map = format!("hash:{}/virtual", dir.path().display());
/// use postfix_maps::{MapWriter, Table, WriteOptions};
///
/// let mut writer = MapWriter::create(&virtual_map, WriteOptions::default())?;
/// writer.put(b"Info@example.org", b"bob")?;
/// writer.finish()?;
///
/// let table = Table::open(&virtual_map)?; // such as "hash:/etc/postfix/virtual"
/// assert_eq!(table.get(b"info@EXAMPLE.org")?.as_deref(), Some(&b"bob"[..]));
/// assert_eq!(table.get(b"nobody@example.org")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Table {
    spec: TableSpec,
    file: PathBuf,
    rules: KeyRules,
    nul: NulState,
    contents: Contents,
    interrupted: bool,
}

/// Where a table's bytes come from.
#[derive(Debug)]
pub(crate) enum Contents {
    Snapshot(HashDb<Memory>, Stamp),
    Mapped(HashDb<Memory>, Stamp),
    Locked(KnownJournal),
    /// A table without an index file.
    Dictionary(Box<dyn Dictionary>),
}

impl Table {
    /// Opens a table such as `hash:/etc/postfix/virtual`, with the default options.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(spec: impl Into<TableSpec>) -> Result<Self, Error> {
        Self::open_with(spec, TableOptions::default())
    }

    /// Opens a table; warnings about its text are lost ([`open_telling`](Self::open_telling) tells them).
    ///
    /// # Errors
    /// As [`open_telling`](Self::open_telling).
    pub fn open_with(spec: impl Into<TableSpec>, options: TableOptions) -> Result<Self, Error> {
        Self::open_telling(spec, options, |_| ())
    }

    /// Opens a table. Warnings about the text of one that has no index file go to `warn`, without the program's name:
    /// rules that make no sense are left out, in all types that have rules.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::UnsupportedType`]. [`Error::OpenDatabase`] where the file is not there or not a
    /// hash database. [`Error::Open`] and [`Error::Definition`] for a table without an index file whose text is not there
    /// or whose name makes no sense, and for regular expressions that only other engines understand.
    ///
    /// # Complexity
    /// For a hash file, reads it once for a snapshot, its first 512 bytes otherwise. Waits for a writer that has it locked.
    /// Other tables' texts are read and understood once.
    pub fn open_telling(
        spec: impl Into<TableSpec>,
        options: TableOptions,
        mut warn: impl FnMut(&[u8]),
    ) -> Result<Self, Error> {
        Self::open_dyn(spec.into(), options, &mut warn)
    }

    /// Tables of tables open others in turn, whatever the type of `warn`.
    pub(crate) fn open_dyn(
        spec: TableSpec,
        options: TableOptions,
        warn: &mut dyn FnMut(&[u8]),
    ) -> Result<Self, Error> {
        let kind = match spec.kind()? {
            Kind::File(storage) => {
                let file = spec.file(storage);
                let contents = match options.access {
                    Access::Snapshot => snapshot(&file),
                    Access::Locked => check_locked(&file),
                };
                let table = Self::new(spec, file, &options, contents)?;
                if table.interrupted {
                    let file = table.file.as_os_str().as_bytes();
                    warn(
                        &[
                            file,
                            b": a change of this file was interrupted: it is read as if completed",
                        ]
                        .concat(),
                    );
                }
                return Ok(table);
            }
            Kind::Dictionary(kind) => kind,
        };
        let dictionary = (kind.open)(&mut Definition { spec: &spec, options: &options, warn })?;
        let KeyRules { utf8, fold } = options.rules;
        let folded = match kind.keys {
            Keys::Fixed => true,
            Keys::Pattern => false,
            // Postfix folds for the members only where it checks UTF-8 for them.
            Keys::OfFirstMember => utf8 && dictionary.folds_keys(),
        };
        Ok(Table {
            file: spec.source().to_owned(),
            spec,
            rules: KeyRules { utf8, fold: fold && folded },
            nul: NulState::new(options.terminators),
            contents: Contents::Dictionary(dictionary),
            interrupted: false,
        })
    }

    pub(crate) fn new(
        spec: TableSpec,
        file: PathBuf,
        options: &TableOptions,
        contents: Result<(Contents, bool), bdb_file::Error>,
    ) -> Result<Self, Error> {
        let (contents, interrupted) = contents.map_err(|source| open_error(&file, source))?;
        let nul = NulState::new(options.terminators);
        Ok(Table { spec, file, rules: options.rules, nul, contents, interrupted })
    }

    /// The table's name, as it was opened.
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// The file that the table is in; for one without a file, its name.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether a change of the table's file had been interrupted when it was opened or last read anew. What is found is what was
    /// to be; but Postfix's own programs see some pages of either contents, until a writer of this crate or `bdbmap recover`
    /// completes it. [`open_telling`](Self::open_telling) warns of it.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// The rules by which keys are prepared.
    pub fn rules(&self) -> KeyRules {
        self.rules
    }

    /// The value of a key: as Postfix sees it, up to its first NUL.
    ///
    /// The key is folded by the table's rules and looked up with and without a terminating NUL by the NUL rule. In UTF-8
    /// mode a key that is not UTF-8 is not found, as in Postfix ([`KeyRules::prepare`] tells the two apart). The whole
    /// key is looked up: Postfix's programs that look up parts of addresses and names do so one by one.
    ///
    /// # Errors
    /// [`Error::Read`] for a damaged file, [`Error::ValueNotUtf8`] in UTF-8 mode; with [`Access::Locked`] also
    /// [`Error::OpenDatabase`]; [`Error::Failed`] for tables of the type `fail`.
    ///
    /// # Complexity
    /// For a hash file, usually one page (see [`HashDb::get`]). From a snapshot or a map nothing is copied and no system call is made;
    /// a key with upper-case letters is folded in memory of its own.
    pub fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Error> {
        self.ask(key).map_err(|failure| self.failure("query", failure))
    }

    /// As [`get`](Self::get), for a table that has this one as a member.
    pub(crate) fn ask(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        let Ok(prepared) = self.rules.prepare(key) else { return Ok(None) };
        let found = self.find_prepared(&prepared)?;
        self.check(key, found)
    }

    /// The values of many keys, in the order of the keys: for each what [`get`](Self::get) finds.
    ///
    /// # Complexity
    /// Faster than one `get` after the other for large tables in a snapshot or a map ([`HashDb::get_many`]).
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let map = format!("hash:{}/virtual", dir.path().display());
    /// # let mut writer = postfix_maps::MapWriter::create(&map, postfix_maps::WriteOptions::default())?;
    /// # writer.put(b"info@example.org", b"bob")?;
    /// # writer.finish()?;
    /// let table = postfix_maps::Table::open(&map)?;
    /// let mut found = Vec::new();
    /// table.get_many(&["Info@Example.org", "nobody@example.org"], |value| found.push(value));
    /// assert_eq!(found[0].as_ref().unwrap().as_deref(), Some(&b"bob"[..]));
    /// assert!(found[1].as_ref().unwrap().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many<'t, K: AsRef<[u8]>>(
        &'t self,
        keys: &[K],
        mut each: impl FnMut(Result<Option<Cow<'t, [u8]>>, Error>),
    ) {
        for (i, key) in keys.iter().enumerate() {
            // As soon as it is known in which form the table has its keys.
            match (&self.contents, self.nul.settled()) {
                (Contents::Snapshot(hash, _), Some(nul)) => {
                    return self.find_many(hash, &keys[i..], nul, each);
                }
                (Contents::Mapped(hash, _), Some(nul)) => {
                    return self.find_many(hash, &keys[i..], nul, each);
                }
                _ => each(self.get(key.as_ref())),
            }
        }
    }

    fn find_many<'t, K: AsRef<[u8]>, S: Source>(
        &'t self,
        hash: &'t HashDb<S>,
        keys: &[K],
        nul: bool,
        mut each: impl FnMut(Result<Option<Cow<'t, [u8]>>, Error>),
    ) {
        // A key that is not UTF-8 is not found, whatever is under the empty one that is looked up in its place.
        let mut refused = Vec::new();
        let mut prepared = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate() {
            prepared.push(self.rules.prepare(key.as_ref()).unwrap_or_else(|_| {
                refused.push(i);
                Cow::default()
            }));
        }
        let mut refused = refused.into_iter().peekable();
        let prepared: Vec<Datum<'_>> = prepared.iter().map(|bytes| Datum { bytes, nul }).collect();
        for (i, (key, found)) in keys.iter().zip(hash.get_many(&prepared)).enumerate() {
            each(match found {
                _ if refused.next_if_eq(&i).is_some() => Ok(None),
                Ok(found) => self
                    .check(key.as_ref(), found.map(cut_at_nul))
                    .map_err(|failure| self.failure("query", failure)),
                Err(source) => Err(self.read_error(source)),
            });
        }
    }

    fn find_prepared(&self, prepared: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        Ok(match &self.contents {
            Contents::Snapshot(hash, _) => self.find(hash, prepared)?,
            Contents::Mapped(hash, _) => self.find(hash, prepared)?,
            Contents::Locked(known) => {
                let hash = locked(&self.file, known);
                let hash = hash.map_err(|source| open_error(&self.file, source))?;
                self.find(&hash, prepared)?.map(|value| Cow::Owned(value.into_owned()))
            }
            Contents::Dictionary(dictionary) => dictionary.get(prepared)?.map(cut_at_nul),
        })
    }

    /// What was found for a key, if it may be an answer.
    fn check<'t>(
        &self,
        key: &[u8],
        found: Option<Cow<'t, [u8]>>,
    ) -> Result<Option<Cow<'t, [u8]>>, Failure> {
        if let Some(value) = &found
            && self.rules.check_value(value).is_err()
        {
            return Err(Failure::Error(Error::ValueNotUtf8 {
                table: self.internal_name(),
                key: key.to_vec(),
                value: value.to_vec(),
            }));
        }
        Ok(found)
    }

    fn find<'h, S: Source>(
        &self,
        hash: &'h HashDb<S>,
        key: &[u8],
    ) -> Result<Option<Cow<'h, [u8]>>, Error> {
        let found = self.nul.lookup(|nul| hash.get(Datum { bytes: key, nul }));
        let found = found.map_err(|source| self.read_error(source))?;
        Ok(found.map(cut_at_nul))
    }

    /// The error for an operation that came to nothing.
    fn failure(&self, operation: &'static str, failure: Failure) -> Error {
        let table = self.internal_name();
        match failure {
            Failure::Retry => Error::Failed { table, operation },
            Failure::NotSupported => Error::NotSupported { table, operation },
            Failure::Error(error) => error,
        }
    }

    /// All keys and values, each up to its first NUL, in the order of the file. Neither folded nor checked.
    ///
    /// # Errors
    /// [`Error::NotSupported`] for types whose entries cannot be told. [`Error::Read`], also while iterating, after which the iterator ends; with [`Access::Locked`] also
    /// [`Error::OpenDatabase`].
    ///
    /// # Complexity
    /// Reads every page once. With [`Access::Locked`] all pairs are copied first, so that the lock can be given up.
    pub fn iter(&self) -> Result<Iter<'_>, Error> {
        Ok(Iter(match &self.contents {
            Contents::Snapshot(hash, _) => Pairs::Snapshot(self, hash.iter()),
            Contents::Mapped(hash, _) => Pairs::Mapped(self, hash.iter()),
            Contents::Locked(known) => {
                let hash = locked(&self.file, known);
                let hash = hash.map_err(|source| open_error(&self.file, source))?;
                let pairs: Vec<_> = hash
                    .iter()
                    .map(|pair| pair.map(|(key, value)| (key.into_owned(), value.into_owned())))
                    .collect::<Result<_, _>>()
                    .map_err(|source| self.read_error(source))?;
                Pairs::Copied(pairs.into_iter())
            }
            Contents::Dictionary(dictionary) => {
                let entries = dictionary.entries();
                let entries = entries.map_err(|failure| self.failure("sequence", failure))?;
                Pairs::Listed(entries.into_iter())
            }
        }))
    }

    /// Reads the table anew if its file has been changed or replaced; tells whether it did. Tables without an index file
    /// stay as they were opened, as in Postfix.
    ///
    /// Nothing changes where that fails: the table goes on with what it has.
    ///
    /// # Errors
    /// [`Error::OpenDatabase`] where the file is gone or no longer a hash database.
    ///
    /// # Complexity
    /// One `stat` while nothing has changed. A file that was younger than two seconds when it was read is read once more.
    pub fn refresh(&mut self) -> Result<bool, Error> {
        let (stamp, reopen): (_, fn(&Path) -> _) = match &self.contents {
            Contents::Snapshot(_, stamp) => (stamp, snapshot),
            Contents::Mapped(_, stamp) => (stamp, map),
            Contents::Locked(_) | Contents::Dictionary(_) => return Ok(false),
        };
        let outdated = stamp.is_outdated(&self.file);
        if !outdated.map_err(|error| open_error(&self.file, error.into()))? {
            return Ok(false);
        }
        self.reopen(reopen)?;
        Ok(true)
    }

    /// Turns a table that was opened with [`Access::Locked`] into a snapshot, for many lookups. What has been learnt of
    /// its terminators stays.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub fn load(&mut self) -> Result<(), Error> {
        if matches!(self.contents, Contents::Locked(_)) {
            self.reopen(snapshot)?;
        }
        Ok(())
    }

    fn reopen(
        &mut self,
        open: fn(&Path) -> Result<(Contents, bool), bdb_file::Error>,
    ) -> Result<(), Error> {
        let opened = open(&self.file).map_err(|source| open_error(&self.file, source))?;
        (self.contents, self.interrupted) = opened;
        Ok(())
    }

    /// Whether the text that the table was made from has been changed since, at least 100 seconds ago: Postfix's
    /// programs warn of that (postmap specification, section 8.3). False where there is no such text.
    pub fn is_older_than_source(&self) -> bool {
        is_older(&self.file, self.spec.source())
    }

    /// The name that Postfix uses for the table in some messages: the type, and the table's file.
    pub fn internal_name(&self) -> Vec<u8> {
        let kind = self.spec.table_type().as_bytes();
        [kind, b":", self.file.as_os_str().as_bytes()].concat()
    }

    fn read_error(&self, source: bdb_file::Error) -> Error {
        Error::Read { path: self.file.clone(), source }
    }
}

fn open_error(file: &Path, source: bdb_file::Error) -> Error {
    Error::OpenDatabase { path: file.to_owned(), source }
}

fn snapshot(file: &Path) -> Result<(Contents, bool), bdb_file::Error> {
    let (bytes, stamp, interrupted) = read_whole(file)?;
    Ok((Contents::Snapshot(HashDb::open(bytes)?, stamp), interrupted))
}

/// The file, open and locked for as long as the result lives.
fn locked(path: &Path, known: &KnownJournal) -> Result<HashDb<LockedFile>, bdb_file::Error> {
    HashDb::open(LockedFile::open_known(path, known)?)
}

/// Sees that the file can be opened.
fn check_locked(path: &Path) -> Result<(Contents, bool), bdb_file::Error> {
    let known = KnownJournal::default();
    let pages = LockedFile::open_known(path, &known)?;
    let interrupted = pages.is_interrupted();
    HashDb::open(pages)?;
    Ok((Contents::Locked(known), interrupted))
}

fn cut_at_nul(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(before_nul(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(before_nul(&bytes).len());
            Cow::Owned(bytes)
        }
    }
}

/// Iterates over a table's pairs: [`Table::iter`].
#[derive(Debug)]
pub struct Iter<'t>(Pairs<'t>);

#[derive(Debug)]
enum Pairs<'t> {
    Snapshot(&'t Table, bdb_file::Iter<'t, Memory>),
    Mapped(&'t Table, bdb_file::Iter<'t, Memory>),
    Copied(vec::IntoIter<(Vec<u8>, Vec<u8>)>),
    Listed(vec::IntoIter<(&'t [u8], &'t [u8])>),
}

impl<'t> Iterator for Iter<'t> {
    type Item = Result<(Cow<'t, [u8]>, Cow<'t, [u8]>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (table, pair) = match &mut self.0 {
            Pairs::Snapshot(table, pairs) => (table, pairs.next()?),
            Pairs::Mapped(table, pairs) => (table, pairs.next()?),
            Pairs::Copied(pairs) => {
                let (key, value) = pairs.next()?;
                return Some(Ok((cut_at_nul(key.into()), cut_at_nul(value.into()))));
            }
            Pairs::Listed(pairs) => {
                let (key, value) = pairs.next()?;
                return Some(Ok((before_nul(key).into(), before_nul(value).into())));
            }
        };
        Some(match pair {
            Ok((key, value)) => Ok((cut_at_nul(key), cut_at_nul(value))),
            Err(source) => Err(table.read_error(source)),
        })
    }
}
