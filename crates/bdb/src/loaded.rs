//! Files that have been read into memory.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use memmap2::{Advice, MmapMut};

/// A file's bytes, copied into memory of this process's own: nothing that happens to the file is seen any more.
///
/// The kernel is asked to use huge pages for it, which make lookups in large tables faster than in a `Vec`: the processor
/// has fewer addresses to translate.
#[derive(Debug)]
pub struct LoadedPages {
    memory: MmapMut,
    len: usize,
}

impl LoadedPages {
    /// Reads the whole of `file`, whatever its current position was.
    ///
    /// # Errors
    /// What reading the file or asking for memory gave.
    ///
    /// # Complexity
    /// Allocates as many bytes as the file has.
    pub fn read(file: &File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(|_| ErrorKind::OutOfMemory)?;
        let memory = MmapMut::map_anon(len)?;
        // A wish: a kernel that does not know of huge pages says so.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(Advice::HugePage);
        let mut loaded = LoadedPages { memory, len: 0 };
        while loaded.len < len {
            match file.read_at(&mut loaded.memory[loaded.len..len], loaded.len as u64) {
                // Somebody has made it shorter meanwhile.
                Ok(0) => break,
                Ok(read) => loaded.len += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(loaded)
    }

    /// Forgets the bytes from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }
}

impl AsRef<[u8]> for LoadedPages {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.len).unwrap_or_default()
    }
}

impl AsMut<[u8]> for LoadedPages {
    fn as_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_a_file_holds() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(LoadedPages::read(&file).unwrap().as_ref(), b"");
        let bytes: Vec<u8> = (0..5_000_000).map(|i: u32| (i / 7) as u8).collect();
        file.write_all(&bytes).unwrap();
        let mut loaded = LoadedPages::read(&file).unwrap();
        assert!(loaded.as_ref() == bytes);
        file.set_len(0).unwrap();
        loaded.as_mut()[0] = 9;
        loaded.truncate(2);
        assert_eq!(loaded.as_ref(), [9, bytes[1]]);
        loaded.truncate(3);
        assert_eq!(loaded.as_ref().len(), 2);
    }
}
