//! Why a configuration cannot be used, in Postfix's words.

use std::io;

use super::Logging;
use crate::error::strerror;

/// The configuration cannot be used.
///
/// Shown as the text that `postmap` prints after `postmap: fatal: `; [`ConfigError::message`] has
/// it as bytes.
#[derive(Debug, thiserror::Error)]
#[error("{}", String::from_utf8_lossy(&self.message()))]
pub struct ConfigError {
    #[source]
    pub(super) problem: ConfigProblem,
    pub(super) warnings: Vec<Vec<u8>>,
    pub(super) utf8: bool,
    /// Boxed, since errors are to be small.
    pub(super) logging: Box<Logging>,
}

impl ConfigError {
    /// What is wrong.
    pub fn problem(&self) -> &ConfigProblem {
        &self.problem
    }

    /// What Postfix warns of before it gives up, in order.
    pub fn warnings(&self) -> &[Vec<u8>] {
        &self.warnings
    }

    /// The text that `postmap` prints after `postmap: fatal: `, with every byte of the file as it
    /// is.
    pub fn message(&self) -> Vec<u8> {
        self.problem.message()
    }

    /// Whether `smtputf8_enable` was known and on when the problem was found. By this Postfix
    /// decides what to print for bytes that are not ASCII.
    pub fn smtputf8_enable(&self) -> bool {
        self.utf8
    }

    /// What was known of the mail log when the problem was found.
    pub fn logging(&self) -> &Logging {
        &self.logging
    }
}

/// The kinds of [`ConfigError`].
#[derive(Debug, thiserror::Error)]
#[error("{}", String::from_utf8_lossy(&self.message()))]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The file does not open.
    Open {
        /// Its path.
        file: Vec<u8>,
        /// Why not.
        source: io::Error,
    },
    /// The file opens and cannot be read; a directory, for one.
    Read {
        /// Its path.
        file: Vec<u8>,
        /// Why not.
        source: io::Error,
    },
    /// A logical line is not `name = value`.
    Syntax {
        /// The file's path.
        file: Vec<u8>,
        /// Where the logical line starts.
        line: u64,
        /// What it lacks.
        what: &'static str,
        /// The logical line.
        text: Vec<u8>,
    },
    /// A value does not expand; the warnings say why.
    Expansion,
    /// A comparison of numbers, one of which is too large.
    BadConversion(Vec<u8>),
    /// Expanding a value takes more work than any real configuration needs. Postfix would run out
    /// of memory, or of stack.
    TooLarge,
    /// `compatibility_level` is not a level.
    CompatibilityLevel(Vec<u8>),
    /// A parameter that must not be empty is.
    Empty {
        /// The parameter.
        name: &'static str,
    },
    /// A parameter is neither `yes` nor `no`.
    Boolean {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: Vec<u8>,
    },
    /// A parameter is not a number, or out of the range of its type.
    Number {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: Vec<u8>,
    },
    /// A number is less than 1.
    TooSmall {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: i64,
    },
    /// `syslog_facility` is unknown.
    SyslogFacility {
        /// The file's path.
        file: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// An item of `import_environment` has wrong braces.
    Braces {
        /// What is wrong.
        what: &'static str,
        /// The item.
        text: Vec<u8>,
    },
    /// An item of `import_environment` has a `=` and is not `name=value`.
    Assignment {
        /// What it lacks.
        what: &'static str,
        /// The item.
        text: Vec<u8>,
    },
    /// `maillog_file` does not start with a member of `maillog_file_prefixes`.
    MaillogFile(Vec<u8>),
}

impl ConfigProblem {
    /// The text of [`ConfigError::message`].
    fn message(&self) -> Vec<u8> {
        use ConfigProblem as P;
        match self {
            P::Open { file, source } => {
                [b"open ", &**file, b": ", strerror(source).as_bytes()].concat()
            }
            P::Read { file, source } => {
                [b"read ", &**file, b": ", strerror(source).as_bytes()].concat()
            }
            P::Syntax { file, line, what, text } => {
                let place = format!(", line {line}: {what}: \"");
                [file, place.as_bytes(), text, b"\""].concat()
            }
            P::Expansion => b"dictionary mail_dict: macro processing error".to_vec(),
            P::BadConversion(text) => [b"mac_exp_eval: bad conversion: ", &**text].concat(),
            P::TooLarge => b"dictionary mail_dict: macro expansion too large".to_vec(),
            P::CompatibilityLevel(text) => {
                [b"malformed compatibility level syntax: \"", &**text, b"\""].concat()
            }
            P::Empty { name } => format!("bad string length 0 < 1: {name} = ").into_bytes(),
            P::Boolean { name, value } => {
                [b"bad boolean configuration: ", name.as_bytes(), b" = ", value].concat()
            }
            P::Number { name, value } => {
                [b"bad numerical configuration: ", name.as_bytes(), b" = ", value].concat()
            }
            P::TooSmall { name, value } => {
                format!("invalid {name} parameter value {value} < 1").into_bytes()
            }
            P::SyslogFacility { file, value } => {
                let complaint = b": parameter syslog_facility: unrecognized value: ";
                [b"file ", &**file, complaint, value].concat()
            }
            P::Braces { what, text } => {
                let complaint = format!("import_environment: {what} in \"");
                [complaint.as_bytes(), text, b"\""].concat()
            }
            P::Assignment { what, text } => {
                [b"update_env: ", what.as_bytes(), b" in: ", text].concat()
            }
            P::MaillogFile(file) => {
                let complaint = b"' does not match any prefix in maillog_file_prefixes";
                [b"maillog_file value '", &**file, complaint].concat()
            }
        }
    }
}
