//! What has come of many runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

/// No run may take longer.
pub const LIMIT: Duration = Duration::from_secs(1);

/// Bytes that a run may take in addition to twice the file.
pub const MEMORY: usize = 64 << 20;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With an answer.
    Answer,
    /// With an error, or a verdict that the file is damaged.
    Error,
    /// By a panic, a signal, or because it had to be killed.
    Killed,
}

/// The runs of one operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    runs: u64,
    errors: u64,
    killed: u64,
    slow: u64,
    slowest: Duration,
    /// Runs that took more memory than they may.
    greedy: u64,
    /// The most memory that any took, where it was measured.
    memory: Option<usize>,
}

/// The runs of all operations, by name.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<&'static str, Row>>);

impl Tally {
    /// Notes a run on a file of `len` bytes. A program that runs with no more memory than it may
    /// have has none measured.
    pub fn add(
        &self,
        name: &'static str,
        len: usize,
        end: End,
        took: Duration,
        memory: Option<usize>,
    ) {
        let mut rows = self.0.lock().unwrap();
        let row = rows.entry(name).or_default();
        row.runs += 1;
        row.errors += u64::from(end == End::Error);
        row.killed += u64::from(end == End::Killed);
        row.slow += u64::from(took > LIMIT);
        row.slowest = row.slowest.max(took);
        row.greedy += u64::from(memory > Some(2 * len + MEMORY));
        row.memory = row.memory.max(memory);
    }

    /// Prints all, and fails unless all went well.
    pub fn finish(&self) {
        println!("{self}");
        let rows = self.0.lock().unwrap();
        assert!(!rows.is_empty());
        for (name, row) in rows.iter() {
            assert_eq!((row.killed, row.slow, row.greedy), (0, 0, 0), "{name}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| operation | runs | errors | panics, signals | over 1 s | slowest | too much memory | most memory |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for (name, row) in self.0.lock().unwrap().iter() {
            let Row { runs, errors, killed, slow, slowest, greedy, memory } = row;
            let ms = slowest.as_micros() as f64 / 1000.0;
            let memory = memory.map_or("limited".into(), |bytes| format!("{} KiB", bytes >> 10));
            writeln!(
                f,
                "| {name} | {runs} | {errors} | {killed} | {slow} | {ms:.1} ms | {greedy} | {memory} |"
            )?;
        }
        Ok(())
    }
}
