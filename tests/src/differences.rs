//! The known differences between our programs and Postfix's, all of them, each with its reason.

/// Lines on standard error that only the real programs print.
pub struct Difference {
    /// Why ours do not print it.
    pub reason: &'static str,
    /// Whether a line, without its newline, is one of these.
    pub is: fn(&[u8]) -> bool,
}

/// Every known difference.
pub const DIFFERENCES: &[Difference] = &[Difference {
    reason: "libdb writes its own diagnosis, which names its functions and addresses in memory, \
             before Postfix reports the error; we have no libdb",
    is: is_libdb_message,
}];

/// Whether only the real programs print `line`.
pub fn is_known(line: &[u8]) -> bool {
    DIFFERENCES.iter().any(|difference| (difference.is)(line))
}

/// `BDB`, four digits, a space: the form of every message of libdb 5.3.
fn is_libdb_message(line: &[u8]) -> bool {
    line.strip_prefix(b"BDB").and_then(|rest| rest.split_first_chunk()).is_some_and(
        |(number, text): (&[u8; 4], _)| {
            number.iter().all(u8::is_ascii_digit) && text.starts_with(b" ")
        },
    )
}
