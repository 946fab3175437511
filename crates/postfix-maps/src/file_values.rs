//! Values that are the contents of files: `postmap -F` (postmap specification, section 11).

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::strerror;

/// Reads the files that a value names, separated by white space or commas, joins their contents with newlines and
/// encodes the result as base64, the form in which such values are stored.
///
/// # Errors
/// Postfix's words for what is wrong.
pub fn encode(names: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let separator = |byte: &u8| b" \t\r\n,".contains(byte);
    let mut files = names.split(separator).filter(|name| !name.is_empty()).peekable();
    if files.peek().is_none() {
        return Err([b"empty pathname list: >>", names, b"<<'"].concat());
    }
    let mut contents = Vec::new();
    for (i, name) in files.enumerate() {
        if i > 0 {
            contents.push(b'\n');
        }
        let failed = |what: &str, error: &std::io::Error| {
            [what.as_bytes(), b" ", name, b": ", strerror(error).as_bytes()].concat()
        };
        let mut file =
            File::open(OsStr::from_bytes(name)).map_err(|error| failed("open", &error))?;
        file.read_to_end(&mut contents).map_err(|error| failed("read", &error))?;
    }
    Ok(BASE64_STANDARD.encode(contents).into_bytes())
}

/// The contents that a stored value stands for; nothing where it is not base64.
pub fn decode(value: &[u8]) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(value).ok()
}
