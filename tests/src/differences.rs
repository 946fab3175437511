//! The known differences between our programs and Postfix's, all of them, each with its reason.

use std::borrow::Cow;

use crate::table_types::TABLE_TYPES;
use crate::twin::{Outcome, Status};

/// Lines on standard error that only one side prints.
pub struct Difference {
    /// Why the other does not print it.
    pub reason: &'static str,
    /// Whether a line, without its newline, is one of these.
    pub is: fn(&[u8]) -> bool,
}

/// Every known difference.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        reason: "libdb writes its own diagnosis, which names its functions and addresses in \
                 memory, before Postfix reports the error; we have no libdb",
        is: is_libdb_message,
    },
    Difference {
        reason: "ours says what is wrong with a file where Postfix only knows that it is an \
                 invalid argument",
        is: is_diagnosis,
    },
];

/// Whether only one side prints `line`.
pub fn is_known(line: &[u8]) -> bool {
    DIFFERENCES.iter().any(|difference| (difference.is)(line))
}

/// The line that stands for `line`, which ends with a newline, and for all that mean the same.
///
/// The reason that `postalias` gives for a value that is not UTF-8 is what some earlier call left
/// in `errno`: where the table has no source file, that this was not found. Ours gives the usual
/// one.
pub fn common_form(line: &[u8]) -> Cow<'_, [u8]> {
    match line.strip_suffix(b": query error: No such file or directory\n") {
        Some(start) => [start, b": query error: Application error\n"].concat().into(),
        None => line.into(),
    }
}

/// Whether ours does what Postfix 3.7 cannot do with a `cdb:` table: list it, as 3.12 does, and find an
/// empty value first, of which 3.7 dies.
pub fn is_more(real: &Outcome, ours: &Outcome) -> bool {
    let refused = b": sequence operation is not supported\n";
    let is_refused = real.status == Status::Exit(1)
        && real.stderr.windows(5).any(|part| part == b" cdb:")
        && real.stderr.ends_with(refused);
    const SIGSEGV: i32 = 11;
    let has_died = real.status == Status::Signal(SIGSEGV);
    (is_refused || has_died) && ours.status == Status::Exit(0)
}

/// `BDB`, four digits, a space: the form of every message of libdb 5.3.
fn is_libdb_message(line: &[u8]) -> bool {
    line.strip_prefix(b"BDB").and_then(|rest| rest.split_first_chunk()).is_some_and(
        |(number, text): (&[u8; 4], _)| {
            number.iter().all(u8::is_ascii_digit) && text.starts_with(b" ")
        },
    )
}

/// A warning that consists of a table's file and what our readers say of it.
fn is_diagnosis(line: &[u8]) -> bool {
    let Ok(line) = str::from_utf8(line) else { return false };
    let warning = ["postmap: warning: ", "postalias: warning: "];
    let Some(text) = warning.iter().find_map(|start| line.strip_prefix(start)) else {
        return false;
    };
    TABLE_TYPES.iter().any(|table_type| {
        text.split_once(&format!("{}: ", table_type.suffix)).is_some_and(|(_, diagnosis)| {
            table_type.diagnoses.iter().any(|start| diagnosis.starts_with(start))
        })
    })
}
