//! `-j`, an addition of Postfix 3.12 (postmap specification, sections 1 and 5, postalias
//! specification, section 1).

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAMS: [&str; 2] = [env!("CARGO_BIN_EXE_postmap"), env!("CARGO_BIN_EXE_postalias")];

/// Standard output, standard error and exit status of a program.
fn run(directory: &Path, program: &str, line: &str, stdin: &str) -> (String, String, i32) {
    let mut child = Command::new(program)
        .args(line.split_whitespace())
        .current_dir(directory)
        .env("MAIL_CONFIG", ".")
        .env_remove("MAIL_VERBOSE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn what_is_found_is_printed_as_json() {
    for program in PROGRAMS {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
        let is_postmap = program == PROGRAMS[0];
        // No value of an alias has a quoted backslash, so the texts differ.
        let text = if is_postmap { "A x\\y\nb 1\t\"2\"\n" } else { "A: x\nb: y\n" };
        let (a, b) = if is_postmap { (r"x\\y", r#"1\t\"2\""#) } else { ("x", "y") };
        fs::write(directory.path().join("m"), text).unwrap();
        let a = format!("{{\"A\": \"{a}\"}}\n");
        let b = format!("{{\"b\": \"{b}\"}}\n");
        let check = |line: &str, stdin: &str, stdout: &str, status: i32| {
            let found = run(directory.path(), program, line, stdin);
            assert_eq!(found, (stdout.to_owned(), String::new(), status), "{program} {line}");
        };
        check("hash:m", "", "", 0);
        check("-jq A hash:m", "", &a, 0);
        check("-j -q - hash:m", "A\nzz\nb\n", &format!("{a}{b}"), 0);
        check("-jq zz hash:m", "", "", 1);
        let (stdout, ..) = run(directory.path(), program, "-sj hash:m", "");
        let mut listed: Vec<&str> = stdout.lines().collect();
        listed.retain(|line| !line.contains("\"YP_") && !line.contains("\"@\""));
        listed.sort();
        assert_eq!(listed, [a.to_lowercase().trim_end(), b.trim_end()]);
    }
}

#[test]
fn it_is_for_queries_and_lists_only() {
    let directory = tempfile::tempdir().unwrap();
    for (program, name) in PROGRAMS.into_iter().zip(["postmap", "postalias"]) {
        for line in ["-j hash:m", "-ji hash:m", "-jd k hash:m", "-j"] {
            let message = format!("{name}: fatal: option -j requires -q or -s\n");
            assert_eq!(run(directory.path(), program, line, ""), (String::new(), message, 1));
        }
    }
}
