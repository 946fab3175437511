//! The command `bdbmap`: what postmap lacks. Arguments in, library calls, text or JSON out.

#![forbid(unsafe_code)]

mod args;
mod diff;
mod dump;
mod generate;
mod get;
mod load;
mod output;
mod progress;
mod recover;
mod salvage;
mod stat;
mod table;
mod verify;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::signal::{SigSet, Signal};

use args::{Args, Command};

/// What a command found out; also its exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Equal, found, sound, or simply done.
    Yes = 0,
    /// Different, not found, damaged.
    No = 1,
}

/// Exit status where there is no answer.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    survive_file_size_limit();
    let result = match Args::parse().command {
        Command::Verify(args) => verify::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Salvage(args) => salvage::run(&args),
        Command::Stat(args) => stat::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Get(args) => get::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { directory } => generate::man(&directory),
    };
    match result {
        Ok(answer) => ExitCode::from(answer as u8),
        Err(error) => {
            // Whoever read the output has seen enough.
            if !is_broken_pipe(&error) {
                output::tell(format_args!("{error:#}"));
            }
            ExitCode::from(TROUBLE)
        }
    }
}

/// Makes a write beyond the limit of file sizes an error like others, instead of the program's end.
/// Threads inherit that.
fn survive_file_size_limit() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGXFSZ);
    let _ = signals.thread_block();
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = error.chain().find_map(|cause| cause.downcast_ref().map(io::Error::kind));
    kind == Some(io::ErrorKind::BrokenPipe)
}
