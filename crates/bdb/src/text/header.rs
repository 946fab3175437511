//! The header of a database's text: lines `keyword=value`.

use kv_file_core::{Source, TextFormat, print_escaped, print_unescaped};

use crate::error::{Result, TextProblem};
use crate::format::ByteOrder;
use crate::hash::HashDb;
use crate::options::{BuildOptions, DataOrder};

/// What the header of a dump says of its database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DumpHeader {
    /// How keys and data are written.
    pub format: TextFormat,
    /// The database's name, in a dump of several.
    pub database: Option<Vec<u8>>,
    /// The file's own count of keys, which need not be right:
    /// [`HashMeta::elements`](crate::HashMeta::elements).
    pub elements: u32,
    /// Whether every page carries a checksum.
    pub checksums: bool,
    /// Whether a key may have several data items.
    pub duplicates: bool,
    /// Whether those are kept in byte order.
    pub sorted_duplicates: bool,
    /// Page size in bytes.
    pub page_size: Option<u32>,
    /// Byte order of the file's numbers; no dump states it.
    pub byte_order: Option<ByteOrder>,
}

impl DumpHeader {
    pub(super) fn of<S: Source>(
        database: &HashDb<S>,
        name: Option<&[u8]>,
        format: TextFormat,
    ) -> Self {
        let meta = database.meta();
        DumpHeader {
            format,
            database: name.map(<[u8]>::to_vec),
            elements: meta.elements,
            checksums: database.has_checksums(),
            duplicates: meta.duplicates,
            sorted_duplicates: meta.sorted_duplicates,
            page_size: Some(database.page_size()),
            byte_order: None,
        }
    }

    /// Options for a file as the header describes it, as far as a
    /// [`HashBuilder`](crate::HashBuilder) can make one: not the database's name.
    pub fn build_options(&self) -> BuildOptions {
        BuildOptions::default()
            .page_size(self.page_size)
            .byte_order(self.byte_order.unwrap_or(ByteOrder::NATIVE))
            .checksums(self.checksums)
            .data_order(match (self.duplicates, self.sorted_duplicates) {
                (_, true) => Some(DataOrder::Sorted),
                (true, false) => Some(DataOrder::Insertion),
                (false, false) => None,
            })
    }

    /// The header as `db_dump` prints it.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::from("VERSION=3\n");
        let mut line = |keyword: &str, value: &str| {
            for part in [keyword, "=", value, "\n"] {
                text.push_str(part);
            }
        };
        line("format", self.format.keyword());
        if let Some(name) = &self.database {
            line("database", &print_escaped(name));
        }
        line("type", "hash");
        if self.elements > 1 {
            line("h_nelem", &self.elements.to_string());
        }
        for (keyword, flag) in [
            ("chksum", self.checksums),
            ("duplicates", self.duplicates),
            ("dupsort", self.sorted_duplicates),
        ] {
            if flag {
                line(keyword, "1");
            }
        }
        if let Some(page_size) = self.page_size {
            line("db_pagesize", &page_size.to_string());
        }
        line("HEADER", "END");
        text
    }
}

/// A header of which some lines have been read.
#[derive(Default)]
pub(super) struct Draft {
    header: DumpHeader,
    /// Nothing for the first version, which has no such line.
    version: Option<u32>,
    /// Whether the type has been stated.
    typed: bool,
}

impl Draft {
    /// Takes a line other than the last.
    pub fn take(&mut self, line: &[u8]) -> Result<(), TextProblem> {
        let equals = line.iter().position(|byte| *byte == b'=');
        let (keyword, value) = equals
            .and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?)))
            .ok_or(TextProblem::NotAHeaderLine)?;
        let header = &mut self.header;
        match keyword {
            b"VERSION" => match number("VERSION", value)? {
                version @ 1..=3 => self.version = Some(version),
                _ => return Err(TextProblem::Value("VERSION")),
            },
            b"format" => {
                header.format = [TextFormat::Bytes, TextFormat::Print]
                    .into_iter()
                    .find(|format| format.keyword().as_bytes() == value)
                    .ok_or(TextProblem::Value("format"))?;
            }
            b"type" => match value {
                b"hash" => self.typed = true,
                b"btree" | b"heap" | b"queue" | b"recno" => return Err(TextProblem::AccessMethod),
                _ => return Err(TextProblem::Value("type")),
            },
            b"database" | b"subdatabase" => {
                let name = print_unescaped(value).ok_or(TextProblem::Value("database"))?;
                header.database = Some(name).filter(|name| !name.is_empty());
            }
            b"h_nelem" => header.elements = number("h_nelem", value)?,
            b"chksum" => header.checksums = flag("chksum", value)?,
            b"duplicates" => header.duplicates = flag("duplicates", value)?,
            b"dupsort" => header.sorted_duplicates = flag("dupsort", value)?,
            b"db_pagesize" => header.page_size = Some(number("db_pagesize", value)?),
            b"db_lorder" => {
                header.byte_order = Some(match value {
                    b"1234" => ByteOrder::Little,
                    b"4321" => ByteOrder::Big,
                    _ => return Err(TextProblem::Value("db_lorder")),
                });
            }
            // How libdb is to lay the table out; that record numbers are given, which hash
            // databases have none of.
            b"h_ffactor" => drop(number("h_ffactor", value)?),
            b"keys" => drop(flag("keys", value)?),
            _ => return Err(TextProblem::Keyword(keyword.escape_ascii().to_string())),
        }
        Ok(())
    }

    /// The header when its last line has been read, and whether each line of data starts with a
    /// space.
    pub fn finish(self) -> Result<(DumpHeader, bool), TextProblem> {
        if !self.typed {
            return Err(TextProblem::NoType);
        }
        Ok((self.header, self.version.is_some_and(|version| version > 1)))
    }
}

fn number(keyword: &'static str, value: &[u8]) -> Result<u32, TextProblem> {
    let digits = Some(value).filter(|value| value.iter().all(u8::is_ascii_digit));
    let number = digits.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    number.ok_or(TextProblem::Value(keyword))
}

fn flag(keyword: &'static str, value: &[u8]) -> Result<bool, TextProblem> {
    match value {
        b"0" => Ok(false),
        b"1" => Ok(true),
        _ => Err(TextProblem::Value(keyword)),
    }
}
