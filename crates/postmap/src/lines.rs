//! Standard input, line by line.

use std::io::{self, BufRead};

/// Reads the next line into `line`, without its newline. False at the end.
///
/// A read error ends the input, as in Postfix. And as there, a last line that lacks its newline and
/// ends in the byte 0xff is taken for the end as well.
pub fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> bool {
    line.clear();
    let _ = input.read_until(b'\n', line);
    end_line(line)
}

/// Takes the newline off what was read. False if that was the end.
fn end_line(line: &mut Vec<u8>) -> bool {
    match line.last() {
        Some(b'\n') => {
            line.pop();
            true
        }
        None | Some(0xff) => false,
        Some(_) => true,
    }
}

/// All lines, as [`next_line`] tells them.
///
/// # Errors
/// What reading gave: the part of a line that came before it is no line.
pub fn all_lines(mut input: impl BufRead) -> io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        input.read_until(b'\n', &mut line)?;
        if !end_line(&mut line) {
            return Ok(lines);
        }
        lines.push(line);
    }
}

/// Calls `tell` with each line, until it fails.
pub fn each_line<E>(
    mut input: impl BufRead,
    mut tell: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut line = Vec::new();
    while next_line(&mut input, &mut line) {
        tell(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn lines_of_an_input() {
        #[rustfmt::skip]
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b"\n", &[b""]),
            (b"a\r\n\nb\0c", &[b"a\r", b"", b"b\0c"]),
            (b"a\nb\xff\n", &[b"a", b"b\xff"]),
            (b"a\nb\xff", &[b"a"]),
        ];
        for (input, lines) in cases {
            let mut found = Vec::new();
            let Ok(()) = each_line(*input, |line| {
                found.push(line.to_vec());
                Ok::<_, Infallible>(())
            });
            assert_eq!(found, *lines, "{input:x?}");
            assert_eq!(all_lines(*input).unwrap(), *lines, "{input:x?}");
        }
    }

    #[test]
    fn part_of_a_line_is_none_after_an_error() {
        struct Failing;
        impl io::Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("failed"))
            }
        }
        let input = io::Read::chain(&b"whole\npar"[..], io::BufReader::new(Failing));
        assert!(all_lines(input).is_err());
    }
}
