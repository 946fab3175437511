//! From offsets to lines and columns.

use std::fmt;
use std::ops::Range;

use memchr::memchr_iter;

use crate::lines::{LineRange, span_of};

/// Where the lines of a source start: what turns the places of entries and diagnostics into lines
/// and columns, for programs that show them to people or editors.
///
/// ```
/// use postfix_map_text::{Item, KeyRules, LineIndex, map_entries};
///
/// let source = b"example.com OK\nexample.org\n# not relayed\n    REJECT\n";
/// let index = LineIndex::new(source);
/// let mut places = Vec::new();
/// for item in map_entries(source, KeyRules::default()) {
///     let Item::Entry(entry) = item else { continue };
///     let span = index.span(&entry.value, entry.lines);
///     places.push(format!("{} to {}", index.position(span.start), index.position(span.end)));
/// }
/// // The second entry is put together from lines 2 and 4.
/// assert_eq!(places, ["1:13 to 1:15", "2:1 to 4:11"]);
/// ```
///
/// # Complexity
/// Made in one pass over the source; eight bytes of memory a line, and a binary search a position.
#[derive(Clone, Debug)]
pub struct LineIndex<'s> {
    source: &'s [u8],
    /// Where each line starts; the first one does at 0.
    starts: Vec<usize>,
}

/// A line and a column. `Display` writes both, as `line:column`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Position {
    /// The physical line, from 1, as in messages.
    pub line: u64,
    /// The column, from 1, in bytes.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl<'s> LineIndex<'s> {
    /// Finds the lines of a source.
    pub fn new<T: AsRef<[u8]> + ?Sized>(source: &'s T) -> Self {
        let source = source.as_ref();
        let starts = [0].into_iter().chain(memchr_iter(b'\n', source).map(|end| end + 1)).collect();
        LineIndex { source, starts }
    }

    /// The line and the column of a byte. One that is behind the source's last has the position of
    /// the source's end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.source.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        Position { line: line as u64, column: offset - self.starts[line - 1] + 1 }
    }

    /// Where these lines stand in the source, in bytes, without the end of the last one: comments
    /// between them included.
    pub fn span_of_lines(&self, lines: LineRange) -> Range<usize> {
        let start = |line: u64| {
            let line = usize::try_from(line).unwrap_or(usize::MAX);
            self.starts.get(line).copied()
        };
        let end = start(lines.last).map_or(self.source.len(), |next| next - 1);
        start(lines.first.saturating_sub(1)).unwrap_or(end)..end
    }

    /// Where a part of what stands on these lines does: a key, a value, or the text of a diagnostic.
    /// [`span_of`] tells it where it is in one piece; what was put together from several lines has
    /// the place of all of them.
    pub fn span(&self, part: &[u8], lines: LineRange) -> Range<usize> {
        span_of(self.source, part).unwrap_or_else(|| self.span_of_lines(lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logical_lines;

    #[test]
    fn positions() {
        let index = LineIndex::new("ab\n\nc");
        let at = |offset| index.position(offset).to_string();
        let all: Vec<_> = (0..7).map(at).collect();
        assert_eq!(all, ["1:1", "1:2", "1:3", "2:1", "3:1", "3:2", "3:2"]);
        assert_eq!(LineIndex::new("").position(0).to_string(), "1:1");
    }

    #[test]
    fn spans_of_lines() {
        let source = "# first\none\n# between\n  two\n\nlast";
        let index = LineIndex::new(source);
        let spans = logical_lines(source).map(|line| index.span(&line.text, line.lines));
        let texts: Vec<_> = spans.map(|span| &source[span]).collect();
        assert_eq!(texts, ["one\n# between\n  two", "last"]);
    }
}
