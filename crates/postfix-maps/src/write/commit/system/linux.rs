//! Linux.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags,
    fallocate, linkat, openat, renameat_with, statx,
};
use rustix::io::{Errno, retry_on_intr};

/// Gives each of two files the other's name, in one step.
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

/// Returns `true` if names in a directory can be added but not changed or removed
/// (`chattr +a`): what gets a name there keeps it.
pub fn names_stay(directory: &Path) -> bool {
    statx(CWD, directory, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::APPEND))
}

/// A file without a name that can be given one.
pub fn nameless(directory: &Path) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(openat(CWD, directory, flags, Mode::RUSR | Mode::WUSR)?);
    // Without /proc it could get no name; and it must be this file that is there.
    let linked = fs::metadata(in_proc(&file))?;
    let same = linked.ino() == file.metadata()?.ino();
    if same { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

pub fn link(file: &File, name: &Path) -> io::Result<()> {
    Ok(linkat(CWD, in_proc(file), CWD, name, AtFlags::SYMLINK_FOLLOW)?)
}

fn in_proc(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Makes sure that the disk has room for all that will be written, before anything is.
pub fn reserve(file: &File, end: u64) -> io::Result<()> {
    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), 0, end)) {
        Ok(()) => Ok(()),
        // Not every file system can; the writing will show. The length comes first, so that it is
        // never an odd one.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(end),
        Err(error) => Err(error.into()),
    }
}
