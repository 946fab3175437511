//! `bdbmap dump`.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use bdb_file::{TextFormat, print_escaped};
use serde_json::{Map, Value};

use crate::Answer;
use crate::args::DumpArgs;
use crate::output::{json_bytes, stdout, write_json};
use crate::progress::Progress;
use crate::table::TableFile;

/// Prints databases, or their names.
pub fn run(args: &DumpArgs) -> anyhow::Result<Answer> {
    let progress = Progress::beside_output();
    let file = args.database.map.open(&progress)?;
    let name = args.database.database.as_deref();
    let mut out = stdout();
    if args.list {
        let names = file.database_names()?;
        for name in &names {
            writeln!(out, "{}", print_escaped(name))?;
        }
        out.flush()?;
        return Ok(if names.is_empty() { Answer::No } else { Answer::Yes });
    }
    if args.json {
        match name {
            Some(_) => write_objects(&file, name, &mut out)?,
            None => {
                let names = file.database_names()?;
                if names.is_empty() {
                    write_objects(&file, None, &mut out)?;
                }
                for name in names {
                    write_objects(&file, Some(OsStr::from_bytes(&name)), &mut out)?;
                }
            }
        }
    } else {
        let format = if args.print { TextFormat::Print } else { TextFormat::Bytes };
        file.dump(name, format, &mut out)?;
    }
    out.flush()?;
    Ok(Answer::Yes)
}

/// Writes the pairs of a database as JSON.
fn write_objects(
    file: &TableFile<'_>,
    name: Option<&OsStr>,
    mut out: impl Write,
) -> anyhow::Result<()> {
    for pair in file.database(name)?.iter() {
        let (key, data) = pair.map_err(|error| file.error(error))?;
        let mut object = Map::new();
        if let Some(name) = name {
            object.insert("database".into(), json_bytes(name.as_bytes()));
        }
        object.insert("key".into(), json_bytes(&key));
        object.insert("value".into(), json_bytes(&data));
        write_json(&mut out, &Value::Object(object))?;
    }
    Ok(())
}
