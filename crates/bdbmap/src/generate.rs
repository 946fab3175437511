//! What is made from the definition of the command line: man pages and completion scripts.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::Answer;
use crate::args::Args;

/// Prints the completion script for a shell.
pub fn completions(shell: Shell) -> anyhow::Result<Answer> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "bdbmap", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Answer::Yes)
}

/// Writes the man pages into a directory, which is made if need be.
pub fn man(directory: &Path) -> anyhow::Result<Answer> {
    let context = || directory.display().to_string();
    fs::create_dir_all(directory).with_context(context)?;
    clap_mangen::generate_to(Args::command(), directory).with_context(context)?;
    Ok(Answer::Yes)
}
