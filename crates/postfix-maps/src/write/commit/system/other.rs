//! Other Unix systems: nothing of it. Files are overwritten behind a journal there, since nobody can
//! know whether another process has them open.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::Path;

/// There are none.
pub struct Lease<'f>(PhantomData<&'f File>);

impl<'f> Lease<'f> {
    /// `None`.
    pub fn take(_: &'f File) -> Option<Self> {
        None
    }

    /// As long as it is unknown who has a file open, somebody has.
    pub fn is_broken(&self) -> bool {
        true
    }
}

/// Gives each of two files the other's name: not here.
pub fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A file without a name: not here.
pub fn nameless(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A name for a file that has none: there is no such file.
pub fn link(_: &File, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Directories in which names stay: unknown here.
pub fn names_stay(_: &Path) -> bool {
    false
}

/// Sets the length at once; whether the disk has room shows when it is written.
pub fn reserve(file: &File, end: u64) -> io::Result<()> {
    file.set_len(end)
}
