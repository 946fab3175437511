//! Overwriting a file so that a crash leaves the old contents or the new.
//!
//! Before its first byte is changed, what is about to be overwritten is saved in a *journal* behind the file's last page,
//! and made durable. When the new contents are durable too, the file is cut to their length, and the journal with it:
//! that is the moment at which they count. A process that finds a journal, holding the lock without which nobody changes
//! the file, knows that an earlier one was interrupted, and puts the old contents back.
//!
//! The journal is in the file itself because the file may be all that can be written, and so that the two cannot be
//! parted. libdb ignores whole pages behind the last one that page 0 tells of.
//!
//! ```text
//! | contents, old or new or some of both | saved blocks | index | trailer |
//!                                         ^ start, a multiple of 64 KiB, as is the end
//! ```
//!
//! The index has the offset of each saved block; blocks are of one size, except that the last may be shorter. All numbers
//! are little-endian.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, fallocate};

/// The last bytes of a file with a journal: magic, then seven numbers.
const TRAILER: usize = 64;
const MAGIC: [u8; 8] = *b"map-jrnl";
/// Where a journal starts and ends. A multiple of every page size: libdb opens no file of odd length.
const ALIGNMENT: u64 = 65536;

/// A journal that was found behind a file's contents.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Length of the file's old contents.
    old_len: u64,
    start: u64,
    block: u64,
    blocks: u64,
    /// Sums of the file's first bytes before the change and after it.
    heads: [u64; 2],
}

/// Bytes at the start of a file by which it is told whether it has been changed by somebody else since.
const HEAD: usize = 512;

impl Journal {
    /// Reads the journal of a file, if there is one and all of it is there.
    ///
    /// One that is not was being written when its process was interrupted: nothing had been changed then.
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
        let journal = Journal {
            old_len: number(0),
            start: number(1),
            block: number(2),
            blocks: number(3),
            heads: [number(4), number(5)],
        };
        let saved = journal.blocks.checked_mul(journal.block.saturating_add(8));
        let fits = journal.block > 0
            && journal.start >= journal.old_len
            && saved
                .and_then(|saved| saved.checked_add(journal.start))
                .is_some_and(|end| end <= at);
        if !fits || number(6) != sum(file, journal.start, at + TRAILER as u64 - 8)? {
            return Ok(None);
        }
        // Whoever changed the file since did not know of the journal: what it saved is out of date.
        let now = head(file)?;
        Ok(journal.heads.contains(&now).then_some(journal))
    }

    /// The saved blocks: where each belongs, and its bytes.
    fn saved<'f>(
        &'f self,
        file: &'f File,
    ) -> impl Iterator<Item = io::Result<(u64, Vec<u8>)>> + 'f {
        (0..self.blocks).map(move |i| {
            let mut offset = [0; 8];
            file.read_exact_at(&mut offset, self.start + self.blocks * self.block + 8 * i)?;
            let offset = u64::from_le_bytes(offset);
            let len = self.block.min(self.old_len.saturating_sub(offset));
            let mut bytes = vec![0; len as usize];
            file.read_exact_at(&mut bytes, self.start + i * self.block)?;
            Ok((offset, bytes))
        })
    }

    /// Puts the old contents back, in the file.
    pub fn roll_back(&self, file: &File) -> io::Result<()> {
        for saved in self.saved(file) {
            let (offset, bytes) = saved?;
            file.write_all_at(&bytes, offset)?;
        }
        file.sync_all()?;
        file.set_len(self.old_len)?;
        file.sync_all()
    }

    /// Puts the old contents back in a copy of the file in memory, for readers that may not write it.
    pub fn roll_back_copy(&self, file: &File, contents: &mut Vec<u8>) -> io::Result<()> {
        contents.truncate(usize::try_from(self.old_len).map_err(|_| io::ErrorKind::OutOfMemory)?);
        for saved in self.saved(file) {
            let (offset, bytes) = saved?;
            let place = usize::try_from(offset).ok().and_then(|at| contents.get_mut(at..));
            let place = place.and_then(|rest| rest.get_mut(..bytes.len()));
            place.ok_or(io::ErrorKind::InvalidData)?.copy_from_slice(&bytes);
        }
        Ok(())
    }
}

/// Overwrites blocks of a locked file and makes it `new_len` bytes long.
///
/// `offsets` says which blocks of `block` bytes will be written, in ascending order; `head` gives the first bytes of the new
/// contents; `write` writes them.
///
/// # Errors
/// The file then has its old contents.
pub(crate) fn overwrite(
    file: &File,
    new_len: u64,
    block: u64,
    offsets: impl Iterator<Item = u64>,
    new_head: &[u8],
    write: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let old_len = file.metadata()?.len();
    // What is behind both the old and the new end needs no saving: it stays until the file is cut.
    let offsets: Vec<u64> = offsets.filter(|offset| *offset < old_len.min(new_len)).collect();
    let start = old_len.max(new_len).next_multiple_of(ALIGNMENT);
    let blocks = offsets.len() as u64;
    let end = (start + blocks * (block + 8) + TRAILER as u64).next_multiple_of(ALIGNMENT);
    let heads = [head(file)?, checksum(SEED, &new_head[..new_head.len().min(HEAD)])];
    let saved = reserve(file, end)
        .and_then(|()| save(file, &offsets, block, [old_len, start, block, blocks], heads, end));
    if let Err(error) = saved {
        file.set_len(old_len)?;
        return Err(error);
    }
    if let Err(error) = write(file).and_then(|()| file.sync_all()) {
        if let Some(journal) = Journal::find(file)? {
            journal.roll_back(file)?;
        }
        return Err(error);
    }
    file.set_len(new_len)?;
    file.sync_all()
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

/// Writes the journal, and waits until it is durable.
fn save(
    file: &File,
    offsets: &[u64],
    block: u64,
    [old_len, start, _, blocks]: [u64; 4],
    heads: [u64; 2],
    end: u64,
) -> io::Result<()> {
    let mut bytes = vec![0; block as usize];
    for (i, offset) in (0u64..).zip(offsets) {
        let len = block.min(old_len - offset) as usize;
        file.read_exact_at(&mut bytes[..len], *offset)?;
        bytes[len..].fill(0);
        file.write_all_at(&bytes, start + i * block)?;
    }
    let index: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    file.write_all_at(&index, start + blocks * block)?;
    let numbers = [old_len, start, block, blocks, heads[0], heads[1]];
    let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
    let trailer: Vec<u8> = MAGIC.into_iter().chain(numbers).collect();
    file.write_all_at(&trailer, end - TRAILER as u64)?;
    let sum = sum(file, start, end - 8)?;
    file.write_all_at(&sum.to_le_bytes(), end - 8)?;
    file.sync_all()
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

/// The checksum of a file's first bytes.
fn head(file: &File) -> io::Result<u64> {
    let mut bytes = [0; HEAD];
    let len = file.metadata()?.len().min(HEAD as u64) as usize;
    file.read_exact_at(&mut bytes[..len], 0)?;
    Ok(checksum(SEED, &bytes[..len]))
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
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use proptest::prelude::*;

    use super::*;

    /// Stands for the end of the process.
    fn crash() -> ! {
        std::panic::resume_unwind(Box::new("crash"))
    }

    fn contents(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// What the next process sees, one that may write the file and one that may not.
    fn recovered(file: &File) -> Vec<u8> {
        let mut copy = contents(file);
        if let Some(journal) = Journal::find(file).unwrap() {
            journal.roll_back_copy(file, &mut copy).unwrap();
            journal.roll_back(file).unwrap();
        }
        let recovered = contents(file);
        assert_eq!(copy, recovered);
        assert!(Journal::find(file).unwrap().is_none(), "once is enough");
        recovered
    }

    const BLOCK: usize = 512;

    #[derive(Clone, Copy, Debug)]
    enum End {
        Well,
        Error,
        Crash,
    }

    proptest! {
        #[test]
        fn the_contents_are_the_old_or_the_new(
            old_blocks in 1usize..12,
            new_blocks in 1usize..12,
            changed in prop::collection::btree_set(0usize..12, 0..12),
            writes in 0usize..12,
            end in prop_oneof![Just(End::Well), Just(End::Error), Just(End::Crash)],
        ) {
            let file = tempfile::tempfile().unwrap();
            let old: Vec<u8> = (0..old_blocks * BLOCK).map(|i| (i / BLOCK) as u8 + 1).collect();
            file.write_all_at(&old, 0).unwrap();
            let mut new = old.clone();
            new.resize(new_blocks * BLOCK, 0);
            // The first block changes in every change of a database.
            let changed: Vec<usize> =
                changed.into_iter().chain([0]).filter(|i| *i < new_blocks).collect();
            let mut changed = changed;
            changed.sort_unstable();
            changed.dedup();
            for i in &changed {
                new[i * BLOCK..][..BLOCK].fill(*i as u8 + 100);
            }
            let write = |file: &File| {
                for (count, i) in changed.iter().enumerate() {
                    match end {
                        End::Error if count == writes => return Err(io::ErrorKind::StorageFull.into()),
                        End::Crash if count == writes => crash(),
                        _ => file.write_all_at(&new[i * BLOCK..][..BLOCK], (i * BLOCK) as u64)?,
                    }
                }
                match end {
                    End::Crash => crash(),
                    _ => Ok(()),
                }
            };
            let offsets = changed.iter().map(|i| (i * BLOCK) as u64);
            let done = catch_unwind(AssertUnwindSafe(|| {
                overwrite(&file, new.len() as u64, BLOCK as u64, offsets, &new[..BLOCK], write)
            }));
            match done {
                Ok(Ok(())) => prop_assert_eq!(contents(&file), new),
                Ok(Err(_)) => prop_assert_eq!(contents(&file), old),
                Err(_) => {
                    prop_assert_eq!(file.metadata().unwrap().len() % ALIGNMENT, 0);
                    prop_assert_eq!(recovered(&file), old);
                }
            }
        }

        #[test]
        fn a_journal_that_is_not_whole_is_none(
            flip in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let file = interrupted();
            let start = 65536;
            let len = file.metadata().unwrap().len() as usize;
            let at = (start + flip.index(len - start)) as u64;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
            prop_assert!(Journal::find(&file).unwrap().is_none());
        }

        #[test]
        fn any_bytes_may_stand_where_a_journal_would(
            numbers in prop::array::uniform7(prop_oneof![any::<u64>(), 0u64..200_000]),
        ) {
            let file = tempfile::tempfile().unwrap();
            file.set_len(2 * ALIGNMENT).unwrap();
            let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
            let trailer: Vec<u8> = MAGIC.into_iter().chain(numbers).collect();
            file.write_all_at(&trailer, 2 * ALIGNMENT - TRAILER as u64).unwrap();
            prop_assert!(Journal::find(&file).unwrap().is_none());
        }
    }

    /// A file of one block, whose change was interrupted before anything was written.
    fn interrupted() -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; BLOCK], 0).unwrap();
        let done = catch_unwind(AssertUnwindSafe(|| {
            overwrite(&file, BLOCK as u64, BLOCK as u64, [0].into_iter(), &[2; BLOCK], |_| crash())
        }));
        assert!(done.is_err());
        file
    }

    #[test]
    fn a_file_that_somebody_else_has_changed_since_is_left_alone() {
        let file = interrupted();
        assert!(Journal::find(&file).unwrap().is_some());
        file.write_all_at(&[2; BLOCK], 0).unwrap();
        assert!(Journal::find(&file).unwrap().is_some(), "the new contents");
        file.write_all_at(&[3; BLOCK], 0).unwrap();
        assert!(Journal::find(&file).unwrap().is_none(), "another's");
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("m"), [1; BLOCK]).unwrap();
        let file = File::open(dir.path().join("m")).unwrap();
        let failed =
            overwrite(&file, 2 * BLOCK as u64, BLOCK as u64, [0].into_iter(), &[], |_| Ok(()));
        assert!(failed.is_err());
        assert_eq!(contents(&file), [1; BLOCK]);
    }
}
