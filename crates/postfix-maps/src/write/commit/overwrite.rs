//! Overwriting a file behind a journal, so that a crash leaves the old contents or the new.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use super::system::reserve;
use crate::sharing::journal::{Journal, TRAILER, Trailer, end, head, start, sum};

/// What there is to overwrite in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks<'b> {
    /// Length of all but the last one of the contents.
    pub block: u64,
    /// Where each belongs, in the order in which they are to be written.
    pub offsets: &'b [u64],
}

/// Overwrites blocks of a locked file and makes it `new_len` bytes long.
///
/// `write` gets the file and an offset, and writes the blocks there, one after the other.
///
/// # Errors
/// The file has its old contents, except where only the copying failed: then the next process
/// completes it.
pub(crate) fn overwrite(
    file: &File,
    new_len: u64,
    blocks: Blocks<'_>,
    write: impl FnOnce(&File, u64) -> io::Result<()>,
) -> io::Result<()> {
    save(file, new_len, blocks, write)?.complete(file)
}

/// Writes a journal, and waits until it is durable. After an error there is none, and the file as
/// it was.
pub(crate) fn save(
    file: &File,
    new_len: u64,
    Blocks { block, offsets }: Blocks<'_>,
    write: impl FnOnce(&File, u64) -> io::Result<()>,
) -> io::Result<Journal> {
    let metadata = file.metadata()?;
    let old_len = metadata.len();
    let blocks = offsets.len() as u64;
    let start = start(old_len, new_len).ok_or(io::ErrorKind::FileTooLarge)?;
    let end = end(start, block, blocks).ok_or(io::ErrorKind::FileTooLarge)?;
    let save = || {
        let old_head = head(file, 0)?;
        let trailer = Trailer {
            inode: metadata.ino(),
            old_len,
            new_len,
            start,
            block,
            blocks,
            old_head,
            new_head: old_head,
            sum: 0,
        };
        // With its new length the file shows what that is for.
        file.write_all_at(&trailer.to_bytes(), end - TRAILER as u64)?;
        reserve(file, end)?;
        write(file, start)?;
        let positions = (start..).step_by(block as usize);
        let places = offsets.iter().copied().zip(positions).collect();
        let mut journal = Journal { new_len, block, places };
        let mut list: Vec<u8> = offsets.iter().copied().flat_map(u64::to_le_bytes).collect();
        list.extend(journal.sums(file)?);
        file.write_all_at(&list, start + blocks * block)?;
        let new_head = match journal.places.iter().find(|(offset, _)| *offset == 0) {
            Some((_, position)) => head(file, *position)?,
            None => old_head,
        };
        let trailer = Trailer { new_head, ..trailer };
        file.write_all_at(&trailer.to_bytes(), end - TRAILER as u64)?;
        let sum = sum(file, start, end - 8)?;
        file.write_all_at(&sum.to_le_bytes(), end - 8)?;
        file.sync_all()?;
        journal.places.sort_unstable();
        Ok(journal)
    };
    let journal: io::Result<Journal> = save();
    if journal.is_err() {
        file.set_len(old_len)?;
    }
    journal
}

#[cfg(test)]
mod tests;
