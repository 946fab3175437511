//! Entries, and the lines of a map: key, whitespace, value.

use std::borrow::Cow;
use std::iter::FusedIterator;

use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while1};
use nom::combinator::{cut, opt, recognize};
use nom::multi::many0_count;
use nom::sequence::delimited;
use nom::{IResult, Parser};

use crate::diagnostic::{Diagnostic, DiagnosticKind, before_nul};
use crate::fold::KeyRules;
use crate::lines::{LineRange, LogicalLine, LogicalLines, is_whitespace, logical_lines};

/// A key and its value.
///
/// Where a key or value is borrowed, [`span_of`](crate::span_of) tells where it stands in the
/// source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// The key as the tool would store it, except that it is not folded: see
    /// [`KeyRules`](crate::KeyRules). A map's key keeps its quotes and backslashes; a name of an
    /// aliases file has lost them and may be empty.
    pub key: Cow<'a, [u8]>,
    /// The value as the tool would store it. Empty only in an aliases file, for a lone backslash.
    pub value: Cow<'a, [u8]>,
    /// Where it stands.
    pub lines: LineRange,
}

/// What a logical line of a source gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A pair to store.
    Entry(Entry<'a>),
    /// A warning to print.
    Diagnostic(Diagnostic<'a>),
}

/// Iterates over the entries and diagnostics of a map, in input order ([postmap specification,
/// section 2]).
///
/// In UTF-8 mode ([postmap specification, section 9]) lines that are not UTF-8 are left out; keys
/// are not folded here, whatever `rules` say ([`KeyRules::prepare`] does that). Keys and values are
/// borrowed from `source` except on logical lines that span several physical ones.
///
/// Never fails, and needs time linear in the length of the source.
///
/// [postmap specification, section 2]: crate::specification::postmap#2-map-text-grammar
/// [postmap specification, section 9]: crate::specification::postmap#9-utf-8-mode-and-case-folding
pub fn map_entries<T: AsRef<[u8]> + ?Sized>(source: &T, rules: KeyRules) -> MapEntries<'_> {
    MapEntries { lines: logical_lines(source), utf8: rules.utf8, announced: None }
}

/// Iterator over the entries and diagnostics of a map, made by [`map_entries`].
#[must_use = "iterators are lazy"]
#[derive(Clone, Debug)]
pub struct MapEntries<'a> {
    lines: LogicalLines<'a>,
    utf8: bool,
    /// The entry whose diagnostic was the last item.
    announced: Option<Entry<'a>>,
}

impl MapEntries<'_> {
    /// Divides what has not been read yet into two parts of about the same length, for two threads.
    /// Together they give the same items.
    ///
    /// # Complexity
    /// As [`LogicalLines::split`].
    pub fn split(self) -> (Self, Self) {
        let (first, second) = self.lines.split();
        let second = MapEntries { lines: second, utf8: self.utf8, announced: None };
        (MapEntries { lines: first, ..self }, second)
    }
}

impl<'a> Iterator for MapEntries<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if let Some(entry) = self.announced.take() {
            return Some(Item::Entry(entry));
        }
        let line = self.lines.next()?;
        let item = match parse(&line, self.utf8, key_value) {
            Ok(entry) if entry.key.ends_with(b":") => {
                self.announced = Some(entry);
                diagnosed(line, DiagnosticKind::KeyColon)
            }
            Ok(entry) => Item::Entry(entry),
            Err(kind) => diagnosed(line, kind),
        };
        Some(item)
    }
}

impl FusedIterator for MapEntries<'_> {}

/// A key and a value, borrowed from the text of their line where possible.
pub(crate) type Pair<'t> = (Cow<'t, [u8]>, Cow<'t, [u8]>);

/// Applies the grammar of one format to a logical line, after the checks that both formats share.
pub(crate) fn parse<'a>(
    line: &LogicalLine<'a>,
    utf8: bool,
    grammar: impl Fn(&[u8]) -> Result<Pair<'_>, DiagnosticKind>,
) -> Result<Entry<'a>, DiagnosticKind> {
    let (key, value) = match &line.text {
        Cow::Borrowed(text) => grammar(checked(text, utf8)?)?,
        Cow::Owned(text) => {
            let (key, value) = grammar(checked(text, utf8)?)?;
            (key.into_owned().into(), value.into_owned().into())
        }
    };
    Ok(Entry { key, value, lines: line.lines })
}

/// The item that reports `kind` for `line`.
pub(crate) fn diagnosed(line: LogicalLine<'_>, kind: DiagnosticKind) -> Item<'_> {
    Item::Diagnostic(Diagnostic::new(kind, line))
}

/// The text that a grammar gets to see: up to the first NUL.
fn checked(line: &[u8], utf8: bool) -> Result<&[u8], DiagnosticKind> {
    if line.first().copied().is_some_and(is_whitespace) {
        return Err(DiagnosticKind::LeadingWhitespace);
    }
    let text = before_nul(line);
    // What stands before the NUL decides whether to check, but all of the line is checked.
    let check = utf8 && (text.is_empty() || !text.is_ascii());
    if check && str::from_utf8(line).is_err() {
        return Err(DiagnosticKind::NotUtf8);
    }
    Ok(text)
}

/// `line = key *whitespace value *whitespace` (postmap specification, section 2.2).
///
/// The key ends at whitespace or at the end of the text, so that nothing but whitespace separates
/// it from the value.
fn key_value(text: &[u8]) -> Result<Pair<'_>, DiagnosticKind> {
    let (rest, key) = key(text).map_err(|_| DiagnosticKind::UnbalancedQuote)?;
    let value = trimmed(rest);
    if key.is_empty() || value.is_empty() {
        return Err(DiagnosticKind::ExpectedKeyValue);
    }
    Ok((key.into(), value.into()))
}

/// `key = plain *( ( escaped / quoted ) plain )`. Fails only when a quote is not closed.
fn key(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    let special = alt((escaped, quoted));
    recognize((plain, many0_count((special, plain)))).parse(input)
}

/// The bytes, if any, that mean nothing special in a key.
///
/// Nearly all of a source's keys are made of them. Testing eight at once, without a way out between
/// them, becomes vector code.
fn plain(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    let special = |byte: &u8| {
        (*byte == b' ') | (b'\t'..=b'\r').contains(byte) | (*byte == b'"') | (*byte == b'\\')
    };
    let (eights, _) = input.as_chunks::<8>();
    let plain_eights = eights
        .iter()
        .take_while(|eight| !eight.iter().fold(false, |found, byte| found | special(byte)))
        .count();
    let rest = input.get(8 * plain_eights..).unwrap_or_default();
    let plain_rest = rest.iter().position(special).unwrap_or(rest.len());
    take(8 * plain_eights + plain_rest).parse(input)
}

/// A backslash and the byte it makes plain, if the text does not end before that.
pub(crate) fn escaped(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    recognize((tag("\\"), opt(take(1_usize)))).parse(input)
}

/// Text in double quotes, in which whitespace is plain.
fn quoted(input: &[u8]) -> IResult<&[u8], &[u8], ()> {
    let inner = take_while1(|byte| byte != b'"' && byte != b'\\');
    recognize(delimited(tag("\""), many0_count(alt((inner, escaped))), cut(tag("\"")))).parse(input)
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_whitespace(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_whitespace(*last)
    {
        text = rest;
    }
    text
}
