//! `bdbmap verify`.

use std::io::{self, Write};
use std::ops::ControlFlow;

use anyhow::Context;
use bdb_file::{Problem, Severity, Verdict, verify};
use serde_json::json;

use crate::Answer;
use crate::args::VerifyArgs;
use crate::map::MapName;
use crate::output::{stdout, write_json};
use crate::progress::Progress;

/// Prints all that is wrong with files.
pub fn run(args: &VerifyArgs) -> anyhow::Result<Answer> {
    let mut out = stdout();
    let mut answer = Answer::Yes;
    for map in &args.maps {
        if !check(args, map, &mut out)?.is_sound() {
            answer = Answer::No;
        }
        out.flush()?;
    }
    Ok(answer)
}

fn check(args: &VerifyArgs, map: &MapName, out: &mut impl Write) -> anyhow::Result<Verdict> {
    let progress = Progress::new();
    let file = map.open(&progress)?;
    let name = file.name();
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
        conclude(args, &name, &verdict, out)?;
    }
    Ok(verdict)
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
    out: &mut impl Write,
) -> io::Result<()> {
    let Verdict { pages, keys, damage, notes, .. } = *verdict;
    if args.json {
        let object = json!({
            "file": name,
            "sound": verdict.is_sound(),
            "pages": pages,
            "keys": keys,
            "damage": damage,
            "notes": notes,
        });
        return write_json(out, &object);
    }
    let verdict = if verdict.is_sound() { "sound" } else { "damaged" };
    write!(out, "{name}: {verdict}: {keys} keys on {pages} pages")?;
    for (count, what) in [(damage, "damage"), (notes, "notes")] {
        if count > 0 {
            write!(out, ", {what}: {count}")?;
        }
    }
    writeln!(out)
}
