//! From a command line to an exit status.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use postfix_maps::config::{Config, Logging};

use crate::args::{Invocation, Keys, Mode, Tool};
use crate::create::{create, update};
use crate::delete::delete;
use crate::list::list;
use crate::message::Log;
use crate::query::{query, query_stdin};
use crate::session::{Fatal, Session};
use crate::signals::survive_file_size_limit;

/// Runs one of the programs with the arguments and the environment of this process.
pub fn main(tool: Tool) -> ExitCode {
    survive_file_size_limit();
    let mut args = std::env::args_os().map(OsString::into_vec);
    let mut log = Log::new(&args.next().unwrap_or_default());
    let args: Vec<_> = args.collect();
    match run(tool, &args, &mut log) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fatal) => {
            match fatal {
                Fatal::Message(text) => log.fatal(&text),
                Fatal::Table(error) => {
                    // libdb prints lines of its own in such cases.
                    if let Some(detail) = error.detail() {
                        log.warning(detail);
                    }
                    log.fatal(error.message());
                }
            }
            ExitCode::FAILURE
        }
    }
}

/// Does what the command line asks for. Returns `true` if it succeeded, as far as it did not end
/// early.
fn run(tool: Tool, args: &[Vec<u8>], log: &mut Log) -> Result<bool, Fatal> {
    let invocation = Invocation::parse(tool, args, |name| std::env::var_os(name));
    let refused = |log: &Log, error: crate::args::ArgsError| {
        if let Some(text) = error.getopt_message() {
            log.getopt(&text);
        }
        Fatal::Message(error.fatal_message(tool, &log.program))
    };
    let invocation = invocation.map_err(|error| refused(log, error))?;
    log.verbosity = invocation.verbosity;
    let config = read_config(&invocation, log)?;
    let ignored = invocation.check_message_keys().map_err(|error| refused(log, error))?;
    if let Some(warning) = ignored {
        log.warning(warning.as_bytes());
    }
    if invocation.tables.is_empty() && invocation.mode != Mode::List {
        return Err(Fatal::Message(tool.usage(&log.program)));
    }
    let session = Session { tool, invocation: &invocation, config, log };
    match &invocation.mode {
        Mode::Create => create(&session).map(|()| true),
        Mode::Query(Keys::One(key)) => query(&session, key),
        Mode::Query(Keys::Stdin) => query_stdin(&session),
        Mode::List => list(&session),
        Mode::Update => update(&session).map(|()| true),
        Mode::Delete(keys) => delete(&session, keys),
    }
}

fn read_config(invocation: &Invocation, log: &mut Log) -> Result<Config, Fatal> {
    let warn = |log: &Log, warnings: &[Vec<u8>], logging: &Logging, host: &[u8]| {
        let (early, late) = warnings.split_at(logging.early_warnings);
        early.iter().for_each(|warning| log.warning(warning));
        log.configure(logging, host);
        late.iter().for_each(|warning| log.warning(warning));
    };
    match Config::load(&invocation.config_dir) {
        Ok(config) => {
            warn(log, config.warnings(), config.logging(), config.myhostname());
            log.utf8 = config.smtputf8_enable();
            Ok(config)
        }
        Err(error) => {
            warn(log, error.warnings(), error.logging(), b"");
            log.utf8 = error.smtputf8_enable();
            Err(Fatal::Message(error.message()))
        }
    }
}
