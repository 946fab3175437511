//! Syntax trees that both dialects' patterns become, and what their parsers share.

use regex_syntax::hir::{ClassBytes, ClassBytesRange, Look};

/// How deep groups may be nested.
pub(super) const DEEPEST: usize = 50;

/// The largest number of repetitions: POSIX's smallest limit.
pub(super) const MOST_REPETITIONS: u32 = 255;

/// A piece of a pattern.
#[derive(Debug)]
pub(super) enum Node {
    /// One byte of a set.
    Byte(ClassBytes),
    /// A position.
    Look(Look),
    /// PCRE's `$`: the end, or before a newline that is the last byte.
    End,
    /// PCRE's `^` with the flag `m`: the start, or behind a newline that is not the last byte.
    LineStart,
    /// A piece several times.
    Repeat { node: Box<Node>, min: u32, max: Option<u32>, greedy: bool },
    /// A group, with its number if it has one.
    Group(Option<u32>, Box<Node>),
    /// Pieces one behind the other.
    Concat(Vec<Node>),
    /// One of several, by order of preference.
    Either(Vec<Node>),
}

/// A parser's place in a pattern.
pub(super) struct Cursor<'p> {
    pattern: &'p [u8],
    pub at: usize,
}

impl<'p> Cursor<'p> {
    pub fn new(pattern: &'p [u8]) -> Self {
        Cursor { pattern, at: 0 }
    }

    pub fn rest(&self) -> &'p [u8] {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Skips `text` if it comes next.
    pub fn eat(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// A decimal number, possibly too large to be of use.
    pub fn number(&mut self) -> Option<u32> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (text, _) = self.rest().split_at(digits);
        self.at += digits;
        match text {
            [] => None,
            text => Some(str::from_utf8(text).ok()?.parse().unwrap_or(u32::MAX)),
        }
    }
}

/// A set of bytes.
pub(super) fn set(ranges: impl IntoIterator<Item = (u8, u8)>) -> ClassBytes {
    ClassBytes::new(ranges.into_iter().map(|(first, last)| ClassBytesRange::new(first, last)))
}

pub(super) fn byte(byte: u8) -> ClassBytes {
    set([(byte, byte)])
}

/// All bytes but those of a set.
pub(super) fn negated(mut set: ClassBytes) -> ClassBytes {
    set.negate();
    set
}

/// The set of `[:name:]`, in the C locale.
pub(super) fn named(name: &[u8]) -> Option<ClassBytes> {
    let has: fn(&u8) -> bool = match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"word" => |byte| byte.is_ascii_alphanumeric() || *byte == b'_',
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some(set((0..=u8::MAX).filter(has).map(|byte| (byte, byte))))
}

/// The set of `\w`, `\W`, `\s` and `\S`, and in PCRE of `\d` and `\D`.
pub(super) fn escaped_set(letter: u8) -> Option<ClassBytes> {
    let set = named(match letter.to_ascii_lowercase() {
        b'd' => b"digit",
        b's' => b"space",
        b'w' => b"word",
        _ => return None,
    })?;
    Some(if letter.is_ascii_uppercase() { negated(set) } else { set })
}
