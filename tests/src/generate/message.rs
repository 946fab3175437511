//! Messages, sound and broken.

use super::{Rng, one_in, pick};

/// Boundaries; some begin like others, one looks like a header. The last is none at all.
const BOUNDARIES: &[&str] =
    &["x", "x", "xy", "x y", "0123456789abcdef", "x:y", "-", "--", "=_(a)", "a\"b\\c", ""];

/// How deep entities are put into each other.
const DEPTH: u32 = 4;

/// A configuration of what `postmap -m` looks at: limits that some messages reach, or the defaults.
pub fn message_main_cf(rng: &mut Rng) -> Vec<u8> {
    let mut text = String::from(pick(rng, &["", "compatibility_level = 3.6\n"]));
    for (name, limits) in [
        ("header_size_limit", [1, 7, 60, 300]),
        ("mime_nesting_limit", [1, 2, 3, 10]),
        ("mime_boundary_length_limit", [1, 2, 5, 2_000]),
    ] {
        if one_in(rng, 3) {
            text += &format!("{name} = {}\n", pick(rng, &limits));
        }
    }
    text.into_bytes()
}

/// A message: mostly well-formed in the large, with odd details, sometimes damaged.
pub fn message(rng: &mut Rng) -> Vec<u8> {
    let mut message = match rng.u8(..40) {
        0 => deep(rng),
        1..=3 => lines(rng, 20),
        _ => entity(rng, DEPTH),
    };
    for _ in 0..pick(rng, &[0, 0, 0, 1, 2, 5]) {
        damage(rng, &mut message);
    }
    if one_in(rng, 12) {
        message = String::from_utf8_lossy(&message).replace('\n', "\r\n").into_bytes();
    }
    message
}

/// Headers, and a body that may be a message or have parts.
fn entity(rng: &mut Rng, depth: u32) -> Vec<u8> {
    let mut text = headers(rng);
    let kind = if depth == 0 { 9 } else { rng.u8(..10) };
    let boundary = pick(rng, BOUNDARIES);
    match kind {
        0..=4 => {
            let value = multipart(rng, boundary);
            text.extend(content_type(rng, &value));
        }
        5..=6 => {
            let value = pick(
                rng,
                &["message/rfc822", "Message/RFC822; a=b", "message/global", "message/partial"],
            );
            text.extend(content_type(rng, value));
        }
        _ => {}
    }
    if one_in(rng, 3) {
        text.extend(headers(rng));
    }
    // The empty line is missing now and then.
    if !one_in(rng, 12) {
        text.push(b'\n');
    }
    match kind {
        0..=4 => text.extend(parts(rng, boundary, depth)),
        5..=6 => text.extend(entity(rng, depth - 1)),
        _ => text.extend(lines(rng, 4)),
    }
    text
}

/// A preamble, parts between boundaries, and an epilogue; each may be missing.
fn parts(rng: &mut Rng, boundary: &str, depth: u32) -> Vec<u8> {
    let mut text = lines(rng, 2);
    for _ in 0..rng.usize(..4) {
        text.extend(delimiter(rng, boundary));
        text.extend(entity(rng, depth - 1));
    }
    if !one_in(rng, 4) {
        text.extend(delimiter(rng, &format!("{boundary}--")));
    }
    text.extend(lines(rng, 2));
    text
}

fn delimiter(rng: &mut Rng, boundary: &str) -> Vec<u8> {
    let before = if one_in(rng, 20) { pick(rng, &[" ", "-", "\t"]) } else { "" };
    let after =
        if one_in(rng, 6) { pick(rng, &[" ", "-", "y", ": b", "\r", "--", "\t--"]) } else { "" };
    format!("{before}--{boundary}{after}\n").into_bytes()
}

/// As many multiparts in each other as Postfix looks into by default, or about as many.
fn deep(rng: &mut Rng) -> Vec<u8> {
    let count = rng.u32(95..105);
    let levels = (0..count).map(|level| {
        format!("Content-Type: multipart/mixed; boundary=b{level}b\n\n--b{level}b\nX: {level}\n")
    });
    let ends = (0..count).rev().map(|level| format!("\n--b{level}b--\nA: b\n--b{level}b\nB: c\n"));
    levels.chain(ends).collect::<String>().into_bytes()
}

/// The value of a multipart's type: the boundary with or without quotes, among other parameters.
fn multipart(rng: &mut Rng, boundary: &str) -> String {
    let subtype = pick(rng, &["/mixed", "/mixed", "/digest", "/Digest ", " / x", "", "/"]);
    let name =
        pick(rng, &["boundary", "boundary", "BoundarY", "boundary ", "\"boundary\"", "boundary*"]);
    let quoted = boundary.replace('\\', "\\\\").replace('"', "\\\"");
    let value = match rng.u8(..12) {
        0..=5 => format!("\"{quoted}\""),
        6 => format!("\"{quoted}"),
        7 => format!("\"{}\"", quoted.replace(' ', "\n ").replace('y', " \n\ty")),
        8 => format!("(a;b) {boundary} (c)"),
        9 => format!("\\{boundary}"),
        _ => boundary.to_owned(),
    };
    let before = pick(
        rng,
        &["", "", "", " a=b;", ";", " (c(\\)d;) e)", "\n\tcharset=\"a;\n b\"; ", " boundary=z;"],
    );
    let after = pick(
        rng,
        &[
            "",
            "",
            "",
            ";",
            "; a=b",
            " c",
            "; boundary=x",
            " (unfinished; boundary=x",
            "\n ;x\"; boundary=x",
        ],
    );
    format!("multipart{subtype};{before}{name}={value}{after}")
}

/// A `Content-Type` header, in one of several spellings, now and then with a second one.
fn content_type(rng: &mut Rng, value: &str) -> Vec<u8> {
    let name = pick(
        rng,
        &[
            "Content-Type",
            "Content-Type",
            "content-type",
            "CONTENT-TYPE",
            "Content-Type ",
            "Content-Typ",
        ],
    );
    let space = pick(
        rng,
        &[" ", " ", "", "\t", "\n ", " (c) ", "(", "\n\t(a\n b)", "\r", "\"", ";", "\x0b"],
    );
    let mut header = format!("{name}:{space}{value}\n");
    if one_in(rng, 10) {
        header += pick(
            rng,
            &[
                "Content-Type: text/plain\n",
                "Content-Type:\n",
                "Content-Type: ;\n",
                "Content-Type: message/rfc822\n",
                "Content-Type: multipart/mixed; boundary=xy\n",
            ],
        );
    }
    header.into_bytes()
}

/// Up to three headers, folded or odd, with no meaning.
fn headers(rng: &mut Rng) -> Vec<u8> {
    let choices: &[&[u8]] = &[
        b"Subject: hello\n",
        b"Subject: a\n  folded\n\tone\n",
        b"X-Y \t:  spaces before the colon\n",
        b"X:\n",
        b"X: \n \n\t\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"X: \xc3\xa9 and \xff\n",
        b"X: a\0b\n c\0d\n e\n",
        b"X: a\rb\n",
        b"!#$%&'*+-.^_`|~@[](){}\"\\/=?<>;,: odd name\n",
    ];
    let mut text = Vec::new();
    for _ in 0..rng.usize(..4) {
        if one_in(rng, 30) {
            text.extend(long_header(rng));
        }
        text.extend_from_slice(pick(rng, choices));
    }
    text
}

/// A header around the default limit of 102,400 bytes.
fn long_header(rng: &mut Rng) -> Vec<u8> {
    let line = format!("\n {}", "f".repeat(1_022));
    let count = rng.usize(98..103);
    let first = "x".repeat(pick(rng, &[0, 500, 1_019, 1_020, 1_021, 2_044, 150_000]));
    format!("X: {first}{}\n tail\n", line.repeat(count)).into_bytes()
}

/// Up to `most` lines of any kind.
fn lines(rng: &mut Rng, most: usize) -> Vec<u8> {
    let choices: &[&[u8]] = &[
        b"",
        b"",
        b"text",
        b"A: b",
        b"From me Thu Jan  1 00:00:00 1970",
        b" indented",
        b"\t",
        b"--",
        b"---",
        b"----",
        b"--x",
        b"--x--",
        b"--xy",
        b"--x:y",
        b"--other",
        b"-- ",
        b": no name",
        b"no colon",
        b"a b: c",
        b"Content-Type: message/rfc822",
        b"Content-Type: multipart/mixed; boundary=\"x\"",
        b"Content-Type: text/plain; boundary=x",
        b"Q29udGVudC1UeXBlOiBtZXNzYWdlL3JmYzgyMg==",
        b"Content-Type: message/rfc8=",
        b"caf=C3=A9 =20",
        b"\xc3\xa9: b",
        b"\xff",
        b"\x7f: b",
        b"\0",
        b"\0: b",
        b"--\0",
        b"--x\0--",
        b"\r",
    ];
    let mut text = Vec::new();
    for _ in 0..rng.usize(..=most) {
        text.extend_from_slice(pick(rng, choices));
        text.push(b'\n');
    }
    text
}

/// Cuts the text, changes or removes a byte, or removes or repeats a line.
fn damage(rng: &mut Rng, text: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    let position = rng.usize(..text.len());
    let byte = match rng.bool() {
        true => rng.u8(..),
        false => pick(rng, b"\n\n\r\0 \t:;=\"()\\-/x\xff\x01"),
    };
    match rng.u8(..6) {
        0 => text.truncate(position),
        1 => text.insert(position, byte),
        2 => text[position] = byte,
        3 => drop(text.remove(position)),
        choice => {
            let start =
                text[..position].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            let end = text[position..].iter().position(|&byte| byte == b'\n');
            let end = end.map_or(text.len(), |length| position + length + 1);
            let line = text[start..end].to_vec();
            text.splice(start..end, if choice == 4 { Vec::new() } else { line.repeat(2) });
        }
    }
}
