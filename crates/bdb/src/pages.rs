//! Where the bytes of a file come from.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A source of a database file's bytes.
///
/// Everything in memory is one: `&[u8]`, `Vec<u8>`, [`LoadedPages`](crate::LoadedPages) (a file that has been read), [`MappedPages`](crate::MappedPages).
/// [`FilePages`] reads each page from the file when it is asked for.
///
/// A source must not change while a database reads from it, or the database may report damage that is none; how to
/// ensure that is the caller's business (a lock, a private copy).
pub trait Pages {
    /// Length of the file in bytes.
    fn size(&self) -> io::Result<u64>;

    /// The `len` bytes at `offset`: lent where they are in memory, otherwise read.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the file ends before the bytes do; whatever reading the file gave.
    fn read(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>>;

    /// All bytes of the file, if they are in memory and reading them before they are needed costs nothing but time.
    fn in_memory(&self) -> Option<&[u8]> {
        None
    }
}

impl<T: AsRef<[u8]>> Pages for T {
    fn size(&self) -> io::Result<u64> {
        Ok(self.as_ref().len() as u64)
    }

    #[inline]
    fn read(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        usize::try_from(offset)
            .ok()
            .and_then(|offset| self.as_ref().get(offset..)?.get(..len))
            .map(Cow::Borrowed)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn in_memory(&self) -> Option<&[u8]> {
        Some(self.as_ref())
    }
}

/// A file whose pages are read one by one, with `pread`, as they are needed.
///
/// Memory stays at one page; each page costs a system call and a copy. Suits a few lookups in a file that others
/// change, under a lock.
#[derive(Debug)]
pub struct FilePages {
    file: File,
}

impl FilePages {
    /// Reads from `file`, whatever its current position. A lock on the file is released with the value.
    pub fn new(file: File) -> Self {
        FilePages { file }
    }
}

impl Pages for FilePages {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset)?;
        Ok(Cow::Owned(bytes))
    }
}
