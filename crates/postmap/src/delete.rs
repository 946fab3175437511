//! Deleting keys: `-d key` and `-d -`.

use std::io;

use postfix_maps::{Error, MapUpdate, before_nul, not_utf8_message};

use crate::args::Keys;
use crate::lines::each_line;
use crate::run::{Fatal, Session};
use crate::signals::PutOff;

/// Deletes keys from all tables of the command line. Tells whether one had one.
pub fn delete(session: &Session, keys: &Keys) -> Result<bool, Fatal> {
    match keys {
        Keys::One(key) => delete_all(session, &[key]),
        Keys::Stdin => {
            // All of it first: no table is locked while somebody types.
            let mut lines = Vec::new();
            each_line(io::stdin().lock(), |line| {
                lines.push(before_nul(line).to_vec());
                Ok::<_, Fatal>(())
            })?;
            let keys: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            delete_all(session, &keys)
        }
    }
}

fn delete_all(session: &Session, keys: &[&[u8]]) -> Result<bool, Fatal> {
    let mut deleted = false;
    let signals = PutOff::begin();
    for spec in session.tables() {
        let mut table = MapUpdate::open(spec.clone(), session.write_options())?;
        if table.is_older_than_source() {
            session.warn_of_newer_source(&spec, table.file());
        }
        for key in keys {
            deleted |= match table.delete(key) {
                Ok(deleted) => deleted,
                // As Postfix has it: a warning, and success.
                Err(Error::NotUtf8(_)) => {
                    let name = table.internal_name();
                    session.log.warning(&not_utf8_message(&name, key, b""));
                    true
                }
                Err(error) => return Err(error.into()),
            };
        }
        table.commit()?;
        signals.deliver();
    }
    Ok(deleted)
}
