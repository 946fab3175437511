//! `bdbmap get`.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use anyhow::Context;
use bdb_file::{Datum, print_escaped, print_unescaped};
use postfix_maps::tools::before_nul;
use postfix_maps::{Database, Forms, KeyRules, Terminators, ToolResult};
use serde_json::json;

use crate::Answer;
use crate::args::{GetArgs, KeyArgs};
use crate::output::{json_bytes, stdout, write_json};
use crate::progress::Progress;

impl KeyArgs {
    /// The rules that were asked for.
    pub fn rules(&self) -> KeyRules {
        KeyRules::default().utf8(!self.no_utf8).fold(!self.no_fold)
    }
}

/// Prints the values of keys.
pub fn run(args: &GetArgs) -> anyhow::Result<Answer> {
    let progress = Progress::beside_output();
    let file = args.database.map.open(&progress)?;
    let database = file.database(args.database.database.as_deref())?;
    let mut out = stdout();
    let mut answer = Answer::Yes;
    for key in &args.keys {
        let found = if args.exact {
            let key = print_unescaped(key.as_bytes()).context("malformed key")?;
            database.get_all(Datum::from(&key))
        } else {
            as_postfix(&*database, key, args.rules.rules())
        };
        let found = found.map_err(|error| file.error(error))?;
        if found.is_empty() {
            answer = Answer::No;
        }
        for value in found {
            if args.json {
                let key = json_bytes(key.as_bytes());
                write_json(&mut out, &json!({ "key": key, "value": json_bytes(&value) }))?;
                continue;
            }
            if args.keys.len() > 1 {
                out.write_all(key.as_bytes())?;
                out.write_all(b"\t")?;
            }
            if args.exact {
                out.write_all(print_escaped(&value).as_bytes())?;
            } else {
                out.write_all(&value)?;
            }
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(answer)
}

/// The values that Postfix sees, by its NUL rule.
fn as_postfix(database: &dyn Database, key: &OsStr, rules: KeyRules) -> ToolResult<Vec<Vec<u8>>> {
    let Ok(key) = rules.prepare(key.as_bytes()) else { return Ok(Vec::new()) };
    let found = Forms::from(Terminators::Either).find(|nul| {
        let values = database.get_all(Datum { bytes: &key, nul })?;
        ToolResult::Ok((!values.is_empty()).then_some(values))
    })?;
    let values = found.map(|(values, _)| values).unwrap_or_default();
    Ok(values.iter().map(|value| before_nul(value).to_vec()).collect())
}
