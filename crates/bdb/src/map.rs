//! Memory maps.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// A file in memory as the kernel maps it: nothing is read until it is looked at, nothing is copied.
///
/// The fastest source for many lookups, and the only dangerous one: see [`MappedPages::new`].
#[derive(Debug)]
pub struct MappedPages {
    map: memmap2::Mmap,
}

impl MappedPages {
    /// Maps the whole of `file`, read-only.
    ///
    /// # Errors
    /// What `mmap` gave.
    ///
    /// # Safety
    /// As long as the value lives, no process may truncate the file or write to it. Real `postmap` does both, in
    /// place; a reader then dies of SIGBUS or sees bytes change under a `&[u8]`. It asks for an exclusive lock on
    /// the file first (`flock`), so a shared lock, taken before this call and held as long as bytes of the map are
    /// in use, keeps every well-behaved writer away. The map keeps the file open: a lock on it that is not given up by
    /// name (`File::unlock`) lasts as long as the map, even where `file` itself is gone, and writers wait that long.
    pub unsafe fn new(file: &File) -> io::Result<Self> {
        // SAFETY: that the file does not change is the caller's promise (see above).
        let map = unsafe { memmap2::Mmap::map(file)? };
        Ok(MappedPages { map })
    }
}

impl AsRef<[u8]> for MappedPages {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}
