//! Making a table from its text: what `postmap` and `postalias` are for.

use std::time::SystemTime;

use kv_file_core::{Entries, TooLarge, both};
use postfix_map_text::{Item, KeyRules, MapEntries, alias_entries, map_entries};

use super::new_table::{NewTable, Storing, Summary};
use super::update::TableUpdate;
use crate::error::{Error, ErrorKind, Result, not_utf8_message};
use crate::file_values;
use crate::options::Duplicates;

/// The text of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableText<'t> {
    /// What messages call it: its path as given, or `stdin`.
    pub name: &'t [u8],
    /// All of it.
    pub text: &'t [u8],
    /// Its grammar.
    pub syntax: Syntax<'t>,
}

/// The grammar of a table's text, and what belongs to every table of that kind.
#[derive(Clone, Copy, Debug)]
pub enum Syntax<'t> {
    /// `key value`, as `postmap` reads it.
    Map {
        /// Values are names of files, whose contents are stored: `postmap -F`.
        values_are_files: bool,
    },
    /// `name: value`, as `postalias` reads it. The table gets three entries of its own (postalias
    /// specification, section 5): `@`, the time, and the name of the host.
    Aliases {
        /// What the table will say of when it was made.
        time: SystemTime,
        /// main.cf's `myhostname`.
        host: &'t [u8],
    },
}

impl Syntax<'static> {
    /// `key value`, with values as they are: what `postmap` reads without options.
    pub const MAP: Self = Syntax::Map { values_are_files: false };
}

impl NewTable {
    /// Makes the table from its text, behind the entries that were [`put`](Self::put).
    ///
    /// Warnings go to `warn`, without the program's name, in the order of the input: the parser's,
    /// and those of duplicate entries. They are given before the table is written, and change
    /// nothing. Returns how many entries there are.
    ///
    /// # Errors
    /// As [`finish`](Self::finish). A duplicate entry that is refused is named with the text and its
    /// line.
    ///
    /// # Complexity
    /// One pass over the text, a long one by two threads, and 32 bytes of memory an entry; see also
    /// [`HashBuilder`](bdb_file::HashBuilder).
    pub fn compile(mut self, text: &TableText<'_>, mut warn: impl FnMut(&[u8])) -> Result<Summary> {
        let (format, file) = (self.format, self.file().to_owned());
        let table = self.spec.internal_name(&file);
        self.mended().for_each(|warning| warn(&warning));
        let put = self.take_entries();
        let too_large = self.write_error();
        let maker = Maker { storing: self.storing, table: &table, too_large: &too_large };
        let Collected { entries, warnings } = maker.collect(text, put)?;
        let pushed = entries.len();
        let plan = self.contents(entries, |key| text.place_of_second(self.storing.rules, key))?;
        let mut dropped = 0;
        // Duplicates are known only now; each has its place among the other warnings.
        let mut warnings = warnings.into_iter().peekable();
        let to_warn = self.options.duplicates == Duplicates::Warn;
        plan.dropped(&mut |index, key| {
            dropped += 1;
            if to_warn {
                while let Some((_, message)) = warnings.next_if(|(before, _)| *before <= index) {
                    warn(&message);
                }
                warn(&format.duplicate_words(&file, key));
            }
        });
        warnings.for_each(|(_, message)| warn(&message));
        self.write(&*plan)?;
        Ok(Summary::new(pushed, dropped))
    }
}

/// Texts from this length on are read by two threads, each half of it.
const LONG: usize = 1 << 20;

/// Makes entries of what a text yields.
struct Maker<'m> {
    storing: Storing,
    /// The table's type and its file.
    table: &'m [u8],
    too_large: &'m (dyn Fn(TooLarge) -> Error + Sync),
}

/// What comes of some part of a text.
struct Collected<'t> {
    entries: Entries<'t>,
    /// Each with the number of the entries before it.
    warnings: Vec<(u32, Vec<u8>)>,
}

impl Maker<'_> {
    /// All entries of a text, behind those that were put.
    fn collect<'t>(&self, text: &TableText<'t>, put: Entries<'static>) -> Result<Collected<'t>> {
        let rules = self.storing.rules;
        let mut all = Collected { entries: Entries::over(text.text), warnings: Vec::new() };
        all.entries.append(put).map_err(self.too_large)?;
        match text.syntax {
            Syntax::Map { .. } if text.text.len() >= LONG => {
                let (items, others) = map_entries(text.text, rules).split();
                let mut other = Collected { entries: all.entries.fork(), warnings: Vec::new() };
                let take = |collected: &mut Collected<'_>, mut items: MapEntries<'_>| {
                    items.try_for_each(|item| {
                        text.event(item, &mut |event| self.take(collected, event))
                    })
                };
                let (of_other, of_first) =
                    both(|| take(&mut other, others.clone()), || take(&mut all, items));
                of_first?;
                of_other?;
                all.append(other).map_err(self.too_large)?;
            }
            _ => text.events(rules, |event| self.take(&mut all, event))?,
        }
        Ok(all)
    }

    fn take(&self, collected: &mut Collected<'_>, event: Event<'_>) -> Result<()> {
        let Collected { entries, warnings } = collected;
        let put = match event {
            Event::Warning(message) => {
                warnings.push((entries.len(), message.to_vec()));
                return Ok(());
            }
            Event::Entry(key, value) | Event::Own(key, value) => {
                self.storing.prepare(key, value, self.storing.terminated, |key, value| {
                    entries.push(key, value).map_err(self.too_large)
                })
            }
            Event::Bare(key, value) => entries.push(key, value).map_err(self.too_large),
        };
        match put {
            Err(error) if error.kind() == ErrorKind::NotUtf8 => {
                warnings.push((entries.len(), event.not_utf8(self.table)));
                Ok(())
            }
            put => put,
        }
    }
}

impl Collected<'_> {
    /// Adds what comes of the part that follows.
    fn append(&mut self, next: Self) -> Result<(), TooLarge> {
        let before = self.entries.len();
        self.entries.append(next.entries)?;
        self.warnings.extend(next.warnings.into_iter().map(|(count, text)| (before + count, text)));
        Ok(())
    }
}

impl TableUpdate {
    /// Adds all entries of a text. What [`Syntax::Aliases`] adds of its own replaces what is there.
    ///
    /// Warnings as for [`NewTable::compile`].
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn add_all(&mut self, text: &TableText<'_>, mut warn: impl FnMut(&[u8])) -> Result<()> {
        let (format, file) = (self.format, self.file().to_owned());
        let table = self.internal_name();
        self.mended().for_each(|warning| warn(&warning));
        let rules = self.storing.rules;
        text.events(rules, |event| {
            let stored = match event {
                Event::Warning(message) => {
                    warn(message);
                    return Ok(());
                }
                Event::Entry(key, value) => self.put(key, value),
                Event::Own(key, value) => self.put_as(key, value, Duplicates::Replace),
                Event::Bare(key, value) => self.put_bare(key, value).map(|()| true),
            };
            match (stored, event) {
                (Err(error), event) if error.kind() == ErrorKind::NotUtf8 => {
                    warn(&event.not_utf8(&table));
                }
                (Ok(false), Event::Entry(key, _)) if self.duplicates == Duplicates::Warn => {
                    let key = rules.prepare(key).unwrap_or(key.into());
                    warn(&format.duplicate_words(&file, &key));
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

impl Event<'_> {
    /// What is said of an entry that is not UTF-8.
    fn not_utf8(self, table: &[u8]) -> Vec<u8> {
        match self {
            Event::Warning(message) => message.to_vec(),
            Event::Entry(key, value) | Event::Own(key, value) | Event::Bare(key, value) => {
                not_utf8_message(table, key, value)
            }
        }
    }
}

impl TableText<'_> {
    /// Hands all that the text yields to `take`.
    fn events(&self, rules: KeyRules, mut take: impl FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        match self.syntax {
            Syntax::Map { .. } => {
                map_entries(self.text, rules).try_for_each(|item| self.event(item, &mut take))
            }
            Syntax::Aliases { time, host } => {
                alias_entries(self.text, rules).try_for_each(|item| self.event(item, &mut take))?;
                take(Event::Own(b"@", b"@"))?;
                let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let time = format!("{:010}", time.as_secs());
                take(Event::Bare(b"YP_LAST_MODIFIED", time.as_bytes()))?;
                take(Event::Bare(b"YP_MASTER_NAME", host))
            }
        }
    }

    /// Where the second entry with a key stands, or the only one; nothing for one that the format
    /// adds.
    fn place_of_second(&self, rules: KeyRules, key: &[u8]) -> Option<Vec<u8>> {
        let line = |item: Item<'_>| match item {
            Item::Entry(entry) if *rules.prepare(&entry.key).ok()? == *key => {
                Some(entry.lines.first)
            }
            _ => None,
        };
        let lines: Vec<_> = match self.syntax {
            Syntax::Map { .. } => map_entries(self.text, rules).filter_map(line).take(2).collect(),
            Syntax::Aliases { .. } => {
                alias_entries(self.text, rules).filter_map(line).take(2).collect()
            }
        };
        let place = format!(", line {}: ", lines.last()?);
        Some([self.name, place.as_bytes()].concat())
    }

    fn event(&self, item: Item<'_>, take: &mut impl FnMut(Event<'_>) -> Result<()>) -> Result<()> {
        let entry = match item {
            Item::Diagnostic(diagnostic) => {
                return take(Event::Warning(&diagnostic.message(self.name)));
            }
            Item::Entry(entry) => entry,
        };
        if !matches!(self.syntax, Syntax::Map { values_are_files: true }) {
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
