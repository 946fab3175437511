//! Odd words: what keys and values are made of.

use super::{Rng, one_in, pick};

/// Texts whose case folding is a special case: it changes the length, depends on the kind of
/// folding, or is new in a version of Unicode.
const FOLDS: &[&str] = &[
    "\u{c4}pfel",         // plain
    "STRASSE\u{df}",      // one letter to two
    "gro\u{1e9e}",        // capital sharp s
    "\u{fb01}n\u{fb03}",  // ligatures
    "\u{212a}elvin",      // a sign that folds to ASCII
    "\u{212b}\u{2126}",   // signs that fold to letters
    "\u{b5}m",            // micro sign to Greek
    "\u{3a3}\u{3c2}",     // final sigma
    "\u{130}\u{131}I",    // Turkish i
    "\u{149}\u{1f0}",     // to two
    "\u{390}\u{3b0}",     // to three
    "\u{1f88}\u{1ffc}",   // Greek with iota below
    "\u{345}\u{17f}",     // iota below alone, long s
    "\u{13a0}\u{ab70}",   // Cherokee folds to upper case
    "\u{10a0}\u{1c90}",   // Georgian
    "\u{1c80}\u{a64a}",   // Cyrillic variants
    "\u{10400}\u{1e900}", // outside the basic plane
    "\u{2c2f}\u{a7c0}",   // Unicode 14
    "\u{1e9b}\u{323}",    // no normalisation
    "e\u{301}\u{c9}",     // combining accent
];

/// Bytes that are not UTF-8.
const NOT_UTF8: &[&[u8]] = &[
    b"\xff",
    b"\x80",
    b"\xc3",             // cut
    b"\xe2\x82",         // cut
    b"\xc0\x80",         // overlong
    b"\xe0\x80\xaf",     // overlong
    b"\xed\xa0\x80",     // surrogate
    b"\xf4\x90\x80\x80", // beyond U+10FFFF
    b"\xf8\x88\x80\x80\x80",
    b"\xc3\xa4\xa4", // too long
    b"\xe4",         // Latin-1
];

/// Lengths around the limits of pages and of the space that an item may take on one.
const LENGTHS: &[usize] = &[
    100, 127, 128, 250, 255, 256, 509, 510, 511, 512, 1000, 1018, 1023, 1024, 1025, 2040, 4000,
    4068, 4069, 4070, 4095, 4096, 4097, 5000, 8192, 20_000,
];

/// How long the keys of a session may be.
///
/// Each session keeps to one kind. On a page where a key that is too big for the page extends
/// another one, libdb's search goes astray (hash file specification, section 12.2): the real
/// programs then miss keys, and store some twice. Such pages would need a long key and, beside it,
/// one that is its beginning: the empty key, or any that has no terminating NUL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All fit on any page. They may be empty, begin like each other, and lack the NUL.
    Short,
    /// Some are big items. All must be stored with their NUL, so that none begins like another.
    Long,
}

impl Keys {
    /// One of the two.
    pub fn any(rng: &mut Rng) -> Self {
        pick(rng, &[Keys::Short, Keys::Long])
    }

    /// A key: mostly from a small set, so that keys repeat, in any case.
    pub(super) fn key(self, rng: &mut Rng) -> Vec<u8> {
        match self {
            Keys::Long if one_in(rng, 24) => long(rng),
            _ => short_key(rng),
        }
    }

    /// What may stand after any key, also after one whose end is missing, of which it becomes a
    /// part.
    pub(super) fn value(self, rng: &mut Rng) -> Vec<u8> {
        match self {
            Keys::Long if one_in(rng, 20) => long(rng),
            _ => short_value(rng),
        }
    }
}

/// Equal letters, as many as some limit or about that.
pub(super) fn long(rng: &mut Rng) -> Vec<u8> {
    vec![pick(rng, b"lL"); pick(rng, LENGTHS)]
}

fn short_key(rng: &mut Rng) -> Vec<u8> {
    let mut key = match rng.u8(..23) {
        0..=7 => plain(rng),
        8..=10 => {
            let mut key = plain(rng);
            key.make_ascii_uppercase();
            key
        }
        11..=13 => format!("{}@Example.{}", rng.char('a'..='e'), pick(rng, &["com", "NET"])).into(),
        14..=15 => pick(rng, FOLDS).as_bytes().to_vec(),
        16 => (0..rng.usize(1..4)).map(|_| rng.char(..)).collect::<String>().into_bytes(),
        17 => [plain(rng), pick(rng, NOT_UTF8).to_vec()].concat(),
        18 => format!("\"{} B\"", rng.char('A'..='C')).into(),
        19 => pick(rng, &[&b"\"a\\\"b\""[..], b"a\\ b", b"a\"b c\"d", b"\"\"", b"\\", b"a\\"])
            .to_vec(),
        20 => pick(rng, &[&b"a:"[..], b"root:", b":", b"\"a:\"", b"a#b", b"#"]).to_vec(),
        21 => pick(rng, &[&b"\"a"[..], b"a\"", b"\"a b", b"\"\\\""]).to_vec(),
        _ => soup(rng, 6),
    };
    if one_in(rng, 60) {
        key.insert(rng.usize(..=key.len()), 0);
    }
    key
}

fn short_value(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..19) {
        0..=9 => format!("value {}", rng.u8(..)).into(),
        10 => b"OK # no comment".to_vec(),
        11 => b"550 \"no\" such user, \\sorry\\".to_vec(),
        12 => pick(rng, FOLDS).as_bytes().to_vec(),
        13 => [&b"v"[..], pick(rng, NOT_UTF8)].concat(),
        14 => soup(rng, 10),
        15 => b"a\x0bb \x0c\r c".to_vec(),
        16 => b"x\0hidden".to_vec(),
        17 => b"dGV4dA==".to_vec(),
        _ => plain(rng),
    }
}

/// One of few plain words.
pub(super) fn plain(rng: &mut Rng) -> Vec<u8> {
    pick(rng, &["a", "b", "user", "root", "k", "x.y", "192.168.10.15", "dominio.net", "-"]).into()
}

/// Up to `most` pieces of what has a meaning to some layer of the grammar, in any order.
pub(super) fn soup(rng: &mut Rng, most: usize) -> Vec<u8> {
    let pieces: &[&[u8]] = &[
        b" ",
        b"\t",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\x0b",
        b"\x0c",
        b"\0",
        b"#",
        b"\"",
        b"\"",
        b"\\",
        b":",
        b":",
        b",",
        b"@",
        b"%",
        b"(",
        b")",
        b"[",
        b"]",
        b"<",
        b">",
        b";",
        b"!",
        b"|",
        b".",
        b"a",
        b"B",
        b"k",
        b"1",
        b"\x01",
        b"\x7f",
        b"\xc3\xa4",
        b"\xc3\x84",
        b"\xff",
        b"\xc3",
    ];
    let mut text = Vec::new();
    for _ in 0..rng.usize(..=most) {
        match one_in(rng, 16) {
            true => text.push(rng.u8(..)),
            false => text.extend_from_slice(pick(rng, pieces)),
        }
    }
    text
}

/// A text of any shape: empty, a soup, thousands of entries with some duplicates, a value of 1 MiB,
/// and mostly `lines`. The separator stands between key and value.
pub(super) fn text(
    rng: &mut Rng,
    separator: &str,
    lines: impl FnOnce(&mut Rng) -> Vec<u8>,
) -> Vec<u8> {
    match rng.u8(..100) {
        0..=2 => Vec::new(),
        3..=22 => soup(rng, 60),
        23 => {
            let count = rng.u32(1_000..6_000);
            (0..count)
                .map(|_| {
                    let (user, number) = (rng.u32(..count * 4), rng.u16(..));
                    format!("user{user}{separator}box{number}\n")
                })
                .collect::<String>()
                .into_bytes()
        }
        24 => format!("huge{separator}{}\n", "v".repeat(1 << 20)).into_bytes(),
        _ => lines(rng),
    }
}
