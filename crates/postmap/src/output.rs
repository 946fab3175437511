//! Standard output, in blocks as the C library's and Postfix's are.

use std::io::{self, ErrorKind, Write};

use crate::signals::die_of_broken_pipe;

/// The unit in which Postfix writes.
const BLOCK: usize = 4096;
/// Blocks that are gathered before they are written.
const CAPACITY: usize = 16 * BLOCK;

/// Buffered output. What is left in it is written by [`finish`](Self::finish) only: after a fatal
/// error Postfix gives out whole blocks, and the rest is lost (postmap specification, section 5).
#[derive(Debug, Default)]
pub struct Output {
    buffer: Vec<u8>,
    /// A full disk: nobody is told, as in Postfix.
    closed: bool,
}

impl Output {
    /// Adds some bytes, given in pieces.
    pub fn put(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            self.buffer.extend_from_slice(piece);
        }
        if self.buffer.len() > CAPACITY {
            self.write_blocks();
        }
    }

    /// Adds a line that is a JSON object with one pair (postmap specification, section 5).
    ///
    /// Bytes that are not UTF-8 stay what they are, as in Postfix.
    pub fn put_json(&mut self, key: &[u8], value: &[u8]) {
        self.put(&[b"{"]);
        self.put_json_string(key);
        self.put(&[b": "]);
        self.put_json_string(value);
        self.put(&[b"}\n"]);
    }

    fn put_json_string(&mut self, text: &[u8]) {
        self.put(&[b"\""]);
        let mut rest = text;
        while let Some(at) =
            rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f))
        {
            let (plain, special) = rest.split_at(at);
            let (code, after) = (special[0], &special[1..]);
            let escape = match code {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                0x08 => "\\b",
                0x0c => "\\f",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                _ => &format!("\\u{code:04X}"),
            };
            self.put(&[plain, escape.as_bytes()]);
            rest = after;
        }
        self.put(&[rest, b"\""]);
    }

    /// Writes all whole blocks, except one that nothing follows yet.
    fn write_blocks(&mut self) {
        let blocks = self.buffer.len().saturating_sub(1) / BLOCK * BLOCK;
        self.write(blocks);
    }

    fn write(&mut self, len: usize) {
        if !self.closed {
            self.closed = failed(io::stdout().write_all(&self.buffer[..len]));
        }
        self.buffer.drain(..len);
    }

    /// Writes what is left.
    pub fn finish(mut self) {
        self.write(self.buffer.len());
        // Rust's own buffer ends its lines, so it may hold a last one without an end.
        failed(io::stdout().flush());
    }

    /// Leaves out what does not fill a block, as a program does that ends on an error.
    pub fn abort(mut self) {
        self.write_blocks();
        failed(io::stdout().flush());
    }
}

/// Returns `true` if nothing can be written any more. If that is since the reader has gone away,
/// the program ends.
fn failed(written: io::Result<()>) -> bool {
    if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        die_of_broken_pipe();
    }
    written.is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json() {
        for (key, value, line) in [
            (&b"k"[..], &b"v w"[..], &br#"{"k": "v w"}"#[..]),
            (b"", b"", br#"{"": ""}"#),
            (b"a\"b\\c/", b"\x08\x0c\n\r\t", br#"{"a\"b\\c/": "\b\f\n\r\t"}"#),
            (b"\x01\x1f\x7f", b"\0", br#"{"\u0001\u001F\u007F": "\u0000"}"#),
            ("\u{e9}".as_bytes(), b"\xff", b"{\"\xc3\xa9\": \"\xff\"}"),
        ] {
            let mut output = Output::default();
            output.put_json(key, value);
            assert_eq!(output.buffer, [line, b"\n"].concat());
        }
    }
}
