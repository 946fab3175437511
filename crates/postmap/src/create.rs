//! Making tables from their texts, and adding to them: no option, and `-i`.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

use postfix_maps::tools::mode_like;
use postfix_maps::{
    Error, NewTable, Syntax, TableSpec, TableText, TableUpdate, Text, WriteOptions,
};

use crate::args::Tool;
use crate::privilege::become_owner;
use crate::session::{Fatal, Session};
use crate::signals::HeldBack;

/// Makes all tables of the command line, in order.
pub fn create(session: &Session) -> Result<(), Fatal> {
    session.tables().iter().try_for_each(|spec| {
        // Postfix has no client for making these.
        if spec.is_proxied() {
            return Err(Fatal::Message(b"can't create maps via the proxy service".to_vec()));
        }
        let open_error = |source| Error::open(spec.source(), source);
        let file = File::open(spec.source()).map_err(open_error)?;
        let metadata = file.metadata().map_err(open_error)?;
        let options = prepare(session, spec, &metadata)?;
        let table = NewTable::open(spec.clone(), options)?;
        let signals = HeldBack::begin();
        if table.overwrites() {
            session.log.info(b"overwriting the table: it cannot be replaced by a new file");
        }
        let text = Text::read(&file).map_err(|error| read_error(spec.source(), error))?;
        let name = spec.source().as_os_str().as_encoded_bytes();
        table.compile(&source(session, name, text.as_ref()), |warning| {
            session.log.warning(warning)
        })?;
        signals.deliver();
        Ok(())
    })
}

/// Adds what standard input has to all tables of the command line, in order: the first gets all of
/// it.
pub fn update(session: &Session) -> Result<(), Fatal> {
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(stdin_error)?);
    let metadata = stdin.metadata().map_err(stdin_error)?;
    let read = || Text::read(&stdin).map_err(|error| read_error("stdin".as_ref(), error));
    session.tables().iter().try_for_each(|spec| {
        let options = prepare(session, spec, &metadata)?;
        // Of a table that is not there yet the text comes first: where that cannot be read, none is
        // made.
        let (mut table, early) = match TableUpdate::open(spec.clone(), options.clone()) {
            Ok(table) => (table, None),
            Err(error) => {
                let is_of_file = error.path().is_some();
                let early = is_of_file.then(read).transpose()?;
                (TableUpdate::open_or_create(spec.clone(), options)?, early)
            }
        };
        let signals = HeldBack::begin();
        let text = early.map_or_else(read, Ok)?;
        table.add_all(&source(session, b"stdin", text.as_ref()), |warning| {
            session.log.warning(warning)
        })?;
        table.commit()?;
        signals.deliver();
        Ok(())
    })
}

/// A text, or keys, that cannot be read to the end.
pub fn read_error(path: &Path, source: io::Error) -> Error {
    Error::read(path, source)
}

fn stdin_error(source: io::Error) -> Error {
    Error::open("stdin".as_ref(), source)
}

/// What comes before the first table is opened, and again before each other.
fn prepare(
    session: &Session,
    spec: &TableSpec,
    metadata: &Metadata,
) -> Result<WriteOptions, Fatal> {
    if session.invocation.as_owner {
        // The owner may have no way to the mail log.
        become_owner(metadata, || session.log.connect())
            .map_err(|error| Error::open(spec.source(), error.into()))?;
    }
    session.log.info(&[b"open ", &spec.to_bytes()[..]].concat());
    let options = session.write_options().reproducible(source_date_epoch().is_some());
    Ok(if session.invocation.copy_mode { options.mode(mode_like(metadata)) } else { options })
}

fn source<'t>(session: &'t Session, name: &'t [u8], text: &'t [u8]) -> TableText<'t> {
    let syntax = match session.tool {
        Tool::Postmap => Syntax::Map { values_are_files: session.invocation.values_are_files },
        Tool::Postalias => Syntax::Aliases {
            time: source_date_epoch().unwrap_or_else(SystemTime::now),
            host: session.config.myhostname(),
        },
    };
    TableText { name, text, syntax }
}

/// The time to write into files instead of the present one, for builds that are to give the same
/// bytes each time.
fn source_date_epoch() -> Option<SystemTime> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
