//! `texthash:PATH`: a map's text, read as it is (specification of the table types, section 3).

use std::collections::btree_map::Entry as Slot;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;

use postfix_map_text::{DiagnosticKind, Item, map_entries};

use super::definition::{Definition, definition_error};
use super::listed::Listed;
use crate::error::{Error, ErrorKind, Result, not_utf8_message, strerror};
use crate::lookup::Lookup;
use crate::options::Duplicates;

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    let rules = definition.options.rules;
    let path = definition.spec.source();
    let file = path.as_os_str().as_bytes();
    let opened = File::open(path).map_err(|error| Error::system("open database", path, error))?;
    let mut text = Vec::new();
    definition.read_to_end(path, &opened, &mut text).map_err(|error| {
        definition_error([b"read ", file, b": ", strerror(&error).as_bytes()].concat())
    })?;

    let mut entries = Listed::default();
    for item in map_entries(&text, rules) {
        let entry = match item {
            Item::Diagnostic(diagnostic) => {
                let mut message = diagnostic.message(file);
                if diagnostic.kind == DiagnosticKind::ExpectedKeyValue {
                    message.extend_from_slice(b" -- ignoring this line");
                }
                (definition.warn)(&message);
                continue;
            }
            Item::Entry(entry) => entry,
        };
        let place = format!(", line {}: ", entry.lines.first);
        let place = [file, place.as_bytes()].concat();
        let value = match definition.value(&entry.value) {
            Ok(value) => value,
            Err(problem) => {
                (definition.warn)(&[&place, &problem[..], b": skipping this entry"].concat());
                continue;
            }
        };
        let Ok(key) = rules.prepare(&entry.key) else {
            let table = definition.spec.to_bytes();
            (definition.warn)(&not_utf8_message(&table, &entry.key, &value));
            continue;
        };
        match (entries.0.entry(key.into_owned()), definition.options.duplicates) {
            (Slot::Vacant(slot), _) => {
                slot.insert(value);
            }
            (Slot::Occupied(mut slot), Duplicates::Replace) => {
                slot.insert(value);
            }
            (Slot::Occupied(_), Duplicates::Ignore) => {}
            (Slot::Occupied(_), refused @ (Duplicates::Warn | Duplicates::Refuse)) => {
                let text = [&place[..], b"duplicate entry: \"", &entry.key[..], b"\""].concat();
                if refused == Duplicates::Refuse {
                    return Err(Error::new(ErrorKind::DuplicateKey, text).at(path));
                }
                (definition.warn)(&text);
            }
        }
    }
    Ok(Box::new(entries))
}
