use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

const LIMITS: MimeLimits = MimeLimits { header_size: 500, nesting: 3, boundary_length: 10 };

/// The keys of a message, by the letters of the options.
fn keys(options: &str, message: &[u8]) -> Vec<Vec<u8>> {
    let wanted = MessageKeys {
        body: options.contains('b'),
        headers: options.contains('h'),
        mime: options.contains('m'),
        utf8: false,
    };
    let mut keys = Vec::new();
    let Ok(()) = each_key(message, wanted, LIMITS, |key| {
        keys.push(key.to_vec());
        Ok::<_, Infallible>(())
    });
    keys
}

/// The keys joined by `|`.
fn shown(options: &str, message: &str) -> String {
    let keys = keys(options, message.as_bytes());
    String::from_utf8(keys.join(&b'|')).unwrap()
}

#[test]
fn headers() {
    #[rustfmt::skip]
    let cases = [
        ("", ""),
        ("A: b", "A: b"),
        ("A: b\nB:\n", "A: b|B:"),
        ("A: b\n c\n\td\nB: e", "A: b\n c\n\td|B: e"),
        ("A: b\n \n", "A: b\n "),
        ("A: b\r\n c\r\n\r\nB: c", "A: b\r\n c\r"),
        ("A \t : b\nB\t:\n", "A: b|B:"),
        ("A: b\n\nB: c\n", "A: b"),
        ("A: b\nx\nB: c\n", "A: b"),
        ("\nA: b\n", ""),
        (" A: b\n", ""),
        (": b\n", ""),
        ("A b: c\n", ""),
        ("From me\nA: b\n", ""),
        ("From: me\n:b\n", "From: me"),
        ("\u{e9}: b\n", ""),
        ("A\x7f: b\n", ""),
        ("A\0: b\n", ""),
        ("!~: \u{e9}\x01\n", "!~: \u{e9}\x01"),
        ("A: b\0c\n d\0e\nB:\0\n", "A: b\n d|B:"),
    ];
    for (message, keys) in cases {
        assert_eq!(shown("h", message), keys, "{message:?}");
    }
}

#[test]
fn bodies() {
    #[rustfmt::skip]
    let cases = [
        ("", ""),
        ("A: b\n", ""),
        ("A: b\n\n", ""),
        ("A: b\n\nx\ny", "|x|y"),
        ("A: b\nx\n\nA: c\n", "|x||A: c"),
        (" c\nA: b\n", "| c|A: b"),
        ("\n\n\n", "||"),
        ("A: b\n\r\nx\0y\n", "|\r|x"),
        ("\0x\nA: b\n", "||A: b"),
    ];
    for (message, keys) in cases {
        assert_eq!(shown("b", message), keys, "{message:?}");
        assert_eq!(shown("bm", message), keys, "{message:?}");
    }
}

#[test]
fn parts() {
    let mixed = "Content-Type: multipart/mixed; boundary=x\n";
    let digest = "Content-Type: multipart/digest; boundary=x\n";
    let message = "Content-Type: message/rfc822\n";
    let long = "Content-Type: multipart/mixed; boundary=0123456789abc\n";
    // The headers of all parts, and what is left for the body, without the type of the whole
    // message.
    #[rustfmt::skip]
    let cases = [
        (mixed, "\np\nA: p\n--x\nB: c\n\nC: d\n--x\nD: e\n\n--x--\nE: f", "B: c|D: e", "|p|A: p|--x||C: d|--x||--x--|E: f"),
        (mixed, "\n--x\nB: c\n--x\nx\nC: d\n", "B: c", "|--x|--x|x|C: d"),
        (mixed, "--x\nB: c\n", "B: c", "|--x"),
        (mixed, "\n --x\nB: c\n-x\nB: c\n--\nB: c\n", "", "| --x|B: c|-x|B: c|--|B: c"),
        (mixed, "\n--xyz\nB: c\n\n--x-\nC: d\n\n--x--y\nD: e", "B: c|C: d", "|--xyz||--x-||--x--y|D: e"),
        (mixed, "\n--x\nB: c\n d\n\n e\n--x\n f\nC: d", "B: c\n d", "|--x|| e|--x| f|C: d"),
        (mixed, "\n--x: y\nB: c\n--x: z\nC: d\n", "B: c|--x: z|C: d", "|--x: y"),
        (mixed, "\n--x\nContent-Type: message/rfc822\n\nB: c\n\nC: d\n--x\nD: e\n\n", "Content-Type: message/rfc822|B: c|D: e", "|--x|||C: d|--x|"),
        (mixed, "\n--x\nContent-Type: multipart/x; boundary=y\n\n--y\nB: c\n\n--x\nC: d\n\n--y\nD: e", "Content-Type: multipart/x; boundary=y|B: c|C: d", "|--x||--y||--x||--y|D: e"),
        (mixed, "\n--x\nContent-Type: multipart/x; boundary=y\n\n--y--\nB: c\n--x\nC: d\n", "Content-Type: multipart/x; boundary=y|C: d", "|--x||--y--|B: c|--x"),
        (digest, "\n--x\n\nB: c\n\n--x\nC: d\nContent-Type: text/plain\n\nD: e", "B: c|C: d|Content-Type: text/plain", "|--x|||--x||D: e"),
        (digest, "\n--x\nContent-Type:\n\nD: e", "Content-Type:", "|--x||D: e"),
        (digest, "\n--x\nContent-Type: image/png\n\nD: e", "Content-Type: image/png|D: e", "|--x|"),
        (message, "\nA: b\n\nC: d\n", "A: b", "||C: d"),
        (message, "\nContent-Type: message/global\n\nA: b\n\nC: d\n", "Content-Type: message/global|A: b", "|||C: d"),
        (message, "x\nA: b\n", "", "|x|A: b"),
        (long, "\n--0123456789\nA: b\n--012345678\nB: c", "A: b", "|--0123456789|--012345678|B: c"),
    ];
    for (content_type, rest, headers, body) in cases {
        let message = [content_type, rest].concat();
        let of_message = content_type.trim_end();
        let all_headers = format!("{of_message}|{headers}");
        assert_eq!(shown("hm", &message), all_headers.trim_end_matches('|'), "{message:?}");
        assert_eq!(shown("bm", &message), body, "{message:?}");
        assert_eq!(shown("h", &message), of_message, "{message:?}");
    }
}

#[test]
fn limits() {
    // A line is taken whole if there is room before it.
    let lines = |count| format!("A: b{}\n", "\n 45678901234567890".repeat(count));
    assert_eq!(shown("h", &lines(40)), lines(27).trim_end());
    let long = "A: ".to_owned() + &"b".repeat(1000);
    assert_eq!(shown("h", &long), long);
    assert_eq!(shown("h", &format!("{long}\n c")), long);

    // The outermost five multiparts count.
    let nested = |count: usize| {
        let levels = (0..count)
            .map(|level| format!("Content-Type: multipart/x; boundary={level}\n\n--{level}\n"));
        levels.collect::<String>()
    };
    for (levels, boundary, found) in [(5, 4, true), (6, 5, false), (6, 4, true), (9, 0, true)] {
        let message = format!("{}\n--{boundary}\nA: b\n", nested(levels));
        assert_eq!(shown("hm", &message).ends_with("A: b"), found, "{message}");
    }
}

#[test]
fn a_failure_ends_it() {
    let mut told = 0;
    let wanted = MessageKeys { body: true, headers: true, ..MessageKeys::default() };
    let result = each_key(&b"A: b\nB: c\n\nx\n"[..], wanted, LIMITS, |_| {
        told += 1;
        if told == 2 { Err("full") } else { Ok(()) }
    });
    assert_eq!((result, told), (Err("full"), 2));
}

/// Lines in which the parser may see something.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "Content-Type: (multipart/mixed; boundary=[ab]|multipart/digest; boundary=[ab]|message/rfc822)",
        "--[ab](--)?",
        "[AB]: c|\t d|",
        "[ -~]{0,9}",
    ];
    let bytes = prop::collection::vec(any::<u8>(), 0..6);
    let line = prop_oneof![9 => line.prop_map(String::into_bytes), 1 => bytes];
    // A last line without its newline is not always one: see `next_line`.
    prop::collection::vec(line, 0..30)
        .prop_map(|lines| [lines.join(&b'\n'), b"\n".to_vec()].concat())
}

proptest! {
    /// Without NULs, and with all kinds of keys wanted, nothing is lost, and only spaces and one
    /// empty line are not as they were.
    #[test]
    fn keys_are_the_message(message in message()) {
        let message: Vec<u8> = message.into_iter().filter(|byte| *byte != 0).collect();
        let squeeze = |text: &[u8]| -> Vec<u8> {
            text.iter().copied().filter(|byte| !b" \t\n".contains(byte)).collect()
        };
        for options in ["bh", "bhm"] {
            let keys = keys(options, &message);
            prop_assert_eq!(squeeze(&keys.concat()), squeeze(&message));
            let lines = keys.join(&b'\n').split(|byte| *byte == b'\n').count();
            let expected = message.iter().filter(|byte| **byte == b'\n').count();
            prop_assert!(lines.abs_diff(expected) <= 1);
        }
    }

    /// The keys are those of `-h` and of `-b` together.
    #[test]
    fn headers_and_body_are_told_apart(message in message()) {
        for mime in ["", "m"] {
            let count = |letters: &str| keys(&format!("{letters}{mime}"), &message).len();
            prop_assert_eq!(count("bh"), count("b") + count("h"));
        }
    }
}
