//! `bdbmap verify`.

use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::Context;
use bdb_file::{Problem, Severity, Verdict, verify};
use serde_json::json;

use crate::Answer;
use crate::args::VerifyArgs;
use crate::output::{stdout, write_json};
use crate::progress::Progress;
use crate::table::TableName;

/// Prints all that is wrong with files.
pub fn run(args: &VerifyArgs) -> anyhow::Result<Answer> {
    let mut out = stdout();
    let mut answer = Answer::Yes;
    for map in &args.maps {
        if !check(args, map, &mut out)? {
            answer = Answer::No;
        }
        out.flush()?;
    }
    Ok(answer)
}

/// Prints all that is wrong with a file; returns `true` if it is sound.
fn check(args: &VerifyArgs, map: &TableName, out: &mut impl Write) -> anyhow::Result<bool> {
    let progress = Progress::new();
    let (file, interrupted) = map.open_as_stored(&progress)?;
    let name = file.name();
    if interrupted {
        if args.quiet {
            return Ok(false);
        }
        tell_interrupted(args, &name, out)?;
    }
    let mut written = Ok(());
    let verdict = verify(file.pages(), |problem| {
        if args.quiet {
            // The first damage settles it.
            return match problem.severity() {
                Severity::Damage => ControlFlow::Break(()),
                Severity::Note => ControlFlow::Continue(()),
            };
        }
        written = tell(args, &name, &problem, out);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    let verdict = verdict.with_context(|| file.name())?;
    if !args.quiet {
        conclude(args, &name, &verdict, interrupted, out)?;
    }
    Ok(verdict.is_sound() && !interrupted)
}

fn tell_interrupted(args: &VerifyArgs, name: &str, out: &mut impl Write) -> io::Result<()> {
    let message = "a change of the file was interrupted: \"bdbmap recover\" completes it";
    if !args.json {
        return writeln!(out, "{name}: interrupted: {message}");
    }
    let object = json!({
        "file": name,
        "severity": Severity::Damage.to_string(),
        "code": "interrupted",
        "page": null,
        "item": null,
        "value": null,
        "message": message,
    });
    write_json(out, &object)
}

fn tell(args: &VerifyArgs, name: &str, problem: &Problem, out: &mut impl Write) -> io::Result<()> {
    if !args.json {
        return writeln!(out, "{name}: {}: {problem}", problem.severity());
    }
    let object = json!({
        "file": name,
        "severity": problem.severity().to_string(),
        "code": problem.fault.code(),
        "page": problem.page,
        "item": problem.item,
        "value": problem.value,
        "message": problem.to_string(),
    });
    write_json(out, &object)
}

fn conclude(
    args: &VerifyArgs,
    name: &str,
    verdict: &Verdict,
    interrupted: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let Verdict { pages, keys, damage, notes, .. } = *verdict;
    if args.json {
        let object = json!({
            "file": name,
            "sound": verdict.is_sound() && !interrupted,
            "interrupted": interrupted,
            "pages": pages,
            "keys": keys,
            "damage": damage,
            "notes": notes,
        });
        return write_json(out, &object);
    }
    let verdict = match verdict.is_sound() {
        _ if interrupted => "interrupted",
        true => "sound",
        false => "damaged",
    };
    write!(out, "{name}: {verdict}: {keys} keys on {pages} pages")?;
    for (count, what) in [(damage, "damage"), (notes, "notes")] {
        if count > 0 {
            write!(out, ", {what}: {count}")?;
        }
    }
    writeln!(out)
}
