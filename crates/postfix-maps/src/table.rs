//! Open tables: Postfix's rules for keys and values, for all types alike.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::iter::{self, FusedIterator};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kv_file_core::Datum;
use postfix_map_text::KeyRules;

use crate::error::{Error, ErrorKind, Result, not_utf8_message};
use crate::formats::FileFormat;
use crate::forms::{KnownForms, cut_at_nul};
use crate::lookup::{Failure, Lookup, Pair, Pairs, Trouble};
use crate::open::{open, open_file};
use crate::options::{Access, TableOptions};
use crate::reading::{Opener, snapshot};
use crate::reload::{ReadText, Seen};
use crate::spec::TableSpec;
use crate::stamp::is_older;

/// A lookup table, open for reading.
///
/// ```
/// # #[cfg(feature = "write")] {
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
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A `Table` is what its file was when it was opened (but for [`Access::Locked`]), and cheap to
/// clone: threads each keep one, or all share a [`SharedTable`](crate::SharedTable).
/// [`reloaded`](Self::reloaded) gives the next one.
///
/// [`Access::Locked`]: crate::Access::Locked
#[derive(Clone)]
pub struct Table(Arc<Inner>);

struct Inner {
    spec: TableSpec,
    /// As it was opened.
    options: TableOptions,
    /// Those of the options, as far as they hold for the type.
    rules: KeyRules,
    forms: KnownForms,
    lookup: Box<dyn Lookup>,
    origin: Origin,
}

/// Where what a table knows comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// For tables in files: the file.
    File(TableFile),
    /// For others, the files that were read when the table was opened.
    Texts(Vec<ReadText>),
}

/// The file of an open table.
#[derive(Debug)]
pub(crate) struct TableFile {
    pub format: &'static FileFormat,
    pub path: PathBuf,
    /// How it was opened; `None` where it was open already.
    pub opener: Option<Opener>,
    /// Its state when it was read; `None` where it is opened for each lookup, or was open already.
    pub seen: Option<Seen>,
    pub interrupted: bool,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.0.spec.to_string()).finish()
    }
}

/// Keys that are looked up together: one virtual call for each group.
const GROUP: usize = 256;

impl Table {
    pub(crate) fn new(
        spec: TableSpec,
        options: TableOptions,
        rules: KeyRules,
        lookup: Box<dyn Lookup>,
        origin: Origin,
    ) -> Self {
        let forms = KnownForms::new(options.terminators);
        Table(Arc::new(Inner { spec, options, rules, forms, lookup, origin }))
    }

    /// The table's name, as it was opened.
    pub fn spec(&self) -> &TableSpec {
        &self.0.spec
    }

    /// The file that the table is in; for one without an index file, its name.
    pub fn file(&self) -> &Path {
        self.table_file().map_or(self.0.spec.source(), |file| &file.path)
    }

    fn table_file(&self) -> Option<&TableFile> {
        match &self.0.origin {
            Origin::File(file) => Some(file),
            Origin::Texts(_) => None,
        }
    }

    /// Returns `true` if a change of the table's file had been interrupted when it was opened or
    /// last read anew. What is found is what was to be; but Postfix's own programs see some pages
    /// of either contents, until a writer of this crate or `bdbmap recover` completes it.
    /// [`open_with_warnings`](Self::open_with_warnings) warns of it.
    pub fn is_interrupted(&self) -> bool {
        self.table_file().is_some_and(|file| file.interrupted)
    }

    /// The rules by which keys are prepared.
    pub fn rules(&self) -> KeyRules {
        self.0.rules
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
        let Ok(prepared) = self.0.rules.prepare(key) else { return Ok(None) };
        let asked = self.0.forms.get();
        let found = match self.0.lookup.get(&prepared, asked) {
            Ok(found) => found,
            // Of a table of tables, the member names itself.
            Err(Failure::File(trouble)) => return Err(self.trouble(trouble).into()),
            Err(failure) => return Err(failure),
        };
        let Some((value, form)) = found else { return Ok(None) };
        self.0.forms.settle(asked, form);
        Ok(Some(self.value(key, value)?))
    }

    /// The values of many keys, in the order of the keys: for each what [`get`](Self::get) finds.
    ///
    /// # Complexity
    /// Faster than one `get` after the other for large tables in a snapshot or a map
    /// ([`HashDb::get_many`](bdb_file::HashDb::get_many)).
    ///
    /// ```
    /// # #[cfg(feature = "write")] {
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
    /// # }
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
            match (self.0.forms.get().settled(), keys.split_first()) {
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
        let prepared: Vec<_> = keys.iter().map(|key| self.0.rules.prepare(key.as_ref())).collect();
        let wanted = prepared.iter().map(|key| key.as_deref().unwrap_or_default());
        let wanted: Vec<Datum<'_>> = wanted.map(|bytes| Datum { bytes, nul }).collect();
        let mut asked = keys.iter().zip(&prepared);
        self.0.lookup.get_many(&wanted, &mut |found| {
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
        match self.0.rules.check_value(&value) {
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
    /// `for pair in &table` does the same.
    ///
    /// # Errors
    /// The iterator ends with an error: [`ErrorKind::NotSupported`] at once for types whose entries
    /// cannot be told; [`ErrorKind::Damaged`] and [`ErrorKind::Io`].
    ///
    /// # Complexity
    /// Reads every page once. With [`Access::Locked`](crate::Access::Locked) all pairs are copied
    /// first, so that the lock can be given up.
    pub fn iter(&self) -> Iter<'_> {
        let pairs = self.0.lookup.iter();
        let pairs = pairs.unwrap_or_else(|failure| Box::new(iter::once(Err(failure))));
        Iter { table: self, pairs, next: VecDeque::new() }
    }

    /// The table as it is now, if it is not the same: read anew where its file, or a file that was
    /// read when it was opened, has other contents; of all types that read files, tables of tables
    /// included. `None` where nothing is new, and for tables that are always current
    /// ([`Access::Locked`]).
    ///
    /// This table stays as it is, whatever happens. Warnings about texts are lost. Nothing is
    /// remembered of the form in which keys were found: a table that was rebuilt may have them in
    /// the other.
    ///
    /// [`Access::Locked`]: crate::Access::Locked
    ///
    /// ```
    /// # #[cfg(feature = "write")] {
    /// # let dir = tempfile::tempdir()?;
    /// # let map = format!("hash:{}/virtual", dir.path().display());
    /// # let make = |value: &str| -> Result<(), postfix_maps::Error> {
    /// #     let mut new = postfix_maps::NewTable::open(&map, postfix_maps::WriteOptions::default())?;
    /// #     new.put("info@example.org", value)?;
    /// #     new.finish().map(|_| ())
    /// # };
    /// # make("bob")?;
    /// use postfix_maps::Table;
    ///
    /// let mut table = Table::open(&map)?;
    /// assert!(table.reloaded()?.is_none());
    /// # make("eve")?;
    /// // After `postmap`:
    /// if let Some(new) = table.reloaded()? {
    ///     table = new;
    /// }
    /// assert_eq!(table.get("info@example.org")?.as_deref(), Some(&b"eve"[..]));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open), where a file is gone, no longer such a table, or locked for too
    /// long.
    ///
    /// # Complexity
    /// One `stat` a file while nothing has changed. Otherwise as opening the table, and comparing
    /// its bytes; so it is once for a file that was read within a tick of its file system's clock
    /// after it had been written.
    pub fn reloaded(&self) -> Result<Option<Table>> {
        if self.is_current() {
            return Ok(None);
        }
        let new = self.reopened()?;
        if !self.has_contents_of(&new) {
            return Ok(Some(new));
        }
        self.take_stamps(&new);
        Ok(None)
    }

    fn reopened(&self) -> Result<Table> {
        let Inner { spec, options, origin, .. } = &*self.0;
        match origin {
            Origin::File(TableFile { format, path, opener: Some(opener), .. }) => {
                open_file(spec.clone(), options.clone(), format, path.clone(), *opener)
            }
            Origin::File(_) => Ok(self.clone()),
            Origin::Texts(_) => open(spec.clone(), options, &mut |_| ()),
        }
    }

    /// Whether all files are as they were when they were read, as far as their times tell.
    fn is_current(&self) -> bool {
        let own = match &self.0.origin {
            Origin::File(file) => file.seen.as_ref().is_none_or(Seen::is_current),
            Origin::Texts(texts) => texts.iter().all(|text| text.seen.is_current()),
        };
        own && self.0.lookup.members().iter().all(Table::is_current)
    }

    /// Whether another table that was opened in the same way has read the same.
    fn has_contents_of(&self, other: &Table) -> bool {
        let same = |ours: &[Table], theirs: &[Table]| {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| ours.has_contents_of(theirs))
        };
        self.is_interrupted() == other.is_interrupted()
            && self.0.lookup.bytes() == other.0.lookup.bytes()
            && match (&self.0.origin, &other.0.origin) {
                (Origin::Texts(ours), Origin::Texts(theirs)) => ReadText::are_same(ours, theirs),
                _ => true,
            }
            && same(self.0.lookup.members(), other.0.lookup.members())
    }

    /// Takes note of the state in which another table has found the same contents.
    fn take_stamps(&self, newer: &Table) {
        match (&self.0.origin, &newer.0.origin) {
            (Origin::File(TableFile { seen: Some(ours), .. }), Origin::File(theirs)) => {
                theirs.seen.iter().for_each(|theirs| ours.take_stamp(theirs));
            }
            (Origin::Texts(ours), Origin::Texts(theirs)) => {
                ours.iter().zip(theirs).for_each(|(a, b)| a.seen.take_stamp(&b.seen));
            }
            _ => {}
        }
        let members = self.0.lookup.members().iter().zip(newer.0.lookup.members());
        members.for_each(|(ours, theirs)| ours.take_stamps(theirs));
    }

    /// A snapshot of a table that was opened with [`Access::Locked`](crate::Access::Locked), for
    /// many lookups; what has been learnt of its terminators stays. Others are what they were.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn loaded(&self) -> Result<Table> {
        let Inner { spec, options, forms, origin, .. } = &*self.0;
        match (origin, options.access) {
            (Origin::File(file), Access::Locked) => {
                let options = options.clone().access(Access::Snapshot);
                let (format, path) = (file.format, file.path.clone());
                let table = open_file(spec.clone(), options, format, path, snapshot)?;
                table.0.forms.settle(table.0.forms.get(), forms.get());
                Ok(table)
            }
            _ => Ok(self.clone()),
        }
    }

    /// Returns `true` if the text that the table was made from has been changed since, at least 100
    /// seconds ago: Postfix's programs warn of that (postmap specification, section 8.3). `false`
    /// where there is no such text.
    pub fn is_older_than_source(&self) -> bool {
        is_older(self.file(), self.0.spec.source())
    }

    /// The name that Postfix uses for the table in some messages: the type, and the table's file.
    pub fn internal_name(&self) -> Vec<u8> {
        self.0.spec.internal_name(self.file())
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
        match self.table_file() {
            Some(file) => file.format.trouble(&file.path, trouble),
            // Only tables in files have trouble with them.
            None => Error::failed(&self.internal_name(), "query"),
        }
    }
}

impl<'t> IntoIterator for &'t Table {
    type Item = Result<Pair<'t>>;
    type IntoIter = Iter<'t>;

    fn into_iter(self) -> Iter<'t> {
        self.iter()
    }
}

/// Iterates over a table's pairs: [`Table::iter`].
///
/// After an error it ends.
#[must_use = "iterators are lazy"]
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
