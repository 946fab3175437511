//! Results in Markdown: the machine, and a table of ratios with their targets.

use std::fmt;
use std::fs;
use std::process::Command;

use crate::rounds::Rounds;

/// What a ratio is to be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

/// A line of the table: one figure divided by another.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was done.
    pub work: String,
    /// Who did it, and the figure in words.
    pub this: [String; 2],
    /// The same of what it is compared with.
    pub other: [String; 2],
    /// The first figure divided by the second.
    pub ratio: f64,
    /// What that is to be, where somebody said.
    pub target: Option<Target>,
}

impl Row {
    /// The head of the table.
    pub const HEAD: &str = "| work | who | figure | compared with | figure | ratio | target | met |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- |";

    /// Compares two lanes of some rounds, each of which did the work `times` times.
    pub fn of(
        work: &str,
        (rounds, times): (&Rounds, usize),
        [this, other]: [&str; 2],
        target: Option<Target>,
    ) -> Self {
        let figure = |lane: &str| [lane.to_owned(), time(rounds.seconds(lane) / times as f64)];
        Row {
            work: work.to_owned(),
            this: figure(this),
            other: figure(other),
            ratio: rounds.ratio(this, other),
            target,
        }
    }

    /// A line for work that nobody else does.
    pub fn alone(work: &str, rounds: &Rounds, lane: &str) -> String {
        format!("| {work} | {lane} | {} | | | | | |", time(rounds.seconds(lane)))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { work, this, other, ratio, target } = self;
        let [this, other] = [this, other].map(|side| side.join(" | "));
        let (target, met) = match *target {
            Some(Target::AtMost(limit)) => (format!("at most {limit:.3}"), *ratio <= limit),
            Some(Target::AtLeast(limit)) => (format!("at least {limit:.3}"), *ratio >= limit),
            None => return write!(out, "| {work} | {this} | {other} | {ratio:.3} | | |"),
        };
        let met = if met { "yes" } else { "no" };
        write!(out, "| {work} | {this} | {other} | {ratio:.3} | {target} | {met} |")
    }
}

/// A time in the unit that suits it.
pub fn time(seconds: f64) -> String {
    match seconds {
        ..1e-5 => format!("{:.0} ns", seconds * 1e9),
        ..1e-3 => format!("{:.1} us", seconds * 1e6),
        ..1.0 => format!("{:.2} ms", seconds * 1e3),
        _ => format!("{seconds:.2} s"),
    }
}

/// The machine and the programs on it, as a sentence.
pub fn machine() -> String {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let cache = fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index3/size");
    let kib = field(&memory, "MemTotal:").trim_end_matches(" kB").parse().unwrap_or(0.0);
    format!(
        "{} x {}, {} of L3 cache, {:.0} GiB; {}, Linux {}; Postfix {}; {}.",
        std::thread::available_parallelism().map_or(0, usize::from),
        field(&cpu, "model name").trim_start_matches([':', ' ', '\t']),
        cache.unwrap_or_default().trim(),
        kib / (1 << 20) as f64,
        field(&system, "PRETTY_NAME=").trim_matches('"'),
        output("uname", &["-r"]),
        output("/usr/sbin/postconf", &["-h", "mail_version"]),
        output("rustc", &["--version"]),
    )
}

/// The rest of the first line that starts with `name`.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
}

/// What a command prints; nothing if it cannot be run.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
