//! `bdbmap diff`.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;
use bdb_file::{Datum, print_escaped};
use postfix_maps::{
    Database, Duplicates, KeyRules, NewTable, Syntax, TableSpec, TableText, ToolResult,
    WriteOptions,
};
use serde_json::json;
use tempfile::TempDir;

use crate::Answer;
use crate::args::DiffArgs;
use crate::output::{json_bytes, stdout, tell, write_json};
use crate::progress::Progress;
use crate::table::{TableFile, TableName};

/// What postalias adds of its own: the time, and the name of the host.
const OWN_ALIASES: [&[u8]; 2] = [b"YP_LAST_MODIFIED", b"YP_MASTER_NAME"];

/// Prints what differs between two maps, or a map and a text.
pub fn run(args: &DiffArgs) -> anyhow::Result<Answer> {
    let of_text = args.text || args.aliases;
    let (other, _directory) = if of_text {
        let source = args.other.as_ref().map_or_else(|| args.map.source(), Into::into);
        let (name, directory) = compile(&source, args.aliases, args.rules.rules())?;
        (name, Some(directory))
    } else {
        (args.other.clone().unwrap_or_default().into(), None)
    };
    let progress = Progress::beside_output();
    let (first, second) = (args.map.open(&progress)?, other.open(&progress)?);
    let rules = Rules { exact: args.exact, ignored: if args.aliases { &OWN_ALIASES } else { &[] } };
    let mut report = Report { json: args.json, out: stdout(), answer: Answer::Yes };
    compare(&Side::of(&first)?, &Side::of(&second)?, rules, &mut report).map_err(|error| {
        let names = format!("{} and {}", first.name(), second.name());
        anyhow::Error::from_boxed(error).context(names)
    })?;
    report.out.flush()?;
    Ok(report.answer)
}

/// Makes a table from a text, in a directory that is gone with the value.
fn compile(source: &Path, aliases: bool, rules: KeyRules) -> anyhow::Result<(TableName, TempDir)> {
    let text = fs::read(source).with_context(|| source.display().to_string())?;
    let directory = tempfile::tempdir()?;
    let mut name = OsString::from("hash:");
    name.push(directory.path().join("text"));
    let syntax = if aliases {
        Syntax::Aliases { time: SystemTime::UNIX_EPOCH, host: b"" }
    } else {
        Syntax::Map { values_are_files: false }
    };
    let source = TableText { name: source.as_os_str().as_bytes(), text: &text, syntax };
    let options = WriteOptions::default().rules(rules).duplicates(Duplicates::Ignore);
    NewTable::open(TableSpec::parse(&name, b"hash"), options)?.compile(&source, |warning| {
        tell(format_args!("warning: {}", String::from_utf8_lossy(warning)));
    })?;
    Ok((name.into(), directory))
}

/// What counts as a difference.
#[derive(Clone, Copy)]
struct Rules {
    /// A NUL at the end.
    exact: bool,
    /// Not what belongs to these keys.
    ignored: &'static [&'static [u8]],
}

impl Rules {
    /// What of a key or value counts.
    fn part(self, bytes: &[u8]) -> &[u8] {
        if self.exact { bytes } else { Datum::stored(bytes).bytes }
    }

    fn values(self, values: &[Vec<u8>]) -> Vec<&[u8]> {
        values.iter().map(|value| self.part(value)).collect()
    }

    /// All data of a key, in one form or the other; none where it is not there.
    fn find(self, database: &dyn Database, key: &[u8]) -> ToolResult<Vec<Vec<u8>>> {
        let key = Datum::stored(key);
        let found = database.get_all(key)?;
        if !found.is_empty() || self.exact {
            return Ok(found);
        }
        database.get_all(Datum { nul: !key.nul, ..key })
    }
}

/// A database to be listed once, with each of its keys to be looked for in the other.
struct Side<'f> {
    listed: Box<dyn Database + 'f>,
    lookups: Box<dyn Database + 'f>,
}

impl<'f> Side<'f> {
    fn of(file: &'f TableFile<'_>) -> anyhow::Result<Self> {
        Ok(Side { listed: file.database(None)?, lookups: file.lookups()? })
    }
}

fn compare<W: Write>(
    first: &Side<'_>,
    second: &Side<'_>,
    rules: Rules,
    report: &mut Report<W>,
) -> ToolResult<()> {
    first.listed.each_key(&mut |key, values| {
        let others = rules.find(&*second.lookups, key)?;
        let (values, others) = (rules.values(&values), rules.values(&others));
        if values != others && !rules.ignored.contains(&key) {
            report.tell(rules.part(key), &values, &others)?;
        }
        Ok(())
    })?;
    second.listed.each_key(&mut |key, values| {
        if !rules.ignored.contains(&key) && rules.find(&*first.lookups, key)?.is_empty() {
            report.tell(rules.part(key), &[], &rules.values(&values))?;
        }
        Ok(())
    })
}

/// Where differences are told.
struct Report<W> {
    json: bool,
    out: W,
    answer: Answer,
}

impl<W: Write> Report<W> {
    /// Tells of a key; where it is not there, it has no values.
    fn tell(&mut self, key: &[u8], first: &[&[u8]], second: &[&[u8]]) -> io::Result<()> {
        self.answer = Answer::No;
        if self.json {
            let values =
                |values: &[&[u8]]| values.iter().map(|value| json_bytes(value)).collect::<Vec<_>>();
            let object = json!({
                "key": json_bytes(key),
                "first": values(first),
                "second": values(second),
            });
            return write_json(&mut self.out, &object);
        }
        let key = print_escaped(key);
        for (sign, values) in [('-', first), ('+', second)] {
            for value in values {
                writeln!(self.out, "{sign} {key}\t{}", print_escaped(value))?;
            }
        }
        Ok(())
    }
}
