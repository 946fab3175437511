//! Open tables: Postfix's rules for keys and values, for all types alike.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::path::{Path, PathBuf};

use kv_file_core::Datum;
use postfix_map_text::KeyRules;

use crate::error::{Error, ErrorKind, Result, not_utf8_message};
use crate::formats::FileFormat;
use crate::forms::{KnownForms, Terminators, cut_at_nul};
use crate::lookup::{Failure, Lookup, Operation, Pair, Pairs, Trouble};
use crate::reading::{Opened, Opener, snapshot};
use crate::spec::TableSpec;
use crate::stamp::{Stamp, is_older};

/// A lookup table, open for reading.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let virtual_map = format!("hash:{}/virtual", dir.path().display());
/// use postfix_maps::{NewTable, Table, WriteOptions};
///
/// let mut new = NewTable::open(&virtual_map, WriteOptions::default())?;
/// new.put(b"Info@example.org", b"bob")?;
/// new.finish()?;
///
/// let table = Table::open(&virtual_map)?; // such as "hash:/etc/postfix/virtual"
/// assert_eq!(table.get(b"info@EXAMPLE.org")?.as_deref(), Some(&b"bob"[..]));
/// assert_eq!(table.get(b"nobody@example.org")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Table {
    pub(crate) spec: TableSpec,
    pub(crate) rules: KeyRules,
    pub(crate) terminators: Terminators,
    pub(crate) forms: KnownForms,
    pub(crate) lookup: Box<dyn Lookup>,
    /// For tables in files.
    pub(crate) file: Option<TableFile>,
}

/// The file of an open table, and its state when it was read.
#[derive(Debug)]
pub(crate) struct TableFile {
    pub format: &'static FileFormat,
    pub path: PathBuf,
    /// How it was opened.
    pub opener: Opener,
    /// `None` where it is opened for each lookup.
    pub stamp: Option<Stamp>,
    pub interrupted: bool,
}

/// Keys that are looked up together: one virtual call for each group.
const GROUP: usize = 256;

impl Table {
    /// The table's name, as it was opened.
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// The file that the table is in; for one without an index file, its name.
    pub fn file(&self) -> &Path {
        self.file.as_ref().map_or(self.spec.source(), |file| &file.path)
    }

    /// Returns `true` if a change of the table's file had been interrupted when it was opened or
    /// last read anew. What is found is what was to be; but Postfix's own programs see some pages
    /// of either contents, until a writer of this crate or `bdbmap recover` completes it.
    /// [`open_with_warnings`](Self::open_with_warnings) warns of it.
    pub fn is_interrupted(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.interrupted)
    }

    /// The rules by which keys are prepared.
    pub fn rules(&self) -> KeyRules {
        self.rules
    }

    /// The value of a key: as Postfix sees it, up to its first NUL.
    ///
    /// The key is folded by the table's rules and looked up with and without a terminating NUL by
    /// the NUL rule. In UTF-8 mode a key that is not UTF-8 is not found, as in Postfix
    /// ([`KeyRules::prepare`] tells the two apart). The whole key is looked up: Postfix's programs
    /// that look up parts of addresses and names do so one by one.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] and [`ErrorKind::Io`] for a file that cannot be read;
    /// [`ErrorKind::ValueNotUtf8`] in UTF-8 mode; with [`Access::Locked`](crate::Access::Locked)
    /// also as [`open`](Self::open); [`ErrorKind::Failed`] for tables of the type `fail`.
    ///
    /// # Complexity
    /// For a table in a file, usually one page (see [`HashDb::get`](bdb_file::HashDb::get)). From a
    /// snapshot or a map nothing is copied and no system call is made; a key with upper-case
    /// letters is folded in memory of its own.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Cow<'_, [u8]>>> {
        self.ask(key.as_ref()).map_err(|failure| self.failure("query", failure))
    }

    /// As [`get`](Self::get), for a table that has this one as a member.
    pub(crate) fn ask(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        let Ok(prepared) = self.rules.prepare(key) else { return Ok(None) };
        let asked = self.forms.get();
        let found = match self.lookup.get(&prepared, asked) {
            Ok(found) => found,
            // Of a table of tables, the member names itself.
            Err(Failure::File(trouble)) => return Err(self.trouble(trouble).into()),
            Err(failure) => return Err(failure),
        };
        let Some((value, form)) = found else { return Ok(None) };
        self.forms.settle(asked, form);
        Ok(Some(self.value(key, value)?))
    }

    /// The values of many keys, in the order of the keys: for each what [`get`](Self::get) finds.
    ///
    /// # Complexity
    /// Faster than one `get` after the other for large tables in a snapshot or a map
    /// ([`HashDb::get_many`](bdb_file::HashDb::get_many)).
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let map = format!("hash:{}/virtual", dir.path().display());
    /// # let mut new = postfix_maps::NewTable::open(&map, postfix_maps::WriteOptions::default())?;
    /// # new.put(b"info@example.org", b"bob")?;
    /// # new.finish()?;
    /// let table = postfix_maps::Table::open(&map)?;
    /// let keys = ["Info@Example.org", "nobody@example.org"];
    /// let found = table.get_many(&keys).collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(found[0].as_deref(), Some(&b"bob"[..]));
    /// assert_eq!(found[1], None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get_many<'t, K: AsRef<[u8]>>(
        &'t self,
        keys: &'t [K],
    ) -> impl FusedIterator<Item = Result<Option<Cow<'t, [u8]>>>> {
        keys.chunks(GROUP).flat_map(|keys| self.get_group(keys))
    }

    fn get_group<K: AsRef<[u8]>>(&self, mut keys: &[K]) -> Vec<Result<Option<Cow<'_, [u8]>>>> {
        let mut values = Vec::with_capacity(keys.len());
        // As soon as it is known in which form the table has its keys.
        let nul = loop {
            match (self.forms.get().settled(), keys.split_first()) {
                (_, None) => return values,
                (Some(nul), _) => break nul,
                (None, Some((key, others))) => {
                    values.push(self.get(key));
                    keys = others;
                }
            }
        };
        // A key that is not UTF-8 is not found, whatever is under the empty one that is looked up
        // in its place.
        let prepared: Vec<_> = keys.iter().map(|key| self.rules.prepare(key.as_ref())).collect();
        let wanted = prepared.iter().map(|key| key.as_deref().unwrap_or_default());
        let wanted: Vec<Datum<'_>> = wanted.map(|bytes| Datum { bytes, nul }).collect();
        let mut asked = keys.iter().zip(&prepared);
        self.lookup.get_many(&wanted, &mut |found| {
            let Some((key, prepared)) = asked.next() else { return };
            let value = match found {
                _ if prepared.is_err() => Ok(None),
                Ok(Some(value)) => self.value(key.as_ref(), value).map(Some),
                Ok(None) => Ok(None),
                Err(failure) => Err(self.failure("query", failure)),
            };
            values.push(value);
        });
        values
    }

    /// What was found for a key, as Postfix sees it, if it may be an answer.
    fn value<'t>(&self, key: &[u8], stored: Cow<'t, [u8]>) -> Result<Cow<'t, [u8]>> {
        let value = cut_at_nul(stored);
        match self.rules.check_value(&value) {
            Ok(()) => Ok(value),
            Err(_) => Err(self.not_utf8(key, &value)),
        }
    }

    #[cold]
    fn not_utf8(&self, key: &[u8], value: &[u8]) -> Error {
        let table = self.internal_name();
        let message = [b"table ", &table[..], b": query error"].concat();
        let detail = not_utf8_message(&table, key, value);
        Error::new(ErrorKind::ValueNotUtf8, message).with_detail(detail)
    }

    /// All keys and values, each up to its first NUL, in the order of the file. Neither folded nor
    /// checked.
    ///
    /// # Errors
    /// [`ErrorKind::NotSupported`] for types whose entries cannot be told; [`ErrorKind::Damaged`]
    /// and [`ErrorKind::Io`], also while iterating, after which the iterator ends.
    ///
    /// # Complexity
    /// Reads every page once. With [`Access::Locked`](crate::Access::Locked) all pairs are copied
    /// first, so that the lock can be given up.
    pub fn iter(&self) -> Result<Iter<'_>> {
        match self.lookup.iter() {
            Ok(pairs) => Ok(Iter { table: self, pairs, next: VecDeque::new() }),
            Err(failure) => Err(self.failure("sequence", failure)),
        }
    }

    /// Reads the table anew if its file has been changed or replaced, and forgets in which form its
    /// keys were. Returns `true` if it did. Tables without an index file stay as they were opened,
    /// as in Postfix.
    ///
    /// Nothing changes where that fails: the table goes on with what it has.
    ///
    /// # Errors
    /// As [`open`](Self::open), where the file is gone or no longer such a table.
    ///
    /// # Complexity
    /// One `stat` while nothing has changed. A file that was younger than two seconds when it was
    /// read is read once more.
    pub fn refresh(&mut self) -> Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let Some(stamp) = &file.stamp else { return Ok(false) };
        let outdated = stamp.is_outdated(&file.path);
        if !outdated.map_err(file.format.error_of(Operation::Open, &file.path))? {
            return Ok(false);
        }
        let opener = file.opener;
        self.reopen(opener)?;
        // The new file may have its keys in the other form.
        self.forms.forget(self.terminators);
        Ok(true)
    }

    /// Turns a table that was opened with [`Access::Locked`](crate::Access::Locked) into a
    /// snapshot, for many lookups. What has been learnt of its terminators stays.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub fn load(&mut self) -> Result<()> {
        match &self.file {
            Some(TableFile { stamp: None, .. }) => self.reopen(snapshot),
            _ => Ok(()),
        }
    }

    fn reopen(&mut self, opener: Opener) -> Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let opened = opener(file.format, &file.path);
        let Opened { lookup, stamp, interrupted } =
            opened.map_err(|trouble| file.format.trouble(&file.path, trouble))?;
        self.lookup = lookup;
        (file.opener, file.stamp, file.interrupted) = (opener, stamp, interrupted);
        Ok(())
    }

    /// Returns `true` if the text that the table was made from has been changed since, at least 100
    /// seconds ago: Postfix's programs warn of that (postmap specification, section 8.3). `false`
    /// where there is no such text.
    pub fn is_older_than_source(&self) -> bool {
        is_older(self.file(), self.spec.source())
    }

    /// The name that Postfix uses for the table in some messages: the type, and the table's file.
    pub fn internal_name(&self) -> Vec<u8> {
        self.spec.internal_name(self.file())
    }

    /// The error for an operation that came to nothing.
    fn failure(&self, operation: &'static str, failure: Failure) -> Error {
        match failure {
            Failure::Retry => Error::failed(&self.internal_name(), operation),
            Failure::NotSupported => Error::not_supported(&self.internal_name(), operation),
            Failure::File(trouble) => self.trouble(trouble),
            Failure::Error(error) => error,
        }
    }

    #[cold]
    fn trouble(&self, trouble: Trouble) -> Error {
        match &self.file {
            Some(file) => file.format.trouble(&file.path, trouble),
            // Only tables in files have trouble with them.
            None => Error::failed(&self.internal_name(), "query"),
        }
    }
}

/// Iterates over a table's pairs: [`Table::iter`].
///
/// After an error it ends.
pub struct Iter<'t> {
    table: &'t Table,
    pairs: Pairs<'t>,
    next: VecDeque<Result<Pair<'t>, Failure>>,
}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("table", self.table).finish_non_exhaustive()
    }
}

impl<'t> Iterator for Iter<'t> {
    type Item = Result<Pair<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_empty() {
            self.pairs.next_pairs(&mut self.next);
        }
        Some(match self.next.pop_front()? {
            Ok((key, value)) => Ok((cut_at_nul(key), cut_at_nul(value))),
            Err(failure) => Err(self.table.failure("sequence", failure)),
        })
    }
}

impl FusedIterator for Iter<'_> {}
