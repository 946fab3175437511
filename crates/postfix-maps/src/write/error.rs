//! What can be wrong with entries.

use postfix_map_text::NotUtf8;

use crate::error::{Error, ErrorKind};

impl Error {
    /// A key, or its value, that is not UTF-8.
    pub(crate) fn not_utf8(what: &str, key: &[u8]) -> Self {
        let words = format!("{what} \"{}\" is not UTF-8", shown(key));
        Error::new(ErrorKind::NotUtf8, NotUtf8.to_string()).in_words(words).caused_by(NotUtf8)
    }

    /// A duplicate entry, with its place in the text.
    pub(crate) fn placed(self, place: &[u8], key: &[u8]) -> Self {
        let place = String::from_utf8_lossy(place);
        self.in_words(format!("{place}duplicate entry: \"{}\"", shown(key)))
    }
}

/// A key in words: as text where it is some.
fn shown(key: &[u8]) -> String {
    match str::from_utf8(key) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => key.escape_ascii().to_string(),
    }
}
