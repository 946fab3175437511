//! `bdbmap recover`.

use std::io::Write;

use postfix_maps::{Recovered, recover};

use crate::Answer;
use crate::args::RecoverArgs;
use crate::output::{stdout, tell};

/// Completes or discards interrupted changes: of all files, also where one fails.
pub fn run(args: &RecoverArgs) -> anyhow::Result<Answer> {
    let mut out = stdout();
    let mut result = Ok(Answer::Yes);
    for map in &args.maps {
        let name = map.path().display();
        let what = match recover(map.path(), None) {
            Ok(Recovered::Completed) => "completed a change that was interrupted",
            Ok(Recovered::Discarded) => "discarded a change that was interrupted",
            Ok(_) if args.quiet => continue,
            Ok(_) => "no change was interrupted",
            Err(error) => {
                // The last one is told by who called.
                if let Err(before) = std::mem::replace(&mut result, Err(anyhow::Error::msg(error)))
                {
                    tell(format_args!("{before:#}"));
                }
                continue;
            }
        };
        writeln!(out, "{name}: {what}")?;
    }
    out.flush()?;
    result
}
