//! `bdbmap load`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;

use anyhow::Context;
use bdb_file::print_escaped;
use postfix_maps::{LoadOptions, Loaded};

use crate::Answer;
use crate::args::LoadArgs;
use crate::output::tell;
use crate::progress::Progress;

/// Permissions of a new file.
const MODE: u32 = 0o644;

/// Makes a file from text.
pub fn run(args: &LoadArgs) -> anyhow::Result<Answer> {
    let progress = Progress::new();
    let loaded = match &args.text {
        Some(text) => {
            let file = File::open(text).with_context(|| text.display().to_string())?;
            progress.expect(file.metadata()?.len());
            let read = load(args, &mut BufReader::new(progress.watch(file)));
            read.with_context(|| text.display().to_string())?
        }
        None => load(args, &mut io::stdin().lock()).context("standard input")?,
    };
    let file = args.map.file();
    let contents = &*loaded.contents;
    let written =
        if args.force { file.replace(MODE, contents) } else { file.create(MODE, contents) };
    // Its words say all that its source does.
    written.map_err(anyhow::Error::msg)?;
    for key in &loaded.left_out {
        tell(format_args!("there already, not loaded: {}", print_escaped(key)));
    }
    Ok(if loaded.left_out.is_empty() { Answer::Yes } else { Answer::No })
}

/// Understands the text. With SOURCE_DATE_EPOCH in the environment, as build systems set it, the same
/// text makes the same file.
fn load(args: &LoadArgs, text: &mut dyn BufRead) -> anyhow::Result<Loaded> {
    let mut options = LoadOptions::default();
    options.plain = args.plain;
    options.keep_first = args.no_overwrite;
    options.database = args.database.as_ref().map(|name| name.as_bytes());
    options.reproducible = std::env::var_os("SOURCE_DATE_EPOCH").is_some();
    args.map.file().load(text, &options).map_err(anyhow::Error::from_boxed)
}
