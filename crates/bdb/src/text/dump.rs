//! Writing databases as text.

use std::io::{self, Write};

use kv_file_core::{Source, TextFormat};

use super::header::DumpHeader;
use crate::btree::BtreeDb;
use crate::databases::{AccessMethod, access_method, database_names};
use crate::error::{ErrorKind, Result};
use crate::hash::HashDb;

/// Bytes of text that are gathered before they are written.
const WRITE_SIZE: usize = 64 * 1024;

/// Writes databases as text that `db_load` reads, pair by pair, wherever the pairs come from.
///
/// [`HashDb::dump`], [`BtreeDb::dump`] and [`dump_all`] do so for databases as they are.
///
/// ```
/// use bdb_file::{DumpHeader, DumpWriter};
///
/// let mut text = Vec::new();
/// let mut writer = DumpWriter::new(&mut text);
/// writer.begin(&DumpHeader::default());
/// writer.pair(b"a", b"b")?;
/// writer.end()?;
/// assert_eq!(text, b"VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n 61\n 62\nDATA=END\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a dump without `end` is refused by whoever reads it"]
#[derive(Debug)]
pub struct DumpWriter<W: Write> {
    out: W,
    format: TextFormat,
    /// Text that is still to be written.
    text: Vec<u8>,
}

impl<W: Write> DumpWriter<W> {
    /// A writer to `out`, to which it gives large pieces.
    pub fn new(out: W) -> Self {
        DumpWriter { out, format: TextFormat::default(), text: Vec::new() }
    }

    /// Begins a database.
    pub fn begin(&mut self, header: &DumpHeader) {
        self.format = header.format;
        self.text.extend_from_slice(header.to_text().as_bytes());
    }

    /// Writes a pair.
    ///
    /// # Errors
    /// What `out` gave.
    pub fn pair(&mut self, key: &[u8], data: &[u8]) -> io::Result<()> {
        for item in [key, data] {
            self.text.push(b' ');
            self.format.encode(item, &mut self.text);
            self.text.push(b'\n');
        }
        if self.text.len() >= WRITE_SIZE { self.write() } else { Ok(()) }
    }

    /// Ends the database: without this a reader takes the text to have been cut short.
    ///
    /// # Errors
    /// What `out` gave.
    pub fn end(&mut self) -> io::Result<()> {
        self.text.extend_from_slice(b"DATA=END\n");
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.out.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

impl<S: Source> HashDb<S> {
    /// Writes the database as text: what `db_dump` prints, byte for byte ([section 26]).
    ///
    /// A key with several data items comes once for each.
    ///
    /// # Errors
    /// As while [iterating](Self::iter), and what `out` gave; part of the text may then have been
    /// written. It lacks its last line, `DATA=END`.
    ///
    /// # Complexity
    /// Reads every page in use once. Memory: what one key and its data take, and a buffer.
    ///
    /// [section 26]: crate::specification::hash#26-dump-and-load-text-format-v
    pub fn dump<W: Write>(&self, format: TextFormat, out: W) -> Result<()> {
        self.dump_as(None, format, out)
    }

    fn dump_as<W: Write>(&self, name: Option<&[u8]>, format: TextFormat, out: W) -> Result<()> {
        dump(&DumpHeader::of_hash(self, name, format), self, out)
    }
}

impl<S: Source> BtreeDb<S> {
    /// Writes the database as text: what `db_dump` prints, byte for byte (section 26).
    ///
    /// A key with several data items comes once for each.
    ///
    /// # Errors
    /// As while [iterating](Self::iter), and what `out` gave; part of the text may then have been
    /// written. It lacks its last line, `DATA=END`.
    ///
    /// # Complexity
    /// Reads every leaf once. Memory: what one key and its data take, and a buffer.
    pub fn dump<W: Write>(&self, format: TextFormat, out: W) -> Result<()> {
        self.dump_as(None, format, out)
    }

    fn dump_as<W: Write>(&self, name: Option<&[u8]>, format: TextFormat, out: W) -> Result<()> {
        dump(&DumpHeader::of_btree(self, name, format), self, out)
    }
}

/// Writes all databases of a file as text, in the order of their names: what `db_dump` prints, byte
/// for byte ([section 26]). A file that is one nameless database gives the text of [`HashDb::dump`] or
/// [`BtreeDb::dump`].
///
/// # Errors
/// As for [`HashDb::open_named`], [`BtreeDb::open_named`] and the databases' `dump`.
///
/// # Complexity
/// Reads the list of databases twice more for each of them. Memory: the names, what one key and its
/// data take, and a buffer.
///
/// [section 26]: crate::specification::hash#26-dump-and-load-text-format-v
pub fn dump_all<S: Source, W: Write>(source: S, format: TextFormat, mut out: W) -> Result<()> {
    match access_method(&source, None) {
        Ok(AccessMethod::Hash) => HashDb::open(&source)?.dump(format, out),
        Ok(AccessMethod::Btree) => BtreeDb::open(&source)?.dump(format, out),
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            database_names(&source)?.into_iter().try_for_each(|name| {
                let named = Some(&name[..]);
                match access_method(&source, named)? {
                    AccessMethod::Hash => {
                        HashDb::open_named(&source, &name)?.dump_as(named, format, &mut out)
                    }
                    AccessMethod::Btree => {
                        BtreeDb::open_named(&source, &name)?.dump_as(named, format, &mut out)
                    }
                }
            })
        }
        Err(error) => Err(error),
    }
}

/// Writes the text of a database.
fn dump<K, D, W>(
    header: &DumpHeader,
    pairs: impl IntoIterator<Item = Result<(K, D)>>,
    out: W,
) -> Result<()>
where
    K: AsRef<[u8]>,
    D: AsRef<[u8]>,
    W: Write,
{
    let mut writer = DumpWriter::new(out);
    writer.begin(header);
    for pair in pairs {
        let (key, data) = pair?;
        writer.pair(key.as_ref(), data.as_ref())?;
    }
    Ok(writer.end()?)
}
