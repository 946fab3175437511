//! Messages: one line each, on standard error and in the mail log (postmap specification, section
//! 10).

use std::cell::RefCell;
use std::io::{self, Write as _};

use postfix_maps::config::Logging;

use crate::maillog::{MailLog, Severity};

/// Where messages go, and what they look like.
#[derive(Debug)]
pub struct Log {
    /// The program's name, in front of every message.
    pub program: Vec<u8>,
    /// Whether text that looks like UTF-8 is shown as it is. Off until `main.cf` turns it on; `-u`
    /// does not matter.
    pub utf8: bool,
    /// How often `-v` was given.
    pub verbosity: u32,
    mail_log: RefCell<MailLog>,
}

impl Log {
    /// A log for the program that was called by the name `argv0`.
    pub fn new(argv0: &[u8]) -> Log {
        let program = base_name(argv0).to_vec();
        let mail_log = RefCell::new(MailLog::new(&program));
        Log { program, utf8: false, verbosity: 0, mail_log }
    }

    /// Follows what main.cf says of the mail log from now on.
    pub fn configure(&self, logging: &Logging, myhostname: &[u8]) {
        self.mail_log.borrow_mut().configure(logging, myhostname);
    }

    /// Connects to the mail log ahead of the first message, while that is still allowed.
    pub fn connect(&self) {
        self.mail_log.borrow_mut().connect();
    }

    /// Tells something, if `-v` was given.
    pub fn info(&self, text: &[u8]) {
        if self.verbosity > 0 {
            self.write(Severity::Info, text);
        }
    }

    /// Tells that something was left out, or looks wrong.
    pub fn warning(&self, text: &[u8]) {
        self.write(Severity::Warning, text);
    }

    /// Tells why the program cannot go on. Ending it is up to the caller.
    pub fn fatal(&self, text: &[u8]) {
        self.write(Severity::Fatal, text);
    }

    /// Passes on a complaint of the option parser, which is no message of Postfix's: it is not
    /// sanitised, and not for the mail log.
    pub fn getopt(&self, text: &[u8]) {
        emit(&[&self.program[..], b": ", text, b"\n"].concat());
    }

    fn write(&self, severity: Severity, text: &[u8]) {
        let text = sanitise(text, self.utf8);
        emit(&self.line(severity, &text));
        self.mail_log.borrow_mut().send(severity, &text);
    }

    fn line(&self, severity: Severity, text: &[u8]) -> Vec<u8> {
        [&self.program[..], b": ", severity.prefix(), text, b"\n"].concat()
    }
}

/// Writes a line in one call, so that lines of several programs do not mix.
fn emit(line: &[u8]) {
    // When standard error is gone there is nobody left to tell.
    let _ = io::stderr().write_all(line);
}

/// The part of a path behind the last slash; all of it when nothing stands there.
fn base_name(path: &[u8]) -> &[u8] {
    match path.rsplit(|byte| *byte == b'/').next() {
        Some(name) if !name.is_empty() => name,
        _ => path,
    }
}

/// Replaces what must not reach a terminal by question marks: bytes that are not printable ASCII.
///
/// With `utf8`, what looks like UTF-8 stays: a byte from 0xc2 to 0xfe and all continuation bytes
/// (0x80 to 0xbf) behind it, at least one. That is looser than UTF-8 is, as in Postfix 3.7.
pub fn sanitise(text: &[u8], utf8: bool) -> Vec<u8> {
    let is_continuation = |byte: &u8| matches!(byte, 0x80..=0xbf);
    let mut shown = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        let end = after.iter().position(|byte| !is_continuation(byte));
        let (continuation, behind) = after.split_at(end.unwrap_or(after.len()));
        match byte {
            b' '..=b'~' => shown.push(*byte),
            0xc2..=0xfe if utf8 && !continuation.is_empty() => {
                shown.push(*byte);
                shown.extend_from_slice(continuation);
                rest = behind;
            }
            _ => shown.push(b'?'),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_shown_of_a_text() {
        #[rustfmt::skip]
        let cases: &[(&[u8], &[u8], &[u8])] = &[
            // text, UTF-8 off, UTF-8 on
            (b"", b"", b""),
            (b" a~", b" a~", b" a~"),
            (b"a\tb\nc\0\x7f\x1f", b"a?b?c???", b"a?b?c???"),
            (b"\xc3\xa9!", b"??!", b"\xc3\xa9!"),
            (b"\xe2\x82\xac", b"???", b"\xe2\x82\xac"),
            // Not UTF-8, and shown all the same.
            (b"\xc3\xa9\x80\x80", b"????", b"\xc3\xa9\x80\x80"),
            (b"\xe2\x82!", b"??!", b"\xe2\x82!"),
            (b"\xfe\xbf", b"??", b"\xfe\xbf"),
            // Not shown.
            (b"\xc1\x80", b"??", b"??"),
            (b"\xff\x80", b"??", b"??"),
            (b"\xc3", b"?", b"?"),
            (b"\xc3\xc3\xa9", b"???", b"?\xc3\xa9"),
            (b"\x80\xbf", b"??", b"??"),
            (b"\xc3!\xa9", b"?!?", b"?!?"),
        ];
        for (text, off, on) in cases {
            assert_eq!(sanitise(text, false), *off, "{text:x?}");
            assert_eq!(sanitise(text, true), *on, "{text:x?}");
        }
    }

    #[test]
    fn lines_name_the_program() {
        #[rustfmt::skip]
        let cases: &[(&[u8], &[u8])] = &[
            (b"postmap", b"postmap"), (b"/usr/sbin/postmap", b"postmap"), (b"x/y z", b"y z"), (b"a/", b"a/"), (b"/", b"/"), (b"", b""),
        ];
        for (argv0, program) in cases {
            let log = Log::new(argv0);
            assert_eq!(log.program, *program);
            assert_eq!(log.line(Severity::Fatal, b"x"), [program, &b": fatal: x\n"[..]].concat());
        }
    }

    proptest! {
        #[test]
        fn a_line_is_printable(text in prop::collection::vec(any::<u8>(), 0..50)) {
            let shown = sanitise(&text, false);
            prop_assert_eq!(shown.len(), text.len());
            prop_assert!(shown.iter().all(|byte| matches!(byte, b' '..=b'~')));
        }

        #[test]
        fn utf8_text_stays(text in "[^\\p{Cc}]*") {
            prop_assert_eq!(sanitise(text.as_bytes(), true), text.as_bytes());
        }
    }
}
