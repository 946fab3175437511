//! The comparison itself: it accepts equals, and finds each kind of difference.
#![cfg(feature = "peers")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use map_tests::dbtools;
use map_tests::table_types::{HASH, TABLE_TYPES, TableType};
use map_tests::tools::{self, Suite, Tool};
use map_tests::twin::{Call, Outcome, Status, Twin};

/// Runs create, list and query with a program in the place of ours that is the real one, with
/// `before` and `after` it in a shell script. Returns the first difference.
fn compare_script(tool: Tool, before: &str, after: &str) -> Result<(), String> {
    let real = tools::real();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join(tool.name());
    let program = real.program(tool);
    let text = format!(
        "#!/bin/sh\n{before}\n{} \"$@\"\nstatus=$?\n{after}\nexit $status\n",
        program.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();

    let mut twin = Twin::between(HASH, "script", &Suite::new(directory.path()), real);
    twin.file("m", b"a: b\nA: c\nd: e\n");
    twin.try_run(&Call::line(tool, b"hash:m"))?;
    twin.try_read(&Call::line(tool, b"-s hash:m"))?;
    twin.try_read(&Call::line(tool, b"-q - hash:m").stdin("a\na:\nzz\n"))?;
    twin.try_read(&Call::line(tool, b"-fq YP_LAST_MODIFIED hash:m"))?;
    Ok(())
}

#[test]
fn equals_are_accepted() {
    for tool in [Tool::Postmap, Tool::Postalias] {
        assert_eq!(compare_script(tool, "", ""), Ok(()));
    }
}

#[test]
fn every_kind_of_difference_is_found() {
    for (before, after, difference) in [
        ("", "[ $status = 0 ] || status=2", "status Exit(2), expected Exit(1)"),
        ("", "echo more", "stdout differs"),
        ("", "echo 'postmap: warning: more' >&2", "stderr differs"),
        ("exec 2>&-", "", "stderr differs"),
        ("", "touch more", "files left"),
        ("", "chmod 600 m.db", "m.db: \n ours: Attributes { mode: \"100600\""),
        ("", "ln -sf m.db l; ln -s m.db ../real/l 2>&-; ln -sf m l", "l: \n ours: Attributes"),
        ("sed -i s/e$/f/ m", "sed -i s/f$/e/ m", "m.db: 2 pairs in ours, 2 in real"),
        ("", "echo more >>etc/main.cf", "etc/main.cf: contents differ"),
        ("case $PWD$1 in */real-s) set -- -q a hash:m;; esac", "", "ours on the files of real"),
        ("", "kill -9 $$", "status Signal(9), expected Exit(0)"),
    ] {
        let found = compare_script(Tool::Postmap, before, after).unwrap_err();
        assert!(found.contains(difference), "{before}; {after}: {found}");
    }
}

#[test]
fn a_stale_time_is_no_present_time() {
    let after = r#"case $2 in YP*) echo 1000000000; esac"#;
    let found = compare_script(Tool::Postalias, "", after).unwrap_err();
    assert!(found.contains("1000000000"), "{found}");
}

/// What the real program says of a command, on either side.
fn real_run(twin: &mut Twin, line: &[u8]) -> Outcome {
    twin.run(&Call::line(Tool::Postmap, line).stdin("new 3\n"))
}

/// A twin, both sides of which are Postfix's.
fn real_twin(table_type: &'static TableType) -> Twin {
    let mut twin = Twin::between(table_type, "real twice", tools::real(), tools::real());
    twin.file("m", b"k 1\nj 2\n");
    let made = real_run(&mut twin, b"hash:m");
    let said = String::from_utf8_lossy(&made.stderr);
    assert_eq!(made.status, Status::Exit(0), "{}: {said}", table_type.name);
    assert!(twin.has("m.db"), "{}", table_type.name);
    twin
}

/// Every element of the list tells what real Postfix does.
#[test]
fn table_types_are_as_described() {
    for table_type in TABLE_TYPES {
        let name = table_type.name;
        let mut twin = real_twin(table_type);
        let mut succeeds = |line: &[u8]| real_run(&mut twin, line).status == Status::Exit(0);
        assert!(succeeds(b"-q k hash:m"), "{name}");
        assert_eq!(succeeds(b"-N -q k hash:m"), table_type.keys_end_in_nul, "{name}");
        assert_eq!(succeeds(b"-n -q k hash:m"), !table_type.keys_end_in_nul, "{name}");
        assert_eq!(succeeds(b"-s hash:m"), table_type.lists, "{name}");
        assert_eq!(succeeds(b"-i hash:m"), table_type.changes, "{name}");
        assert_eq!(succeeds(b"-d k hash:m"), table_type.changes, "{name}");
    }
}

/// Cases written for `hash:` and `.db` are run with the type of the twin.
#[test]
fn cases_run_with_other_types() {
    for table_type in TABLE_TYPES {
        let name = table_type.name;
        let mut twin = real_twin(table_type);
        let mut run = |line: &[u8]| real_run(&mut twin, line);
        assert_eq!(run(b"-q k hash:m").stdout, b"1\n", "{name}");
        assert_eq!(run(b"-q k m").stdout, b"1\n", "{name}: the default type");
        let missing = String::from_utf8(run(b"-q k hash:nofile").stderr).unwrap();
        let file = table_type.file_name("nofile.db");
        assert!(missing.contains(&*file), "{name}: {missing}");
        run(b"-s hash:m");
        run(b"-i hash:m");
        run(b"-d j hash:m");
        run(b"-s hash:m");
        let new: &[u8] = if table_type.changes { b"3\n" } else { b"" };
        assert_eq!(run(b"-q new hash:m").stdout, new, "{name}");
        twin.mode("m.db", 0o600);
        twin.hard_link("m.db", "other.db");
        twin.rename("other.db", "target.db");
        twin.link("target.db", "linked.db");
        twin.read(&Call::line(Tool::Postmap, b"-q k hash:linked"));

        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), twin.real_file("linked.db")).unwrap();
        if table_type.suffix == HASH.suffix {
            assert_eq!(dbtools::dump_all(file.path())[0].method, name);
        } else {
            // The first table of a constant database begins behind its 2,048 bytes of head.
            let records = twin.real_file("linked.db").split_off(2_048);
            assert!(records.starts_with(b"\x01\0\0\0\x01\0\0\0k1"), "{name}");
        }
    }
}

/// Aliases have the time in them, and the sides are not made in the same second.
#[test]
fn other_types_may_differ_in_time() {
    let real = tools::real();
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("postalias");
    let program = real.program(Tool::Postalias);
    fs::write(&script, format!("#!/bin/sh\nsleep 1.1\nexec {} \"$@\"\n", program.display()))
        .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for table_type in TABLE_TYPES {
        let suite = Suite::new(directory.path());
        let mut twin = Twin::between(table_type, "later", &suite, real);
        twin.file("m", b"root: admin\n");
        assert_eq!(twin.run(&Call::line(Tool::Postalias, b"hash:m")).status, Status::Exit(0));
    }
    // Another difference is found.
    let other = format!(
        "#!/bin/sh\nsed -i s/admin/nobod/ m\n{} $1\nsed -i s/nobod/admin/ m\n",
        program.display()
    );
    fs::write(&script, other).unwrap();
    for table_type in TABLE_TYPES {
        let suite = Suite::new(directory.path());
        let mut twin = Twin::between(table_type, "other", &suite, real);
        twin.file("m", b"root: admin\n");
        let difference = twin.try_run(&Call::line(Tool::Postalias, b"hash:m")).unwrap_err();
        assert!(difference.contains(table_type.suffix), "{difference}");
    }
}
