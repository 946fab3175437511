//! What a `Content-Type` header says about where other headers stand.
//!
//! The syntax is that of RFC 2045, read leniently: what is malformed is passed over, as Postfix
//! does.

/// The kinds of content that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// A message with its headers: `message/rfc822`, `message/global`.
    Message,
    /// Several parts.
    Multipart {
        /// Whether parts without a type are messages.
        digest: bool,
        /// All values of the parameter `boundary`. More than one is a mistake that could hide
        /// headers, so each counts.
        boundaries: Vec<Vec<u8>>,
    },
    /// Neither: text, other kinds of message, or nothing at all.
    Plain,
}

impl ContentType {
    /// Understands a header. None if it is not a `Content-Type`, or names a type that Postfix does
    /// not know: that changes nothing.
    pub fn of_header(header: &[u8]) -> Option<ContentType> {
        let (name, value) = header.split_at_checked("content-type".len())?;
        let value = value.strip_prefix(b":")?;
        if name.eq_ignore_ascii_case(b"content-type") { ContentType::parse(value) } else { None }
    }

    fn parse(value: &[u8]) -> Option<ContentType> {
        let mut items = Items { rest: value };
        let (main, sub) = match items.next().as_deref() {
            None | Some([]) => return Some(ContentType::Plain),
            Some([Token::Word(main), Token::Special(b"/"), Token::Word(sub)]) => (*main, *sub),
            Some([Token::Word(main), ..]) => (*main, &b""[..]),
            Some(_) => return None,
        };
        match &*main.to_ascii_lowercase() {
            b"text" => Some(ContentType::Plain),
            b"message" => match &*sub.to_ascii_lowercase() {
                b"rfc822" | b"global" => Some(ContentType::Message),
                _ => Some(ContentType::Plain),
            },
            b"multipart" => Some(ContentType::Multipart {
                digest: sub.eq_ignore_ascii_case(b"digest"),
                boundaries: items.filter_map(boundary).collect(),
            }),
            _ => None,
        }
    }
}

/// The value of a parameter, if it is named `boundary`. A single special counts as a value.
fn boundary(tokens: Vec<Token<'_>>) -> Option<Vec<u8>> {
    match <[Token<'_>; 3]>::try_from(tokens).ok()? {
        [Token::Word(name), Token::Special(b"="), value]
            if name.eq_ignore_ascii_case(b"boundary") =>
        {
            Some(value.into_text())
        }
        _ => None,
    }
}

/// The tokens of one item of a header that anything looks at: `type/subtype`, `name=value`.
const TOKENS: usize = 3;

/// The smallest unit of a header.
enum Token<'h> {
    Word(&'h [u8]),
    /// Freed of its quotes, its backslashes and the line ends of folding.
    Quoted(Vec<u8>),
    /// One byte.
    Special(&'h [u8]),
}

impl Token<'_> {
    fn into_text(self) -> Vec<u8> {
        match self {
            Token::Word(text) | Token::Special(text) => text.to_vec(),
            Token::Quoted(text) => text,
        }
    }
}

/// The items of a header, which are separated by semicolons: the first tokens of each.
struct Items<'h> {
    rest: &'h [u8],
}

impl<'h> Iterator for Items<'h> {
    type Item = Vec<Token<'h>>;

    /// None behind the last item; an item that only the end of the header ends does not count if it
    /// is empty.
    fn next(&mut self) -> Option<Vec<Token<'h>>> {
        let mut tokens = Vec::with_capacity(TOKENS);
        while let [byte, after @ ..] = self.rest {
            let token = match byte {
                b';' => {
                    self.rest = after;
                    return Some(tokens);
                }
                byte if is_space(*byte) => {
                    self.rest = after;
                    continue;
                }
                b'(' => {
                    self.rest = behind_comment(after);
                    continue;
                }
                b'"' => {
                    let (text, after) = unquote(after);
                    self.rest = after;
                    Token::Quoted(text)
                }
                byte if is_special(*byte) => Token::Special(self.take(1)),
                _ => {
                    let end =
                        self.rest.iter().position(|byte| is_space(*byte) || is_special(*byte));
                    Token::Word(self.take(end.unwrap_or(self.rest.len())))
                }
            };
            if tokens.len() < TOKENS {
                tokens.push(token);
            }
        }
        (!tokens.is_empty()).then_some(tokens)
    }
}

impl<'h> Items<'h> {
    fn take(&mut self, len: usize) -> &'h [u8] {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, b""));
        self.rest = rest;
        taken
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_special(byte: u8) -> bool {
    b"()<>@,;:\\\"/[]?=".contains(&byte)
}

/// What follows a comment, whose first parenthesis has been read. Comments nest.
fn behind_comment(mut text: &[u8]) -> &[u8] {
    let mut depth = 1_usize;
    while let [byte, after @ ..] = text {
        text = match byte {
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    text
}

/// The contents of a quoted string, whose first quote has been read, and what follows it.
fn unquote(mut quoted: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut text = Vec::new();
    while let [byte, after @ ..] = quoted {
        quoted = after;
        match byte {
            b'"' => break,
            // Folded: the spaces before the line end go, those behind it stay.
            b'\n' => while text.pop_if(|byte| is_space(*byte)).is_some() {},
            b'\\' => {
                if let [escaped, after @ ..] = after {
                    text.push(*escaped);
                    quoted = after;
                }
            }
            byte => text.push(*byte),
        }
    }
    (text, quoted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn multipart(boundaries: &[&str]) -> ContentType {
        let boundaries = boundaries.iter().map(|text| text.as_bytes().to_vec()).collect();
        ContentType::Multipart { digest: false, boundaries }
    }

    #[test]
    fn headers() {
        use ContentType::{Message, Plain};
        let digest = ContentType::Multipart { digest: true, boundaries: Vec::new() };
        let cases = [
            ("Content-Type: text/plain", Some(Plain)),
            ("content-TYPE:text", Some(Plain)),
            ("Content-Type:", Some(Plain)),
            ("Content-Type: ;message/rfc822", Some(Plain)),
            ("Content-Typ: message/rfc822", None),
            ("Content-Type-X: message/rfc822", None),
            ("X-Content-Type: message/rfc822", None),
            ("Content-Type", None),
            ("Content-Type: message/rfc822", Some(Message)),
            ("Content-Type: MESSAGE/Global; x", Some(Message)),
            ("Content-Type: (a (b\\)) c) message (/) / (x\n) rfc822 x", Some(Message)),
            ("Content-Type: message/partial", Some(Plain)),
            ("Content-Type: message rfc822", Some(Plain)),
            ("Content-Type: \"message\"/rfc822", None),
            ("Content-Type: /", None),
            ("Content-Type: image/png", None),
            ("Content-Type: \"", None),
            ("Content-Type: (message/rfc822", Some(Plain)),
            ("Content-Type: ;", Some(Plain)),
            ("Content-Type: message/\"rfc822\"", Some(Plain)),
            ("Content-Type: multipart/digest", Some(digest.clone())),
            ("Content-Type: multipart/digest/x", Some(digest)),
            ("Content-Type: multipart", Some(multipart(&[]))),
            ("Content-Type: multipart/mixed boundary=a", Some(multipart(&[]))),
            ("Content-Type: multipart/mixed; boundary=a", Some(multipart(&["a"]))),
            ("Content-Type: multipart/mixed; boundary=a b", Some(multipart(&["a"]))),
            ("Content-Type: multipart/mixed; boundary = a ; x=y", Some(multipart(&["a"]))),
            ("Content-Type: multipart/mixed;\n\tBOUNDARY=a'b", Some(multipart(&["a'b"]))),
            ("Content-Type: multipart;boundary=a;;;boundary=b;", Some(multipart(&["a", "b"]))),
            ("Content-Type: multipart;boundary=a/b", Some(multipart(&["a"]))),
            ("Content-Type: multipart;boundary==b", Some(multipart(&["="]))),
            ("Content-Type: multipart;boundary=", Some(multipart(&[]))),
            ("Content-Type: multipart;boundary=;", Some(multipart(&[]))),
            ("Content-Type: multipart;boundary=\"\"", Some(multipart(&[""]))),
            ("Content-Type: multipart;\"boundary\"=a", Some(multipart(&[]))),
            ("Content-Type: multipart;x boundary=a", Some(multipart(&[]))),
            ("Content-Type: multipart;boundary*0=a", Some(multipart(&[]))),
            ("Content-Type: multipart;boundary(c)=(d)a(e)b", Some(multipart(&["a"]))),
            ("Content-Type: multipart;(boundary=a;boundary=b", Some(multipart(&[]))),
            (
                "Content-Type: multipart;boundary=\"a;b\\\"c\\\\ (d) \"",
                Some(multipart(&["a;b\"c\\ (d) "])),
            ),
            ("Content-Type: multipart;boundary=\"a \r\n b", Some(multipart(&["a b"]))),
            ("Content-Type: multipart;boundary=\"a\\", Some(multipart(&["a"]))),
        ];
        for (header, expected) in cases {
            assert_eq!(ContentType::of_header(header.as_bytes()), expected, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn boundaries_fit_into_the_header(items in prop::collection::vec("(boundary|b|[();=\"\\\\ \n])*", 0..6)) {
            let header = format!("Content-Type: multipart/x;{}", items.join(";"));
            let parsed = ContentType::of_header(header.as_bytes());
            let Some(ContentType::Multipart { boundaries, .. }) = parsed else { panic!("{parsed:?}") };
            prop_assert!(boundaries.len() < header.matches(';').count() + 1);
            prop_assert!(boundaries.concat().len() < header.len());
        }

        #[test]
        fn a_quoted_boundary_is_restored(boundary in "[^\r\n]*") {
            let quoted = boundary.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!("Content-Type: multipart/mixed; a=\"b\"; boundary=\"{quoted}\"; c=d");
            prop_assert_eq!(ContentType::of_header(header.as_bytes()), Some(multipart(&[&boundary])));
        }
    }
}
