//! Listing a table: `-s`.

use postfix_maps::Access;

use crate::output::Output;
use crate::run::{Fatal, Session};

/// Prints all entries of the first table of the command line. Tells whether there was a table.
pub fn list(session: &Session) -> Result<bool, Fatal> {
    let Some(spec) = session.tables().into_iter().next() else { return Ok(false) };
    let table = session.open(&spec, Access::Snapshot)?;
    let name = spec.to_bytes();
    let mut output = Output::default();
    let mut pairs = table.iter()?;
    let result = pairs.try_for_each(|pair| {
        let (key, value) = pair?;
        if key.is_empty() {
            let text: [&[u8]; 3] = [b"table ", &name, b": empty lookup key value is not allowed"];
            session.log.warning(&text.concat());
        }
        // What cannot be decoded is left out.
        if let Some(value) = session.check_value(&name, &key, value) {
            output.put(&[&key, session.key_suffix(), b"\t", &value, b"\n"]);
        }
        Ok(())
    });
    match result {
        Ok(()) => output.finish(),
        Err(_) => output.abort(),
    }
    result.map(|()| true)
}
