//! `bdbmap verify`.

use std::io::{self, Write};
use std::ops::ControlFlow;

use postfix_maps::{Problem, Verdict};
use serde_json::{Map, Value, json};

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
        tell_interrupted(args, name, out)?;
    }
    let mut written = Ok(());
    let verdict = file.verify(|problem| {
        if args.quiet {
            // The first damage settles it.
            return if problem.is_damage {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            };
        }
        written = tell(args, name, &problem, out);
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written?;
    let verdict = verdict?;
    if !args.quiet {
        conclude(args, name, &verdict, interrupted, out)?;
    }
    Ok(verdict.is_sound && !interrupted)
}

fn tell_interrupted(args: &VerifyArgs, name: &str, out: &mut impl Write) -> io::Result<()> {
    let message = "a change of the file was interrupted: \"bdbmap recover\" completes it";
    if !args.json {
        return writeln!(out, "{name}: interrupted: {message}");
    }
    let object = json!({
        "file": name,
        "severity": severity(true),
        "code": "interrupted",
        "page": null,
        "item": null,
        "value": null,
        "message": message,
    });
    write_json(out, &object)
}

fn tell(args: &VerifyArgs, name: &str, problem: &Problem, out: &mut impl Write) -> io::Result<()> {
    let severity = severity(problem.is_damage);
    if !args.json {
        return writeln!(out, "{name}: {severity}: {}", problem.message);
    }
    let mut object = Map::from_iter([
        ("file".into(), name.into()),
        ("severity".into(), severity.into()),
        ("code".into(), problem.code.into()),
        ("message".into(), problem.message.as_str().into()),
    ]);
    object.extend(problem.place.iter().map(|(name, value)| ((*name).into(), json!(value))));
    write_json(out, &Value::Object(object))
}

fn severity(is_damage: bool) -> &'static str {
    if is_damage { "damage" } else { "note" }
}

fn conclude(
    args: &VerifyArgs,
    name: &str,
    verdict: &Verdict,
    interrupted: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let Verdict { is_sound, damage, notes, counts, .. } = verdict;
    if args.json {
        let mut object = Map::from_iter([
            ("file".into(), name.into()),
            ("sound".into(), (*is_sound && !interrupted).into()),
            ("interrupted".into(), interrupted.into()),
            ("damage".into(), (*damage).into()),
            ("notes".into(), (*notes).into()),
        ]);
        object.extend(counts.iter().map(|(what, count)| ((*what).into(), (*count).into())));
        return write_json(out, &Value::Object(object));
    }
    let verdict = match is_sound {
        _ if interrupted => "interrupted",
        true => "sound",
        false => "damaged",
    };
    write!(out, "{name}: {verdict}")?;
    let mut separator = ": ";
    for (what, count) in counts {
        write!(out, "{separator}{count} {what}")?;
        separator = ", ";
    }
    for (count, what) in [(*damage, "damage"), (*notes, "notes")] {
        if count > 0 {
            write!(out, ", {what}: {count}")?;
        }
    }
    writeln!(out)
}
