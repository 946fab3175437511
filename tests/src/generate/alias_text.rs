//! Texts for `postalias`.

use super::words::{long, plain, soup, text};
use super::{Keys, Rng, one_in, pick};

/// Bytes that `postalias` is to take for an alias database: mostly well-formed lines, with
/// everything among them that the grammar treats specially.
pub fn alias_text(rng: &mut Rng, keys: Keys) -> Vec<u8> {
    text(rng, ": ", |rng| lines(rng, keys))
}

fn lines(rng: &mut Rng, keys: Keys) -> Vec<u8> {
    let mut text = Vec::new();
    let end: &[u8] = if one_in(rng, 6) { b"\r\n" } else { b"\n" };
    for _ in 0..rng.usize(..25) {
        match rng.u8(..25) {
            0 => {}
            1 => text.extend(b"# comment"),
            2 => text.extend(b" continued"),
            3 => text.extend(soup(rng, 12)),
            4 => text.extend([&*keys.key(rng), b":", &*keys.value(rng)].concat()),
            5 => text.extend([&*plain(rng), b":", &*long(rng)].concat()),
            _ => {
                text.extend(name(rng, keys));
                text.extend(pick(rng, &[&b": "[..], b":", b" : ", b":\t", b":\r", b": \x0b"]));
                for _ in 0..rng.usize(..3) {
                    text.extend(item(rng, keys));
                    text.extend(pick(rng, &[&b", "[..], b",", b" ", b" ,", b",\n ", b"\n\t"]));
                }
                text.extend(item(rng, keys));
            }
        }
        text.extend(end);
    }
    if one_in(rng, 8) {
        text.truncate(text.len().saturating_sub(end.len()));
    }
    text
}

/// The left side of an alias.
fn name(rng: &mut Rng, keys: Keys) -> Vec<u8> {
    let odd: &[&[u8]] = &[
        b"\"a b\"",
        b"a b",
        b"a\\ b",
        b"\"A\\\"B\"",
        b"\"plain\"",
        b"\"a@b\"",
        b"a@b",
        b"a%b",
        b"a,b",
        b"a@b,c",
        b"\"a:b\"",
        b"a\\:b",
        b"\\root",
        b"a.b",
        b"a+b",
        b"-a",
        b"a!b",
        b"a|b",
        b"a;b",
        b"<a>",
        b"[x]",
        b"a[x]",
        b"a (x)",
        b"(c)",
        b"\"\"",
        b"\"unterm",
        b"owner-list",
        b"@",
        b"",
        b"YP_LAST_MODIFIED",
        b"yp_master_name",
        b"a\tb",
        b"\"a\tb\"",
        b"a\x0bb",
        b"a\x01b",
    ];
    match rng.u8(..3) {
        0 => plain(rng),
        1 => keys.key(rng),
        _ => pick(rng, odd).to_vec(),
    }
}

/// An item of the right side of an alias.
fn item(rng: &mut Rng, keys: Keys) -> Vec<u8> {
    let odd: &[&[u8]] = &[
        b"admin",
        b"|/bin/cmd",
        b"\"|/bin/cmd arg 'x y'\"",
        b"\"|/bin/cmd \\\"q\\\" \\\\ z\"",
        b"|cmd x",
        b":include:/etc/list",
        b"\":include:/etc/list\"",
        b"/var/mail/file",
        b"\"/var/mail/my file\"",
        b"Foo Bar <u@x>",
        b"(comment) z",
        b"(nested (c \\) c)) z",
        b"\"x\"@y",
        b"x.\"y z\"@d",
        b"u@[1.2.3.4]",
        b"u%x@y!z",
        b"<>",
        b"\"a,b\"",
        b"x@ y",
        b"b: c",
        b":b",
        b"b<c>d",
        b"b;c",
        b"\"\"",
        b"\\root",
        b"x\\y",
        b"\"x\\y\"",
        b"\"unterminated",
        b"(unterm",
        b"[x\\]y]",
        b"[x\ty\\",
        b"\x01b",
        b"\"b\tc\"",
        b"x\0y",
        b",",
        b"# c",
        b"b\\",
        b"\"q\\",
        b"<a@b> <c>",
        b"a \"b\" (c) [d] e",
        b"\xc3\xa4",
        b"\xff",
        b"\x0bv",
        b"a\x7fb",
        b"'s q'",
        b"a=b",
        b"[x]y",
        b"a(x)b",
        b"a\"x\"b",
        b". .",
        b"x . y",
        b"> <",
    ];
    match rng.u8(..8) {
        0 => keys.value(rng),
        1 => keys.key(rng),
        _ => pick(rng, odd).to_vec(),
    }
}
