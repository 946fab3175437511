//! Looking keys up: `-q key` and `-q -`.

use std::borrow::Cow;
use std::io;

use postfix_maps::tools::{before_nul, not_utf8_message};
use postfix_maps::{Access, Error, ErrorKind, Table, TableSpec};

use crate::args::Tool;
use crate::lines::each_line;
use crate::message_keys;
use crate::output::Output;
use crate::session::{Fatal, Session};

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

/// Prints the value of a key. Returns `true` if a table has it.
pub fn query(session: &Session, key: &[u8]) -> Result<bool, Fatal> {
    let mut output = Output::default();
    for spec in session.tables() {
        let mut lazy = Lazy::default();
        let table = lazy.get(session, &spec)?;
        if let Some(value) = answer(session, table, key, table.get(key), Naming::AsGiven)? {
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

/// Prints the keys on standard input that a table has, with their values. Returns `true` if there
/// was one.
pub fn query_stdin(session: &Session) -> Result<bool, Fatal> {
    let mut answers = Answers::new(session);
    let input = io::stdin().lock();
    let wanted = session.invocation.message_keys;
    let result = if wanted.any() {
        message_keys::each_key(input, wanted, session.config.mime_limits(), |key| answers.add(key))
    } else {
        each_line(input, |line| answers.add(before_nul(line)))
    };
    let result = result.and_then(|()| answers.settle());
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
    /// Keys that will be looked up together, the first `waiting` of these; the others' memory is
    /// used again.
    keys: Vec<Vec<u8>>,
    waiting: usize,
    output: Output,
    /// Whether a table had one of the keys.
    found: bool,
}

impl<'s> Answers<'s> {
    fn new(session: &'s Session) -> Answers<'s> {
        let tables = session.tables().into_iter().map(|spec| (spec, Lazy::default())).collect();
        Answers {
            session,
            tables,
            keys: Vec::new(),
            waiting: 0,
            output: Output::default(),
            found: false,
        }
    }

    /// Looks a key up, at once or together with the next ones.
    fn add(&mut self, key: &[u8]) -> Result<(), Fatal> {
        // Of several tables, each is asked about a key before the next key is: warnings come in
        // that order.
        match &self.tables[..] {
            [(_, lazy)] if lazy.lookups >= MANY => {}
            _ => return self.look_up(key),
        }
        if self.waiting == self.keys.len() {
            self.keys.push(Vec::new());
        }
        let slot = &mut self.keys[self.waiting];
        slot.clear();
        slot.extend_from_slice(key);
        self.waiting += 1;
        if self.waiting == MANY { self.settle() } else { Ok(()) }
    }

    /// Looks up the keys that wait for it.
    fn settle(&mut self) -> Result<(), Fatal> {
        let Some((_, Lazy { table: Some(table), .. })) = self.tables.first() else { return Ok(()) };
        let keys = &self.keys[..std::mem::take(&mut self.waiting)];
        for (key, found) in keys.iter().zip(table.get_many(keys)) {
            if let Some(value) = answer(self.session, table, key, found, Naming::Internal)? {
                self.session.put_pair(&mut self.output, key, &value);
                self.found = true;
            }
        }
        Ok(())
    }

    /// Looks a key up and prints it with the value that the first table has which knows it.
    fn look_up(&mut self, key: &[u8]) -> Result<(), Fatal> {
        for (spec, lazy) in &mut self.tables {
            let table = lazy.get(self.session, spec)?;
            if let Some(value) = answer(self.session, table, key, table.get(key), Naming::Internal)?
            {
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
            table = table.loaded()?;
        }
        Ok(self.table.insert(table))
    }
}

/// The value that was found for a key in one table, as it is printed, with the warnings that belong
/// to it.
fn answer<'v>(
    session: &Session,
    table: &Table,
    key: &[u8],
    found: Result<Option<Cow<'v, [u8]>>, Error>,
    naming: Naming,
) -> Result<Option<Cow<'v, [u8]>>, Fatal> {
    let value = match found {
        Ok(Some(value)) => value,
        Ok(None) => {
            if table.rules().prepare(key).is_err() {
                session.log.warning(&not_utf8_message(&table.internal_name(), key, b""));
            }
            return Ok(None);
        }
        Err(error) => {
            // Of a table of tables, the member is named first.
            if error.kind() == ErrorKind::ValueNotUtf8 {
                error.detail().into_iter().for_each(|detail| session.log.warning(detail));
                return Err(query_error(session, table));
            }
            return Err(error.into());
        }
    };
    let Some(value) = session.decode(table, key, value) else {
        return Err(query_error(session, table));
    };
    let value = match value {
        Cow::Borrowed(value) => Cow::Borrowed(before_nul(value)),
        Cow::Owned(value) => Cow::Owned(before_nul(&value).to_vec()),
    };
    if value.is_empty() {
        let name = match naming {
            Naming::AsGiven => table.spec().to_bytes(),
            Naming::Internal => table.internal_name(),
        };
        session.warn_of_empty_value(&name, key);
    }
    Ok(Some(value))
}

/// A lookup that found something which cannot be an answer.
fn query_error(session: &Session, table: &Table) -> Fatal {
    let reason: &[u8] = match session.tool {
        Tool::Postmap if !session.invocation.message_keys.any() => b"",
        _ => b": Application error",
    };
    Fatal::Message([b"table ", &table.internal_name()[..], b": query error", reason].concat())
}
