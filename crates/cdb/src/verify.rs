//! Finding all that is wrong with a file (section 8).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::ops::ControlFlow;

use kv_file_core::{Datum, Source};

use crate::error::{Error, ErrorKind, Result};
use crate::fault::{Fault, Problem, Severity};
use crate::format::{PAIR, TABLES, first_slot, hash, pair, table};
use crate::read::Cdb;

/// What [`verify`] has to say of a file as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Records of the file, as far as they could be read.
    pub records: u64,
    /// Number of problems that are damage.
    pub damage: u64,
    /// Number of problems that are none to worry about.
    pub notes: u64,
    /// Whether all was looked at: `report` did not ask to stop.
    pub complete: bool,
}

impl Verdict {
    /// Returns `true` if everything in the file can be relied on.
    pub fn is_sound(&self) -> bool {
        self.complete && self.damage == 0
    }
}

/// Checks a whole file, and hands every problem to `report`, until that breaks off.
///
/// A file without [`Severity::Damage`] is one in which every record is found under its key, or was
/// meant not to be.
///
/// # Errors
/// [`ErrorKind::NotADatabase`] for a file that cannot be judged, [`ErrorKind::Io`]. Damage is
/// reported, and is no error.
///
/// # Complexity
/// Reads the records for their keys, then the tables, and once more the keys whose hashes are the
/// same. Keeps 9 bytes a record, and of one table at a time the slots and up to 24 bytes a record.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use cdb_file::{CdbBuilder, Keep, verify};
///
/// let mut builder = CdbBuilder::new();
/// builder.push("root", "bob")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::First)?.write_to(&mut file)?;
/// file.truncate(file.len() - 1);
///
/// let verdict = verify(&file, |problem| {
///     println!("{}: {problem}", problem.fault.code());
///     ControlFlow::Continue(())
/// })?;
/// assert!(!verdict.is_sound());
/// # Ok::<(), cdb_file::Error>(())
/// ```
pub fn verify<S: Source>(
    source: S,
    mut report: impl FnMut(Problem) -> ControlFlow<()>,
) -> Result<Verdict> {
    let mut report = Report { call: &mut report, verdict: Verdict::default() };
    match check(source, &mut report) {
        Ok(()) => report.verdict.complete = true,
        Err(Stop::Asked) => {}
        Err(Stop::Error(error)) => match error.into_kind() {
            // What ends the check is damage of the file, too.
            ErrorKind::Damaged(problem) => {
                report.verdict.complete = report.add(problem).is_ok();
            }
            kind => return Err(kind.into()),
        },
    }
    Ok(report.verdict)
}

/// Why a check ends early.
enum Stop {
    Asked,
    Error(Error),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Error(error.into())
    }
}

/// Where problems go.
struct Report<'r> {
    call: &'r mut dyn FnMut(Problem) -> ControlFlow<()>,
    verdict: Verdict,
}

impl Report<'_> {
    fn add(&mut self, problem: Problem) -> Result<(), Stop> {
        match problem.severity() {
            Severity::Note => self.verdict.notes += 1,
            Severity::Damage => self.verdict.damage += 1,
        }
        match (self.call)(problem) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Asked),
        }
    }
}

/// What is known of a record.
#[derive(Clone, Copy)]
struct Known {
    at: u32,
    hash: u32,
}

/// What has been seen of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Itself.
    Record,
    /// The same, and it is of nothing but zeros, as one that was replaced.
    Zeroed,
    /// A slot that leads to it.
    Slot,
}

/// The records of a file, in its order.
#[derive(Default)]
struct Records {
    known: Vec<Known>,
    /// Of each.
    seen: Vec<Seen>,
    /// How many have the key of an earlier one, and the first of these.
    hidden: u64,
    first_hidden: Option<u32>,
}

fn check<S: Source>(source: S, report: &mut Report<'_>) -> Result<(), Stop> {
    let database = Cdb::open(source)?;
    let mut records = read_records(&database, report)?;
    let mut counts = [0u32; TABLES];
    for (record, seen) in records.known.iter().zip(&records.seen) {
        counts[table(record.hash)] += u32::from(*seen == Seen::Record);
    }
    let mut end = database.end;
    for (number, count) in counts.iter().enumerate() {
        end = check_table(&database, number, *count, end, &mut records, report)?;
    }
    for (record, seen) in records.known.iter().zip(&records.seen) {
        let fault = match seen {
            Seen::Record => Fault::NotIndexed,
            Seen::Zeroed => Fault::Zeroed,
            Seen::Slot => continue,
        };
        report.add(Problem::at(record.at.into(), fault))?;
    }
    if let Some(first) = records.first_hidden {
        report.add(Problem::at(first.into(), Fault::SameKey).value(records.hidden))?;
    }
    if end < database.len {
        report.add(Problem::at(end, Fault::Tail).value(database.len - end))?;
    }
    Ok(())
}

fn read_records<S: Source>(database: &Cdb<S>, report: &mut Report<'_>) -> Result<Records, Stop> {
    let mut records = Records::default();
    let mut iter = database.iter();
    loop {
        let at = iter.position() as u32;
        let Some(record) = iter.next() else { return Ok(records) };
        match record.map_err(Error::into_kind) {
            Ok((key, value)) => {
                records.known.push(Known { at, hash: hash(Datum::from(&key)) });
                let zeroed = key.is_empty() && value.iter().all(|b| *b == 0);
                records.seen.push(if zeroed { Seen::Zeroed } else { Seen::Record });
                report.verdict.records += 1;
            }
            Err(ErrorKind::Damaged(problem)) => report.add(problem)?,
            Err(kind) => return Err(Error::from(kind).into()),
        }
    }
}

/// Checks a table, which should start where the one before ends, and have slots for `count`
/// records, those of zeros left out; returns where it ends.
fn check_table<S: Source>(
    database: &Cdb<S>,
    number: usize,
    mut count: u32,
    start: u64,
    records: &mut Records,
    report: &mut Report<'_>,
) -> Result<u64, Stop> {
    let pointer = (number * PAIR) as u64;
    let (at, slots) = pair(&database.source.read_at(pointer, PAIR)?).unwrap_or_default();
    let (at, len) = (u64::from(at), u64::from(slots) * PAIR as u64);
    if at != start || at + len > database.len {
        report.add(Problem::at(pointer, Fault::TablePlace).value(at))?;
        return Ok(start);
    }
    let bytes = database.source.read_at(at, len as usize)?;
    let slot_of = |i: u32| bytes.get(i as usize * PAIR..).and_then(pair).unwrap_or_default();
    // Where the search for the keys of a slot may have started: behind the last empty slot.
    let is_empty = |i: u32| slot_of(i).1 == 0;
    let last_empty = (0..slots).rev().find(|i| is_empty(*i));
    let mut since_empty = last_empty.map_or(slots, |last| slots - 1 - last);
    let mut indexed = Vec::with_capacity(count.min(slots) as usize);
    for i in 0..slots {
        let place = at + u64::from(i) * PAIR as u64;
        let (slot_hash, position) = slot_of(i);
        if position == 0 {
            since_empty = 0;
            if slot_hash != 0 {
                report.add(Problem::at(place, Fault::EmptySlot).value(slot_hash))?;
            }
            continue;
        }
        since_empty = (since_empty + 1).min(slots);
        let found = records.known.binary_search_by_key(&position, |record| record.at);
        let Some((record, seen)) =
            found.ok().and_then(|at| Some((*records.known.get(at)?, records.seen.get_mut(at)?)))
        else {
            report.add(Problem::at(place, Fault::SlotPosition).value(position))?;
            continue;
        };
        if record.hash != slot_hash {
            report.add(Problem::at(place, Fault::SlotHash).value(slot_hash))?;
        } else if table(slot_hash) != number {
            report.add(Problem::at(place, Fault::SlotTable).value(slot_hash))?;
        } else {
            let first = first_slot(slot_hash, slots);
            // Steps from the first slot to this one, around the end.
            let steps = if i >= first { i - first } else { i + (slots - first) };
            if steps >= since_empty {
                report.add(Problem::at(place, Fault::Unreachable).value(position))?;
            }
        }
        match std::mem::replace(seen, Seen::Slot) {
            Seen::Slot => {
                report.add(Problem::at(place, Fault::SlotTwice).value(position))?;
                continue;
            }
            Seen::Zeroed => count += 1,
            Seen::Record => {}
        }
        indexed.push(record);
    }
    if slots != 2 * count && slots != 0 {
        report.add(Problem::at(pointer, Fault::Slots).value(slots))?;
    }
    drop(bytes);
    find_hidden(database, indexed, records)?;
    Ok(at + len)
}

/// Counts the records of a table that have the key of an earlier one.
fn find_hidden<S: Source>(
    database: &Cdb<S>,
    mut indexed: Vec<Known>,
    records: &mut Records,
) -> Result<(), Stop> {
    indexed.sort_unstable_by_key(|record| (record.hash, record.at));
    // Whoever makes the file can make all hashes of the format collide, but not these: each key is
    // read once, in the order of the file.
    let digests = RandomState::new();
    let mut keys = Vec::new();
    for same in indexed.chunk_by(|a, b| a.hash == b.hash).filter(|same| same.len() > 1) {
        keys.clear();
        keys.reserve_exact(same.len());
        for Known { at, .. } in same {
            let record = database.record((*at).into())?;
            let key = database.source.read_at(record.key, record.key_len as usize)?;
            keys.push((digests.hash_one(&*key), *at));
        }
        keys.sort_unstable();
        for (_, hidden) in keys.windows(2).filter(|two| two[0].0 == two[1].0).map(|two| two[1]) {
            records.hidden += 1;
            records.first_hidden = Some(records.first_hidden.map_or(hidden, |at| at.min(hidden)));
        }
    }
    Ok(())
}
