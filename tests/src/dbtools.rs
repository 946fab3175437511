//! The programs of the Debian package `db5.3-util`, and the text that `db5.3_dump` prints.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

/// A key and one of its data items.
pub type Pair = (Vec<u8>, Vec<u8>);

/// One database of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// Its name, in a file of several.
    pub name: Option<Vec<u8>>,
    /// Its access method: `hash`, `btree`.
    pub method: String,
    /// Its pairs in the order of the dump; a key with several data items is repeated.
    pub pairs: Vec<Pair>,
}

/// The pairs of a file that is one database, as `db5.3_dump` lists them.
///
/// # Panics
/// When the program is missing or refuses the file.
pub fn dump(path: &Path) -> Vec<Pair> {
    let [dump] = <[Dump; 1]>::try_from(dump_all(path)).expect("the file is one database");
    dump.pairs
}

/// All databases of a file, as `db5.3_dump` lists them.
///
/// # Panics
/// When the program is missing or refuses the file.
pub fn dump_all(path: &Path) -> Vec<Dump> {
    let text = succeed(run("db5.3_dump", [path.as_os_str()], b""));
    parse_dump(&text).unwrap_or_else(|error| panic!("dump of {}: {error}", path.display()))
}

/// Loads a dump, or what else `arguments` say of `text`, into the file at `path` with `db5.3_load`.
///
/// # Panics
/// When the program is missing or refuses the text.
pub fn load(path: &Path, arguments: &[&str], text: &[u8]) {
    let arguments = arguments.iter().map(OsStr::new).chain([path.as_os_str()]);
    succeed(run("db5.3_load", arguments, text));
}

/// What `db5.3_verify` has against the file.
///
/// # Errors
/// The program's messages.
///
/// # Panics
/// When the program is missing.
pub fn verify(path: &Path) -> Result<(), String> {
    let output = run("db5.3_verify", [path.as_os_str()], b"");
    if output.status.success() && output.stderr.is_empty() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The number of keys that `db5.3_stat` counts in a hash file. It also notes it on the file's meta
/// page.
///
/// # Panics
/// When the program is missing or refuses the file.
pub fn key_count(path: &Path) -> usize {
    let text = succeed(run("db5.3_stat", [OsStr::new("-d"), path.as_os_str()], b""));
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.ends_with("\tNumber of keys in the database"));
    let number = line.and_then(|line| line.split('\t').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("db5.3_stat does not tell the number of keys: {text}"))
}

fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a OsStr>, input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}, of the Debian package db5.3-util: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    thread::scope(|scope| {
        // A program that does not read its input to the end has a message to say why.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().expect("a child can be waited for")
    })
}

fn succeed(output: Output) -> Vec<u8> {
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && messages.is_empty(), "{}: {messages}", output.status);
    output.stdout
}

/// Reads the text of `db5.3_dump`, with or without `-p`: one element for each database.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_dump(text: &[u8]) -> Result<Vec<Dump>, String> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut dumps = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        if line != b"VERSION=3" {
            return Err(format!("not the start of a dump: {}", line.escape_ascii()));
        }
        dumps.push(parse_database(&mut lines)?);
    }
    Ok(dumps)
}

/// Reads what follows the first line of a database's dump, up to `DATA=END`.
fn parse_database<'t>(lines: &mut impl Iterator<Item = &'t [u8]>) -> Result<Dump, String> {
    let mut dump = Dump::default();
    let mut unescape: fn(&[u8]) -> Option<Vec<u8>> = hex;
    loop {
        let line = lines.next().ok_or("the header has no end")?;
        let equals = line.iter().position(|byte| *byte == b'=').ok_or("not a header line")?;
        match (&line[..equals], &line[equals + 1..]) {
            (b"HEADER", b"END") => break,
            (b"format", b"print") => unescape = unprint,
            (b"database", name) => dump.name = Some(unprint(name).ok_or("malformed name")?),
            (b"type", method) => dump.method = String::from_utf8_lossy(method).into_owned(),
            _ => {}
        }
    }
    let mut item = || {
        let line = lines.next().ok_or("the data have no end")?;
        match line.split_first() {
            Some((b' ', item)) => unescape(item).map(Some).ok_or("malformed data line"),
            _ if line == b"DATA=END" => Ok(None),
            _ => Err("malformed data line"),
        }
    };
    while let Some(key) = item()? {
        dump.pairs.push((key, item()?.ok_or("a key without data")?));
    }
    Ok(dump)
}

/// Two hexadecimal digits a byte.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(hex_byte).collect()
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Bytes as they are, `\\`, and `\` with two hexadecimal digits.
fn unprint(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        text = rest;
        bytes.push(match (first, rest) {
            (b'\\', [b'\\', rest @ ..]) => {
                text = rest;
                b'\\'
            }
            (b'\\', _) => {
                let (digits, rest) = rest.split_first_chunk::<2>()?;
                text = rest;
                hex_byte(digits)?
            }
            (byte, _) => *byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &[u8], data: &[u8]) -> Pair {
        (key.to_vec(), data.to_vec())
    }

    #[test]
    fn both_forms_are_read() {
        let header = "VERSION=3\nformat=print\ntype=hash\ndb_pagesize=512\nHEADER=END\n";
        let text = format!("{header} a\\00\n \n \\\\\n  \\ff=\nDATA=END\n");
        let printed = parse_dump(text.as_bytes()).unwrap();
        assert_eq!(printed.len(), 1);
        assert_eq!(printed[0].method, "hash");
        assert_eq!(printed[0].pairs, [pair(b"a\0", b""), pair(b"\\", b" \xff=")]);

        let header = header.replace("print", "bytevalue");
        let text = format!("{header} 6100\n \n 5c\n 20ff3d\nDATA=END\n");
        assert_eq!(parse_dump(text.as_bytes()).unwrap(), printed);
    }

    #[test]
    fn several_databases_are_told_apart() {
        let one = "VERSION=3\nformat=bytevalue\ndatabase=a\\5c\ntype=btree\nHEADER=END\nDATA=END\n";
        let other = one.replace("a\\5c", "b").replace("btree", "hash");
        let dumps = parse_dump(format!("{one}{other}").as_bytes()).unwrap();
        let names: Vec<_> =
            dumps.into_iter().map(|dump| (dump.name.unwrap(), dump.method)).collect();
        assert_eq!(names, [(b"a\\".to_vec(), "btree".into()), (b"b".to_vec(), "hash".into())]);
    }

    #[test]
    fn malformed_text_is_refused() {
        let header = "VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n";
        let start = |lines: &str| format!("{header}{lines}");
        for text in [
            "VERSION=2\n".into(),
            "VERSION=3\n".into(),
            start(" 61\n 62\n"),
            start(" 61\nDATA=END\n"),
            start("61\n 62\nDATA=END\n"),
            start(" 6\n 62\nDATA=END\n"),
            start(" 6g\n 62\nDATA=END\n"),
            start(" 61\n 62\nDATA=END\nmore\n"),
            start(" 61\\\n 62\nDATA=END\n").replace("bytevalue", "print"),
        ] {
            assert!(parse_dump(text.as_bytes()).is_err(), "{text}");
        }
    }
}
