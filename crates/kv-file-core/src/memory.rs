//! A file's bytes in memory.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, ErrorKind};

#[cfg(target_os = "linux")]
use memmap2::Advice;
use memmap2::{Mmap, MmapMut};

use crate::read_at::read_up_to;

/// A file's bytes in memory, read-only: read from the file, or mapped.
///
/// [`read`](Self::read) copies: nothing that happens to the file is seen any more. The kernel is
/// asked to use huge pages for the copy, which make lookups in large tables faster than in a `Vec`:
/// the processor has fewer addresses to translate. [`map`](Self::map) copies nothing and is
/// dangerous.
#[derive(Debug)]
pub struct Memory {
    map: Mmap,
    /// Bytes of it that count.
    len: usize,
}

impl Memory {
    /// Reads the whole of `file`, whatever its current position.
    ///
    /// # Errors
    /// What reading the file or asking for memory gave.
    ///
    /// # Complexity
    /// Allocates as many bytes as the file has.
    pub fn read(file: &File) -> io::Result<Self> {
        Self::read_with(file, |bytes| Ok(bytes.len()))
    }

    /// Reads the whole of `file`. `amend` may change the copy before it is frozen, and returns how
    /// many bytes of it count.
    ///
    /// # Errors
    /// As [`read`](Self::read), and what `amend` gave.
    ///
    /// # Complexity
    /// As [`read`](Self::read).
    pub fn read_with(
        file: &File,
        amend: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(|_| ErrorKind::OutOfMemory)?;
        let mut map = MmapMut::map_anon(len)?;
        // A wish: a kernel that does not know of huge pages says so.
        #[cfg(target_os = "linux")]
        let _ = map.advise(Advice::HugePage);
        // Fewer than that where somebody has made it shorter meanwhile.
        let read = read_up_to(file, &mut map[..len], 0)?;
        let len = amend(&mut map[..read])?.min(read);
        Ok(Memory { map: map.make_read_only()?, len })
    }

    /// Maps the whole of `file`: nothing is read before it is looked at, nothing is copied, and all
    /// processes that map the file share its memory.
    ///
    /// # Errors
    /// What `mmap` gave.
    ///
    /// # Safety
    /// As long as the value lives, no process may truncate the file or write to it. Real `postmap`
    /// does both, in place; a reader then dies of SIGBUS, or sees bytes change under a `&[u8]`. It
    /// asks for an exclusive lock on the file first (`flock`), so a shared lock, taken before this
    /// call and held as long as bytes of the map are in use, keeps every well-behaved writer away.
    /// The map keeps the file open: a lock on it that is not given up by name (`File::unlock`)
    /// lasts as long as the map, even where `file` itself is gone, and writers wait that long.
    pub unsafe fn map(file: &File) -> io::Result<Self> {
        // SAFETY: that the file does not change is the caller's promise (see above).
        let map = unsafe { Mmap::map(file)? };
        Ok(Memory { len: map.len(), map })
    }
}

impl AsRef<[u8]> for Memory {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.map.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_a_file_holds() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(Memory::read(&file).unwrap().as_ref(), b"");
        let bytes: Vec<u8> = (0..5_000_000).map(|i: u32| (i / 7) as u8).collect();
        file.write_all(&bytes).unwrap();
        let memory = Memory::read(&file).unwrap();
        let amended = Memory::read_with(&file, |copy| {
            copy[0] = 9;
            Ok(2)
        });
        let longer = Memory::read_with(&file, |copy| Ok(copy.len() + 1)).unwrap();
        file.set_len(0).unwrap();
        assert!(memory.as_ref() == bytes);
        assert!(longer.as_ref() == bytes);
        assert_eq!(amended.unwrap().as_ref(), [9, bytes[1]]);
        assert!(Memory::read_with(&file, |_| Err(ErrorKind::Other.into())).is_err());
    }
}
