//! Keys and data as text: one line each.

/// How the text of a dump has keys and data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// Two hexadecimal digits a byte: `format=bytevalue`.
    #[default]
    Bytes,
    /// Printable ASCII as it is, a backslash as two, any other byte as a backslash and two
    /// hexadecimal digits: `format=print`.
    Print,
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

impl TextFormat {
    /// What the header of a dump calls it.
    pub fn keyword(self) -> &'static str {
        match self {
            TextFormat::Bytes => "bytevalue",
            TextFormat::Print => "print",
        }
    }

    /// Appends the text of an item.
    pub fn encode(self, item: &[u8], text: &mut Vec<u8>) {
        match self {
            TextFormat::Bytes => {
                item.iter().for_each(|byte| text.extend_from_slice(&digits(*byte)))
            }
            TextFormat::Print => {
                for byte in item {
                    match byte {
                        b'\\' => text.extend_from_slice(b"\\\\"),
                        b' '..=b'~' => text.push(*byte),
                        _ => {
                            text.push(b'\\');
                            text.extend_from_slice(&digits(*byte));
                        }
                    }
                }
            }
        }
    }

    /// Replaces `item` by what a text stands for; `None` where it stands for nothing.
    ///
    /// Digits may be capital letters, which libdb's own loader misreads.
    pub fn decode(self, mut text: &[u8], item: &mut Vec<u8>) -> Option<()> {
        item.clear();
        match self {
            TextFormat::Bytes => {
                let (pairs, rest) = text.as_chunks::<2>();
                for pair in pairs {
                    item.push(byte(pair)?);
                }
                rest.is_empty().then_some(())
            }
            TextFormat::Print => {
                while let Some(at) = text.iter().position(|byte| *byte == b'\\') {
                    item.extend_from_slice(text.get(..at)?);
                    match text.get(at + 1..)? {
                        [b'\\', rest @ ..] => {
                            item.push(b'\\');
                            text = rest;
                        }
                        escaped => {
                            let (pair, rest) = escaped.split_first_chunk::<2>()?;
                            item.push(byte(pair)?);
                            text = rest;
                        }
                    }
                }
                item.extend_from_slice(text);
                Some(())
            }
        }
    }
}

/// The byte of two hexadecimal digits.
fn byte(pair: &[u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    Some(digit(pair[0])? << 4 | digit(pair[1])?)
}

/// A string of bytes as `format=print` has it: fit for one line of any output, and reversible.
pub fn print_escaped(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    TextFormat::Print.encode(bytes, &mut text);
    // Nothing but ASCII.
    text.into_iter().map(char::from).collect()
}

/// The bytes of which [`print_escaped`] made a text; `None` where it would not have made it, or
/// nearly so: every byte may be escaped.
pub fn print_unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    TextFormat::Print.decode(text, &mut bytes).map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn items_as_text() {
        use TextFormat::{Bytes, Print};
        for (format, item, text) in [
            (Bytes, &b""[..], ""),
            (Bytes, b"a\0\xff", "6100ff"),
            (Print, b"", ""),
            (Print, b"a b~", "a b~"),
            (Print, b"\\", "\\\\"),
            (Print, b"\\0a", "\\\\0a"),
            (Print, b"\0\n\x1f\x7f\xff", "\\00\\0a\\1f\\7f\\ff"),
        ] {
            let mut encoded = Vec::new();
            format.encode(item, &mut encoded);
            assert_eq!(encoded, text.as_bytes(), "{}", item.escape_ascii());
        }
    }

    #[test]
    fn text_that_stands_for_nothing() {
        use TextFormat::{Bytes, Print};
        for (format, text) in [
            (Bytes, "6"),
            (Bytes, "616"),
            (Bytes, "6g"),
            (Bytes, " 61"),
            (Bytes, "+1"),
            (Print, "\\"),
            (Print, "\\6"),
            (Print, "a\\6g"),
            (Print, "\\\\\\"),
        ] {
            assert_eq!(format.decode(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
    }

    #[test]
    fn digits_may_be_capital() {
        let mut item = Vec::new();
        TextFormat::Bytes.decode(b"AbCd", &mut item).unwrap();
        assert_eq!(item, [0xab, 0xcd]);
    }

    proptest! {
        #[test]
        fn text_stands_for_what_it_was_made_of(item: Vec<u8>) {
            for format in [TextFormat::Bytes, TextFormat::Print] {
                let (mut text, mut read) = (Vec::new(), b"before".to_vec());
                format.encode(&item, &mut text);
                prop_assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)));
                prop_assert_eq!(format.decode(&text, &mut read), Some(()));
                prop_assert_eq!(&read, &item);
            }
        }
    }
}
