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
//! | contents, old or new or some of both | new blocks | their offsets | old sums | trailer |
//!                                         ^ start, a multiple of 64 KiB, as is the end
//! ```
//!
//! Blocks are of one size, except that the one at the end of the contents may be shorter. They are
//! in the order in which they are copied. The sums are of what was in each sector of their places.
//! All numbers are little-endian.
//!
//! A journal counts only in the file that it was written into, which it knows by its inode number:
//! whoever makes a file for others to copy cannot know the number of the copy, so that they all
//! read the same in it. And it counts only as long as each sector that it is to change, and the
//! file's first, has its old contents or the new: then nobody who did not know of the journal has
//! changed the database in a way that completing it would undo. Who changes the arrangement of the
//! pages changes page 0; who changes other pages only, without that, is not in the way.

use std::fs::{File, Metadata};
use std::hash::Hasher;
use std::io;
#[cfg(feature = "write")]
use std::iter;
use std::os::unix::fs::{FileExt, MetadataExt};

use twox_hash::XxHash3_64;

const MAGIC: [u8; 8] = *b"map-jrn3";
/// Length of the magic and the numbers of a [`Trailer`], at the end of the file.
pub(crate) const TRAILER: usize = 80;
/// Length of an offset in the list of offsets.
const OFFSET: u64 = 8;
/// Where a journal starts and ends. A multiple of every page size: libdb opens no file of odd
/// length.
pub(crate) const ALIGNMENT: u64 = 65536;
/// Length of a sector: what disks write as a whole, so that it has its old contents or the new.
pub(crate) const SECTOR: usize = 512;
/// Length of the sum of a sector's old contents.
const SUM: u64 = 8;

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
    /// Reads the journal once, and what it is to change, if the trailer is what it should be, which
    /// nobody can forge who does not know the file's inode number.
    pub fn journal(&self, file: &File, metadata: &Metadata) -> io::Result<Option<Journal>> {
        let len = metadata.len();
        if self.inode != metadata.ino()
            || self.end() != Some(len)
            || !self.knows(head(file, 0)?)
            || self.sum != sum(file, self.start, len - 8)?
        {
            return Ok(None);
        }
        let Trailer { new_len, start, block, blocks, .. } = *self;
        let mut offsets = vec![0; (blocks * OFFSET) as usize];
        let offsets_at = start + blocks * block;
        file.read_exact_at(&mut offsets, offsets_at)?;
        let offsets = offsets.as_chunks().0.iter().map(|offset| u64::from_le_bytes(*offset));
        let places: Vec<(u64, u64)> = offsets.zip((start..).step_by(block as usize)).collect();
        let mut journal = Journal { new_len, block, places };
        let fit = journal.places.iter().all(|(at, _)| at % block == 0 && *at < new_len);
        if !fit || !journal.is_old_or_new(file, offsets_at + blocks * OFFSET)? {
            return Ok(None);
        }
        journal.places.sort_unstable();
        let once = journal.places.windows(2).all(|pair| pair[0].0 < pair[1].0);
        Ok(once.then_some(journal))
    }

    /// Length of the contents, of which nothing has been changed yet, if the journal was being
    /// written into this file when its process was interrupted.
    pub fn unfinished(&self, file: &File, metadata: &Metadata) -> io::Result<Option<u64>> {
        let own = self.inode == metadata.ino() && self.end() == Some(metadata.len());
        Ok((own && head(file, 0)? == self.old_head).then_some(self.old_len))
    }

    /// Where the journal ends, if its numbers agree with each other.
    fn end(&self) -> Option<u64> {
        let block_sizes = SECTOR as u64..=ALIGNMENT;
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

    /// Sums of what is in the sectors that are to change, in the order of the blocks.
    #[cfg(feature = "write")]
    pub fn sums(&self, file: &File) -> io::Result<Vec<u8>> {
        let mut sums = Vec::with_capacity(self.places.len() * sums_len(self.block) as usize);
        let mut bytes = vec![0; self.block as usize];
        for (offset, _) in &self.places {
            let bytes = &mut bytes[..self.len_at(*offset)];
            file.read_exact_at(bytes, *offset)?;
            let old = bytes.chunks(SECTOR).map(XxHash3_64::oneshot);
            let old = old.chain(iter::repeat(0)).take(self.block as usize / SECTOR);
            sums.extend(old.flat_map(u64::to_le_bytes));
        }
        Ok(sums)
    }

    /// Returns `true` if each sector of the places has its new contents, or old ones of the sum
    /// that [`sums`](Self::sums) found, which is at `sums_at` in the file.
    fn is_old_or_new(&self, file: &File, sums_at: u64) -> io::Result<bool> {
        let mut present = vec![0; self.block as usize];
        let mut new = present.clone();
        let mut sums = vec![0; sums_len(self.block) as usize];
        for ((offset, position), sums_at) in self.places.iter().zip((sums_at..).step_by(sums.len()))
        {
            let len = self.len_at(*offset);
            file.read_exact_at(&mut present[..len], *offset)?;
            file.read_exact_at(&mut new[..len], *position)?;
            file.read_exact_at(&mut sums, sums_at)?;
            let sectors = present[..len].chunks(SECTOR).zip(new[..len].chunks(SECTOR));
            let known = sectors.zip(sums.as_chunks().0).all(|((present, new), old)| {
                present == new || XxHash3_64::oneshot(present) == u64::from_le_bytes(*old)
            });
            if !known {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn len_at(&self, offset: u64) -> usize {
        self.block.min(self.new_len - offset) as usize
    }
}

/// Length of the sums of a block's sectors.
fn sums_len(block: u64) -> u64 {
    block / SECTOR as u64 * SUM
}

/// Where a journal starts.
pub(crate) fn start(old_len: u64, new_len: u64) -> Option<u64> {
    old_len.max(new_len).checked_next_multiple_of(ALIGNMENT)
}

/// Where a journal ends.
pub(crate) fn end(start: u64, block: u64, blocks: u64) -> Option<u64> {
    let one = block.checked_add(OFFSET)?.checked_add(sums_len(block))?;
    let len = one.checked_mul(blocks)?.checked_add(TRAILER as u64)?;
    start.checked_add(len)?.checked_next_multiple_of(ALIGNMENT)
}

/// Where the trailer of a file of this length would be.
fn trailer_place(len: u64) -> Option<u64> {
    len.checked_sub(TRAILER as u64).filter(|_| len.is_multiple_of(ALIGNMENT))
}

/// The sum of a sector. Behind a file's end are zeros, as when it is made longer.
pub(crate) fn head(file: &File, at: u64) -> io::Result<u64> {
    let mut sector = [0; SECTOR];
    let len = file.metadata()?.len().saturating_sub(at).min(SECTOR as u64) as usize;
    file.read_exact_at(&mut sector[..len], at)?;
    Ok(XxHash3_64::oneshot(&sector))
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
