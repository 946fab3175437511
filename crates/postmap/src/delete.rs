//! Deleting keys: `-d key` and `-d -`.

use std::io;

use postfix_maps::tools::{before_nul, not_utf8_message};
use postfix_maps::{ErrorKind, TableSpec, TableUpdate};

use crate::args::Keys;
use crate::create::read_error;
use crate::lines::all_lines;
use crate::session::{Fatal, Session};
use crate::signals::HeldBack;

/// Deletes keys from all tables of the command line. Returns `true` if one had one.
pub fn delete(session: &Session, keys: &Keys) -> Result<bool, Fatal> {
    let tables = session.tables();
    match keys {
        // Table by table: those before one that fails stay changed.
        Keys::One(key) => {
            let mut deleted = false;
            for table in &tables {
                deleted |= delete_all(session, std::slice::from_ref(table), &[key])?;
            }
            Ok(deleted)
        }
        Keys::Stdin => {
            // All of it first: no table is locked while somebody types.
            let lines = all_lines(io::stdin().lock());
            let lines = lines.map_err(|error| read_error("stdin".as_ref(), error))?;
            let keys: Vec<&[u8]> = lines.iter().map(|line| before_nul(line)).collect();
            delete_all(session, &tables, &keys)
        }
    }
}

/// Deletes keys from all of the tables, unless one of them does not open.
fn delete_all(session: &Session, tables: &[TableSpec], keys: &[&[u8]]) -> Result<bool, Fatal> {
    // None stays open: programs that lock several tables would wait for each other.
    let names: Vec<Vec<u8>> =
        tables.iter().map(|table| examine(session, table)).collect::<Result<_, _>>()?;
    let mut deleted = false;
    // As Postfix has it: a warning, and success.
    for key in keys.iter().filter(|key| session.key_rules().prepare(key).is_err()) {
        for name in &names {
            session.log.warning(&not_utf8_message(name, key, b""));
            deleted = true;
        }
    }
    for table in tables {
        let mut table = TableUpdate::open(table.clone(), session.write_options())?;
        let signals = HeldBack::begin();
        for key in keys {
            deleted |= match table.delete(key) {
                Err(error) if error.kind() == ErrorKind::NotUtf8 => false,
                deleted => deleted?,
            };
        }
        table.commit()?;
        signals.deliver();
    }
    Ok(deleted)
}

/// The name of a table that opens; with a warning of what had to be mended, and when it should be
/// made anew.
fn examine(session: &Session, spec: &TableSpec) -> Result<Vec<u8>, Fatal> {
    let table = TableUpdate::open(spec.clone(), session.write_options())?;
    table.mended().for_each(|warning| session.log.warning(&warning));
    if table.is_older_than_source() {
        session.warn_of_newer_source(spec, table.file());
    }
    Ok(table.internal_name())
}
