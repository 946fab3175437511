//! What `postmap` and `postalias` warn of while they read a source.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::lines::{LineRange, LogicalLine};

/// Something in a source that `postmap` or `postalias` warns of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic<'a> {
    /// What is wrong.
    pub kind: DiagnosticKind,
    /// Where it stands.
    pub lines: LineRange,
    /// The whole logical line that it is about.
    pub text: Cow<'a, [u8]>,
}

/// The kinds of [`Diagnostic`].
///
/// All but [`KeyColon`](DiagnosticKind::KeyColon) mean that the logical line was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiagnosticKind {
    /// The text is indented, and there is no line before it that it could continue.
    LeadingWhitespace,
    /// UTF-8 mode is on and the line is not valid UTF-8.
    NotUtf8,
    /// Map: a double quote in the key is not closed.
    UnbalancedQuote,
    /// Map: the key or the value is missing.
    ExpectedKeyValue,
    /// Map: the key ends in a colon, as in an aliases file. The entry is kept, the colon is part of
    /// its key.
    KeyColon,
    /// Aliases: no colon, no name, no value, or a comma in the name.
    NeedNameValue,
    /// Aliases: the name has a domain (`@` or `%`).
    NameNotLocal,
}

impl DiagnosticKind {
    /// A name for programs, which stays the same from version to version.
    pub fn code(self) -> &'static str {
        match self {
            DiagnosticKind::LeadingWhitespace => "leading-whitespace",
            DiagnosticKind::NotUtf8 => "not-utf8",
            DiagnosticKind::UnbalancedQuote => "unbalanced-quote",
            DiagnosticKind::ExpectedKeyValue => "expected-key-value",
            DiagnosticKind::KeyColon => "key-colon",
            DiagnosticKind::NeedNameValue => "need-name-value",
            DiagnosticKind::NameNotLocal => "name-not-local",
        }
    }

    /// Whether the logical line was left out; otherwise it gave an entry nevertheless.
    pub fn is_error(self) -> bool {
        self != DiagnosticKind::KeyColon
    }
}

impl fmt::Display for DiagnosticKind {
    /// What is wrong, in plain words; [`Diagnostic::message`] has Postfix's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DiagnosticKind::LeadingWhitespace => "indented text continues no line before it",
            DiagnosticKind::NotUtf8 => "not UTF-8",
            DiagnosticKind::UnbalancedQuote => "a double quote in the key is not closed",
            DiagnosticKind::ExpectedKeyValue => "expected a key, whitespace and a value",
            DiagnosticKind::KeyColon => {
                "the key ends in a colon: is this the text of an alias database?"
            }
            DiagnosticKind::NeedNameValue => "expected a name, a colon and a value",
            DiagnosticKind::NameNotLocal => "the name of an alias has a domain",
        })
    }
}

impl<'a> Diagnostic<'a> {
    /// Something that is wrong with a logical line.
    pub fn new(kind: DiagnosticKind, line: LogicalLine<'a>) -> Self {
        Diagnostic { kind, lines: line.lines, text: line.text }
    }

    /// The message in Postfix's words, for a source called `file` (the path as given, or `stdin`).
    ///
    /// Without the `postmap: warning: ` before it, and with every byte of the source as it is:
    /// whoever prints it has to replace the bytes that must not reach a terminal ([postmap
    /// specification, section 10]). As long as the logical line is, at most, plus a sentence.
    ///
    /// ```
    /// # use postfix_map_text::{Item, KeyRules, map_entries};
    /// let mut items = map_entries(b"lonely\n", KeyRules::default());
    /// let Some(Item::Diagnostic(diagnostic)) = items.next() else {
    ///     panic!("a key without a value is not an entry");
    /// };
    /// assert_eq!(
    ///     diagnostic.message(b"virtual"),
    ///     b"virtual, line 1: expected format: key whitespace value"
    /// );
    /// ```
    ///
    /// [postmap specification, section 10]: crate::specification::postmap#10-messages
    pub fn message(&self, file: &[u8]) -> Vec<u8> {
        // Postfix formats text as C strings.
        let text = before_nul(&self.text);
        let place = format!(", line {}: ", self.lines.first);
        let place = place.as_bytes();
        match self.kind {
            DiagnosticKind::LeadingWhitespace => {
                let shown = text.get(..EXCERPT).unwrap_or(text);
                // The NUL does not count here: the length is that of the whole line.
                let dots: &[u8] = if self.text.len() > EXCERPT { b"..." } else { b"" };
                let complaint = b": logical line must not start with whitespace: \"";
                [file, complaint, shown, dots, b"\""].concat()
            }
            DiagnosticKind::NotUtf8 => {
                [file, place, b"non-UTF-8 input \"", text, b"\"", IGNORING].concat()
            }
            DiagnosticKind::UnbalancedQuote => {
                [file, place, b"unbalanced '\"' in '", text, b"'", IGNORING].concat()
            }
            DiagnosticKind::ExpectedKeyValue => {
                [file, place, b"expected format: key whitespace value"].concat()
            }
            DiagnosticKind::KeyColon => {
                let complaint = b"record is in \"key: value\" format; is this an alias file?";
                [file, place, complaint].concat()
            }
            DiagnosticKind::NeedNameValue => [file, place, b"need name:value pair"].concat(),
            DiagnosticKind::NameNotLocal => [file, place, b"name must be local"].concat(),
        }
    }
}

/// How many bytes of an indented line are shown. The other messages show the line in full.
const EXCERPT: usize = 30;

const IGNORING: &[u8] = b" -- ignoring this line";

/// The bytes before the first NUL: what C programs see of a string ([postmap specification, section
/// 2.1]).
///
/// [postmap specification, section 2.1]: crate::specification::postmap#21-logical-lines-both
pub fn before_nul(line: &[u8]) -> &[u8] {
    memchr(0, line).and_then(|nul| line.get(..nul)).unwrap_or(line)
}
