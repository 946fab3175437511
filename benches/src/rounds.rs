//! Timing several ways of doing the same, in turn: what slows the machine down for a while slows
//! all of them.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One way of doing it.
pub struct Lane<'a> {
    name: String,
    run: Box<dyn FnMut(usize) -> Result<Duration> + 'a>,
}

impl<'a> Lane<'a> {
    /// A way of this name; `run` does it once, given the number of the round, and tells how long it
    /// took.
    pub fn new(name: &str, run: impl FnMut(usize) -> Result<Duration> + 'a) -> Self {
        Lane { name: name.to_owned(), run: Box::new(run) }
    }
}

/// How long this thread computes, in its own code or in the kernel. Other programs on the machine
/// do not count, as they would by the clock on the wall.
///
/// # Errors
/// Those of `work`.
pub fn computing<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let start = processor_time();
    black_box(work()?);
    Ok(processor_time() - start)
}

/// How long one has to wait for work that other threads, programs or the disk have a part in.
///
/// # Errors
/// Those of `work`.
pub fn waiting<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let start = Instant::now();
    black_box(work()?);
    Ok(start.elapsed())
}

/// The processor time of this thread so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("processor time is not negative")
}

/// How long each way took, in each round.
#[derive(Debug)]
pub struct Rounds {
    lanes: Vec<(String, Vec<Duration>)>,
}

impl Rounds {
    /// Runs all lanes one after the other, `count` times.
    ///
    /// # Errors
    /// That of the first lane that fails.
    pub fn run(count: usize, mut lanes: Vec<Lane<'_>>) -> Result<Self> {
        let mut times = vec![Vec::new(); lanes.len()];
        for round in 0..count {
            for (lane, times) in lanes.iter_mut().zip(&mut times) {
                let time = (lane.run)(round).map_err(|error| format!("{}: {error}", lane.name))?;
                times.push(time);
            }
        }
        Ok(Rounds { lanes: lanes.into_iter().map(|lane| lane.name).zip(times).collect() })
    }

    /// The names of the lanes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lanes.iter().map(|(name, _)| name.as_str())
    }

    /// The median time of a lane, in seconds.
    ///
    /// # Panics
    /// If there is no such lane.
    pub fn seconds(&self, name: &str) -> f64 {
        median(self.times(name).iter().map(Duration::as_secs_f64).collect())
    }

    /// A lane's time divided by another's: the median of the ratios within each round.
    ///
    /// # Panics
    /// If there is no such lane.
    pub fn ratio(&self, name: &str, other: &str) -> f64 {
        let pairs = self.times(name).iter().zip(self.times(other));
        median(pairs.map(|(time, other)| time.as_secs_f64() / other.as_secs_f64()).collect())
    }

    fn times(&self, name: &str) -> &[Duration] {
        let lane = self.lanes.iter().find(|(lane, _)| lane == name);
        &lane.unwrap_or_else(|| panic!("no lane {name}")).1
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
