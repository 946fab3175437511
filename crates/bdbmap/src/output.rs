//! Standard output and messages, and bytes in JSON.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

use serde_json::{Value, json};

/// Standard output in large pieces; whoever writes to it flushes it.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 * 1024, io::stdout().lock())
}

/// Writes a message to standard error. When that is gone there is nobody left to tell.
pub fn tell(message: impl Display) {
    let _ = writeln!(io::stderr(), "bdbmap: {message}");
}

/// A key or value: a string, or an object with the field `hex` where it is not UTF-8.
pub fn json_bytes(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            json!({ "hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
        }
    }
}

/// Writes a value on a line of its own.
pub fn write_json(mut out: impl Write, value: &Value) -> io::Result<()> {
    writeln!(out, "{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_json() {
        for (bytes, text) in [
            (&b"root\0"[..], r#""root\u0000""#),
            (b"", r#""""#),
            ("\u{e9}\"\\".as_bytes(), "\"\u{e9}\\\"\\\\\""),
            (b"a\xff\x00", r#"{"hex":"61ff00"}"#),
        ] {
            assert_eq!(json_bytes(bytes).to_string(), text, "{}", bytes.escape_ascii());
        }
    }
}
