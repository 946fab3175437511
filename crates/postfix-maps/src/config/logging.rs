//! What `main.cf` says of the mail log (postmap specification, section 10).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// How messages get into the mail log. The default is what holds before `main.cf` is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// `syslog_facility`, as the number that it has in the C library, unshifted: 2 for `mail`.
    pub facility: u8,
    /// What stands before the program's name: `syslog_name`, unless `import_environment` sets
    /// `MAIL_LOGTAG`. None as long as `main.cf` has not been read to the end.
    pub name: Option<Vec<u8>>,
    /// Who takes the messages.
    pub service: LogService,
    /// `TZ`, where `import_environment` sets it.
    pub time_zone: Option<Vec<u8>>,
    /// How many of the warnings about `main.cf` come before its `syslog_facility` holds.
    pub early_warnings: usize,
}

/// Who takes the messages for the mail log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogService {
    /// `main.cf` has not got as far as that: the one that the environment says.
    AsBefore,
    /// The system's log.
    Syslog,
    /// Postfix's own, as `maillog_file` is set, by its socket.
    Postlog(PathBuf),
}

impl Default for Logging {
    fn default() -> Self {
        Logging {
            facility: 2,
            name: None,
            service: LogService::AsBefore,
            time_zone: None,
            early_warnings: 0,
        }
    }
}

/// The numbers of what `syslog_facility` may be.
const FACILITIES: &[(&str, u8)] = &[
    ("auth", 4),
    ("authpriv", 10),
    ("cron", 9),
    ("daemon", 3),
    ("ftp", 11),
    ("kern", 0),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
    ("lpr", 6),
    ("mail", 2),
    ("news", 7),
    ("syslog", 5),
    ("user", 1),
    ("uucp", 8),
];

/// The number of a facility; none for one that there is not.
pub(super) fn facility(name: &[u8]) -> Option<u8> {
    FACILITIES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, number)| *number)
}

/// Where Postfix's own service listens. A relative directory is one of the current directory.
pub(super) fn socket(queue_directory: &[u8], name: &[u8]) -> PathBuf {
    let path = [queue_directory, b"/public/", name].concat();
    OsStr::from_bytes(&path).into()
}
