//! All operations of the library on damaged files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::tally::{End, Tally};
use crate::{ROUNDS, allocator, campaign, each_format};

/// Keys that are looked up in each file.
pub const KEYS: usize = 20;

#[test]
fn library() {
    each_format(|format| {
        let tally = Tally::default();
        campaign(format, 100, ROUNDS, |sound, file| {
            (format.all)(&Runs { tally: &tally, len: file.len() }, sound, file);
        });
        tally.finish();
    });
}

/// Operations on one file.
pub struct Runs<'t> {
    tally: &'t Tally,
    len: usize,
}

impl Runs<'_> {
    /// Runs an operation, and notes what comes of it.
    pub fn run<E>(&self, name: &'static str, operation: &dyn Fn() -> Result<(), E>) {
        let start = Instant::now();
        let (result, memory) = allocator::peak(|| catch_unwind(AssertUnwindSafe(operation)));
        let end = match result {
            Ok(Ok(())) => End::Answer,
            Ok(Err(_)) => End::Error,
            Err(_) => End::Killed,
        };
        self.tally.add(name, self.len, end, start.elapsed(), Some(memory));
    }
}

/// Goes on after an error, and ends with the last.
pub fn last_error<T, E>(results: impl Iterator<Item = Result<T, E>>) -> Result<(), E> {
    results.filter_map(Result::err).last().map_or(Ok(()), Err)
}
