//! The mail log: the system's (syslog), or Postfix's own where `maillog_file` is set (postmap
//! specification, section 10).

use std::env;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use postfix_maps::config::{LogService, Logging};

/// Where the system's log listens.
const SYSLOG: &str = "/dev/log";
/// How many bytes of a text get into the log.
const MAX_TEXT: usize = 2000;

/// How bad what a message tells is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is wrong.
    Info,
    /// Something was left out, or looks wrong.
    Warning,
    /// The program cannot go on.
    Fatal,
}

impl Severity {
    /// What stands before the text.
    pub fn prefix(self) -> &'static [u8] {
        match self {
            Severity::Info => b"",
            Severity::Warning => b"warning: ",
            Severity::Fatal => b"fatal: ",
        }
    }

    /// Its number in the C library: for what is fatal, `LOG_CRIT`.
    fn number(self) -> u8 {
        match self {
            Severity::Info => 6,
            Severity::Warning => 4,
            Severity::Fatal => 2,
        }
    }
}

/// Sends messages to the mail log. Nobody is told when that fails, and nothing is done before the
/// first one.
#[derive(Debug)]
pub struct MailLog {
    program: Vec<u8>,
    /// What stands before the program's name.
    name: Vec<u8>,
    facility: u8,
    service: Service,
    connection: Option<Connection>,
}

/// Who takes the messages.
#[derive(Debug)]
enum Service {
    Syslog,
    /// Postfix's own, which is told the host's name, and the time as it is where `time_zone` says.
    Postlog {
        socket: PathBuf,
        host: Vec<u8>,
        time_zone: Option<Vec<u8>>,
    },
}

#[derive(Debug)]
enum Connection {
    Datagrams(UnixDatagram),
    Stream(UnixStream),
}

impl MailLog {
    /// The log as it is before main.cf is read: by the environment that Postfix's programs hand to
    /// each other.
    pub fn new(program: &[u8]) -> Self {
        let variable = |name| env::var_os(name).map(OsString::into_vec);
        let filled = |name| variable(name).filter(|value| !value.is_empty());
        let service = filled("POSTLOG_SERVICE").map(|socket| Service::Postlog {
            socket: OsString::from_vec(socket).into(),
            host: filled("POSTLOG_HOSTNAME").unwrap_or(b"amnesiac".into()),
            time_zone: None,
        });
        MailLog {
            program: program.to_vec(),
            name: variable("MAIL_LOGTAG").unwrap_or(b"postfix".into()),
            facility: Logging::default().facility,
            service: service.unwrap_or(Service::Syslog),
            connection: None,
        }
    }

    /// Follows what main.cf says.
    pub fn configure(&mut self, logging: &Logging, myhostname: &[u8]) {
        self.facility = logging.facility;
        let Some(name) = &logging.name else { return };
        // Postfix tells its new name to syslog at once, to a service only together with main.cf's
        // word on that.
        let waits = matches!(self.service, Service::Postlog { .. });
        if waits && logging.service == LogService::AsBefore {
            return;
        }
        self.name = name.clone();
        self.service = match &logging.service {
            LogService::AsBefore => return,
            LogService::Syslog => Service::Syslog,
            LogService::Postlog(socket) => Service::Postlog {
                socket: socket.clone(),
                host: myhostname.to_vec(),
                time_zone: logging.time_zone.clone(),
            },
        };
        self.connection = None;
    }

    /// Connects to the service, unless it is already.
    pub fn connect(&mut self) {
        if self.connection.is_none() {
            self.connection = match &self.service {
                Service::Syslog => Connection::open(SYSLOG.as_ref()),
                Service::Postlog { socket, .. } => Connection::datagrams(socket),
            }
            .ok();
        }
    }

    /// Sends a message, whose text must be fit for a terminal.
    pub fn send(&mut self, severity: Severity, text: &[u8]) {
        // A service that was started anew is connected to once more.
        for _ in 0..2 {
            self.connect();
            let Some(connection) = &self.connection else { return };
            if connection.send(self.message(severity, text)).is_ok() {
                return;
            }
            self.connection = None;
        }
    }

    fn message(&self, severity: Severity, text: &[u8]) -> Vec<u8> {
        let now = |time_zone: TimeZone, format: &str| {
            Timestamp::now().to_zoned(time_zone).strftime(format).to_string()
        };
        let start = match &self.service {
            Service::Syslog => {
                let priority = self.facility << 3 | severity.number();
                format!("<{priority}>{} ", now(TimeZone::system(), "%b %e %H:%M:%S")).into_bytes()
            }
            Service::Postlog { host, time_zone, .. } => {
                let time_zone = time_zone.as_deref().map_or_else(TimeZone::system, named);
                let host = host.split(|byte| *byte == b'.').next().unwrap_or_default();
                [now(time_zone, "%b %d %H:%M:%S").as_bytes(), b" ", host, b" "].concat()
            }
        };
        let id = format!("[{}]: ", process::id());
        let text = text.get(..MAX_TEXT).unwrap_or(text);
        [&start, &self.name, &b"/"[..], &self.program, id.as_bytes(), severity.prefix(), text]
            .concat()
    }
}

/// A time zone by what the variable `TZ` may hold. Universal time where it makes no sense, as in
/// the C library.
fn named(name: &[u8]) -> TimeZone {
    let name = String::from_utf8_lossy(name);
    TimeZone::posix(&name).or_else(|_| TimeZone::get(&name)).unwrap_or(TimeZone::UTC)
}

impl Connection {
    fn datagrams(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        Ok(Connection::Datagrams(socket))
    }

    /// Connects to a socket of either kind.
    fn open(path: &Path) -> io::Result<Self> {
        Connection::datagrams(path).or_else(|_| UnixStream::connect(path).map(Connection::Stream))
    }

    fn send(&self, mut message: Vec<u8>) -> io::Result<()> {
        match self {
            Connection::Datagrams(socket) => socket.send(&message).map(drop),
            Connection::Stream(stream) => {
                message.push(0);
                let mut stream: &UnixStream = stream;
                stream.write_all(&message)
            }
        }
    }
}
