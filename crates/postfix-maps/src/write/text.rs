//! Reading the text of a table.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use kv_file_core::Memory;

/// The longest text that is kept in memory: what a million entries take.
const IN_MEMORY: usize = 64 << 20;
/// How much of a longer one is copied at a time.
const BLOCK: usize = 1 << 20;

/// All of a text, as it was when it was read.
///
/// A long one is copied to a temporary file without a name, and that is mapped: the system can take
/// its memory back. Nobody comes upon that file; but until it is mapped and closed, the same user
/// (and root) can open it through `/proc/PID/fd`, and write to it from then on. Such a user could
/// as well change this process's memory.
#[derive(Debug)]
pub struct Text(Storage);

#[derive(Debug)]
enum Storage {
    Memory(Vec<u8>),
    Mapped(Memory),
}

impl Text {
    /// Reads the rest of `file`, which may be a pipe.
    ///
    /// # Errors
    /// What reading the file gave: half a text is none. What mapping the temporary file gave, or
    /// reading it where there is no room for all of the text.
    ///
    /// # Complexity
    /// Memory: up to 64 MiB, and as many bytes of temporary files ([`std::env::temp_dir`]) as a
    /// longer text has. Where there is no room for these, all of the text is in memory.
    pub fn read(file: &File) -> io::Result<Self> {
        Self::read_with(file, IN_MEMORY)
    }

    fn read_with(mut file: &File, in_memory: usize) -> io::Result<Self> {
        let mut text = Vec::new();
        file.take(in_memory as u64).read_to_end(&mut text)?;
        if text.len() == in_memory
            && let Ok(mut copy) = tempfile::tempfile()
        {
            let mut copied = 0;
            while !text.is_empty() && copy.write_all(&text).is_ok() {
                copied += text.len() as u64;
                text = Vec::with_capacity(BLOCK);
                file.take(BLOCK as u64).read_to_end(&mut text)?;
            }
            if text.is_empty() {
                return Ok(Text(Storage::Mapped(map_private(copy)?)));
            }
            // No room for it: back into memory.
            let rest = std::mem::take(&mut text);
            copy.rewind()?;
            copy.take(copied).read_to_end(&mut text)?;
            text.extend(rest);
        }
        file.read_to_end(&mut text)?;
        Ok(Text(Storage::Memory(text)))
    }
}

/// Maps a file that has no name and that no other process has open, and closes it.
#[allow(unsafe_code)]
fn map_private(file: File) -> io::Result<Memory> {
    // SAFETY: without a name nobody comes upon the file, and its only descriptor is closed when
    // this returns. The same user, or root, could have opened that through /proc before, and still
    // change the file; but who can do that can change the memory of this process as well.
    unsafe { Memory::map(&file) }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Storage::Memory(text) => text,
            Storage::Mapped(text) => text.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_no_text() {
        let directory = File::open(tempfile::tempdir().unwrap().path()).unwrap();
        assert!(Text::read(&directory).is_err());
    }

    #[test]
    fn texts_of_all_lengths() {
        const LIMIT: usize = 1000;
        for len in [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + BLOCK, LIMIT + 3 * BLOCK + 5] {
            let bytes: Vec<u8> = (0..len).map(|i| (i / 9) as u8).collect();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            file.rewind().unwrap();
            let text = Text::read_with(&file, LIMIT).unwrap();
            assert_eq!(matches!(text.0, Storage::Mapped(_)), len >= LIMIT);
            file.set_len(0).unwrap();
            assert!(text.as_ref() == bytes, "{len}");
        }
    }
}
