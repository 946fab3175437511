//! Listing a table: `-s`.

use postfix_maps::Access;
use postfix_maps::tools::before_nul;

use crate::output::Output;
use crate::session::{Fatal, Session};

/// Prints all entries of the first table of the command line. Returns `true` if there was a table.
pub fn list(session: &Session) -> Result<bool, Fatal> {
    let Some(spec) = session.tables().into_iter().next() else { return Ok(false) };
    if spec.is_proxied() {
        return Err(Fatal::Message(b"can't sequence maps via the proxy service".to_vec()));
    }
    let table = session.open(&spec, Access::Snapshot)?;
    let name = spec.to_bytes();
    let mut output = Output::default();
    let mut pairs = table.iter();
    let result = pairs.try_for_each(|pair| {
        let (key, value) = pair?;
        // What cannot be decoded is left out.
        let Some(value) = session.decode(&table, &key, value) else { return Ok(()) };
        if key.is_empty() {
            let text: [&[u8]; 3] = [b"table ", &name, b": empty lookup key value is not allowed"];
            session.log.warning(&text.concat());
        } else if value.is_empty() {
            session.warn_of_empty_value(&name, &key);
        }
        session.put_pair(&mut output, &key, before_nul(&value));
        Ok(())
    });
    match result {
        Ok(()) => output.finish(),
        Err(_) => output.abort(),
    }
    result.map(|()| true)
}
