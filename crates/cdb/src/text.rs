//! Files as text: what `cdb -d` prints and `cdb -c` reads (section 9).

use std::io::{self, BufRead, Write};

use kv_file_core::Source;

use crate::error::{Error, ErrorKind, Result};
use crate::read::Cdb;

/// Prints all records: `+KLEN,VLEN:KEY->VALUE`, and an empty line at the end.
///
/// # Errors
/// What reading the file and `out` gave; part of the text may then have been written.
///
/// # Complexity
/// Reads the records once. Memory: what one of them takes.
pub fn dump<S: Source, W: Write>(database: &Cdb<S>, out: W) -> Result<()> {
    let mut out = io::BufWriter::new(out);
    for record in database {
        let (key, value) = record?;
        write!(out, "+{},{}:", key.len(), value.len())?;
        for piece in [&key[..], b"->", &value, b"\n"] {
            out.write_all(piece)?;
        }
    }
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Reads the text that [`dump`] prints, one record at a time.
///
/// ```
/// use cdb_file::TextReader;
///
/// let mut reader = TextReader::new(&b"+4,3:root->bob\n\n"[..]);
/// assert_eq!(reader.next_record()?, Some((&b"root"[..], &b"bob"[..])));
/// assert_eq!(reader.next_record()?, None);
/// # Ok::<(), cdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct TextReader<R> {
    input: R,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Number of the record at hand.
    record: u64,
    ended: bool,
}

/// Digits of the longest length.
const DIGITS: usize = 10;

impl<R: BufRead> TextReader<R> {
    /// Reads from `input`.
    pub fn new(input: R) -> Self {
        TextReader { input, key: Vec::new(), value: Vec::new(), record: 0, ended: false }
    }

    /// The next record, lent until the next call; `None` behind the last one.
    ///
    /// # Errors
    /// [`ErrorKind::Text`] for a text that makes no sense or ends before its empty line,
    /// [`ErrorKind::Io`].
    pub fn next_record(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        if self.ended {
            return Ok(None);
        }
        self.record += 1;
        match self.byte()? {
            b'\n' => {
                self.ended = true;
                return Ok(None);
            }
            b'+' => {}
            _ => return Err(self.error("does not start with +")),
        }
        let key_len = self.number(b',')?;
        let value_len = self.number(b':')?;
        let mut key = std::mem::take(&mut self.key);
        self.bytes(key_len, &mut key)?;
        self.key = key;
        self.expect(b"->")?;
        let mut value = std::mem::take(&mut self.value);
        self.bytes(value_len, &mut value)?;
        self.value = value;
        self.expect(b"\n")?;
        Ok(Some((&self.key, &self.value)))
    }

    fn byte(&mut self) -> Result<u8> {
        let byte = self.input.fill_buf()?.first().copied();
        self.input.consume(usize::from(byte.is_some()));
        byte.ok_or_else(|| self.error("text ends early"))
    }

    fn expect(&mut self, expected: &[u8]) -> Result<()> {
        for byte in expected {
            if self.byte()? != *byte {
                return Err(self.error("lengths are not those of key and value"));
            }
        }
        Ok(())
    }

    /// A length, up to a byte that ends it.
    fn number(&mut self, end: u8) -> Result<u64> {
        let mut number = 0;
        for digits in 0.. {
            match self.byte()? {
                digit @ b'0'..=b'9' if digits < DIGITS => {
                    number = 10 * number + u64::from(digit - b'0');
                }
                byte if byte == end && digits > 0 => break,
                _ => return Err(self.error("malformed length")),
            }
        }
        Ok(number)
    }

    /// Bytes of a stated length: memory grows with what there is, never by what is stated.
    fn bytes(&mut self, len: u64, to: &mut Vec<u8>) -> Result<()> {
        to.clear();
        let mut left = len;
        while left > 0 {
            let part = self.input.fill_buf()?;
            let part = part.get(..left.min(part.len() as u64) as usize).unwrap_or_default();
            if part.is_empty() {
                return Err(self.error("text ends early"));
            }
            to.extend_from_slice(part);
            let read = part.len();
            self.input.consume(read);
            left -= read as u64;
        }
        Ok(())
    }

    fn error(&self, problem: &'static str) -> Error {
        ErrorKind::Text { record: self.record, problem }.into()
    }
}
