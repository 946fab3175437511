//! `environ:`: the process's environment, with main.cf's additions (specification of the table types, section 5).

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::{Definition, Dictionary, Failure};
use crate::error::Error;

#[derive(Debug)]
struct Environment {
    /// Variables that take the place of the process's own; of several with one name the last.
    assigned: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Dictionary>, Error> {
    Ok(Box::new(Environment { assigned: definition.options.environment.clone() }))
}

impl Dictionary for Environment {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        if let Some((_, value)) = self.assigned.iter().rfind(|(name, _)| name == key) {
            return Ok(Some(value.into()));
        }
        Ok(env::var_os(OsStr::from_bytes(key)).map(|value| value.into_vec().into()))
    }
}
