//! Keys: the UTF-8 check and case folding.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use unicase::UniCase;

/// How keys are prepared before they are stored or looked up ([postmap specification, section 9]).
///
/// ```
/// use postfix_map_text::KeyRules;
///
/// let rules = KeyRules::default();
/// assert_eq!(rules.prepare("STRASSE\u{df}".as_bytes()).unwrap(), &b"strassess"[..]);
/// assert!(rules.prepare(b"\xff").is_err());
///
/// let rules = KeyRules::default().utf8(false);
/// assert_eq!(rules.prepare(b"Caf\xc9").unwrap(), &b"caf\xc9"[..]);
/// ```
///
/// [postmap specification, section 9]: crate::specification::postmap#9-utf-8-mode-and-case-folding
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct KeyRules {
    /// UTF-8 mode: keys and values must be UTF-8, and folding knows all of Unicode.
    pub utf8: bool,
    /// Fold keys: what `postmap -f` turns off.
    pub fold: bool,
}

impl Default for KeyRules {
    /// As [`new`](Self::new).
    fn default() -> Self {
        KeyRules::new()
    }
}

impl KeyRules {
    /// As in a current configuration of Postfix: both.
    pub const fn new() -> Self {
        KeyRules { utf8: true, fold: true }
    }

    /// With UTF-8 mode or without.
    #[must_use]
    pub const fn utf8(self, utf8: bool) -> Self {
        KeyRules { utf8, ..self }
    }

    /// With folding of keys or without.
    #[must_use]
    pub const fn fold(self, fold: bool) -> Self {
        KeyRules { fold, ..self }
    }

    /// The key as it is stored. Borrowed when that changes nothing.
    ///
    /// Folding is Unicode's full default case folding without the Turkic rules and without
    /// normalisation, or, outside UTF-8 mode, that of the letters A to Z.
    ///
    /// # Errors
    ///
    /// [`NotUtf8`] in UTF-8 mode, also when keys are not folded.
    pub fn prepare<'k>(&self, key: &'k [u8]) -> Result<Cow<'k, [u8]>, NotUtf8> {
        let folded = match self.unicode_text(key)? {
            _ if !self.fold => return Ok(Cow::Borrowed(key)),
            Some(text) => UniCase::unicode(text).to_folded_case().into_bytes(),
            None if has_uppercase(key) => key.to_ascii_lowercase(),
            None => return Ok(Cow::Borrowed(key)),
        };
        Ok(if folded == key { Cow::Borrowed(key) } else { Cow::Owned(folded) })
    }

    /// Whether a value may be stored.
    ///
    /// # Errors
    ///
    /// [`NotUtf8`] in UTF-8 mode.
    pub fn check_value(&self, value: &[u8]) -> Result<(), NotUtf8> {
        self.unicode_text(value).map(|_| ())
    }

    /// The bytes as text where the rules of Unicode apply to them: in UTF-8 mode, and not to ASCII.
    fn unicode_text<'b>(&self, bytes: &'b [u8]) -> Result<Option<&'b str>, NotUtf8> {
        if !self.utf8 || bytes.is_ascii() {
            return Ok(None);
        }
        str::from_utf8(bytes).map(Some).map_err(|_| NotUtf8)
    }
}

/// Looks at every byte, which the compiler turns into vector code; stopping early would prevent it.
fn has_uppercase(key: &[u8]) -> bool {
    key.iter().fold(false, |found, byte| found | byte.is_ascii_uppercase())
}

/// A key or value that UTF-8 mode does not allow.
///
/// Displayed in the words that Postfix uses for the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotUtf8;

impl fmt::Display for NotUtf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed UTF-8 or invalid codepoint")
    }
}

impl Error for NotUtf8 {}
