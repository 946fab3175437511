//! Standard output, in blocks as the C library's and Postfix's are.

use std::io::{self, Write};

/// The unit in which Postfix writes.
const BLOCK: usize = 4096;
/// Blocks that are gathered before they are written.
const CAPACITY: usize = 16 * BLOCK;

/// Buffered output. What is left in it is written by [`finish`](Self::finish) only: after a fatal error Postfix gives out
/// whole blocks, and the rest is lost (postmap specification, section 5).
#[derive(Debug, Default)]
pub struct Output {
    buffer: Vec<u8>,
    /// A reader that has gone away, or a full disk: nobody is told, as in Postfix.
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

    /// Writes all whole blocks, except one that nothing follows yet.
    fn write_blocks(&mut self) {
        let blocks = self.buffer.len().saturating_sub(1) / BLOCK * BLOCK;
        self.write(blocks);
    }

    fn write(&mut self, len: usize) {
        if !self.closed {
            self.closed = io::stdout().write_all(&self.buffer[..len]).is_err();
        }
        self.buffer.drain(..len);
    }

    /// Writes what is left.
    pub fn finish(mut self) {
        self.write(self.buffer.len());
        // Rust's own buffer ends its lines, so it may hold a last one without an end.
        let _ = io::stdout().flush();
    }

    /// Leaves out what does not fill a block, as a program does that ends on an error.
    pub fn abort(mut self) {
        self.write_blocks();
        let _ = io::stdout().flush();
    }
}
