//! What must hold for every source, whatever its bytes. The property tests and the fuzz targets
//! both call these.

#![allow(dead_code, reason = "a fuzz target calls only what concerns its format")]

use std::borrow::Cow;

use postfix_map_text::{
    DiagnosticKind, Entry, Item, KeyRules, LineRange, alias_entries, logical_lines, map_entries,
    span_of,
};

/// Checks the logical lines of a source against [`naive_lines`].
pub fn check_lines(source: &[u8]) {
    let naive = naive_lines(source);
    let mut lines = logical_lines(source);
    for (text, first, last) in &naive {
        let line = lines.next().expect("as many lines as in the model");
        assert_eq!(line.text, *text);
        assert_eq!((line.lines.first, line.lines.last), (*first, *last));
        // One physical line is in one piece.
        assert_eq!(is_borrowed(&line.text, source), first == last);
    }
    assert_eq!(lines.next(), None);
    assert_eq!(lines.next(), None);
}

/// Checks the items of a map against [`naive_entry`].
pub fn check_map(source: &[u8], utf8: bool) {
    check_items(source, utf8, map_entries(source, KeyRules::default().utf8(utf8)));
    let mut items = map_entries(source, KeyRules::default().utf8(utf8));
    for (text, ..) in naive_lines(source) {
        let (mut diagnosis, mut entry) = (None, None);
        let item = items.next().expect("an item for each logical line");
        match item {
            Item::Entry(it) => entry = Some(it),
            Item::Diagnostic(it) => {
                assert_eq!(it.text, text);
                diagnosis = Some(it.kind);
                if it.kind == DiagnosticKind::KeyColon {
                    let Some(Item::Entry(announced)) = items.next() else {
                        panic!("the entry stands right behind its diagnostic");
                    };
                    assert_eq!(announced.lines, it.lines);
                    entry = Some(announced);
                }
            }
        }
        if let Some(entry) = &entry {
            let contiguous = entry.lines.first == entry.lines.last;
            assert_eq!(is_borrowed(&entry.key, source), contiguous);
            assert_eq!(is_borrowed(&entry.value, source), contiguous);
        }
        let pair = entry.map(|entry| (entry.key.into_owned(), entry.value.into_owned()));
        assert_eq!((diagnosis, pair), naive_entry(&text, utf8));
    }
    assert_eq!(items.next(), None);
    let (first, second) = map_entries(source, KeyRules::default().utf8(utf8)).split();
    assert!(first.chain(second).eq(map_entries(source, KeyRules::default().utf8(utf8))));
}

/// Checks that the values of an aliases file are written in a form that reads as itself.
pub fn check_aliases(source: &[u8], utf8: bool) {
    check_items(source, utf8, alias_entries(source, KeyRules::default().utf8(utf8)));
    for item in alias_entries(source, KeyRules::default().utf8(utf8)) {
        let Item::Entry(entry) = item else { continue };
        // A literal loses the backslash before a bracket, and so its form.
        if source.windows(2).any(|pair| pair == b"\\]") {
            continue;
        }
        // A backslash at the end of a line is an empty atom: only the space before it is seen.
        let value = entry.value.trim_ascii_end();
        if value.is_empty() {
            continue;
        }
        let again = [b"x:", value].concat();
        let Some(Item::Entry(again)) = alias_entries(&again, KeyRules::default().utf8(utf8)).next()
        else {
            panic!("not a value: {}", value.escape_ascii());
        };
        assert_eq!(again.value.trim_ascii_end(), value);
    }
}

/// What holds for both formats.
fn check_items<'a>(source: &'a [u8], utf8: bool, items: impl Iterator<Item = Item<'a>>) {
    let mut previous: Option<LineRange> = None;
    for item in items {
        let lines = match item {
            Item::Entry(entry) => {
                check_entry(source, utf8, &entry);
                entry.lines
            }
            Item::Diagnostic(diagnostic) => {
                assert!(diagnostic.message(b"file").starts_with(b"file"));
                let contiguous = diagnostic.lines.first == diagnostic.lines.last;
                assert_eq!(is_borrowed(&diagnostic.text, source), contiguous);
                diagnostic.lines
            }
        };
        // A diagnostic and the entry that it announces stand on the same lines.
        assert!(previous.is_none_or(|before| lines == before || lines.first > before.last));
        assert!(lines.first <= lines.last);
        previous = Some(lines);
    }
}

fn check_entry(source: &[u8], utf8: bool, entry: &Entry<'_>) {
    for text in [&entry.key, &entry.value] {
        assert!(!text.contains(&0));
        assert!(!utf8 || str::from_utf8(text).is_ok());
        let contiguous = entry.lines.first == entry.lines.last;
        assert!(contiguous || !is_borrowed(text, source));
        if is_borrowed(text, source) {
            let span = span_of(source, text).expect("it is a part of the source");
            assert_eq!(source[span], text[..]);
        }
    }
}

/// Whether the bytes are borrowed; checks that they are borrowed from `source`.
#[allow(clippy::ptr_arg, reason = "the question is about the Cow, not its bytes")]
fn is_borrowed(text: &Cow<'_, [u8]>, source: &[u8]) -> bool {
    let Cow::Borrowed(text) = text else {
        return false;
    };
    let (inner, outer) = (text.as_ptr_range(), source.as_ptr_range());
    assert!(outer.start <= inner.start && inner.end <= outer.end);
    true
}

/// The logical lines of a source: text, first and last physical line.
///
/// A physical line that is neither blank nor a comment continues the logical line before it when it
/// starts with whitespace. That is all there is to it, because the lines that are dropped never
/// start with anything that could end a logical line.
fn naive_lines(source: &[u8]) -> Vec<(Vec<u8>, u64, u64)> {
    let mut lines: Vec<(Vec<u8>, u64, u64)> = Vec::new();
    for (number, text) in (1..).zip(source.split(|byte| *byte == b'\n')) {
        let visible = text.iter().position(|byte| !WHITESPACE.contains(byte));
        match (visible, lines.last_mut()) {
            (None, _) => {}
            (Some(at), _) if text[at] == b'#' => {}
            (Some(1..), Some(line)) => {
                line.0.extend_from_slice(text);
                line.2 = number;
            }
            (Some(_), _) => lines.push((text.to_vec(), number, number)),
        }
    }
    lines
}

/// One line of a map, as the postmap specification tells it in section 2.2, byte by byte.
#[allow(clippy::type_complexity)]
fn naive_entry(line: &[u8], utf8: bool) -> (Option<DiagnosticKind>, Option<(Vec<u8>, Vec<u8>)>) {
    if WHITESPACE.contains(&line[0]) {
        return (Some(DiagnosticKind::LeadingWhitespace), None);
    }
    let text = line.split(|byte| *byte == 0).next().unwrap();
    let judged = text.is_empty() || text.iter().any(|byte| *byte >= 0x80);
    if utf8 && judged && String::from_utf8(line.to_vec()).is_err() {
        return (Some(DiagnosticKind::NotUtf8), None);
    }
    let (mut at, mut in_quotes) = (0, false);
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'"' => in_quotes = !in_quotes,
            byte if WHITESPACE.contains(&byte) && !in_quotes => break,
            _ => {}
        }
        at += 1;
    }
    if in_quotes {
        return (Some(DiagnosticKind::UnbalancedQuote), None);
    }
    let (key, rest) = text.split_at(at.min(text.len()));
    let visible = |byte: &u8| !WHITESPACE.contains(byte);
    let value = match (rest.iter().position(visible), rest.iter().rposition(visible)) {
        (Some(first), Some(last)) => &rest[first..=last],
        _ => b"",
    };
    if key.is_empty() || value.is_empty() {
        return (Some(DiagnosticKind::ExpectedKeyValue), None);
    }
    let kind = (key[key.len() - 1] == b':').then_some(DiagnosticKind::KeyColon);
    (kind, Some((key.to_vec(), value.to_vec())))
}

const WHITESPACE: &[u8] = b" \t\n\x0b\x0c\r";
