//! Making a table from its text: what `postmap` and `postalias` are for.

use std::os::unix::ffi::OsStrExt;
use std::time::SystemTime;

use postfix_map_text::{Entry, Item, alias_entries, map_entries};

use crate::error::{Error, not_utf8_message};
use crate::file_values;
use crate::writer::{MapWriter, NewTable};

/// The text of a table.
#[derive(Clone, Copy, Debug)]
pub struct Source<'t> {
    /// What messages call it: its path as given, or `stdin`.
    pub name: &'t [u8],
    /// All of it.
    pub text: &'t [u8],
    /// Its grammar.
    pub format: Format<'t>,
}

/// The grammar of a table's text, and what belongs to every table of that kind.
#[derive(Clone, Copy, Debug)]
pub enum Format<'t> {
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
    /// As [`MapWriter::finish`].
    ///
    /// # Complexity
    /// One pass over the text, and 40 bytes of memory an entry; see also [`bdb_file::Builder`].
    pub fn compile(self, source: &Source<'_>, mut warn: impl FnMut(&[u8])) -> Result<(), Error> {
        let utf8 = self.options.rules.utf8;
        let mut compiler = Compiler::start(self, source, &mut warn);
        match source.format {
            Format::Map { values_are_files: false } => {
                for item in map_entries(source.text, utf8) {
                    compiler.item(item, Ok)?;
                }
            }
            Format::Map { values_are_files: true } => {
                for item in map_entries(source.text, utf8) {
                    compiler.item(item, |entry| {
                        let value = file_values::encode(&entry.value)?.into();
                        Ok(Entry { value, ..entry })
                    })?;
                }
            }
            Format::Aliases { time, host } => {
                for item in alias_entries(source.text, utf8) {
                    compiler.item(item, Ok)?;
                }
                compiler.put(b"@", b"@")?;
                let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let time = format!("{:010}", time.as_secs());
                compiler.put_bare(b"YP_LAST_MODIFIED", time.as_bytes())?;
                compiler.put_bare(b"YP_MASTER_NAME", host)?;
            }
        }
        compiler.finish(&mut warn)
    }
}

struct Compiler<'t, 's> {
    writer: MapWriter<'t>,
    source: &'s Source<'t>,
    /// `type:file` and the file, as messages name the table.
    table: Vec<u8>,
    file: Vec<u8>,
    /// Entries put so far.
    count: u32,
    /// Warnings, each behind the number of entries that had been put before it.
    warnings: Vec<(u32, Vec<u8>)>,
}

impl<'t, 's> Compiler<'t, 's> {
    fn start(table: NewTable, source: &'s Source<'t>, warn: &mut impl FnMut(&[u8])) -> Self {
        let file = table.file().as_os_str().as_bytes().to_vec();
        if table.removed_empty_file() {
            warn(&[b"removing zero-length database file: ", &file[..]].concat());
        }
        Compiler {
            table: [table.spec.table_type().as_bytes(), b":", &file].concat(),
            file,
            writer: table.writer_over(source.text),
            source,
            count: 0,
            warnings: Vec::new(),
        }
    }

    /// Takes in what the parser gives. `convert` may change an entry, or say why it is to be left out.
    fn item<'e>(
        &mut self,
        item: Item<'e>,
        convert: impl FnOnce(Entry<'e>) -> Result<Entry<'e>, Vec<u8>>,
    ) -> Result<(), Error> {
        match item {
            Item::Diagnostic(diagnostic) => {
                self.warn(diagnostic.message(self.source.name));
                Ok(())
            }
            Item::Entry(entry) => {
                let line = entry.lines.first;
                match convert(entry) {
                    Ok(entry) => self.put(&entry.key, &entry.value),
                    Err(reason) => {
                        let place = format!(", line {line}: ");
                        let parts: [&[u8]; 4] =
                            [self.source.name, place.as_bytes(), &reason, b": skipping this entry"];
                        self.warn(parts.concat());
                        Ok(())
                    }
                }
            }
        }
    }

    fn warn(&mut self, message: Vec<u8>) {
        self.warnings.push((self.count, message));
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match self.writer.put(key, value) {
            // As every update of a table: a warning, and on with the next.
            Err(Error::NotUtf8(_)) => {
                self.warn(not_utf8_message(&self.table, key, value));
                Ok(())
            }
            result => {
                self.count += 1;
                result
            }
        }
    }

    fn put_bare(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.count += 1;
        self.writer.put_bare(key, value)
    }

    fn finish(self, warn: &mut impl FnMut(&[u8])) -> Result<(), Error> {
        let map = self.writer.plan()?;
        let mut warnings = self.warnings.into_iter().peekable();
        for (index, key) in map.duplicates() {
            while let Some((_, message)) = warnings.next_if(|(before, _)| *before <= index) {
                warn(&message);
            }
            warn(&[&self.file[..], b": duplicate entry: \"", key, b"\""].concat());
        }
        warnings.for_each(|(_, message)| warn(&message));
        map.finish()
    }
}
