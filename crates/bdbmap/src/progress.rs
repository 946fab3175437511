//! A bar on the terminal for work that takes more than a moment.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, IsTerminal, Read};
use std::time::{Duration, Instant};

use bdb_file::Source;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows nothing.
const MOMENT: Duration = Duration::from_secs(1);

/// Bytes read, of those there are.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    /// Whether the bar is still to appear.
    pending: Cell<bool>,
}

impl Progress {
    /// For work that prints its result when it is done.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%, {eta} left") {
            bar.set_style(style);
        }
        Progress { bar, start: Instant::now(), pending: Cell::new(io::stderr().is_terminal()) }
    }

    /// For work that prints as it goes: no bar among the lines of output.
    pub fn beside_output() -> Self {
        let progress = Progress::new();
        progress.pending.set(progress.pending.get() && !io::stdout().is_terminal());
        progress
    }

    /// Adds to the bytes that there are.
    pub fn expect(&self, bytes: u64) {
        self.bar.inc_length(bytes);
    }

    fn add(&self, bytes: usize) {
        self.bar.inc(bytes as u64);
        if self.pending.get() && self.start.elapsed() > MOMENT {
            self.pending.set(false);
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// A source of which each byte read is progress.
    pub fn watch<S>(&self, source: S) -> Watched<'_, S> {
        Watched { source, progress: self }
    }

    /// Takes the bar away, if there is one.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A source whose reader makes progress.
pub struct Watched<'p, S> {
    source: S,
    progress: &'p Progress,
}

impl<S> Watched<'_, S> {
    /// The source itself, to be read here and there, in addition to what is to be read: no progress.
    pub fn unwatched(&self) -> &S {
        &self.source
    }
}

impl<S: Source> Source for Watched<'_, S> {
    fn len(&self) -> io::Result<u64> {
        self.source.len()
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        self.progress.add(len);
        self.source.read_at(at, len)
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.source.read(buffer)?;
        self.progress.add(len);
        Ok(len)
    }
}
