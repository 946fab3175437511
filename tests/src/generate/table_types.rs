//! Tables without an index file: rules, and keys that they are about.

use super::words::soup;
use super::{Keys, Rng, one_in, pick};

/// A text for `cidr:`, with blocks and mistakes.
pub fn cidr_text(rng: &mut Rng) -> Vec<u8> {
    rules(rng, |rng| {
        let mut pattern = marks(rng);
        let address = address(rng);
        pattern += &match rng.u8(..12) {
            0..=6 => format!("{}/{}", address, pick(rng, &[0, 1, 8, 16, 24, 31, 32, 64, 128, 129])),
            7 | 8 => address,
            9 => format!("[{address}]/{}", rng.u8(..)),
            10 => format!("[{address}/{}]", rng.u8(..34)),
            _ => pick(rng, &["[1.2.3.4", "1.2.3", "01.2.3.4/8", "[]", "/", "1.2.3.4/x", "foo", ""])
                .into(),
        };
        pattern.into_bytes()
    })
}

/// Keys for [`cidr_text`].
pub fn addresses(rng: &mut Rng) -> Vec<u8> {
    let keys: Vec<_> = (0..20).map(|_| address(rng)).collect();
    keys.join("\n").into_bytes()
}

fn address(rng: &mut Rng) -> String {
    let net = pick(rng, &["10.0.0", "10.0.1", "10.128.0", "192.168.10", "127.0.0"]);
    match rng.u8(..12) {
        0..=5 => format!("{net}.{}", pick(rng, &[0, 0, 0, 1, 128, 255])),
        6..=9 => {
            pick(rng, &["::", "::1", "2001:db8::", "2001:DB8::1", "fe80::", "::1.2.3.4"]).into()
        }
        10 => pick(rng, &["::ffff:10.0.0.1", "1::0:0:2", "0:0:0:0:0:0:0:0"]).into(),
        _ => {
            pick(rng, &["", "x", "1.2.3", "1.2.3.4 ", "[::1]", "1.2.3.04", ":", "1.2.3.4.5"]).into()
        }
    }
}

fn marks(rng: &mut Rng) -> String {
    pick(rng, &["", "", "", "", "", "!", "! ", "!!"]).into()
}

/// Lines of a table of rules, of which `pattern` makes the conditions.
fn rules(rng: &mut Rng, pattern: fn(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0..rng.usize(1..8) {
        text.extend(match rng.u8(..24) {
            0 | 1 => [&b"if "[..], &pattern(rng)].concat(),
            2 => b"IF/a/".to_vec(),
            3 | 4 => b"endif".to_vec(),
            5 => b"endif x".to_vec(),
            6 => pattern(rng),
            7 => soup(rng, 5),
            8 => [&pattern(rng)[..], b" ", &Keys::Long.value(rng)].concat(),
            9 => [&pattern(rng)[..], b"\n\t continued"].concat(),
            10 => b"# comment".to_vec(),
            _ => [&pattern(rng)[..], format!(" rule {number}").as_bytes()].concat(),
        });
        text.push(b'\n');
    }
    text
}

/// A rule of `regexp:` or `pcre:` with a pattern that has something of everything, and a result
/// with its groups.
pub fn expression_rule(rng: &mut Rng, perl: bool) -> Vec<u8> {
    let mut groups = 0;
    let mut pattern = match one_in(rng, 20) {
        true => soup(rng, 8),
        false => alternatives(rng, perl, 3, &mut groups),
    };
    pattern.retain(|byte| !b"/\n\0".contains(byte));
    let flags = match (rng.u8(..8), perl) {
        (0, _) => pick(rng, &["m", "im"]),
        (1, true) => pick(rng, &["s", "A", "E", "U", "X", "ms"]),
        (2 | 3, _) => "i",
        _ => "",
    };
    let result = match rng.u8(..10) {
        0 | 1 => "yes".into(),
        2 => pick(rng, &["$1", "$2", "$0", "$x", "a$", "${1", "$$", "$1y", "$(1)"]).to_owned(),
        _ => (1..=groups).map(|group| format!("[${{{group}}}]")).collect::<String>() + "!",
    };
    let mark = if one_in(rng, 15) { "!" } else { "" };
    [mark.as_bytes(), b"/", &pattern, b"/", flags.as_bytes(), b" ", result.as_bytes()].concat()
}

/// Several rules with few features, in blocks, with mistakes.
pub fn expression_text(rng: &mut Rng) -> Vec<u8> {
    rules(rng, |rng| {
        let pattern =
            pick(rng, &["/a/", "/^b/", "/x$/i", "!/a/", "! /b/", "/(a+)b/", "/A/i", "!", "/a"]);
        let more = pick(rng, &["", "", "", "!/b/", "!!/a/i", "q", "! /i"]);
        [pattern, more].concat().into_bytes()
    })
}

/// Keys for expressions: words of the letters that the patterns have.
pub fn words(rng: &mut Rng) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..30 {
        for _ in 0..rng.usize(..9) {
            text.push(pick(rng, b"aaaabbbbABx.-_ 1]\\\xe9"));
        }
        text.push(b'\n');
    }
    text
}

fn alternatives(rng: &mut Rng, perl: bool, depth: u32, groups: &mut u32) -> Vec<u8> {
    let count = pick(rng, &[1, 1, 1, 1, 2, 2, 3]);
    let branches: Vec<_> = (0..count)
        .map(|_| {
            let pieces = pick(rng, &[0, 1, 1, 2, 2, 2, 3, 4]);
            (0..pieces).flat_map(|_| piece(rng, perl, depth, groups)).collect::<Vec<u8>>()
        })
        .collect();
    branches.join(&b'|')
}

fn piece(rng: &mut Rng, perl: bool, depth: u32, groups: &mut u32) -> Vec<u8> {
    let mut piece = match rng.u8(..24) {
        0..=6 if depth > 0 => {
            let open = if perl && one_in(rng, 4) { "(?:" } else { "(" };
            *groups += u32::from(open == "(");
            let inner = alternatives(rng, perl, depth - 1, groups);
            [open.as_bytes(), &inner, b")"].concat()
        }
        7 | 8 => {
            pick(rng, &["[ab]", "[^a]", "[a-c]", "[A-z]", "[[:alpha:]]", "[^[:space:]b]", "[]a]"])
                .into()
        }
        9 => {
            pick(rng, &["[-a]", "[a-]", "[\\.]", "[\\w]", "[[:upper:]]", "[b-a]", "[.x-]", "[_-a]"])
                .into()
        }
        10 | 11 => pick(rng, &["^", "$", "^", "$", "\\b", "\\B"]).into(),
        12 => pick(rng, &["\\.", "\\w", "\\W", "\\s", "\\-", "\\<", "\\>", "\\_"]).into(),
        13 if perl => pick(rng, &["\\d", "\\A", "\\z", "\\Z", "\\x61", "\\S", "\\t"]).into(),
        14 if one_in(rng, 4) => {
            pick(rng, &["(?=a)", "\\1", "*", "(", "[", ")", "{", "}", "\\a"]).into()
        }
        15 | 16 => b".".to_vec(),
        _ => vec![pick(rng, b"aaabbbABx-_1")],
    };
    if one_in(rng, 3) {
        let repetition = ["*", "+", "?", "*", "+", "{2}", "{1,2}", "{1,}", "{0,1}", "{3", "{,2}"];
        piece.extend(pick(rng, &repetition).as_bytes());
        if perl && one_in(rng, 4) {
            piece.push(pick(rng, b"?+"));
        }
    }
    piece
}

/// A name for `inline:`.
pub fn inline_name(rng: &mut Rng) -> Vec<u8> {
    let mut items = Vec::new();
    for _ in 0..rng.usize(..6) {
        let pair = match rng.u8(..10) {
            0 => soup(rng, 6),
            _ => {
                let key = pick(rng, &["a", "A", "b", "user", "\u{c4}", "\"x y\"", "x\\=y", ""]);
                let value = pick(rng, &["1", "", "x=y", "a b", "{z}", "\u{df}", "a, b", " 2 "]);
                format!("{key}{}{value}", pick(rng, &["=", "=", "=", " = ", " ", "=="])).into()
            }
        };
        items.push(match rng.bool() {
            true => [b"{", &pair[..], b"}"].concat(),
            false => pair,
        });
    }
    let mut name = items.join(pick(rng, &[" ", ",", ", "]).as_bytes());
    if !one_in(rng, 12) {
        name = [b"{", &name[..], b"}"].concat();
    }
    name.retain(|byte| *byte != 0);
    name
}
