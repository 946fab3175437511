//! Making tables from their texts.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, SystemTime};

use postfix_maps::{Format, NewTable, Source, TableSpec, WriteOptions, mode_like};

use crate::args::Tool;
use crate::privilege::become_owner;
use crate::run::{Fatal, Session};

/// Makes all tables of the command line, in order.
pub fn create(session: &Session) -> Result<(), Fatal> {
    session.tables().iter().try_for_each(|spec| create_one(session, spec))
}

fn create_one(session: &Session, spec: &TableSpec) -> Result<(), Fatal> {
    let open_error = |source| postfix_maps::Error::Open { path: spec.source().to_owned(), source };
    let mut file = File::open(spec.source()).map_err(open_error)?;
    let metadata = file.metadata().map_err(open_error)?;
    let invocation = session.invocation;
    if invocation.as_owner {
        become_owner(&metadata).map_err(|error| open_error(error.into()))?;
    }
    session.log.info(&[b"open ", &spec.to_bytes()[..]].concat());
    let source_date = source_date_epoch();
    let options = WriteOptions {
        rules: session.key_rules(),
        terminators: invocation.terminators,
        duplicates: invocation.duplicates,
        mode: if invocation.copy_mode { mode_like(&metadata) } else { 0o644 },
        reproducible: source_date.is_some(),
    };
    let table = NewTable::open(spec.clone(), options)?;
    if table.overwrites() {
        session.log.info(b"overwriting the table in place: it cannot be replaced by a new file");
    }
    let mut text = Vec::new();
    // Whatever ends the text ends it: Postfix takes a read error for the end of the file.
    let _ = file.read_to_end(&mut text);
    let source = Source {
        name: spec.source().as_os_str().as_encoded_bytes(),
        text: &text,
        format: match session.tool {
            Tool::Postmap => Format::Map { values_are_files: invocation.values_are_files },
            Tool::Postalias => Format::Aliases {
                time: source_date.unwrap_or_else(SystemTime::now),
                host: session.config.myhostname(),
            },
        },
    };
    table.compile(&source, |warning| session.log.warning(warning))?;
    Ok(())
}

/// The time to write into files instead of the present one, for builds that are to give the same bytes each time.
fn source_date_epoch() -> Option<SystemTime> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
