//! Times whole commands of this workspace, of real Postfix and of tinycdb in turn, checks that they print the same, and
//! prints what each took in Markdown.
//!
//! `cargo build --release && cargo run --release -p benches --bin compare-commands [ENTRIES [MORE_ENTRIES]]`
//!
//! With a second number: also how the time of our build grows to so many entries.

use std::error::Error;
use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use benches::report::Target::AtMost;
use benches::report::{Row, machine};
use benches::rounds::{Lane, Rounds, waiting};
use benches::{Numbers, aliases, text};

/// Rounds of each comparison, of which the medians count.
const ROUNDS: usize = 5;

/// Programs, and a directory for them to work in.
struct Side {
    programs: PathBuf,
    home: PathBuf,
}

/// A command, and what is done around it.
#[derive(Clone, Copy)]
struct Job<'a> {
    name: &'a str,
    side: &'a Side,
    command: &'a str,
    stdin: Option<&'a Path>,
    /// A command with the same standard input that is run before, and not timed. It may fail.
    before: Option<&'a str>,
    /// The file that the command makes: it counts as running until that is on disk.
    makes: Option<&'a str>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut counts = std::env::args().skip(1).map(|count| count.parse());
    let count = counts.next().unwrap_or(Ok(1_000_000))?;
    let more: Option<usize> = counts.next().transpose()?;
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    let ours =
        Side { programs: std::env::current_exe()?.with_file_name(""), home: dir.join("ours") };
    let postfix = Side { programs: "/usr/sbin".into(), home: dir.join("postfix") };
    let tinycdb = Side { programs: "/usr/bin".into(), home: dir.join("tinycdb") };
    let aliases = aliases(count);
    for side in [&ours, &postfix, &tinycdb] {
        side.furnish(&aliases)?;
    }

    let mut keys: Vec<_> = aliases.iter().map(|(key, _)| format!("{key}\n")).collect();
    Numbers::new(4).shuffle(&mut keys);
    let [keys_file, entry_file] = ["keys", "entry"].map(|name| dir.join(name));
    fs::write(&keys_file, keys.concat())?;
    fs::write(&entry_file, "new@example.com somebody@example.com\n")?;
    let query = format!("postmap -c . -q {} hash:virtual", keys[0].trim_end());

    let job = |command| Job {
        name: "ours",
        side: &ours,
        command,
        stdin: None,
        before: None,
        makes: None,
    };
    let build = Job { makes: Some("virtual.db"), ..job("postmap -c . hash:virtual") };
    let records = Job {
        name: "`cdb -c` of ready-made records",
        side: &tinycdb,
        makes: Some("virtual.cdb"),
        ..job("cdb -c virtual.cdb records")
    };
    let queries = Job { stdin: Some(&keys_file), ..job("postmap -c . -q - hash:virtual") };
    let queries_of_cdb = Job {
        name: "Postfix, `cdb:`",
        side: &postfix,
        ..Job { stdin: Some(&keys_file), ..job("postmap -c . -q - cdb:virtual") }
    };
    let entry =
        |command, before| Job { stdin: Some(&entry_file), before: Some(before), ..job(command) };
    let [add, remove] =
        ["postmap -c . -i hash:virtual", "postmap -c . -d new@example.com hash:virtual"];

    println!("{}\n\n{}", machine(), Row::HEAD);
    Job { side: &postfix, ..job("postmap -c . cdb:virtual") }.run(Stdio::null())?;
    for (work, ours, limit, other) in [
        (
            format!("`postmap hash:`, {count} entries"),
            build,
            Some(1.0 / 15.0),
            Some((records, 1.00)),
        ),
        (
            format!("`postalias hash:`, {count} entries"),
            Job { makes: Some("aliases.db"), ..job("postalias -c . hash:aliases") },
            None,
            None,
        ),
        (
            "`postmap hash:`, 100 entries".to_owned(),
            Job { makes: Some("small.db"), ..job("postmap -c . hash:small") },
            Some(1.00),
            None,
        ),
        (
            format!("`-q -`, {count} keys on standard input"),
            queries,
            Some(1.0 / 8.0),
            Some((queries_of_cdb, 0.50)),
        ),
        (
            format!("`-s`, {count} entries"),
            job("postmap -c . -s hash:virtual"),
            Some(1.0 / 6.0),
            None,
        ),
        (format!("one `-i`, {count} entries"), entry(add, remove), Some(2.00), None),
        (format!("one `-d`, {count} entries"), entry(remove, add), Some(2.00), None),
        (format!("`-q` of one key, {count} entries"), job(&query), None, None),
    ] {
        let real = Job { name: "Postfix", side: &postfix, ..ours };
        let jobs: Vec<_> = [ours, real].into_iter().chain(other.map(|(job, _)| job)).collect();
        let rounds = compare(&jobs)?;
        let others = [Some((real, limit)), other.map(|(job, limit)| (job, Some(limit)))];
        for (other, limit) in others.into_iter().flatten() {
            println!(
                "{}",
                Row::of(&work, (&rounds, 1), [ours.name, other.name], limit.map(AtMost))
            );
        }
    }
    if let Some(more) = more {
        let large = Side { programs: ours.programs.clone(), home: dir.join("large") };
        large.furnish(&benches::aliases(more))?;
        let [name, large_name] = [count, more].map(|count| format!("ours, {count} entries"));
        let build = Job { name: &name, ..build };
        let large_build = Job { name: &large_name, side: &large, ..build };
        let rounds = compare(&[build, large_build])?;
        let limit = 1.2 * more as f64 / count as f64;
        let sides = [large_build.name, build.name];
        println!("{}", Row::of("`postmap hash:`", (&rounds, 1), sides, Some(AtMost(limit))));
    }
    Ok(())
}

/// Runs all jobs in turn, after once each to bring all files into memory and to see that they print the same.
fn compare(jobs: &[Job<'_>]) -> Result<Rounds, Box<dyn Error>> {
    let mut expected = None;
    for job in jobs {
        let printed = job.printed()?;
        if *expected.get_or_insert_with(|| printed.clone()) != printed {
            return Err(format!("{}: {} prints something else", job.name, job.command).into());
        }
    }
    Rounds::run(ROUNDS, jobs.iter().map(Job::lane).collect())
}

impl Side {
    /// Puts all inputs into the directory.
    fn furnish(&self, aliases: &[(String, String)]) -> Result<(), Box<dyn Error>> {
        fs::create_dir(&self.home)?;
        fs::write(self.home.join("virtual"), text(aliases))?;
        fs::write(self.home.join("small"), text(&aliases[..aliases.len().min(100)]))?;
        let (mut names, mut records) = (String::new(), String::new());
        for (number, (key, value)) in aliases.iter().enumerate() {
            writeln!(names, "user{number}: someone{number}@relay.example")?;
            writeln!(records, "+{},{}:{key}->{value}", key.len(), value.len())?;
        }
        records.push('\n');
        fs::write(self.home.join("aliases"), names)?;
        fs::write(self.home.join("records"), records)?;
        // Real postmap waits for a main.cf that was changed just now.
        fs::write(self.home.join("main.cf"), "compatibility_level = 3.6\n")?;
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(self.home.join("main.cf"))?.set_modified(hour_ago)?;
        Ok(())
    }

    fn command(&self, command: &str, stdin: Option<&Path>) -> Result<Command, Box<dyn Error>> {
        let mut words = command.split(' ');
        let program = self.programs.join(words.next().unwrap_or_default());
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.home);
        match stdin {
            Some(path) => command.stdin(File::open(path)?),
            None => command.stdin(Stdio::null()),
        };
        Ok(command)
    }
}

impl<'a> Job<'a> {
    fn prepare(&self) -> Result<(), Box<dyn Error>> {
        if let Some(before) = self.before {
            self.side.command(before, self.stdin)?.stderr(Stdio::null()).status()?;
        }
        Ok(())
    }

    fn run(&self, stdout: impl Into<Stdio>) -> Result<(), Box<dyn Error>> {
        let status = self.side.command(self.command, self.stdin)?.stdout(stdout).status()?;
        if !status.success() {
            return Err(format!("{}: {status}", self.command).into());
        }
        if let Some(file) = self.makes {
            File::open(self.side.home.join(file))?.sync_all()?;
        }
        Ok(())
    }

    fn lane(&self) -> Lane<'a> {
        let job = *self;
        Lane::new(job.name, move |_| {
            // Once untimed, so that what the last command of another side has left of the caches, and a virtual machine of
            // the memory, is nobody's loss.
            job.prepare()?;
            job.run(Stdio::null())?;
            job.prepare()?;
            waiting(|| job.run(Stdio::null()))
        })
    }

    /// What the command prints; for a list of a table, whose order differs from file to file, in alphabetical order.
    fn printed(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        self.prepare()?;
        let path = self.side.home.join("printed");
        self.run(File::create(&path)?)?;
        let printed = fs::read(path)?;
        if !self.command.contains(" -s ") {
            return Ok(printed);
        }
        let mut lines: Vec<_> = printed.split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        Ok(lines.concat())
    }
}
