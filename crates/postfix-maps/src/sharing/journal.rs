//! The journal of a file that is overwritten so that a crash leaves the old contents or the new.
//!
//! The new contents, as far as they differ, are first written behind the file's last page: the
//! *journal*. When it is durable the change counts. Then the blocks are copied to their places, and
//! when they are durable there, the file is cut to its new length, and the journal with it. A
//! process that finds a journal, holding the lock without which nobody changes the file, knows that
//! an earlier one was interrupted, and does the copying.
//!
//! The journal is in the file itself because the file may be all that can be written, and so that
//! the two cannot be parted. libdb ignores whole pages behind the last one that page 0 tells of.
//!
//! ```text
//! | contents, old or new or some of both | new blocks | their offsets | trailer |
//!                                         ^ start, a multiple of 64 KiB, as is the end
//! ```
//!
//! Blocks are of one size, except that the one at the end of the contents may be shorter. They are
//! in the order in which they are copied. All numbers are little-endian.
//!
//! A journal counts only in the file that it was written into, which it knows by its inode number:
//! whoever makes a file for others to copy cannot know the number of the copy, so that they all
//! read the same in it. And it counts only as long as the file begins with its old contents or the
//! new: page 0, which every change of a database changes, was then touched by nobody who did not
//! know of the journal.

use std::fs::{File, Metadata};
use std::hash::Hasher;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use twox_hash::XxHash3_64;

const MAGIC: [u8; 8] = *b"map-jrn2";
/// Length of the magic and the numbers of a [`Trailer`], at the end of the file.
pub(crate) const TRAILER: usize = 80;
/// Length of an offset in the list of offsets.
pub(crate) const OFFSET: u64 = 8;
/// Where a journal starts and ends. A multiple of every page size: libdb opens no file of odd
/// length.
pub(crate) const ALIGNMENT: u64 = 65536;
/// How much of a file's beginning shows whether it is as the journal knows it: a sector, which
/// disks write as a whole.
pub(crate) const HEAD: usize = 512;

/// What the last bytes of a file say of the journal before them, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub inode: u64,
    /// Lengths of the contents before and after the change.
    pub old_len: u64,
    pub new_len: u64,
    pub start: u64,
    pub block: u64,
    pub blocks: u64,
    /// Sums of the file's beginning, before and after.
    pub old_head: u64,
    pub new_head: u64,
    /// Of all from `start` up to this number.
    pub sum: u64,
}

impl Trailer {
    /// Reads that of a file: `None` for one that does not end so.
    pub fn read(file: &File, metadata: &Metadata) -> io::Result<Option<Self>> {
        let Some(at) = trailer_place(metadata.len()) else { return Ok(None) };
        let mut bytes = [0; TRAILER];
        file.read_exact_at(&mut bytes, at)?;
        let (magic, numbers) = bytes.split_at(MAGIC.len());
        let (numbers, _) = numbers.as_chunks();
        let numbers = numbers.first_chunk().filter(|_| magic == MAGIC);
        Ok(numbers.map(|numbers| {
            let [inode, old_len, new_len, start, block, blocks, old_head, new_head, sum] =
                numbers.map(u64::from_le_bytes);
            Trailer { inode, old_len, new_len, start, block, blocks, old_head, new_head, sum }
        }))
    }

    /// The bytes that [`read`](Self::read) reads.
    #[cfg(feature = "write")]
    pub fn to_bytes(self) -> Vec<u8> {
        let Trailer { inode, old_len, new_len, start, block, blocks, old_head, new_head, sum } =
            self;
        let numbers = [inode, old_len, new_len, start, block, blocks, old_head, new_head, sum];
        MAGIC.into_iter().chain(numbers.into_iter().flat_map(u64::to_le_bytes)).collect()
    }

    /// The journal, if all of it is there, and it is this file's.
    ///
    /// One that is not whole was being written when its process was interrupted: nothing had been
    /// changed then.
    ///
    /// # Complexity
    /// Reads the journal once if the trailer is what it should be, which nobody can forge who does
    /// not know the file's inode number.
    pub fn journal(&self, file: &File, metadata: &Metadata) -> io::Result<Option<Journal>> {
        let len = metadata.len();
        if self.inode != metadata.ino()
            || self.end() != Some(len)
            || !self.knows(head(file, 0)?)
            || self.sum != sum(file, self.start, len - 8)?
        {
            return Ok(None);
        }
        let mut places = Vec::with_capacity(self.blocks as usize);
        let mut offsets = vec![0; (self.blocks * OFFSET) as usize];
        file.read_exact_at(&mut offsets, self.start + self.blocks * self.block)?;
        let positions = (self.start..).step_by(self.block as usize);
        for (offset, position) in offsets.as_chunks().0.iter().zip(positions) {
            places.push((u64::from_le_bytes(*offset), position));
        }
        places.sort_unstable();
        let once = places.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let fit =
            places.iter().all(|(offset, _)| offset % self.block == 0 && *offset < self.new_len);
        let Trailer { new_len, block, .. } = *self;
        Ok((once && fit).then_some(Journal { new_len, block, places }))
    }

    /// Length of the contents, of which nothing has been changed yet, if the journal was being
    /// written into this file when its process was interrupted.
    pub fn unfinished(&self, file: &File, metadata: &Metadata) -> io::Result<Option<u64>> {
        let own = self.inode == metadata.ino() && self.end() == Some(metadata.len());
        Ok((own && head(file, 0)? == self.old_head).then_some(self.old_len))
    }

    /// Where the journal ends, if its numbers agree with each other.
    fn end(&self) -> Option<u64> {
        let block_sizes = HEAD as u64..=ALIGNMENT;
        if !self.block.is_power_of_two()
            || !block_sizes.contains(&self.block)
            || self.blocks > self.new_len.div_ceil(self.block)
            || start(self.old_len, self.new_len) != Some(self.start)
        {
            return None;
        }
        end(self.start, self.block, self.blocks)
    }

    /// Returns `true` if a file that begins so has its old contents or its new ones, or some of
    /// both.
    fn knows(&self, head: u64) -> bool {
        [self.old_head, self.new_head].contains(&head)
    }
}

/// A whole journal, behind a file's contents.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Length of the file's new contents.
    pub new_len: u64,
    pub block: u64,
    /// Where in the contents each block belongs, in ascending order, and where it is.
    pub places: Vec<(u64, u64)>,
}

impl Journal {
    /// Reads the journal of a file, if there is one that counts.
    pub fn find(file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        match Trailer::read(file, &metadata)? {
            Some(trailer) => trailer.journal(file, &metadata),
            None => Ok(None),
        }
    }

    /// Completes the change of the file.
    pub fn complete(&self, file: &File) -> io::Result<()> {
        let mut bytes = vec![0; self.block as usize];
        let mut places = self.places.clone();
        places.sort_unstable_by_key(|(_, position)| *position);
        for (offset, position) in places {
            let bytes = &mut bytes[..self.len_at(offset)];
            file.read_exact_at(bytes, position)?;
            file.write_all_at(bytes, offset)?;
        }
        file.sync_all()?;
        // Should this be lost, the next process does the same once more.
        file.set_len(self.new_len)
    }

    /// Completes the change in a copy of some of the file's contents, from `start` on.
    pub fn complete_copy(&self, file: &File, start: u64, copy: &mut [u8]) -> io::Result<()> {
        let end = start.saturating_add(copy.len() as u64);
        let first = self.places.partition_point(|(offset, _)| offset + self.block <= start);
        let places = self.places[first..].iter().take_while(|(offset, _)| *offset < end);
        for (offset, position) in places {
            let from = start.max(*offset);
            let to = end.min(offset + self.len_at(*offset) as u64);
            if from < to {
                let place = &mut copy[(from - start) as usize..(to - start) as usize];
                file.read_exact_at(place, position + (from - offset))?;
            }
        }
        Ok(())
    }

    fn len_at(&self, offset: u64) -> usize {
        self.block.min(self.new_len - offset) as usize
    }
}

/// Where a journal starts.
pub(crate) fn start(old_len: u64, new_len: u64) -> Option<u64> {
    old_len.max(new_len).checked_next_multiple_of(ALIGNMENT)
}

/// Where a journal ends.
pub(crate) fn end(start: u64, block: u64, blocks: u64) -> Option<u64> {
    let len = block.checked_add(OFFSET)?.checked_mul(blocks)?.checked_add(TRAILER as u64)?;
    start.checked_add(len)?.checked_next_multiple_of(ALIGNMENT)
}

/// Where the trailer of a file of this length would be.
fn trailer_place(len: u64) -> Option<u64> {
    len.checked_sub(TRAILER as u64).filter(|_| len.is_multiple_of(ALIGNMENT))
}

/// The sum of a sector.
pub(crate) fn head(file: &File, at: u64) -> io::Result<u64> {
    sum(file, at, at + HEAD as u64)
}

/// The sum of a file's bytes from `start` to `end`: against accidents, not against forgery.
pub(crate) fn sum(file: &File, start: u64, end: u64) -> io::Result<u64> {
    let mut buffer = vec![0; (end - start).min(ALIGNMENT) as usize];
    let mut hasher = XxHash3_64::with_seed(0);
    let mut at = start;
    while at < end {
        let len = (end - at).min(ALIGNMENT) as usize;
        file.read_exact_at(&mut buffer[..len], at)?;
        hasher.write(&buffer[..len]);
        at += len as u64;
    }
    Ok(hasher.finish())
}
