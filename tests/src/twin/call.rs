//! A command line, and how it ended.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::table_types::TableType;
use crate::tools::{Suite, Tool};

/// A command line for either side: arguments, standard input, environment, umask.
///
/// Unless told otherwise standard input is empty, and the environment holds `MAIL_CONFIG=./etc` and
/// nothing else.
#[derive(Clone, Debug)]
pub struct Call {
    tool: Tool,
    arguments: Vec<Vec<u8>>,
    pub(super) stdin: Vec<u8>,
    environment: Vec<(String, String)>,
    umask: Option<u32>,
    user: Option<u32>,
    /// Whether standard input is a pipe, not a file.
    piped: bool,
    /// A file of the directory that is standard input in the place of `stdin`.
    stdin_file: Option<String>,
}

impl Call {
    /// Runs `tool` with these arguments.
    pub fn new<A: Into<Vec<u8>>>(tool: Tool, arguments: impl IntoIterator<Item = A>) -> Self {
        Call {
            tool,
            arguments: arguments.into_iter().map(Into::into).collect(),
            stdin: Vec::new(),
            environment: vec![("MAIL_CONFIG".into(), "./etc".into())],
            umask: None,
            user: None,
            piped: false,
            stdin_file: None,
        }
    }

    /// Runs `tool` with the arguments in `line`, which are separated by single spaces.
    pub fn line(tool: Tool, line: &[u8]) -> Self {
        let words = line.split(|&byte| byte == b' ');
        Call::new(tool, words.filter(|word| !word.is_empty()))
    }

    /// Gives the program `bytes` on standard input, from a regular file.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Gives the program what is on standard input through a pipe.
    pub fn piped(mut self) -> Self {
        self.piped = true;
        self
    }

    /// Gives the program a file of the directory on standard input.
    pub fn stdin_file(mut self, name: &str) -> Self {
        self.stdin_file = Some(name.into());
        self
    }

    /// Runs the program as this user, and the group with the same number; needs root.
    pub fn user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs the program under this umask.
    pub fn umask(mut self, umask: u32) -> Self {
        self.umask = Some(umask);
        self
    }

    /// The command, written for `hash:`, for another type of tables.
    pub(super) fn of_type(&self, table_type: &TableType) -> Self {
        let mut call = self.clone();
        for argument in &mut call.arguments {
            *argument = table_type.argument(argument).into_owned();
        }
        if let Some(name) = &mut call.stdin_file {
            *name = table_type.file_name(name).into_owned();
        }
        call
    }

    /// Whether the program lists a table: the order of its lines is the table's own affair.
    pub(super) fn lists(&self) -> bool {
        self.has_option(b's')
    }

    /// Whether the program tells its user more than warnings and errors.
    pub(super) fn is_verbose(&self) -> bool {
        self.has_option(b'v') || self.environment.iter().any(|(name, _)| name == "MAIL_VERBOSE")
    }

    fn has_option(&self, letter: u8) -> bool {
        self.arguments
            .iter()
            .any(|argument| argument.starts_with(b"-") && argument.contains(&letter))
    }

    /// Runs the program of `suite` in `directory`, with standard input from the file `stdin`.
    pub(super) fn run(&self, suite: &Suite, directory: &Path, stdin: &Path) -> Outcome {
        let program = suite.program(self.tool);
        let mut command = match self.umask {
            None => Command::new(&program),
            Some(umask) => {
                let mut shell = Command::new("/bin/sh");
                shell.arg("-c").arg(format!(r#"umask {umask:03o}; exec "$0" "$@""#)).arg(&program);
                shell
            }
        };
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        let stdin = match &self.stdin_file {
            None => stdin.to_owned(),
            Some(name) => directory.join(name),
        };
        let stdin = if self.piped {
            Stdio::piped()
        } else {
            File::open(stdin).expect("the file was just written").into()
        };
        let mut child = command
            .args(self.arguments.iter().map(|bytes| OsStr::from_bytes(bytes)))
            .current_dir(directory)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .envs(suite.preload().map(|object| ("LD_PRELOAD", object)))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let pipe = child.stdin.take();
        let output = thread::scope(|scope| {
            if let Some(mut pipe) = pipe {
                // A program need not read its input to the end.
                scope.spawn(move || pipe.write_all(&self.stdin).ok());
            }
            child.wait_with_output().expect("a child can be waited for")
        });
        let status = match (output.status.code(), output.status.signal()) {
            (Some(code), _) => Status::Exit(code),
            (None, signal) => Status::Signal(signal.unwrap_or_default()),
        };
        Outcome { status, stdout: output.stdout, stderr: output.stderr }
    }

    /// The command as a line for a shell that stands in `directory`.
    pub(super) fn shell(&self, suite: &Suite, directory: &Path, stdin: &Path) -> String {
        let mut line = format!("cd {} && ", directory.display());
        if let Some(umask) = self.umask {
            line += &format!("umask {umask:03o} && ");
        }
        if let Some(user) = self.user {
            line += &format!("setpriv --reuid {user} --regid {user} --clear-groups ");
        }
        line += "env -i";
        for (name, value) in &self.environment {
            line += &format!(" {name}={}", quoted(value.as_bytes()));
        }
        if let Some(object) = suite.preload() {
            line += &format!(" LD_PRELOAD={}", object.display());
        }
        line += &format!(" {}", suite.program(self.tool).display());
        for argument in &self.arguments {
            line += &format!(" {}", quoted(argument));
        }
        match &self.stdin_file {
            Some(name) => line + " <" + name,
            None if self.piped => format!("cat {} | ({line})", stdin.display()),
            None => line + &format!(" <{}", stdin.display()),
        }
    }
}

/// `bytes` as one word of a shell's command line.
fn quoted(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=,+@".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!("$'{}'", bytes.escape_ascii())
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this exit status.
    Exit(i32),
    /// Killed by this signal.
    Signal(i32),
}

/// All that a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit status or signal.
    pub status: Status,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}
