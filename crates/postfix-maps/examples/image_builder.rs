//! Makes the tables of an image from a directory of texts: from `NAME.map` the tables `hash:NAME`
//! and `cdb:NAME`, with the same bytes each time.
//!
//! ```sh
//! cargo run -p postfix-maps --example image_builder -- image/etc/postfix 640
//! ```
//!
//! Prints how many entries each table has, and warnings with file and line. A key that comes twice is
//! refused, and so are files that cannot be read; tables that were made before then stay. The mode,
//! 644 if none is given, is that of new tables; those that are there keep their own.
//!
//! A static binary, which needs nothing of the image, not even a C library:
//!
//! ```sh
//! RUSTFLAGS="-C target-feature=+crt-static" cargo build --release -p postfix-maps \
//!     --example image_builder --target x86_64-unknown-linux-gnu
//! ```
//!
//! It is `target/x86_64-unknown-linux-gnu/release/examples/image_builder`. The target has to be named
//! even if it is this machine: the flags would hold for procedural macros, too, otherwise.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use postfix_maps::{Duplicates, NewTable, Syntax, TableSpec, TableText, WriteOptions};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = env::args_os().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("usage: image_builder DIRECTORY [MODE]")?);
    let mode = match arguments.next() {
        Some(mode) => u32::from_str_radix(&mode.to_string_lossy(), 8)?,
        None => 0o644,
    };
    let warn = |warning: &str| eprintln!("warning: {warning}");
    for (table, entries) in build(&directory, mode, warn)? {
        println!("{table}: {entries} entries");
    }
    Ok(())
}

/// Makes the tables of all texts in a directory: gives their names, and how many entries they have.
fn build(directory: &Path, mode: u32, mut warn: impl FnMut(&str)) -> Result<Vec<(TableSpec, u32)>> {
    let mut paths =
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "map"));
    paths.sort();

    let options =
        WriteOptions::default().reproducible(true).mode(mode).duplicates(Duplicates::Refuse);
    let mut made = Vec::new();
    for path in paths {
        let text = fs::read(&path)?;
        let name = path.as_os_str().as_encoded_bytes();
        let source = TableText { name, text: &text, syntax: Syntax::MAP };
        for table_type in ["hash", "cdb"] {
            let table = TableSpec::new(table_type, path.with_extension(""));
            let summary = NewTable::open(&table, options.clone())?.compile(&source, |warning| {
                // Both tables are made of one text: its warnings are wanted once.
                if table_type == "hash" {
                    warn(&warning.escape_ascii().to_string());
                }
            })?;
            made.push((table, summary.entries));
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use postfix_maps::{Error, ErrorKind, Table};

    use super::*;

    #[test]
    fn same_bytes_given_mode_warnings_and_no_duplicates() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut warnings = Vec::new();
        for directory in [&one, &other] {
            fs::write(directory.path().join("access.map"), "192.0.2 REJECT\nlonely\n").unwrap();
            fs::write(directory.path().join("virtual.map"), "A@x.org a\n@x.org b\n").unwrap();
            let made = build(directory.path(), 0o640, |warning| warnings.push(warning.to_owned()));
            assert!(made.unwrap().iter().map(|(_, entries)| entries).eq(&[1, 1, 2, 2]));
        }
        let place = format!("{}/access.map, line 2: ", one.path().display());
        assert!(warnings.len() == 2 && warnings[0].starts_with(&place), "{warnings:?}");
        assert_eq!(fs::read_dir(&one).unwrap().count(), 2 + 4, "nothing else is left");
        for file in ["access.cdb", "access.db", "virtual.cdb", "virtual.db"] {
            let (one, other) = (one.path().join(file), other.path().join(file));
            assert!(fs::read(&one).unwrap() == fs::read(other).unwrap(), "{file}");
            assert_eq!(fs::metadata(one).unwrap().permissions().mode() & 0o7777, 0o640, "{file}");
        }
        let table = Table::open(TableSpec::new("cdb", one.path().join("virtual"))).unwrap();
        assert_eq!(table.get("a@X.org").unwrap().as_deref(), Some(&b"a"[..]));

        fs::write(one.path().join("twice.map"), "a@x.org a\nA@x.org b\n").unwrap();
        let error = build(one.path(), 0o644, |_| {}).unwrap_err();
        assert_eq!(error.downcast_ref::<Error>().unwrap().kind(), ErrorKind::DuplicateKey);
        assert!(error.to_string().ends_with("twice.map, line 2: duplicate entry: \"a@x.org\""));
        assert!(!one.path().join("twice.db").exists());
    }
}
