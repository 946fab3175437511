//! Keys that are parts of a message: its headers, and the lines of its body (postmap specification,
//! section 12).

mod content_type;

use std::io::BufRead;

use postfix_maps::config::MimeLimits;
use postfix_maps::tools::before_nul;

use crate::args::MessageKeys;
use crate::lines::next_line;
use content_type::ContentType;

/// Calls `tell` with each wanted key of the message that `input` holds, in order, until it fails.
///
/// Of the message only one header or line is in memory at a time. Headers of parts are looked for
/// in the text as it is: nothing is decoded.
pub fn each_key<E>(
    mut input: impl BufRead,
    wanted: MessageKeys,
    limits: MimeLimits,
    tell: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut parser = Parser {
        wanted,
        limits,
        tell,
        place: Place::Headers { primary: true },
        header: Vec::new(),
        encloses_message: false,
        multiparts: Vec::new(),
    };
    let mut line = Vec::new();
    while !parser.is_done() && next_line(&mut input, &mut line) {
        parser.line(&line)?;
    }
    parser.end_header()
}

/// A parser of MIME messages that looks only for the lines that are headers.
struct Parser<F> {
    wanted: MessageKeys,
    limits: MimeLimits,
    tell: F,
    place: Place,
    /// The header whose end has not come yet: a name, a colon, and lines joined by newlines. Empty
    /// outside of headers.
    header: Vec<u8>,
    /// Whether the body that comes after these headers is a message with headers of its own.
    encloses_message: bool,
    /// The multiparts that have not ended, innermost last.
    multiparts: Vec<Multipart>,
}

/// What the next line may be.
#[derive(Clone, Copy)]
enum Place {
    /// A header, of the whole message or of a part.
    Headers { primary: bool },
    /// Anything; if it is a boundary, headers follow.
    Body,
}

/// An entity of several parts.
struct Multipart {
    /// What stands behind the hyphens on the lines between the parts, cut to the configured length.
    boundary: Vec<u8>,
    /// Whether parts without a Content-Type are messages.
    digest: bool,
}

impl<E, F: FnMut(&[u8]) -> Result<(), E>> Parser<F> {
    /// Returns `true` if no key can come any more, except the last header.
    fn is_done(&self) -> bool {
        matches!(self.place, Place::Body) && !self.wanted.body && !self.wanted.mime
    }

    fn line(&mut self, line: &[u8]) -> Result<(), E> {
        if let Place::Headers { primary } = self.place {
            if !self.header.is_empty() {
                if let [b' ' | b'\t', ..] = line {
                    self.continue_header(line);
                    return Ok(());
                }
                self.end_header()?;
            }
            if let Some((name, rest)) = split_header(line) {
                self.header.extend_from_slice(name);
                self.header.extend_from_slice(before_nul(rest));
                return Ok(());
            }
            self.end_headers(primary, line)?;
        }
        self.body_line(line)
    }

    /// The limit decides whether a line is taken, not how much of it.
    fn continue_header(&mut self, line: &[u8]) {
        if self.header.len() < self.limits.header_size {
            self.header.push(b'\n');
            self.header.extend_from_slice(before_nul(line));
        }
    }

    /// Tells the header that has been collected, if any, and remembers what it says of the body.
    fn end_header(&mut self) -> Result<(), E> {
        if self.header.is_empty() {
            return Ok(());
        }
        if self.wanted.mime
            && let Some(content_type) = ContentType::of_header(&self.header)
        {
            self.encloses_message = matches!(content_type, ContentType::Message);
            if let ContentType::Multipart { digest, boundaries } = content_type {
                for mut boundary in boundaries {
                    // Two more than the limit, as in Postfix.
                    if self.multiparts.len() < self.limits.nesting.saturating_add(2) {
                        boundary.truncate(self.limits.boundary_length);
                        self.multiparts.push(Multipart { boundary, digest });
                    }
                }
            }
        }
        if self.wanted.headers {
            (self.tell)(&self.header)?;
        }
        self.header.clear();
        Ok(())
    }

    /// Headers end at a line that is none. If something else than an empty line does that, the
    /// message's own headers get the empty line that is missing.
    fn end_headers(&mut self, primary: bool, line: &[u8]) -> Result<(), E> {
        self.place = Place::Body;
        if line.is_empty() {
            if self.encloses_message {
                self.place = Place::Headers { primary: false };
                self.encloses_message = false;
            }
        } else if primary {
            self.tell_body(b"")?;
        }
        Ok(())
    }

    fn body_line(&mut self, line: &[u8]) -> Result<(), E> {
        if let Some(text) = line.strip_prefix(b"--")
            && !text.is_empty()
        {
            self.find_boundary(text);
        }
        self.tell_body(line)
    }

    /// Looks for the innermost multipart that has this boundary. It ends those within it: an end
    /// boundary may be missing. What follows the boundary on its line does not matter, except the
    /// hyphens that make it the last one.
    fn find_boundary(&mut self, text: &[u8]) {
        let found = self.multiparts.iter().enumerate().rev().find_map(|(depth, multipart)| {
            let after = text.strip_prefix(&*multipart.boundary)?;
            Some((depth, multipart.digest, after.starts_with(b"--")))
        });
        match found {
            Some((depth, _, true)) => {
                self.multiparts.truncate(depth);
                self.place = Place::Body;
            }
            Some((depth, digest, false)) => {
                self.multiparts.truncate(depth + 1);
                self.place = Place::Headers { primary: false };
                self.encloses_message = digest;
            }
            None => {}
        }
    }

    fn tell_body(&mut self, line: &[u8]) -> Result<(), E> {
        if self.wanted.body { (self.tell)(before_nul(line)) } else { Ok(()) }
    }
}

/// The name of a header and what follows it, from the colon on. Spaces between the two are dropped.
fn split_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().position(|byte| !matches!(byte, b'!'..=b'9' | b';'..=b'~'))?;
    let (name, after) = line.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let rest = after.get(blanks..).filter(|rest| rest.starts_with(b":"))?;
    Some((name, rest))
}

#[cfg(test)]
mod tests;
