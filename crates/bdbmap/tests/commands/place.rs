//! A directory to run the program in.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory to run the program in.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        Place(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Copies a golden file.
    pub fn golden(&self, name: &str) {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
        let file = Path::new(name).file_name().unwrap();
        fs::copy(golden.join(name), self.0.path().join(file)).unwrap();
    }

    pub fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bdbmap"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input to the end has a message to say why.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    /// Runs the program and asserts its exit status, all of its output, and a part of its messages;
    /// without a part, that there are none.
    #[track_caller]
    pub fn expect(
        &self,
        arguments: &[&str],
        input: &str,
        status: i32,
        output: &str,
        message: &str,
    ) {
        let run = self.run(arguments, input.as_bytes());
        let messages = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(status), "{arguments:?}: {messages}");
        assert_eq!(String::from_utf8_lossy(&run.stdout), output, "{arguments:?}");
        assert!(messages.contains(message), "{arguments:?}: {messages}");
        assert_eq!(messages.is_empty(), message.is_empty(), "{arguments:?}: {messages}");
    }
}
