//! Writing a planned file: every byte is made once and written once, front to back (section 5).

use std::io;
use std::ops::Range;

use kv_file_core::{Contents, make_and_put};

use crate::format::{HEAD, PAIR, first_slot, put_pair};
use crate::plan::{Place, Plan};

/// Bytes handed to the writer at a time: as many as a huge page has. Linux then keeps the file in
/// such pages, if the file system can, and maps them as such into programs that look keys up.
const BLOCK: usize = 2 << 20;

impl Contents for Plan<'_> {
    fn file_len(&self) -> u64 {
        self.file_len()
    }

    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut maker = Maker::new(self);
        let several = self.file_len() > BLOCK as u64;
        make_and_put(self.pointers(), several, |block| maker.make_more(block), put)
    }

    fn dropped(&self, each: &mut dyn FnMut(u32, &[u8])) {
        self.dropped().for_each(|(index, key)| each(index, key));
    }
}

impl Plan<'_> {
    /// The pointers at the start of the file.
    fn pointers(&self) -> Vec<u8> {
        let mut pointers = Vec::with_capacity(HEAD as usize);
        let mut at = self.end;
        for count in self.counts {
            put_pair(&mut pointers, at, 2 * count);
            at += 2 * PAIR as u32 * count;
        }
        pointers
    }
}

/// Makes what follows the pointers.
struct Maker<'p> {
    plan: &'p Plan<'p>,
    /// Bytes behind the block that was made last.
    tail: Vec<u8>,
    /// The entries whose records are still to be made, and those of them that are left out.
    entries: Range<u32>,
    dropped: &'p [u32],
    /// The next table, and the places from its own on.
    table: usize,
    places: &'p [Place],
    free: FreeSlots,
}

impl<'p> Maker<'p> {
    fn new(plan: &'p Plan<'p>) -> Self {
        Maker {
            plan,
            tail: Vec::new(),
            entries: plan.entries.indices(),
            dropped: &plan.dropped,
            table: 0,
            places: &plan.places,
            free: FreeSlots::default(),
        }
    }

    /// Adds to a block until it is full, or all is made. Returns `true` if there may be more.
    fn make_more(&mut self, block: &mut Vec<u8>) -> bool {
        block.append(&mut self.tail);
        while block.len() < BLOCK {
            if let Some(index) = self.entries.next() {
                self.put_record(index, block);
            } else if let Some(count) = self.plan.counts.get(self.table) {
                self.table += 1;
                let (places, others) = self.places.split_at(*count as usize);
                self.places = others;
                self.free.put_table(places, block);
            } else {
                return false;
            }
        }
        // Blocks are as long as they should be, or several times as long.
        let whole = block.len() - block.len() % BLOCK;
        self.tail.extend_from_slice(&block[whole..]);
        block.truncate(whole);
        true
    }

    fn put_record(&mut self, index: u32, block: &mut Vec<u8>) {
        if let Some((dropped, others)) = self.dropped.split_first()
            && *dropped == index
        {
            self.dropped = others;
            return;
        }
        let (key, value) = (self.plan.entries.key(index), self.plan.entries.data(index));
        put_pair(block, key.len() as u32, value.len() as u32);
        for piece in [key.pieces(), value.pieces()].as_flattened() {
            block.extend_from_slice(piece);
        }
    }
}

/// The slots of a table that are free. Each is found in about one step, also where all entries of a
/// table want the same one.
#[derive(Default)]
struct FreeSlots {
    /// For each slot, one from which on the next free slot is to be looked for: itself, if it is
    /// free.
    next: Vec<u32>,
}

impl FreeSlots {
    /// Adds the table of these records.
    fn put_table(&mut self, places: &[Place], to: &mut Vec<u8>) {
        let slots = 2 * places.len() as u32;
        self.reset(slots);
        let start = to.len();
        to.resize(start + slots as usize * PAIR, 0);
        let (table, _) = to[start..].as_chunks_mut::<PAIR>();
        for place in places {
            let slot = self.take(first_slot(place.hash(), slots));
            let bytes = u64::from(place.number()) << 32 | u64::from(place.hash());
            table[slot as usize] = bytes.to_le_bytes();
        }
    }

    /// Frees all slots of a table of so many.
    fn reset(&mut self, slots: u32) {
        self.next.clear();
        self.next.extend(0..slots);
    }

    /// Takes the first free slot from this one on, around the end. There is one.
    fn take(&mut self, wanted: u32) -> u32 {
        let mut slot = wanted;
        while self.next[slot as usize] != slot {
            let further = self.next[self.next[slot as usize] as usize];
            self.next[slot as usize] = further;
            slot = further;
        }
        self.next[slot as usize] = if slot as usize + 1 == self.next.len() { 0 } else { slot + 1 };
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_one_after_the_other_around_the_end() {
        let mut free = FreeSlots::default();
        free.reset(4);
        assert_eq!([2, 2, 2, 3].map(|wanted| free.take(wanted)), [2, 3, 0, 1]);
    }
}
