//! The comparison itself: it accepts equals, and finds each kind of difference.
#![cfg(feature = "peers")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use map_tests::tools::{self, Suite, Tool};
use map_tests::twin::{Call, Twin};

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

    let mut twin = Twin::between("script", &Suite::new(directory.path()), real);
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
