use proptest::prelude::*;

use super::*;
use crate::sharing::journal::{ALIGNMENT, SECTOR};

const BLOCK: usize = 2 * SECTOR;

fn contents(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// What the next process sees, one that may write the file and one that may not.
fn completed(file: &File) -> Vec<u8> {
    let journal = Journal::find(file).unwrap().unwrap();
    let mut copy = contents(file);
    copy.truncate(journal.new_len as usize);
    for (i, part) in copy.chunks_mut(700).enumerate() {
        journal.complete_copy(file, 700 * i as u64, part).unwrap();
    }
    journal.complete(file).unwrap();
    assert!(Journal::find(file).unwrap().is_none(), "once is enough");
    assert_eq!(contents(file), copy);
    copy
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
    (1usize..12, 1usize..12, changed, any::<prop::sample::Index>()).prop_map(
        |(old_blocks, new_blocks, changed, first)| {
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
            // They are written in any order.
            let first = first.index(changed.len());
            changed.rotate_left(first);
            let changed = changed.into_iter().map(|i| (i * BLOCK) as u64).collect();
            Change { old, new, changed }
        },
    )
}

impl Change {
    fn file(&self) -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&self.old, 0).unwrap();
        file
    }

    /// Writes the journal, or fails after some of its blocks.
    fn save(&self, file: &File, blocks_before_failure: Option<usize>) -> io::Result<Journal> {
        let blocks = Blocks { block: BLOCK as u64, offsets: &self.changed };
        save(file, self.new.len() as u64, blocks, |file, start| {
            for (i, offset) in self.changed.iter().enumerate() {
                if blocks_before_failure == Some(i) {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let bytes = &self.new[*offset as usize..][..BLOCK];
                file.write_all_at(bytes, start + (i * BLOCK) as u64)?;
            }
            Ok(())
        })
    }

    /// Copies some of the blocks to their places; of the last one only a part.
    fn copy(&self, file: &File, blocks: usize, part: usize) {
        let blocks = blocks.min(self.changed.len());
        for (i, offset) in self.changed[..blocks].iter().enumerate() {
            let len = if i + 1 == blocks { part } else { BLOCK };
            file.write_all_at(&self.new[*offset as usize..][..len], *offset).unwrap();
        }
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
        change in change(), copied in 0usize..12, sectors in 0usize..=2,
    ) {
        let file = change.file();
        change.save(&file, None).unwrap();
        prop_assert_eq!(file.metadata().unwrap().len() % ALIGNMENT, 0);
        change.copy(&file, copied, sectors * SECTOR);
        prop_assert_eq!(completed(&file), change.new);
    }

    #[test]
    fn a_journal_that_fails_leaves_no_trace(
        change in change(), blocks in any::<prop::sample::Index>(),
    ) {
        let blocks = blocks.index(change.changed.len());
        let file = change.file();
        prop_assert!(change.save(&file, Some(blocks)).is_err());
        prop_assert_eq!(contents(&file), change.old);
    }

    #[test]
    fn a_journal_that_is_not_whole_is_none(
        change in change(), at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let file = change.file();
        change.save(&file, None).unwrap();
        let start = start(change.old.len() as u64, change.new.len() as u64).unwrap();
        let len = file.metadata().unwrap().len();
        let at = start + at.index((len - start) as usize) as u64;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
        prop_assert!(Journal::find(&file).unwrap().is_none());
        // Unless its numbers have suffered, it is known for what it was.
        let metadata = file.metadata().unwrap();
        if let Some(trailer) = Trailer::read(&file, &metadata).unwrap()
            && at < len - TRAILER as u64
        {
            let old_len = trailer.unfinished(&file, &metadata).unwrap();
            prop_assert_eq!(old_len, Some(change.old.len() as u64));
        }
    }

    #[test]
    fn any_numbers_may_stand_in_a_trailer(
        numbers in prop::array::uniform9(prop_oneof![
            any::<u64>(), 0u64..200_000, (0u64..4).prop_map(|i| i * ALIGNMENT), (0u32..64).prop_map(|i| 1 << i),
        ]),
        own: bool,
    ) {
        let file = tempfile::tempfile().unwrap();
        file.set_len(2 * ALIGNMENT).unwrap();
        let metadata = file.metadata().unwrap();
        let [inode, old_len, new_len, start, block, blocks, old_head, new_head, _] = numbers;
        let mut trailer =
            Trailer { inode, old_len, new_len, start, block, blocks, old_head, new_head, sum: 0 };
        if own {
            trailer.inode = metadata.ino();
            trailer.old_head = head(&file, 0).unwrap();
        }
        let at = 2 * ALIGNMENT - TRAILER as u64;
        file.write_all_at(&trailer.to_bytes(), at).unwrap();
        trailer.sum = sum(&file, start.min(at), 2 * ALIGNMENT - 8).unwrap();
        file.write_all_at(&trailer.to_bytes(), at).unwrap();
        prop_assert_eq!(Trailer::read(&file, &metadata).unwrap(), Some(trailer));
        // It may even be one: what matters is that everything of it lies in the file.
        if let Some(journal) = Journal::find(&file).unwrap() {
            prop_assert!(own && journal.new_len <= start);
            journal.complete(&file).unwrap();
        }
    }
}

#[test]
fn a_journal_counts_in_its_own_file_only() {
    let (old, new) = (vec![1; BLOCK], vec![2; 3 * BLOCK]);
    let change = Change { old, new, changed: vec![0, BLOCK as u64, 2 * BLOCK as u64] };
    let file = change.file();
    change.save(&file, None).unwrap();
    assert!(Journal::find(&file).unwrap().is_some());
    let copy = tempfile::tempfile().unwrap();
    copy.write_all_at(&contents(&file), 0).unwrap();
    let metadata = copy.metadata().unwrap();
    let trailer = Trailer::read(&copy, &metadata).unwrap().unwrap();
    assert!(trailer.journal(&copy, &metadata).unwrap().is_none());
}

#[test]
fn a_file_that_somebody_else_has_changed_is_left_alone() {
    let (old, new) = (vec![1; 4 * BLOCK], [vec![4; BLOCK], vec![2; 3 * BLOCK]].concat());
    let change = Change { old, new, changed: vec![0, BLOCK as u64, 3 * BLOCK as u64] };
    for at in (0..4 * BLOCK).step_by(100) {
        for copied in 0..3 {
            let file = change.file();
            change.save(&file, None).unwrap();
            change.copy(&file, copied, SECTOR);
            assert!(Journal::find(&file).unwrap().is_some());
            file.write_all_at(&[3], at as u64).unwrap();
            // What it would not touch may be anything.
            let untouched = (2 * BLOCK..3 * BLOCK).contains(&at);
            assert_eq!(Journal::find(&file).unwrap().is_some(), untouched, "{at}");
        }
    }
}

#[test]
fn a_file_of_nothing_is_filled() {
    let change = Change { old: Vec::new(), new: vec![2; BLOCK], changed: vec![0] };
    let file = change.file();
    change.save(&file, None).unwrap();
    assert_eq!(completed(&file), change.new);
}

/// A database whose page 0 stays as it is, as when libdb puts a pair into a leaf with room.
#[test]
fn a_change_without_the_first_block_is_made_whole_too() {
    let (old, new) = (vec![1; 3 * BLOCK], [vec![1; BLOCK], vec![2; 2 * BLOCK]].concat());
    let change = Change { old, new, changed: vec![2 * BLOCK as u64, BLOCK as u64] };
    for copied in 0..=2 {
        let file = change.file();
        change.save(&file, None).unwrap();
        change.copy(&file, copied, SECTOR);
        assert_eq!(completed(&file), change.new);
    }
    let file = change.file();
    change.save(&file, None).unwrap();
    file.write_all_at(&[3], 0).unwrap();
    assert!(Journal::find(&file).unwrap().is_none(), "the pages may be arranged in another way");
}

#[test]
fn a_trailer_that_claims_a_large_file_costs_no_time() {
    let file = tempfile::tempfile().unwrap();
    let len = 64 << 30;
    file.set_len(len).unwrap();
    let metadata = file.metadata().unwrap();
    // As if all of it were a journal: it lies about where that starts.
    let head = head(&file, 0).unwrap();
    let mut trailer = Trailer {
        inode: metadata.ino(),
        old_len: 0,
        new_len: ALIGNMENT,
        start: ALIGNMENT,
        block: 512,
        blocks: (len - 2 * ALIGNMENT) / (512 + 16),
        old_head: head,
        new_head: head,
        sum: 0,
    };
    for inode in [metadata.ino(), metadata.ino() + 1] {
        trailer.inode = inode;
        file.write_all_at(&trailer.to_bytes(), len - TRAILER as u64).unwrap();
        // Summing it up would take a minute.
        assert!(Journal::find(&file).unwrap().is_none());
    }
}
