//! The lines of an aliases file: name, colon, value.
//!
//! A line is read as tokens and written back from them, so that spacing and quoting come out in one
//! way. The written text is borrowed from the line where the two agree.

use std::borrow::Cow;
use std::iter::{self, FusedIterator};

use memchr::memchr;
use nom::branch::alt;
use nom::bytes::complete::{take, take_while1};
use nom::combinator::{map, opt, recognize, rest};
use nom::multi::{many0_count, many1_count};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::diagnostic::DiagnosticKind;
use crate::entry::{Item, Pair, diagnosed, escaped, parse};
use crate::fold::KeyRules;
use crate::lines::{LogicalLines, logical_lines};

/// Iterates over the entries and diagnostics of an aliases file, in input order ([postalias
/// specification, section 3]).
///
/// The rules are as for [`map_entries`](crate::map_entries). Names come out
/// unquoted, values quoted, as `postalias` of Postfix 3.7 stores them. They are borrowed from
/// `source` when written there byte for byte, and on one physical line.
///
/// Never fails, and needs time linear in the length of the source.
///
/// [postalias specification, section 3]: crate::specification::postalias#3-input-grammar-name-value
pub fn alias_entries<T: AsRef<[u8]> + ?Sized>(source: &T, rules: KeyRules) -> AliasEntries<'_> {
    AliasEntries { lines: logical_lines(source), utf8: rules.utf8 }
}

/// Iterator over the entries and diagnostics of an aliases file, made by [`alias_entries`].
#[must_use = "iterators are lazy"]
#[derive(Clone, Debug)]
pub struct AliasEntries<'a> {
    lines: LogicalLines<'a>,
    utf8: bool,
}

impl<'a> Iterator for AliasEntries<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            let line = self.lines.next()?;
            match parse(&line, self.utf8, name_value) {
                Ok(entry) => return Some(Item::Entry(entry)),
                // Nothing before the first NUL: the one incomplete line that gets no message.
                Err(DiagnosticKind::NeedNameValue) if line.text.starts_with(b"\0") => {}
                Err(kind) => return Some(diagnosed(line, kind)),
            }
        }
    }
}

impl FusedIterator for AliasEntries<'_> {}

/// `line = 1*token ":" 1*token`, where no token before the first colon is one of `, @ %`.
fn name_value(text: &[u8]) -> Result<Pair<'_>, DiagnosticKind> {
    let mut tokens = Tokens { rest: text };
    let mut name = Spelling::new(text, Form::Internal);
    let (mut comma, mut domain) = (false, false);
    for token in tokens.by_ref().take_while(|token| *token != COLON) {
        comma |= token == COMMA;
        domain |= matches!(token, Token::Operator(b'@' | b'%'));
        name.push(token);
    }
    let mut value = Spelling::new(tokens.rest, Form::External);
    for token in tokens {
        value.push(token);
    }
    if name.last.is_none() || value.last.is_none() || comma {
        return Err(DiagnosticKind::NeedNameValue);
    }
    if domain {
        return Err(DiagnosticKind::NameNotLocal);
    }
    Ok((name.text(), value.text()))
}

const COLON: Token<'static> = Token::Operator(b':');
const COMMA: Token<'static> = Token::Operator(b',');

/// A token with its bytes as written, without the delimiters of a string or literal (postalias
/// specification, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Atom(&'t [u8]),
    /// In parentheses, which are part of it.
    Comment(&'t [u8]),
    /// What stands between double quotes.
    Quoted(&'t [u8]),
    /// What stands between square brackets.
    Literal(&'t [u8]),
    Operator(u8),
}

/// Iterator over the tokens of a text.
struct Tokens<'t> {
    rest: &'t [u8],
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        while let [first, rest @ ..] = self.rest
            && is_blank(*first)
        {
            self.rest = rest;
        }
        // Every byte starts a token, so this ends at the end of the text only.
        let (rest, token) = token(self.rest).ok()?;
        self.rest = rest;
        Some(token)
    }
}

/// `token = comment / quoted / literal / operator / atom`, told apart by its first byte.
fn token(input: &[u8]) -> IResult<&[u8], Token<'_>, ()> {
    match input {
        [b'(', ..] => map(comment, Token::Comment).parse(input),
        [b'"', rest @ ..] => map(up_to(b'"'), Token::Quoted).parse(rest),
        [b'[', rest @ ..] => map(up_to(b']'), Token::Literal).parse(rest),
        [first, rest @ ..] if is_special(*first) && *first != b'\\' => {
            Ok((rest, Token::Operator(*first)))
        }
        _ => map(atom, Token::Atom).parse(input),
    }
}

/// `atom = 1*( plain / escaped )`
fn atom(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    let plain = take_while1(|byte| !is_blank(byte) && !is_special(byte));
    recognize(many1_count(alt((plain, escaped)))).parse(input)
}

/// Anything up to an unescaped `close`, which is consumed, or to the end of the text.
fn up_to<'t>(close: u8) -> impl Parser<&'t [u8], Output = &'t [u8], Error = ()> {
    let plain = take_while1(move |byte| byte != close && byte != b'\\');
    terminated(recognize(many0_count(alt((plain, escaped)))), opt(take(1_usize)))
}

/// From an opening parenthesis to the one that closes it, or to the end of the text. Counts instead
/// of recursing: the depth is the input's choice.
fn comment(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    let mut depth = 0_usize;
    let mut bytes = input.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
        if depth == 0 {
            return take(at + 1).parse(input);
        }
    }
    rest(input)
}

/// Whitespace between tokens. Vertical tab and form feed are not.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The bytes that have a meaning of their own.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'|' | b'%'
            | b'!'
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'@'
            | b','
            | b';'
            | b':'
            | b'\\'
            | b'"'
            | b'.'
            | b'['
            | b']'
    )
}

/// The bytes that a string or atom stands for.
fn content(written: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = written.iter().copied();
    iter::from_fn(move || match bytes.next()? {
        b'\\' => bytes.next(),
        byte => Some(byte),
    })
    .map(|byte| if is_blank(byte) { b' ' } else { byte })
}

/// How tokens are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Without quotes, as names.
    Internal,
    /// With quotes where needed, as values.
    External,
}

/// Tokens written back as text (postalias specification, section 3.2).
struct Spelling<'t> {
    form: Form,
    last: Option<Token<'t>>,
    /// The text that the tokens come from, from where their spelling was found in it.
    source: &'t [u8],
    /// How much of `source` is spelled the same.
    same: usize,
    /// The spelling, once it differs from `source`.
    written: Option<Vec<u8>>,
}

impl<'t> Spelling<'t> {
    fn new(source: &'t [u8], form: Form) -> Self {
        Spelling { form, last: None, source, same: 0, written: None }
    }

    fn text(self) -> Cow<'t, [u8]> {
        match self.written {
            Some(written) => Cow::Owned(written),
            None => Cow::Borrowed(self.source.get(..self.same).unwrap_or_default()),
        }
    }

    fn push(&mut self, token: Token<'t>) {
        if self.last.is_some_and(|last| is_spaced(last, token)) {
            self.write(b" ");
        }
        self.last = Some(token);
        match (token, self.form) {
            (Token::Atom(atom), Form::External) if needs_quotes(atom) => self.write_quoted(atom),
            (Token::Atom(atom), _) => self.write_content(atom, b""),
            (Token::Comment(comment), _) => self.write(comment),
            (Token::Quoted(string), Form::Internal) => self.write_content(string, b""),
            (Token::Quoted(string), Form::External) => self.write_quoted(string),
            (Token::Literal(literal), form) => {
                let escape: &[u8] = match form {
                    Form::Internal => b"",
                    Form::External => b"\\",
                };
                self.write(b"[");
                self.write_content(literal, escape);
                self.write(b"]");
            }
            (COMMA, Form::External) => self.write(b", "),
            (Token::Operator(byte), _) => self.write(&[byte]),
        }
    }

    fn write_quoted(&mut self, string: &[u8]) {
        self.write(b"\"");
        self.write_content(string, b"\"\\");
        self.write(b"\"");
    }

    /// Writes what a token stands for, with a backslash before each byte out of `escape`.
    fn write_content(&mut self, token: &[u8], escape: &[u8]) {
        if !token.iter().any(|byte| matches!(byte, b'\\' | b'\t' | b'\r')) {
            // Nothing that `content` would change, nor, without a backslash, to escape.
            return self.write(token);
        }
        for byte in content(token) {
            if escape.contains(&byte) {
                self.write(b"\\");
            }
            self.write(&[byte]);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(written) = &mut self.written {
            written.extend_from_slice(bytes);
            return;
        }
        if self.same == 0 {
            // The source may start with something that is not spelled: a quote, a backslash.
            let start = bytes.first().and_then(|byte| memchr(*byte, self.source));
            self.source = self.source.get(start.unwrap_or(0)..).unwrap_or_default();
        }
        let (same, rest) = self.source.split_at(self.same);
        if rest.starts_with(bytes) {
            self.same += bytes.len();
        } else {
            self.written = Some([same, bytes].concat());
        }
    }
}

/// Returns `true` if an atom that stands for these bytes would be read as something else.
fn needs_quotes(atom: &[u8]) -> bool {
    content(atom).any(|byte| byte == b' ' || byte.is_ascii_control() || is_special(byte))
}

/// Returns `true` if a space goes between two tokens. A comma brings its own.
fn is_spaced(last: Token<'_>, next: Token<'_>) -> bool {
    let is_word = |token| !matches!(token, Token::Operator(_));
    last != COMMA && (next == Token::Operator(b'<') || is_word(last) && is_word(next))
}
