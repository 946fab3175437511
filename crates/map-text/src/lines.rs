//! Logical lines: the layer that joins physical lines and drops blank and comment lines.
//!
//! Maps, aliases files and `main.cf` share it.

use std::borrow::Cow;
use std::iter::FusedIterator;
use std::ops::Range;

use memchr::{memchr, memchr_iter};

/// The physical lines that a logical line came from, numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LineRange {
    /// The line on which the text starts. Messages name this one.
    pub first: u64,
    /// The last line that contributed text. Blank and comment lines behind it do not count.
    pub last: u64,
}

/// Text that belongs together, after continuation lines were joined to the line they continue.
///
/// Never empty, never without a byte that is not whitespace.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogicalLine<'a> {
    /// The text without line ends, otherwise as written: borrowed from the source when it stands on
    /// one physical line.
    pub text: Cow<'a, [u8]>,
    /// Where it stands.
    pub lines: LineRange,
}

/// Where a part that was borrowed from a source stands in it, in bytes: a key or a value of one
/// physical line, as nearly all are. `None` for what was put together from several:
/// [`LineIndex::span`](crate::LineIndex::span) gives the place of its lines then.
///
/// ```
/// use postfix_map_text::{Item, KeyRules, map_entries, span_of};
///
/// let source = b"# who may relay\nexample.com OK\n";
/// let Some(Item::Entry(entry)) = map_entries(source, KeyRules::default()).next() else { panic!() };
/// let span = span_of(source, &entry.value).unwrap();
/// assert_eq!(&source[span.clone()], b"OK");
/// assert_eq!(span, 28..30);
/// ```
pub fn span_of<T: AsRef<[u8]> + ?Sized>(source: &T, part: &[u8]) -> Option<Range<usize>> {
    let source = source.as_ref();
    let start = part.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= source.len()).then_some(start..end)
}

/// Iterates over the logical lines of a source ([postmap specification, section 2.1]).
///
/// The result may start with a line that begins with whitespace: indented text with nothing before
/// it to continue. What that means is up to the caller; [`map_entries`](crate::map_entries) and
/// [`alias_entries`](crate::alias_entries) reject it.
///
/// One pass over the source in all, whatever the source holds.
///
/// ```
/// let source = b"# who may relay\nnetwork.example\n  OK\n";
/// let line = postfix_map_text::logical_lines(source).next().unwrap();
/// assert_eq!(*line.text, *b"network.example  OK");
/// assert_eq!((line.lines.first, line.lines.last), (2, 3));
/// ```
///
/// [postmap specification, section 2.1]: crate::specification::postmap#21-logical-lines-both
pub fn logical_lines<T: AsRef<[u8]> + ?Sized>(source: &T) -> LogicalLines<'_> {
    LogicalLines { rest: source.as_ref(), number: 0 }
}

/// Iterator over logical lines, made by [`logical_lines`].
#[must_use = "iterators are lazy"]
#[derive(Clone, Debug)]
pub struct LogicalLines<'a> {
    /// What has not been read yet; starts at the start of a physical line.
    rest: &'a [u8],
    /// How many physical lines have been read.
    number: u64,
}

impl<'a> LogicalLines<'a> {
    /// Divides what has not been read yet into two parts of about the same length, for two threads.
    /// Together they give the same lines, with the same numbers.
    ///
    /// # Complexity
    /// One pass over the first part, which counts its lines.
    pub fn split(self) -> (Self, Self) {
        let middle = self.rest.len() / 2;
        // Whatever comes before it, this starts a logical line.
        let starts_line = |at: &usize| match self.rest.get(*at) {
            None => true,
            Some(first) => *first != b'#' && !is_whitespace(*first),
        };
        let starts = memchr_iter(b'\n', &self.rest[middle..]).map(|end| middle + end + 1);
        let (first, second) =
            self.rest.split_at(starts.into_iter().find(starts_line).unwrap_or(self.rest.len()));
        let lines = memchr_iter(b'\n', first).count() as u64;
        (
            LogicalLines { rest: first, number: self.number },
            LogicalLines { rest: second, number: self.number + lines },
        )
    }

    /// The next physical line without its line end.
    fn physical_line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        self.number += 1;
        Some(text)
    }
}

impl<'a> Iterator for LogicalLines<'a> {
    type Item = LogicalLine<'a>;

    #[inline]
    fn next(&mut self) -> Option<LogicalLine<'a>> {
        let mut line: Option<LogicalLine<'a>> = None;
        while let Some(text) = self.physical_line() {
            let number = self.number;
            match &mut line {
                _ if is_blank_or_comment(text) => {}
                None => {
                    line = Some(LogicalLine {
                        text: Cow::Borrowed(text),
                        lines: LineRange { first: number, last: number },
                    });
                }
                Some(line) => {
                    line.text.to_mut().extend_from_slice(text);
                    line.lines.last = number;
                }
            }
            let more = matches!(self.rest, [next, ..] if *next == b'#' || is_whitespace(*next));
            if line.is_some() && !more {
                break;
            }
        }
        line
    }
}

impl FusedIterator for LogicalLines<'_> {}

/// Returns `true` if Postfix takes a byte for whitespace: the ASCII ones, with vertical tab.
pub(crate) fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_blank_or_comment(text: &[u8]) -> bool {
    matches!(text.iter().find(|byte| !is_whitespace(**byte)), None | Some(b'#'))
}
