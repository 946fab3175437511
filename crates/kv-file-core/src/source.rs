//! Where the bytes of a file come from.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::memory::Memory;
use crate::read_at::read_up_to;

/// A source of a file's bytes.
///
/// Bytes in memory are one: `[u8]`, `Vec<u8>`, [`Memory`]; so are references to sources.
/// [`FileSource`] reads from the file whenever it is asked.
///
/// A source must not change while something reads from it, or the reader may report damage that is
/// none. How to ensure that is the caller's business: a lock, or a private copy.
#[expect(clippy::len_without_is_empty, reason = "nobody asks")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no bytes of a file",
    label = "neither bytes, nor a file that is open",
    note = "a file is opened by its path with `open_path`; one that is open is read through \
            `FileSource::new(file)`, or into memory by `Memory::read(&file)`"
)]
pub trait Source {
    /// Length of the file in bytes.
    ///
    /// # Errors
    /// What the system gave.
    fn len(&self) -> io::Result<u64>;

    /// The `len` bytes at the offset `at`: lent where they are in memory, otherwise read.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the file ends before the bytes do; what reading the
    /// file gave.
    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>>;

    /// All bytes of the file, if they are in memory and reading some of them ahead costs nothing
    /// but time.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }
}

macro_rules! in_memory {
    ($([$($parameters:tt)*] $type:ty;)*) => { $(
        impl<$($parameters)*> Source for $type {
            fn len(&self) -> io::Result<u64> {
                Ok(AsRef::<[u8]>::as_ref(self).len() as u64)
            }

            #[inline]
            fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
                let bytes = AsRef::<[u8]>::as_ref(self);
                usize::try_from(at)
                    .ok()
                    .and_then(|at| bytes.get(at..)?.get(..len))
                    .map(Cow::Borrowed)
                    .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }

            #[inline]
            fn as_slice(&self) -> Option<&[u8]> {
                Some(self.as_ref())
            }
        }
    )* };
}

in_memory! {
    [] [u8];
    [const N: usize] [u8; N];
    [] Vec<u8>;
    [] Memory;
}

macro_rules! pointers {
    ($($type:ty;)*) => { $(
        impl<S: Source + ?Sized> Source for $type {
            fn len(&self) -> io::Result<u64> {
                (**self).len()
            }

            #[inline]
            fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
                (**self).read_at(at, len)
            }

            #[inline]
            fn as_slice(&self) -> Option<&[u8]> {
                (**self).as_slice()
            }
        }
    )* };
}

pointers! {
    &S;
    Box<S>;
    Arc<S>;
}

/// A file from which bytes are read at their offsets as they are needed.
///
/// Nothing is kept in memory; each read costs a system call and a copy. Suits a few lookups in a
/// file that others change, under a lock.
#[derive(Debug)]
pub struct FileSource {
    file: File,
}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// What opening it gave.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        File::open(path).map(FileSource::new)
    }

    /// Reads from `file`, whatever its current position. A lock on the file is released with the
    /// value.
    pub fn new(file: File) -> Self {
        FileSource { file }
    }
}

impl Source for FileSource {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        let mut bytes = vec![0; len];
        match read_up_to(&self.file, &mut bytes, at)? {
            read if read == len => Ok(Cow::Owned(bytes)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_are_where_they_are_in_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let memory = Memory::read(&file).unwrap();
        let vector = b"0123456789".to_vec();
        let sources: [&dyn Source; 5] =
            [b"0123456789", &vector, &Arc::new(vector.clone()), &memory, &FileSource::new(file)];
        for source in sources {
            assert_eq!(source.len().unwrap(), 10);
            assert_eq!(&*source.read_at(3, 4).unwrap(), b"3456");
            assert_eq!(&*source.read_at(10, 0).unwrap(), b"");
            for (at, len) in [(7, 4), (11, 1), (u64::MAX, 1), (0, 11)] {
                let error = source.read_at(at, len).unwrap_err();
                assert!(
                    error.kind() == io::ErrorKind::UnexpectedEof
                        || error.kind() == io::ErrorKind::InvalidInput
                );
            }
        }
    }
}
