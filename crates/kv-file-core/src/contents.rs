//! What is to be written into files.

use std::io;

/// All that a file is to hold.
///
/// A plan for a file is one: it is made by the crate of the file's format, and handed to whoever
/// knows how to put new contents in the place of old ones.
pub trait Contents {
    /// Length of the file in bytes.
    fn file_len(&self) -> u64;

    /// Hands the whole file to `put`, front to back: blocks of any length, each with its offset.
    ///
    /// # Errors
    /// What `put` gave; some of the blocks may then have been handed out.
    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()>;

    /// Hands the pairs that the file will not hold to `each`, in the order in which they were
    /// pushed: the number of the push, from 0, and the key without its NUL.
    fn dropped(&self, each: &mut dyn FnMut(u32, &[u8])) {
        let _ = each;
    }
}

/// Some bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Offset in the file.
    pub at: u64,
    /// The bytes from there on.
    pub bytes: Vec<u8>,
}

/// What is to be written to turn a file into another.
#[must_use = "nothing changes until they are made in the file"]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Length of the new file in bytes. Where it is longer than the old one and no block is given,
    /// there are zeros.
    pub file_len: u64,
    /// Length of every block, in bytes: a power of two, and every block starts at a multiple of it.
    pub block_len: u32,
    /// What differs, in the order in which it may be written over the old file block by block: what
    /// a reader finds meanwhile is said where the changes are made. All blocks end within
    /// `file_len`.
    pub blocks: Vec<Block>,
}

impl Changes {
    /// Changes of blocks of one length: see the fields.
    pub fn new(file_len: u64, block_len: u32, blocks: Vec<Block>) -> Self {
        Changes { file_len, block_len, blocks }
    }

    /// Returns `true` if the file stays as it is.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Makes the changes in a file that is in memory.
    ///
    /// # Panics
    /// If a block does not end within `file_len`.
    ///
    /// ```
    /// use kv_file_core::{Block, Changes};
    ///
    /// let mut file = vec![1, 1, 2, 2];
    /// let blocks = vec![Block { at: 4, bytes: vec![7, 7] }, Block { at: 0, bytes: vec![8, 8] }];
    /// Changes::new(8, 2, blocks).apply(&mut file);
    /// assert_eq!(file, [8, 8, 2, 2, 7, 7, 0, 0]);
    /// ```
    pub fn apply(&self, file: &mut Vec<u8>) {
        file.resize(self.file_len as usize, 0);
        for Block { at, bytes } in &self.blocks {
            file[*at as usize..][..bytes.len()].copy_from_slice(bytes);
        }
    }
}
