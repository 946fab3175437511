//! Times whole commands of this workspace, of real Postfix and of tinycdb in turn, checks that they
//! print the same, and prints what each took in Markdown.
//!
//! `cargo build --release && cargo run --release -p benches --bin compare-commands [TYPE...] [ENTRIES [MORE_ENTRIES]]`
//!
//! Of all types of tables, or of those named. With a second number: also how the time of our build
//! grows to so many entries.

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

/// A type of our tables: what of Postfix's time our commands may take, and what else they are
/// compared with.
struct TableType {
    name: &'static str,
    suffix: &'static str,
    /// To build a table.
    build: f64,
    /// To build one of 100 entries.
    build_small: f64,
    /// To look many keys up.
    queries: f64,
    /// To list a table; nothing where Postfix does not, but ours do.
    list: Option<f64>,
    /// To add or delete one entry; nothing where no program does.
    change: Option<f64>,
    /// Another way to build a table of the same entries.
    other_build: Option<Other>,
    /// Another way to look the same keys up.
    other_queries: Option<Other>,
}

/// A command of other programs, and what of its time ours may take.
struct Other {
    name: &'static str,
    programs: Programs,
    command: &'static str,
    makes: Option<&'static str>,
    limit: f64,
}

/// Whose programs are compared with ours.
enum Programs {
    Postfix,
    Tinycdb,
}

/// What a build is compared with that need not parse its input.
const READY_MADE: Other = Other {
    name: "`cdb -c` of ready-made records",
    programs: Programs::Tinycdb,
    command: "cdb -c virtual.cdb records",
    makes: Some("virtual.cdb"),
    limit: 1.00,
};

/// Every type of tables that our programs make.
const TABLE_TYPES: &[TableType] = &[
    TableType {
        name: "hash",
        suffix: ".db",
        build: 1.0 / 15.0,
        build_small: 1.00,
        queries: 1.0 / 8.0,
        list: Some(1.0 / 6.0),
        change: Some(2.00),
        other_build: Some(READY_MADE),
        other_queries: Some(Other {
            name: "Postfix, `cdb:`",
            programs: Programs::Postfix,
            command: "postmap -c . -q - cdb:virtual",
            makes: None,
            limit: 0.50,
        }),
    },
    TableType {
        name: "btree",
        suffix: ".db",
        build: 1.0 / 6.0,
        build_small: 1.00,
        queries: 1.0 / 8.0,
        list: Some(1.0 / 6.0),
        change: Some(2.00),
        other_build: None,
        other_queries: None,
    },
    TableType {
        name: "cdb",
        suffix: ".cdb",
        build: 1.0 / 10.0,
        build_small: 1.00,
        queries: 0.50,
        list: None,
        change: None,
        other_build: Some(READY_MADE),
        other_queries: None,
    },
];

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
    let (names, counts): (Vec<_>, Vec<_>) = std::env::args()
        .skip(1)
        .partition(|word| TABLE_TYPES.iter().any(|known| known.name == word));
    let mut counts = counts.iter().map(|count| count.parse());
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
    let one_key = keys[0].trim_end();

    let job =
        Job { name: "ours", side: &ours, command: "", stdin: None, before: None, makes: None };
    println!("{}\n\n{}", machine(), Row::HEAD);
    // For whoever is compared with Postfix's lookups in it.
    Job { side: &postfix, command: "postmap -c . cdb:virtual", ..job }.run(Stdio::null())?;
    let named =
        |known: &&TableType| names.is_empty() || names.iter().any(|name| name == known.name);
    for table_type in TABLE_TYPES.iter().filter(named) {
        let name = table_type.name;
        let file = |table| format!("{table}{}", table_type.suffix);
        let [virtual_file, small_file, aliases_file] = ["virtual", "small", "aliases"].map(file);
        let postmap = |rest: &str| format!("postmap -c . {rest}");
        let build_command = postmap(&format!("{name}:virtual"));
        let small_command = postmap(&format!("{name}:small"));
        let aliases_command = format!("postalias -c . {name}:aliases");
        let queries_command = postmap(&format!("-q - {name}:virtual"));
        let list_command = postmap(&format!("-s {name}:virtual"));
        let add_command = postmap(&format!("-i {name}:virtual"));
        let remove_command = postmap(&format!("-d new@example.com {name}:virtual"));
        let query_command = postmap(&format!("-q {one_key} {name}:virtual"));

        let build = Job { command: &build_command, makes: Some(&virtual_file), ..job };
        let small = Job { command: &small_command, makes: Some(&small_file), ..job };
        let aliases = Job { command: &aliases_command, makes: Some(&aliases_file), ..job };
        let queries = Job { command: &queries_command, stdin: Some(&keys_file), ..job };
        let list = Job { command: &list_command, ..job };
        let [add, remove] = [[&add_command, &remove_command], [&remove_command, &add_command]].map(
            |[command, before]| Job {
                command,
                stdin: Some(&entry_file),
                before: Some(before),
                ..job
            },
        );
        let query = Job { command: &query_command, ..job };
        let mut works = vec![
            (
                format!("`postmap {name}:`, {count} entries"),
                build,
                Some(table_type.build),
                &table_type.other_build,
            ),
            (format!("`postalias {name}:`, {count} entries"), aliases, None, &None),
            (format!("`postmap {name}:`, 100 entries"), small, Some(table_type.build_small), &None),
            (
                format!("{name}: `-q -`, {count} keys on standard input"),
                queries,
                Some(table_type.queries),
                &table_type.other_queries,
            ),
        ];
        let list_work = format!("{name}: `-s`, {count} entries");
        if let Some(limit) = table_type.list {
            works.push((list_work.clone(), list, Some(limit), &None));
        }
        if let Some(limit) = table_type.change {
            for (option, job) in [("-i", add), ("-d", remove)] {
                let work = format!("{name}: one `{option}`, {count} entries");
                works.push((work, job, Some(limit), &None));
            }
        }
        works.push((format!("{name}: `-q` of one key, {count} entries"), query, None, &None));

        for (work, ours, limit, other) in works {
            let real = Job { name: "Postfix", side: &postfix, ..ours };
            let other = other.as_ref().map(|other| {
                let side = match other.programs {
                    Programs::Postfix => &postfix,
                    Programs::Tinycdb => &tinycdb,
                };
                let Other { name, command, makes, limit, .. } = *other;
                (Job { name, side, command, makes, ..ours }, limit)
            });
            let jobs: Vec<_> = [ours, real].into_iter().chain(other.map(|(job, _)| job)).collect();
            let rounds = compare(&jobs)?;
            let others = [Some((real, limit)), other.map(|(job, limit)| (job, Some(limit)))];
            for (other, limit) in others.into_iter().flatten() {
                let sides = [ours.name, other.name];
                println!("{}", Row::of(&work, (&rounds, 1), sides, limit.map(AtMost)));
            }
        }
        if table_type.list.is_none() {
            println!("{}", Row::alone(&list_work, &compare(&[list])?, list.name));
        }
        if let Some(more) = more {
            let home = dir.join(format!("large-{name}"));
            let large = Side { programs: ours.programs.clone(), home };
            large.furnish(&benches::aliases(more))?;
            let names = [count, more].map(|count| format!("ours, {count} entries"));
            let build = Job { name: &names[0], ..build };
            let large_build = Job { name: &names[1], side: &large, ..build };
            let rounds = compare(&[build, large_build])?;
            let limit = 1.2 * more as f64 / count as f64;
            let sides = [large_build.name, build.name];
            let work = format!("`postmap {name}:`");
            println!("{}", Row::of(&work, (&rounds, 1), sides, Some(AtMost(limit))));
        }
    }
    Ok(())
}

/// Runs all jobs in turn, after once each to bring all files into memory and to see that they print
/// the same.
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
            // Once untimed, so that what the last command of another side has left of the caches,
            // and a virtual machine of the memory, is nobody's loss.
            job.prepare()?;
            job.run(Stdio::null())?;
            job.prepare()?;
            waiting(|| job.run(Stdio::null()))
        })
    }

    /// What the command prints; for a list of a table, whose order differs from file to file, in
    /// alphabetical order.
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
