//! Values that are the contents of files: `postmap -F` (postmap specification, section 11).

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::strerror;
use crate::sharing::lock::open_regular;

/// Reads the files that a value names, separated by white space or commas, joins their contents
/// with newlines and encodes the result as base64, the form in which such values are stored.
///
/// Only regular files are read, and no more of one than it has when it is opened: a device may have
/// no end, and a pipe nobody who writes to it.
///
/// # Errors
/// Postfix's words for what is wrong.
pub fn encode(names: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    encode_noting(names, |_, _, _| ())
}

/// As [`encode`]; hands each file that was read to `note`, with its state before that.
pub(crate) fn encode_noting(
    names: &[u8],
    mut note: impl FnMut(&Path, &Metadata, &[u8]),
) -> Result<Vec<u8>, Vec<u8>> {
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
        let failed = |what: &str, error: &io::Error| {
            [what.as_bytes(), b" ", name, b": ", strerror(error).as_bytes()].concat()
        };
        let path = Path::new(OsStr::from_bytes(name));
        let file = open_regular(path).map_err(|error| {
            // Postfix opens a directory.
            let is_directory = error.kind() == io::ErrorKind::IsADirectory;
            failed(if is_directory { "read" } else { "open" }, &error)
        })?;
        let before = file.metadata().map_err(|error| failed("read", &error))?;
        let start = contents.len();
        let read = file.take(before.len()).read_to_end(&mut contents);
        read.map_err(|error| failed("read", &error))?;
        note(path, &before, &contents[start..]);
    }
    Ok(BASE64_STANDARD.encode(contents).into_bytes())
}

/// The contents that a stored value stands for; nothing where it is not base64.
pub fn decode(value: &[u8]) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(value).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).into_os_string().into_encoded_bytes();
        let fifo = path("fifo");
        mknodat(CWD, OsStr::from_bytes(&fifo), FileType::Fifo, Mode::RUSR, 0).unwrap();
        for name in [fifo, b"/dev/zero".to_vec(), b"/dev/null".to_vec()] {
            let expected = [b"open ", &name[..], b": Not a regular file"].concat();
            assert_eq!(encode(&name), Err(expected));
        }
        let name = path("");
        assert_eq!(encode(&name), Err([b"read ", &name[..], b": Is a directory"].concat()));
        fs::write(directory.path().join("f"), "value").unwrap();
        assert_eq!(encode(&path("f")).unwrap(), b"dmFsdWU=");
        // As for Postfix, a file of the length 0 is empty, whatever can be read.
        assert_eq!(encode(b"/proc/version").unwrap(), b"");
    }
}
