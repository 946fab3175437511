//! Making a table from its text: what `postmap` and `postalias` are for.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::SystemTime;

use bdb_file::Keep;
use postfix_map_text::{Item, MapEntries, alias_entries, map_entries};

use crate::error::{Error, not_utf8_message};
use crate::file_values;
use crate::spec::TableSpec;
use crate::update::MapUpdate;
use crate::writer::{Duplicates, NewEntries, NewTable};

/// The text of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableText<'t> {
    /// What messages call it: its path as given, or `stdin`.
    pub name: &'t [u8],
    /// All of it.
    pub text: &'t [u8],
    /// Its grammar.
    pub format: Syntax<'t>,
}

/// The grammar of a table's text, and what belongs to every table of that kind.
#[derive(Clone, Copy, Debug)]
pub enum Syntax<'t> {
    /// `key value`, as `postmap` reads it.
    Map {
        /// Values are names of files, whose contents are stored: `postmap -F`.
        values_are_files: bool,
    },
    /// `name: value`, as `postalias` reads it. The table gets three entries of its own (postalias specification,
    /// section 5): `@`, the time, and the name of the host.
    Aliases {
        /// What the table will say of when it was made.
        time: SystemTime,
        /// main.cf's `myhostname`.
        host: &'t [u8],
    },
}

impl NewTable {
    /// Makes the table from its text.
    ///
    /// Warnings go to `warn`, without the program's name, in the order of the input: the parser's, and those of
    /// duplicate entries. They are given before the table is written, and change nothing.
    ///
    /// # Errors
    /// As [`MapWriter::finish`](crate::MapWriter::finish).
    ///
    /// # Complexity
    /// One pass over the text, a long one by two threads, and 32 bytes of memory an entry; see also [`bdb_file::HashBuilder`].
    pub fn compile(self, source: &TableText<'_>, mut warn: impl FnMut(&[u8])) -> Result<(), Error> {
        let names = Names::of(&self.spec, self.file());
        self.mended().for_each(|warning| warn(&warning));
        let utf8 = self.options.rules.utf8;
        let mut writer = self.writer_over(source.text);
        let mut all = Collected::new(writer.entries);
        match source.format {
            Syntax::Map { .. } if source.text.len() >= LONG => {
                let (items, others) = map_entries(source.text, utf8).split();
                let mut other = Collected::new(all.entries.none());
                let take = |collected: &mut Collected<'_>, mut items: MapEntries<'_>| {
                    items.try_for_each(|item| {
                        source.event(item, &mut |event| collected.take(event, &names))
                    })
                };
                let mut result = None;
                thread::scope(|scope| {
                    let of_other = || result = Some(take(&mut other, others.clone()));
                    let _ = thread::Builder::new().spawn_scoped(scope, of_other);
                    take(&mut all, items)
                })?;
                // Where there can be no second thread, one after the other.
                result.unwrap_or_else(|| take(&mut other, others))?;
                all.append(other)?;
            }
            _ => source.events(utf8, |event| all.take(event, &names))?,
        }
        writer.entries = all.entries;
        let warnings = all.warnings;
        // Duplicates are known only now; each has its place among the other warnings.
        let map = writer.plan()?;
        let mut warnings = warnings.into_iter().peekable();
        for (index, key) in map.duplicates() {
            while let Some((_, message)) = warnings.next_if(|(before, _)| *before <= index) {
                warn(&message);
            }
            warn(&names.duplicate(key));
        }
        warnings.for_each(|(_, message)| warn(&message));
        map.finish()
    }
}

/// Texts from this length on are read by two threads, each half of it.
const LONG: usize = 1 << 20;

/// What comes of some part of a text.
struct Collected<'t> {
    entries: NewEntries<'t>,
    count: u32,
    /// Each with the number of the entries before it.
    warnings: Vec<(u32, Vec<u8>)>,
}

impl<'t> Collected<'t> {
    fn new(entries: NewEntries<'t>) -> Self {
        Collected { entries, count: 0, warnings: Vec::new() }
    }

    fn take(&mut self, event: Event<'_>, names: &Names) -> Result<(), Error> {
        let put = match event {
            Event::Warning(message) => {
                self.warnings.push((self.count, message.to_vec()));
                return Ok(());
            }
            Event::Entry(key, value) | Event::Own(key, value) => self.entries.put(key, value),
            Event::Bare(key, value) => self.entries.put_bare(key, value),
        };
        match put {
            Err(Error::NotUtf8(_)) => self.warnings.push((self.count, names.not_utf8(event))),
            put => {
                self.count += 1;
                put?;
            }
        }
        Ok(())
    }

    /// Adds what comes of the part that follows.
    fn append(&mut self, next: Self) -> Result<(), Error> {
        let before = self.count;
        self.entries.append(next.entries)?;
        self.count += next.count;
        self.warnings.extend(next.warnings.into_iter().map(|(count, text)| (before + count, text)));
        Ok(())
    }
}

impl MapUpdate {
    /// Adds all entries of a text. What [`Syntax::Aliases`] adds of its own replaces what is there.
    ///
    /// Warnings as for [`NewTable::compile`].
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn add_all(
        &mut self,
        source: &TableText<'_>,
        mut warn: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        let names = Names::of(&self.spec, self.file());
        self.mended().for_each(|warning| warn(&warning));
        let rules = self.rules;
        source.events(rules.utf8, |event| {
            let stored = match event {
                Event::Warning(message) => {
                    warn(message);
                    return Ok(());
                }
                Event::Entry(key, value) => self.put(key, value),
                Event::Own(key, value) => self.put_or_keep(key, value, Keep::Last),
                Event::Bare(key, value) => self.put_bare(key, value).map(|()| true),
            };
            match (stored, event) {
                (Err(Error::NotUtf8(_)), event) => warn(&names.not_utf8(event)),
                (Ok(false), Event::Entry(key, _)) if self.duplicates == Duplicates::Warn => {
                    warn(&names.duplicate(&rules.prepare(key)?));
                }
                (stored, _) => {
                    stored?;
                }
            }
            Ok(())
        })
    }
}

/// What a text yields, in order.
#[derive(Clone, Copy)]
enum Event<'e> {
    /// A message, complete.
    Warning(&'e [u8]),
    /// An entry of the text.
    Entry(&'e [u8], &'e [u8]),
    /// An entry that the format adds.
    Own(&'e [u8], &'e [u8]),
    /// One that it adds without terminators and unfolded.
    Bare(&'e [u8], &'e [u8]),
}

impl TableText<'_> {
    /// Hands all that the text yields to `take`.
    fn events(
        &self,
        utf8: bool,
        mut take: impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.format {
            Syntax::Map { .. } => {
                map_entries(self.text, utf8).try_for_each(|item| self.event(item, &mut take))
            }
            Syntax::Aliases { time, host } => {
                alias_entries(self.text, utf8).try_for_each(|item| self.event(item, &mut take))?;
                take(Event::Own(b"@", b"@"))?;
                let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let time = format!("{:010}", time.as_secs());
                take(Event::Bare(b"YP_LAST_MODIFIED", time.as_bytes()))?;
                take(Event::Bare(b"YP_MASTER_NAME", host))
            }
        }
    }

    fn event(
        &self,
        item: Item<'_>,
        take: &mut impl FnMut(Event<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let entry = match item {
            Item::Diagnostic(diagnostic) => {
                return take(Event::Warning(&diagnostic.message(self.name)));
            }
            Item::Entry(entry) => entry,
        };
        if !matches!(self.format, Syntax::Map { values_are_files: true }) {
            return take(Event::Entry(&entry.key, &entry.value));
        }
        match file_values::encode(&entry.value) {
            Ok(value) => take(Event::Entry(&entry.key, &value)),
            Err(reason) => {
                let place = format!(", line {}: ", entry.lines.first);
                let skipping = b": skipping this entry";
                let parts: [&[u8]; 4] = [self.name, place.as_bytes(), &reason, skipping];
                take(Event::Warning(&parts.concat()))
            }
        }
    }
}

/// What messages call a table.
struct Names {
    /// Its file.
    file: Vec<u8>,
    /// Its type and its file.
    table: Vec<u8>,
}

impl Names {
    fn of(spec: &TableSpec, file: &Path) -> Self {
        let file = file.as_os_str().as_bytes().to_vec();
        Names { table: [spec.table_type().as_bytes(), b":", &file].concat(), file }
    }

    fn duplicate(&self, key: &[u8]) -> Vec<u8> {
        [&self.file[..], b": duplicate entry: \"", key, b"\""].concat()
    }

    fn not_utf8(&self, event: Event<'_>) -> Vec<u8> {
        match event {
            Event::Warning(message) => message.to_vec(),
            Event::Entry(key, value) | Event::Own(key, value) | Event::Bare(key, value) => {
                not_utf8_message(&self.table, key, value)
            }
        }
    }
}
