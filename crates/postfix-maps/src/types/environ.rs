//! `environ:`: the process's environment, with main.cf's additions (specification of the table
//! types, section 5).

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::definition::Definition;
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};

#[derive(Debug)]
struct Environment {
    /// Variables that take the place of the process's own; of several with one name the last.
    assigned: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Ok(Box::new(Environment { assigned: definition.options.environment.clone() }))
}

impl Lookup for Environment {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        if let Some((_, value)) = self.assigned.iter().rfind(|(name, _)| name == key) {
            return Ok(Some((value.into(), forms)));
        }
        Ok(env::var_os(OsStr::from_bytes(key)).map(|value| (value.into_vec().into(), forms)))
    }
}
