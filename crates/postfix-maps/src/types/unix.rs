//! `unix:passwd.byname` and `unix:group.byname`: the machine's users and groups (specification of
//! the table types, section 5).
//!
//! Read from the files; other sources of users that the C library knows are not asked.

use std::fs;

use super::definition::{Definition, definition_error};
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};

/// A file with one record a line: its path, and how many fields a record has.
#[derive(Debug)]
struct Records {
    path: &'static str,
    fields: usize,
}

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Ok(Box::new(match definition.name() {
        b"passwd.byname" => Records { path: "/etc/passwd", fields: 7 },
        b"group.byname" => Records { path: "/etc/group", fields: 4 },
        _ => {
            let spec = definition.spec.to_bytes();
            return Err(definition_error([b"unknown table: ", &spec[..]].concat()));
        }
    }))
}

impl Lookup for Records {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        let Ok(text) = fs::read(self.path) else { return Ok(None) };
        let record = text.split(|byte| *byte == b'\n').find(|line| {
            let mut fields = line.split(|byte| *byte == b':');
            !key.is_empty() && fields.next() == Some(key) && fields.count() + 1 == self.fields
        });
        Ok(record.map(|record| (record.to_vec().into(), forms)))
    }
}
