//! Looking keys up: `-q key` and `-q -`.

use std::io;

use postfix_maps::{Access, Error, Table, TableSpec, before_nul, not_utf8_message};

use crate::args::Tool;
use crate::lines::each_line;
use crate::message_keys;
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
            match session.invocation.json {
                true => session.put_pair(&mut output, key, &value),
                false => output.put(&[&value, b"\n"]),
            }
            output.finish();
            return Ok(true);
        }
    }
    Ok(false)
}

/// Prints the keys on standard input that a table has, with their values. Tells whether there was one.
pub fn query_stdin(session: &Session) -> Result<bool, Fatal> {
    let mut answers = Answers::new(session);
    let input = io::stdin().lock();
    let wanted = session.invocation.message_keys;
    let result = if wanted.any() {
        message_keys::each_key(input, wanted, session.config.mime_limits(), |key| answers.add(key))
    } else {
        each_line(input, |line| answers.add(before_nul(line)))
    };
    match result {
        Ok(()) => answers.output.finish(),
        Err(_) => answers.output.abort(),
    }
    result.map(|()| answers.found)
}

/// Answers to many keys.
struct Answers<'s> {
    session: &'s Session<'s>,
    tables: Vec<(TableSpec, Lazy)>,
    output: Output,
    /// Whether a table had one of the keys.
    found: bool,
}

impl<'s> Answers<'s> {
    fn new(session: &'s Session) -> Answers<'s> {
        let tables = session.tables().into_iter().map(|spec| (spec, Lazy::default())).collect();
        Answers { session, tables, output: Output::default(), found: false }
    }

    /// Looks a key up and prints it with the value that the first table has which knows it.
    fn add(&mut self, key: &[u8]) -> Result<(), Fatal> {
        for (spec, lazy) in &mut self.tables {
            let table = lazy.get(self.session, spec)?;
            if let Some(value) = look_up(self.session, table, key, Naming::Internal)? {
                self.session.put_pair(&mut self.output, key, &value);
                self.found = true;
                break;
            }
        }
        Ok(())
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
    let internal = table.internal_name();
    if table.rules().prepare(key).is_err() {
        session.log.warning(&not_utf8_message(&internal, key, b""));
        return Ok(None);
    }
    let value = match table.get(key) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(None),
        Err(error) => {
            if let Error::ValueNotUtf8 { table, key, value } = &error {
                session.log.warning(&not_utf8_message(table, key, value));
                return Err(query_error(session, &internal));
            }
            return Err(error.into());
        }
    };
    let Some(value) = session.decode(&internal, key, value) else {
        return Err(query_error(session, &internal));
    };
    let value = before_nul(&value);
    if value.is_empty() {
        let name = match naming {
            Naming::AsGiven => &table.spec().to_bytes(),
            Naming::Internal => &internal,
        };
        session.warn_of_empty_value(name, key);
    }
    Ok(Some(value.to_vec()))
}

/// A lookup that found something which cannot be an answer.
fn query_error(session: &Session, table: &[u8]) -> Fatal {
    let reason: &[u8] = match session.tool {
        Tool::Postmap if !session.invocation.message_keys.any() => b"",
        _ => b": Application error",
    };
    Fatal::Message([b"table ", table, b": query error", reason].concat())
}
