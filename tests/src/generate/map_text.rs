//! Texts for `postmap`.

use super::words::{long, plain, soup, text};
use super::{Keys, Rng, one_in, pick};

/// Bytes that `postmap` is to take for a map: mostly well-formed lines, with everything among them
/// that the grammar treats specially; keys of all lengths.
pub fn map_text(rng: &mut Rng) -> Vec<u8> {
    map_text_with(rng, Keys::Long)
}

/// As [`map_text`], with keys of one kind.
pub fn map_text_with(rng: &mut Rng, keys: Keys) -> Vec<u8> {
    text(rng, " ", |rng| lines(rng, keys, |rng| keys.value(rng)))
}

/// A map for `-F`, where values are lists of files; `f1` and `f2` are there.
pub fn file_list_text(rng: &mut Rng, keys: Keys) -> Vec<u8> {
    lines(rng, keys, |rng| {
        pick(rng, &["f1", "f1", "f1, f2", "f2,f2\tf1", "nofile", "f1 nofile", ",", "./f2", "etc"])
            .into()
    })
}

fn lines(rng: &mut Rng, keys: Keys, value: impl Fn(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    let end: &[u8] = if one_in(rng, 6) { b"\r\n" } else { b"\n" };
    let mut text = Vec::new();
    let most = if one_in(rng, 10) { 300 } else { 25 };
    for _ in 0..rng.usize(..most) {
        match rng.u8(..31) {
            0 => {}
            1 => text.extend(b" \t"),
            2 => text.extend(b"# comment"),
            3 => text.extend(b"  # indented comment"),
            4 => text.extend(b"#nul\0 in a comment"),
            5 | 6 => text.extend([b" ", &*value(rng)].concat()),
            7 => text.extend(soup(rng, 8)),
            8 => text.extend(keys.key(rng)),
            9 => text.extend([&*plain(rng), b" ", &*long(rng)].concat()),
            10 => text.extend([&*plain(rng), b" v", end, b"\t", &*value(rng)].concat()),
            _ => {
                text.extend(keys.key(rng));
                text.extend(pick(rng, &[&b" "[..], b" ", b"\t", b"  \t", b"\x0b", b"\x0c", b"\r"]));
                text.extend(value(rng));
                text.extend(pick(rng, &[&b""[..], b"", b"", b" ", b"\t\r"]));
            }
        }
        text.extend(end);
    }
    if one_in(rng, 8) {
        text.truncate(text.len().saturating_sub(end.len()));
    }
    text
}
