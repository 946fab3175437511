//! Overwriting a file so that a crash leaves the old contents or the new.
//!
//! The new contents, as far as they differ, are first written behind the file's last page: the *journal*. When it is durable
//! the change counts. Then the blocks are copied to their places, and when they are durable there, the file is cut to its
//! new length, and the journal with it. A process that finds a journal, holding the lock without which nobody changes
//! the file, knows that an earlier one was interrupted, and does the copying.
//!
//! The journal is in the file itself because the file may be all that can be written, and so that the two cannot be
//! parted. libdb ignores whole pages behind the last one that page 0 tells of.
//!
//! ```text
//! | contents, old or new or some of both | new blocks | index | trailer |
//!                                         ^ start, a multiple of 64 KiB, as is the end
//! ```
//!
//! The index has, for each block, its offset and the sums of the old contents of each of its sectors; blocks are of one
//! size, except that the one at the end of the contents may be shorter. All numbers are little-endian.
//!
//! Somebody who does not know of the journal may have changed the file before it is found. Then some sector where a block
//! belongs has neither its old nor its new contents, and the journal is void.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bdb_file::LoadedPages;
use rustix::fs::{FallocateFlags, fallocate};

/// The last bytes of a file with a journal: magic, then five numbers.
const TRAILER: usize = 48;
const MAGIC: [u8; 8] = *b"map-jrnl";
/// Where a journal starts and ends. A multiple of every page size: libdb opens no file of odd length.
const ALIGNMENT: u64 = 65536;

/// A whole journal, behind a file's contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journal {
    /// Length of the file's new contents.
    new_len: u64,
    start: u64,
    block: u64,
    blocks: u64,
}

/// What a disk writes at once, whatever happens. Blocks are made of these.
const SECTOR: usize = 512;

/// A block of new contents.
struct Block {
    /// Where it belongs.
    offset: u64,
    bytes: Vec<u8>,
    /// Of what was there before, for each sector.
    old_sums: Vec<u64>,
}

/// Length of the index's entry for a block.
fn index_entry(block: u64) -> u64 {
    8 * (1 + block.div_ceil(SECTOR as u64))
}

impl Journal {
    /// Reads the journal of a file, if there is one and all of it is there.
    ///
    /// One that is not whole was being written when its process was interrupted: nothing had been changed then.
    pub fn find(file: &File) -> io::Result<Option<Self>> {
        let len = file.metadata()?.len();
        let Some(at) = len.checked_sub(TRAILER as u64).filter(|_| len % ALIGNMENT == 0) else {
            return Ok(None);
        };
        let mut trailer = [0; TRAILER];
        file.read_exact_at(&mut trailer, at)?;
        let Some(numbers) = trailer.strip_prefix(&MAGIC) else { return Ok(None) };
        let number = |i: usize| {
            let bytes = numbers.get(8 * i..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        let journal =
            Journal { new_len: number(0), start: number(1), block: number(2), blocks: number(3) };
        // A block is never longer than the file, so that its index entry is not either.
        let entry = index_entry(journal.block.min(len));
        let size =
            journal.block.checked_add(entry).and_then(|size| size.checked_mul(journal.blocks));
        let fits = journal.start >= journal.new_len
            && size.and_then(|size| size.checked_add(journal.start)).is_some_and(|end| end <= at);
        if !fits || number(4) != sum(file, journal.start, at + TRAILER as u64 - 8)? {
            return Ok(None);
        }
        Ok(journal.is_current(file)?.then_some(journal))
    }

    /// Whether every sector where a block belongs has its old or its new contents.
    fn is_current(&self, file: &File) -> io::Result<bool> {
        for block in self.blocks(file) {
            let Block { offset, bytes, old_sums } = block?;
            let mut now = vec![0; bytes.len()];
            file.read_exact_at(&mut now, offset)?;
            let sectors = now.chunks(SECTOR).zip(bytes.chunks(SECTOR)).zip(old_sums);
            for ((now, new), old_sum) in sectors {
                if now != new && checksum(SEED, now) != old_sum {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn blocks<'f>(&self, file: &'f File) -> impl Iterator<Item = io::Result<Block>> + 'f {
        let journal = *self;
        let index = journal.start + journal.blocks * journal.block;
        (0..journal.blocks).map(move |i| {
            let entry_len = index_entry(journal.block);
            let mut entry = vec![0; entry_len as usize];
            file.read_exact_at(&mut entry, index + i * entry_len)?;
            let (numbers, _) = entry.as_chunks();
            let mut numbers = numbers.iter().map(|number| u64::from_le_bytes(*number));
            let offset = numbers.next().unwrap_or_default();
            let len = journal.block.min(journal.new_len.saturating_sub(offset));
            let mut bytes = vec![0; len as usize];
            file.read_exact_at(&mut bytes, journal.start + i * journal.block)?;
            Ok(Block { offset, bytes, old_sums: numbers.collect() })
        })
    }

    /// Completes the change of the file.
    pub fn complete(&self, file: &File) -> io::Result<()> {
        for block in self.blocks(file) {
            let Block { offset, bytes, .. } = block?;
            file.write_all_at(&bytes, offset)?;
        }
        file.sync_all()?;
        // Should this be lost, the next process does the same once more.
        file.set_len(self.new_len)
    }

    /// Completes the change in a copy of the file in memory, for readers that may not write it.
    pub fn complete_copy(&self, file: &File, contents: &mut LoadedPages) -> io::Result<()> {
        contents.truncate(usize::try_from(self.new_len).map_err(|_| io::ErrorKind::OutOfMemory)?);
        let contents = contents.as_mut();
        for block in self.blocks(file) {
            let Block { offset, bytes, .. } = block?;
            let place = usize::try_from(offset).ok().and_then(|at| contents.get_mut(at..));
            let place = place.and_then(|rest| rest.get_mut(..bytes.len()));
            place.ok_or(io::ErrorKind::InvalidData)?.copy_from_slice(&bytes);
        }
        Ok(())
    }
}

/// Overwrites blocks of a locked file and makes it `new_len` bytes long.
///
/// `offsets` says where in the file each block of `block` bytes belongs, in ascending order; `write` gets the file and an
/// offset, and writes the blocks there, one after the other.
///
/// # Errors
/// The file has its old contents, except where only the copying failed: then the next process completes it.
pub(crate) fn overwrite(
    file: &File,
    new_len: u64,
    block: u64,
    offsets: &[u64],
    write: impl FnOnce(&File, u64) -> io::Result<()>,
) -> io::Result<()> {
    save(file, new_len, block, offsets, write)?.complete(file)
}

/// Writes a journal, and waits until it is durable. After an error there is none, and the file as it was.
fn save(
    file: &File,
    new_len: u64,
    block: u64,
    offsets: &[u64],
    write: impl FnOnce(&File, u64) -> io::Result<()>,
) -> io::Result<Journal> {
    let old_len = file.metadata()?.len();
    let start = old_len.max(new_len).next_multiple_of(ALIGNMENT);
    let blocks = offsets.len() as u64;
    let index = start + blocks * block;
    let end = index + blocks * index_entry(block) + TRAILER as u64;
    let end = end.next_multiple_of(ALIGNMENT);
    let save = || {
        reserve(file, end)?;
        write(file, start)?;
        let mut place = index;
        for offset in offsets {
            // As long as a block is new, all of it: the file has been made long enough.
            let mut old = vec![0; block.min(new_len - offset) as usize];
            file.read_exact_at(&mut old, *offset)?;
            let sums = old.chunks(SECTOR).map(|sector| checksum(SEED, sector));
            let entry = std::iter::once(*offset).chain(sums).flat_map(u64::to_le_bytes);
            file.write_all_at(&entry.collect::<Vec<u8>>(), place)?;
            place += index_entry(block);
        }
        let numbers = [new_len, start, block, blocks];
        let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
        let trailer: Vec<u8> = MAGIC.into_iter().chain(numbers).collect();
        file.write_all_at(&trailer, end - TRAILER as u64)?;
        let sum = sum(file, start, end - 8)?;
        file.write_all_at(&sum.to_le_bytes(), end - 8)?;
        file.sync_all()?;
        Ok(Journal { new_len, start, block, blocks })
    };
    save().or_else(|error: io::Error| {
        file.set_len(old_len)?;
        Err(error)
    })
}

/// Makes sure that the disk has room for all that will be written, before anything is.
fn reserve(file: &File, end: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, end) {
        Ok(()) => Ok(()),
        // Not every file system can; the writing will show. The length comes first, so that it is never an odd one.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(end),
        Err(error) => Err(error.into()),
    }
}

/// The checksum of a file's bytes from `start` to `end`.
fn sum(file: &File, start: u64, end: u64) -> io::Result<u64> {
    let mut buffer = vec![0; ALIGNMENT as usize];
    let (mut at, mut hash) = (start, SEED);
    while at < end {
        let len = (end - at).min(ALIGNMENT) as usize;
        file.read_exact_at(&mut buffer[..len], at)?;
        hash = checksum(hash, &buffer[..len]);
        at += len as u64;
    }
    Ok(hash)
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of 64 bits: against accidents, not against forgery.
fn checksum(seed: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: usize = 2 * SECTOR;

    fn contents(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// What the next process sees, one that may write the file and one that may not.
    fn completed(file: &File) -> Vec<u8> {
        let mut copy = LoadedPages::read(file).unwrap();
        let journal = Journal::find(file).unwrap().unwrap();
        journal.complete_copy(file, &mut copy).unwrap();
        journal.complete(file).unwrap();
        assert!(Journal::find(file).unwrap().is_none(), "once is enough");
        assert_eq!(contents(file), copy.as_ref());
        contents(file)
    }

    /// A file of blocks, and what is to become of it.
    #[derive(Debug)]
    struct Change {
        old: Vec<u8>,
        new: Vec<u8>,
        changed: Vec<u64>,
    }

    fn change() -> impl Strategy<Value = Change> {
        let changed = prop::collection::btree_set(0usize..12, 0..12);
        (1usize..12, 1usize..12, changed).prop_map(|(old_blocks, new_blocks, changed)| {
            let old: Vec<u8> = (0..old_blocks * BLOCK).map(|i| (i / BLOCK) as u8 + 1).collect();
            let mut new = old.clone();
            new.resize(new_blocks * BLOCK, 0);
            // The first block changes in every change of a database.
            let mut changed: Vec<usize> = changed.into_iter().chain([0]).collect();
            changed.retain(|i| *i < new_blocks);
            changed.sort_unstable();
            changed.dedup();
            for i in &changed {
                new[i * BLOCK..][..BLOCK].fill(*i as u8 + 100);
            }
            let changed = changed.into_iter().map(|i| (i * BLOCK) as u64).collect();
            Change { old, new, changed }
        })
    }

    impl Change {
        fn file(&self) -> File {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&self.old, 0).unwrap();
            file
        }

        /// Writes the journal, or fails after some of its blocks.
        fn save(&self, file: &File, blocks_before_failure: Option<usize>) -> io::Result<Journal> {
            let (len, block) = (self.new.len() as u64, BLOCK as u64);
            save(file, len, block, &self.changed, |file, start| {
                for (i, offset) in self.changed.iter().enumerate() {
                    if blocks_before_failure == Some(i) {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                    let bytes = &self.new[*offset as usize..][..BLOCK];
                    file.write_all_at(bytes, start + i as u64 * block)?;
                }
                Ok(())
            })
        }
    }

    proptest! {
        #[test]
        fn a_change_is_made_whole(change in change()) {
            let file = change.file();
            change.save(&file, None).unwrap().complete(&file).unwrap();
            prop_assert_eq!(contents(&file), change.new);
        }

        #[test]
        fn a_change_that_was_interrupted_is_completed(
            change in change(), copied in 0usize..12, cut: bool,
        ) {
            let file = change.file();
            let journal = change.save(&file, None).unwrap();
            prop_assert_eq!(file.metadata().unwrap().len() % ALIGNMENT, 0);
            for block in journal.blocks(&file).take(copied) {
                let Block { offset, bytes, .. } = block.unwrap();
                // All, or only some sectors.
                let len = if cut { SECTOR } else { bytes.len() };
                file.write_all_at(&bytes[..len], offset).unwrap();
            }
            prop_assert_eq!(completed(&file), change.new);
        }

        #[test]
        fn a_journal_that_fails_leaves_no_trace(change in change(), blocks in 0usize..12) {
            prop_assume!(blocks < change.changed.len());
            let file = change.file();
            prop_assert!(change.save(&file, Some(blocks)).is_err());
            prop_assert_eq!(contents(&file), change.old);
        }

        #[test]
        fn a_journal_that_is_not_whole_is_none(
            change in change(), at in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let file = change.file();
            let journal = change.save(&file, None).unwrap();
            let len = file.metadata().unwrap().len();
            let at = journal.start + at.index((len - journal.start) as usize) as u64;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
            prop_assert!(Journal::find(&file).unwrap().is_none());
        }

        #[test]
        fn any_bytes_may_stand_where_a_journal_would(
            numbers in prop::array::uniform5(prop_oneof![any::<u64>(), 0u64..200_000]),
        ) {
            let file = tempfile::tempfile().unwrap();
            file.set_len(2 * ALIGNMENT).unwrap();
            let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
            let trailer: Vec<u8> = MAGIC.into_iter().chain(numbers).collect();
            file.write_all_at(&trailer, 2 * ALIGNMENT - TRAILER as u64).unwrap();
            prop_assert!(Journal::find(&file).unwrap().is_none());
        }
    }

    #[test]
    fn a_file_that_somebody_else_has_changed_since_is_left_alone() {
        let (old, new) = (vec![1; 3 * BLOCK], [vec![1; BLOCK], vec![2; 2 * BLOCK]].concat());
        let change = Change { old, new, changed: vec![BLOCK as u64, 2 * BLOCK as u64] };
        for at in (0..3 * BLOCK).step_by(100) {
            let file = change.file();
            change.save(&file, None).unwrap();
            assert!(Journal::find(&file).unwrap().is_some());
            file.write_all_at(&[3], at as u64).unwrap();
            // Blocks that were not to be changed are nobody's business.
            assert_eq!(Journal::find(&file).unwrap().is_some(), at < BLOCK, "{at}");
        }
    }
}
