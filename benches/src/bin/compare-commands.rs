//! Times whole commands of real Postfix against this workspace's, in turn, and prints a Markdown table of ratios.
//!
//! `cargo build --release && cargo run --release -p benches --bin compare-commands [ENTRIES]`

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use benches::{Numbers, aliases, text};

/// Runs of each command; the median counts.
const RUNS: usize = 5;

/// One command line, to be run by both programs in directories of the same contents.
struct Work {
    name: String,
    program: &'static str,
    args: &'static [&'static str],
    stdin: Option<PathBuf>,
    /// What is done before each run, and not timed.
    prepare: Option<(&'static [&'static str], PathBuf)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |count| count.parse())?;
    let ours = std::env::current_exe()?.with_file_name("");
    let real = PathBuf::from("/usr/sbin");
    let dir = tempfile::tempdir()?;
    let aliases = aliases(count);
    let mut keys: Vec<_> = aliases.iter().map(|(key, _)| format!("{key}\n")).collect();
    Numbers::new(4).shuffle(&mut keys);
    let keys_file = dir.path().join("keys");
    fs::write(&keys_file, keys.concat())?;
    let entry_file = dir.path().join("entry");
    fs::write(&entry_file, "new@example.com somebody@example.com\n")?;
    let sides = [ours, real].map(|programs| {
        let name = programs.to_string_lossy().replace('/', "_");
        (programs, dir.path().join(name))
    });
    for (_, home) in &sides {
        fs::create_dir(home)?;
        fs::write(home.join("virtual"), text(&aliases))?;
        fs::write(home.join("small"), text(&aliases[..aliases.len().min(100)]))?;
        let aliases_text: String =
            (0..count).map(|i| format!("user{i}: someone{i}@relay.example\n")).collect();
        fs::write(home.join("aliases"), aliases_text)?;
        // Real postmap waits for a main.cf that was changed just now.
        fs::write(home.join("main.cf"), "compatibility_level = 3.6\n")?;
        let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(home.join("main.cf"))?.set_modified(hour_ago)?;
    }

    let work = |name: &str, program, args, stdin: Option<&Path>| Work {
        name: name.to_owned(),
        program,
        args,
        stdin: stdin.map(Path::to_owned),
        prepare: None,
    };
    let works = [
        work(&format!("`postmap hash:`, {count} entries"), "postmap", &["hash:virtual"], None),
        work(&format!("`postalias hash:`, {count} entries"), "postalias", &["hash:aliases"], None),
        work("`postmap hash:`, 100 entries", "postmap", &["hash:small"], None),
        work(
            &format!("`-q -`, {count} keys on stdin"),
            "postmap",
            &["-q", "-", "hash:virtual"],
            Some(&keys_file),
        ),
        work("`-i` of one entry", "postmap", &["-ir", "hash:virtual"], Some(&entry_file)),
        Work {
            prepare: Some((&["-i", "hash:virtual"], entry_file.clone())),
            ..work("`-d` of one key", "postmap", &["-d", "new@example.com", "hash:virtual"], None)
        },
        work("`-q` of one key", "postmap", &["-q", "nobody", "hash:virtual"], None),
        work(&format!("`-s`, {count} entries"), "postmap", &["-s", "hash:virtual"], None),
    ];
    println!("| work | ours | real | ours / real |\n| --- | --- | --- | --- |");
    for work in works {
        let mut times = [Vec::new(), Vec::new()];
        for run in 0..=RUNS {
            for ((programs, home), times) in sides.iter().zip(&mut times) {
                let program = programs.join(work.program);
                if let Some((args, stdin)) = &work.prepare {
                    run_once(args, Some(stdin), &program, home)?;
                }
                let time = run_once(work.args, work.stdin.as_deref(), &program, home)?;
                // The first run of each only warms the caches.
                if run > 0 {
                    times.push(time);
                }
            }
        }
        let [ours, real] = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64()
        });
        println!("| {} | {ours:.4} s | {real:.4} s | {:.3} |", work.name, ours / real);
    }
    Ok(())
}

fn run_once(
    args: &[&str],
    stdin: Option<&Path>,
    program: &Path,
    home: &Path,
) -> Result<Duration, Box<dyn Error>> {
    let stdin = match stdin {
        Some(path) => File::open(path)?.into(),
        None => Stdio::null(),
    };
    let start = Instant::now();
    let status = Command::new(program)
        .args(["-c", "."])
        .args(args)
        .current_dir(home)
        .stdin(stdin)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let time = start.elapsed();
    // A key that is not there is a status of 1.
    if !status.success() && !args.contains(&"nobody") {
        return Err(format!("{} {args:?}: {status}", program.display()).into());
    }
    Ok(time)
}
