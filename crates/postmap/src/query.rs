//! Looking keys up: `-q key` and `-q -`.

use std::io::{self, BufRead};

use postfix_maps::{Access, Error, Table, TableSpec, before_nul, not_utf8_message};

use crate::args::Tool;
use crate::output::Output;
use crate::run::{Fatal, Session};

/// Lookups in a table after which it is read into memory as a whole.
const MANY: usize = 256;

/// A table of the command line, opened when it is first needed.
#[derive(Default)]
struct Lazy {
    table: Option<Table>,
    lookups: usize,
}

/// How messages name a table: as given when one key is asked for, and by its file when many are.
#[derive(Clone, Copy)]
enum Naming {
    AsGiven,
    Internal,
}

/// Prints the value of a key. Tells whether a table has it.
pub fn query(session: &Session, key: &[u8]) -> Result<bool, Fatal> {
    let mut output = Output::default();
    for spec in session.tables() {
        let mut lazy = Lazy::default();
        let table = lazy.get(session, &spec)?;
        if let Some(value) = look_up(session, table, key, Naming::AsGiven)? {
            output.put(&[&value, b"\n"]);
            output.finish();
            return Ok(true);
        }
    }
    Ok(false)
}

/// Prints the keys on standard input that a table has, with their values. Tells whether there was one.
pub fn query_stdin(session: &Session) -> Result<bool, Fatal> {
    let mut output = Output::default();
    let found = each_key(session, &mut output);
    match found {
        Ok(_) => output.finish(),
        Err(_) => output.abort(),
    }
    found
}

fn each_key(session: &Session, output: &mut Output) -> Result<bool, Fatal> {
    let specs = session.tables();
    let mut tables: Vec<Lazy> = specs.iter().map(|_| Lazy::default()).collect();
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let mut found = false;
    let colon: &[u8] = session.key_suffix();
    loop {
        line.clear();
        // A read error ends the input, as in Postfix.
        if input.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return Ok(found);
        }
        let key = before_nul(line.strip_suffix(b"\n").unwrap_or(&line));
        for (spec, lazy) in specs.iter().zip(&mut tables) {
            let table = lazy.get(session, spec)?;
            if let Some(value) = look_up(session, table, key, Naming::Internal)? {
                output.put(&[key, colon, b"\t", &value, b"\n"]);
                found = true;
                break;
            }
        }
    }
}

impl Lazy {
    fn get(&mut self, session: &Session, spec: &TableSpec) -> Result<&Table, Fatal> {
        let mut table = match self.table.take() {
            Some(table) => table,
            None => session.open(spec, Access::Locked)?,
        };
        self.lookups += 1;
        if self.lookups == MANY {
            table.load()?;
        }
        Ok(self.table.insert(table))
    }
}

/// The value of a key in one table, as it is printed, with the warnings that belong to it.
fn look_up(
    session: &Session,
    table: &Table,
    key: &[u8],
    naming: Naming,
) -> Result<Option<Vec<u8>>, Fatal> {
    let internal = table.internal_name().into_bytes();
    if table.rules().prepare(key).is_err() {
        session.log.warning(&not_utf8_message(&internal, key, b""));
        return Ok(None);
    }
    let value = match table.get(key) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(None),
        Err(error) => {
            if let Error::ValueNotUtf8 { key, value, .. } = &error {
                session.log.warning(&not_utf8_message(&internal, key, value));
                return Err(query_error(session, &internal));
            }
            return Err(error.into());
        }
    };
    let name = match naming {
        Naming::AsGiven => &table.spec().to_bytes(),
        Naming::Internal => &internal,
    };
    match session.check_value(name, key, value) {
        Some(value) => Ok(Some(value.into_owned())),
        None => Err(query_error(session, &internal)),
    }
}

/// A lookup that found something which cannot be an answer.
fn query_error(session: &Session, table: &[u8]) -> Fatal {
    let reason: &[u8] = match session.tool {
        Tool::Postmap => b"",
        Tool::Postalias => b": Application error",
    };
    Fatal::Message([b"table ", table, b": query error", reason].concat())
}
