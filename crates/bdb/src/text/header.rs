//! The header of a database's text: lines `keyword=value`.

use kv_file_core::{Source, TextFormat, print_escaped, print_unescaped};

use crate::btree::BtreeDb;
use crate::databases::AccessMethod;
use crate::error::{Result, TextProblem};
use crate::format::ByteOrder;
use crate::format::meta::MINIMUM_KEYS;
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
    /// How the database keeps its pairs, which tells what builds it.
    pub access_method: AccessMethod,
    /// Of a hash database, the file's own count of keys, which need not be right:
    /// [`HashMeta::elements`](crate::HashMeta::elements).
    pub elements: u32,
    /// Whether a btree counts the records under each page.
    pub record_numbers: bool,
    /// Number of keys for which each page of a btree has room, where it is not 2.
    pub minimum_keys: Option<u32>,
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
    pub(super) fn of_hash<S: Source>(
        database: &HashDb<S>,
        name: Option<&[u8]>,
        format: TextFormat,
    ) -> Self {
        let meta = database.meta();
        DumpHeader {
            format,
            database: name.map(<[u8]>::to_vec),
            access_method: AccessMethod::Hash,
            elements: meta.elements,
            checksums: database.has_checksums(),
            duplicates: meta.duplicates,
            sorted_duplicates: meta.sorted_duplicates,
            page_size: Some(database.page_size()),
            ..DumpHeader::default()
        }
    }

    pub(super) fn of_btree<S: Source>(
        database: &BtreeDb<S>,
        name: Option<&[u8]>,
        format: TextFormat,
    ) -> Self {
        let meta = database.meta();
        DumpHeader {
            format,
            database: name.map(<[u8]>::to_vec),
            access_method: AccessMethod::Btree,
            record_numbers: meta.record_numbers,
            minimum_keys: Some(meta.minimum_keys).filter(|keys| *keys != MINIMUM_KEYS),
            checksums: database.has_checksums(),
            duplicates: meta.duplicates,
            sorted_duplicates: meta.sorted_duplicates,
            page_size: Some(database.page_size()),
            ..DumpHeader::default()
        }
    }

    /// Options for a file as the header describes it: all that it says but the database's name and
    /// its [access method](Self::access_method).
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
            .record_numbers(self.record_numbers)
            .minimum_keys(self.minimum_keys)
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
        match self.access_method {
            AccessMethod::Hash => {
                line("type", "hash");
                if self.elements > 1 {
                    line("h_nelem", &self.elements.to_string());
                }
            }
            AccessMethod::Btree => {
                line("type", "btree");
                if self.record_numbers {
                    line("recnum", "1");
                }
                if let Some(keys) = self.minimum_keys {
                    line("bt_minkey", &keys.to_string());
                }
            }
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
    /// A keyword that only hash databases have, and one that only btrees have.
    only_hash: Option<&'static str>,
    only_btree: Option<&'static str>,
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
            b"type" => {
                header.access_method = match value {
                    b"hash" => AccessMethod::Hash,
                    b"btree" => AccessMethod::Btree,
                    b"heap" | b"queue" | b"recno" => return Err(TextProblem::AccessMethod),
                    _ => return Err(TextProblem::Value("type")),
                };
                self.typed = true;
            }
            b"database" | b"subdatabase" => {
                let name = print_unescaped(value).ok_or(TextProblem::Value("database"))?;
                header.database = Some(name).filter(|name| !name.is_empty());
            }
            b"h_nelem" => {
                header.elements = number("h_nelem", value)?;
                self.only_hash = Some("h_nelem");
            }
            // How libdb is to lay a hash table out.
            b"h_ffactor" => {
                number("h_ffactor", value)?;
                self.only_hash = Some("h_ffactor");
            }
            b"bt_minkey" => {
                let keys = number("bt_minkey", value)?;
                let keys = Some(keys).filter(|keys| *keys >= MINIMUM_KEYS);
                header.minimum_keys = Some(keys.ok_or(TextProblem::Value("bt_minkey"))?);
                self.only_btree = Some("bt_minkey");
            }
            b"recnum" => {
                header.record_numbers = flag("recnum", value)?;
                self.only_btree = Some("recnum").filter(|_| header.record_numbers);
            }
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
            // Of databases whose keys are numbers: whether these are given, and how libdb is to
            // keep them.
            b"keys" => drop(flag("keys", value)?),
            b"extentsize" => drop(number("extentsize", value)?),
            b"renumber" if value == b"0" => {}
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
        let foreign = match self.header.access_method {
            AccessMethod::Hash => self.only_btree,
            AccessMethod::Btree => self.only_hash,
        };
        if let Some(keyword) = foreign {
            return Err(TextProblem::OtherType(keyword));
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
