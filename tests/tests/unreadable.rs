//! Sources and keys that cannot be read to the end. Postfix takes that for the end, and makes an
//! empty table or half of one, with status 0; ours change nothing and say so.
#![cfg(feature = "peers")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};

use map_tests::table_types::{TABLE_TYPES, TableType};
use map_tests::tools::{self, Tool};
use tempfile::TempDir;

struct Place {
    directory: TempDir,
    table_type: &'static TableType,
}

impl Place {
    /// A place for tables of each type.
    fn each() -> impl Iterator<Item = Self> {
        TABLE_TYPES.iter().map(|table_type| Place::new(table_type))
    }

    fn new(table_type: &'static TableType) -> Self {
        let place = Place { directory: tempfile::tempdir().unwrap(), table_type };
        fs::write(place.path("main.cf"), "").unwrap();
        fs::create_dir(place.path("directory")).unwrap();
        let text: String = (0..1_000).map(|i| format!("key{i} value{i}\n")).collect();
        fs::write(place.path("m"), text).unwrap();
        assert!(place.run(None, "hash:m", "main.cf").status.success());
        let keys: String = (0..1_000).map(|i| format!("key{i}\n")).collect();
        fs::write(place.path("keys"), keys).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(&*self.table_type.file_name(name))
    }

    /// The command lines that change a table, if that can be done with the type.
    fn changes<'l>(&self, lines: [&'l str; 3]) -> impl Iterator<Item = &'l str> {
        lines.into_iter().filter(|_| self.table_type.changes)
    }

    /// Runs our program, below `strace` if that is to make something fail.
    fn run(&self, strace: Option<&[String; 2]>, line: &str, stdin: &str) -> Output {
        let program = tools::ours().program(Tool::Postmap);
        let mut command = match strace {
            None => Command::new(program),
            Some([inject, path]) => {
                let mut command = Command::new("strace");
                // Of a path that is not absolute, strace says what it stands for.
                command.args(["-f", "-o", "/dev/null", "-e", inject, "-P", path]).arg(program);
                command
            }
        };
        command.current_dir(&self.directory).env("MAIL_CONFIG", ".");
        command.args(self.table_type.line(line).split(' '));
        command.stdin(File::open(self.path(stdin)).unwrap()).output().unwrap()
    }

    /// The names in the directory but for what a failed build leaves, and the table.
    fn state(&self) -> (Vec<String>, Vec<u8>) {
        let names = fs::read_dir(&self.directory).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_leftover = |name: &String| {
            self.table_type.leftover.is_some_and(|leftover| name.ends_with(leftover))
        };
        let mut names: Vec<String> = names.filter(|name| !is_leftover(name)).collect();
        names.sort();
        (names, fs::read(self.path("m.db")).unwrap())
    }

    /// Checks that a command fails with a message, and changes nothing.
    fn refuses(&self, strace: Option<&[String; 2]>, line: &str, stdin: &str, message: &str) {
        let before = self.state();
        let output = self.run(strace, line, stdin);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said, format!("postmap: fatal: {message}\n"), "{strace:?} {line}");
        assert_eq!(output.status.code(), Some(1), "{strace:?} {line}");
        assert!(self.state() == before, "{strace:?} {line}");
    }
}

#[test]
fn a_directory_is_no_source() {
    for place in Place::each() {
        let reason = "Is a directory";
        place.refuses(
            None,
            "hash:directory",
            "keys",
            &format!("error reading directory: {reason}"),
        );
        fs::create_dir(place.path("d")).unwrap();
        fs::copy(place.path("m.db"), place.path("d.db")).unwrap();
        let before = fs::read(place.path("d.db")).unwrap();
        place.refuses(None, "hash:d", "keys", &format!("error reading d: {reason}"));
        assert!(fs::read(place.path("d.db")).unwrap() == before);
        for line in place.changes(["-i hash:m", "-i hash:new", "-d - hash:m"]) {
            place.refuses(None, line, "directory", &format!("error reading stdin: {reason}"));
        }
    }
}

#[test]
fn a_read_error_is_not_the_end_of_the_text() {
    for place in Place::each() {
        for when in ["when=1", "when=2", "when=1+2"] {
            let inject = format!("inject=read:error=EIO:{when}");
            let fails =
                |name: &str| [inject.clone(), place.path(name).to_str().unwrap().to_owned()];
            place.refuses(
                Some(&fails("m")),
                "hash:m",
                "keys",
                "error reading m: Input/output error",
            );
            let message = "error reading stdin: Input/output error";
            for line in place.changes(["-ri hash:m", "-i hash:new", "-d - hash:m"]) {
                place.refuses(Some(&fails("keys")), line, "keys", message);
            }
            // Making a table where there was none.
            fs::copy(place.path("m"), place.path("fresh")).unwrap();
            let message = "error reading fresh: Input/output error";
            place.refuses(Some(&fails("fresh")), "hash:fresh", "keys", message);
        }
    }
}

/// Answers to keys change nothing: there the end is the end, as in Postfix.
#[test]
fn keys_to_look_up_may_end_in_an_error() {
    for place in Place::each() {
        let keys = place.path("keys").to_str().unwrap().to_owned();
        let inject = ["inject=read:error=EIO:when=2+".to_owned(), keys];
        let output = place.run(Some(&inject), "-q - hash:m", "keys");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(output.stdout.starts_with(b"key0\tvalue0\n"));
    }
}
