//! The figures of a file: those that `cdb -s` prints (section 9).

use kv_file_core::Source;

use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::{PAIR, TABLES, first_slot, pair};
use crate::read::Cdb;

/// Figures of a file: [`Cdb::stat`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// Number of records.
    pub records: u64,
    /// Lengths of the keys, in bytes.
    pub keys: Lengths,
    /// Lengths of the values, in bytes.
    pub values: Lengths,
    /// Number of hash tables that have slots.
    pub tables: u64,
    /// Lengths of these tables, in slots.
    pub slots: Lengths,
    /// How far records' slots are from those that their hashes ask for: the number of records for
    /// each distance from 0 to 9, and for all greater ones.
    pub distances: [u64; 11],
}

/// Lengths of several things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lengths {
    /// The least; 0 where there is none.
    pub min: u64,
    /// The greatest.
    pub max: u64,
    /// All together.
    pub total: u64,
    /// How many there are.
    pub count: u64,
}

impl Lengths {
    fn add(&mut self, len: u64) {
        self.min = if self.count == 0 { len } else { self.min.min(len) };
        self.max = self.max.max(len);
        self.total += len;
        self.count += 1;
    }

    /// The average, rounded to the nearest; 0 where there is none.
    pub fn average(&self) -> u64 {
        (self.total + self.count / 2) / self.count.max(1)
    }
}

impl Stat {
    /// Number of records that do not lie in the slot that their hash asks for.
    pub fn collisions(&self) -> u64 {
        self.distances[1..].iter().sum()
    }
}

impl<S: Source> Cdb<S> {
    /// Counts what the file holds and how its tables are used.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) for a record or a table that does not fit
    /// into the file, or tables that overlap, [`ErrorKind::Io`](crate::ErrorKind::Io).
    ///
    /// # Complexity
    /// Reads the file once. Memory: the slots of one table.
    pub fn stat(&self) -> Result<Stat> {
        let mut stat = Stat::default();
        for record in self {
            let (key, value) = record?;
            stat.records += 1;
            stat.keys.add(key.len() as u64);
            stat.values.add(value.len() as u64);
        }
        // Who makes a file may let all pointers lead to one long table.
        let mut left = self.len - self.end;
        for number in 0..TABLES {
            let Some(table) = self.table(number)? else { continue };
            let len = u64::from(table.slots) * PAIR as u64;
            left = left.checked_sub(len).ok_or_else(|| {
                Problem::at((number * PAIR) as u64, Fault::TablePlace).value(table.at)
            })?;
            stat.tables += 1;
            stat.slots.add(table.slots.into());
            let bytes = self.source.read_at(table.at, len as usize)?;
            for (slot, bytes) in (0u32..).zip(bytes.chunks_exact(PAIR)) {
                let (hash, position) = pair(bytes).unwrap_or_default();
                if position != 0 {
                    let first = first_slot(hash, table.slots);
                    let distance =
                        if slot >= first { slot - first } else { slot + (table.slots - first) };
                    stat.distances[distance.min(10) as usize] += 1;
                }
            }
        }
        Ok(stat)
    }
}
