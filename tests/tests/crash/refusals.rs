//! System calls that fail as on file systems, or in kernels, that do not have them: the change is
//! made all the same.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Output;
use std::time::{Duration, SystemTime};

use map_tests::table_types::HASH;
use map_tests::tools;

use crate::calls::SystemCall;
use crate::scene::{Action, Map, Scene};

/// What file systems and kernels say that do not give, or exchange, names.
const NAMES_REFUSED: &[&str] = &[
    "EBUSY",
    "EPERM",
    "EACCES",
    "EXDEV",
    "EINVAL",
    "ENOSYS",
    "EOPNOTSUPP",
    "ENOENT",
    "EIO",
    "EROFS",
    "ENOSPC",
    "EDQUOT",
    "EMLINK",
    "ENAMETOOLONG",
];

/// Asserts that a change succeeded and left nothing.
fn assert_made(scene: &Scene, output: &Output, when: &str) {
    let context = format!("{}, {when}", scene.name);
    assert!(output.status.success() && output.stderr.is_empty(), "{context}: {output:?}");
    assert!(scene.trace().contains("(INJECTED)"), "{context}: not so");
    assert_eq!(scene.look(), Ok(scene.last()), "{context}");
    assert_eq!(scene.left_over(), [""; 0], "{context}");
}

/// Lets one call of a change of a small map, the first that `is` describes, fail with each error.
fn refuse(is: impl Fn(&SystemCall) -> bool, errors: &[&str]) {
    let mut complaints = Vec::new();
    for action in Action::ALL {
        let (scene, calls) = Scene::new(HASH, Map::Small, action, tools::ours());
        let call = calls.iter().find(|call| is(call)).expect("such a call");
        for error in errors {
            scene.lay();
            let inject = format!("inject={}:error={error}:when={}", call.name, call.nth);
            let output = scene.strace(&["-e", &inject]);
            if !output.status.success() {
                complaints.push(format!("{}, {error}: {output:?}", scene.name));
                continue;
            }
            assert_made(&scene, &output, error);
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn each_errno_of_the_exchange_means_overwriting() {
    refuse(|call| call.line.contains("RENAME_EXCHANGE"), NAMES_REFUSED);
}

#[test]
fn each_errno_of_the_naming_is_got_over() {
    refuse(|call| call.name == "linkat", NAMES_REFUSED);
}

#[test]
fn each_errno_of_the_new_file_is_got_over() {
    refuse(
        |call| call.line.contains("O_TMPFILE"),
        &["EOPNOTSUPP", "EISDIR", "EPERM", "EACCES", "ENAMETOOLONG", "EINVAL", "EIO", "EROFS"],
    );
}

/// A new map, where files without a name, names for them, and renaming without replacing are all
/// unknown.
#[test]
fn a_map_is_made_with_the_oldest_calls() {
    for action in [Action::Rebuild, Action::Add] {
        let (scene, calls) = Scene::new(HASH, Map::Missing, action, tools::ours());
        let mut options = Vec::new();
        for name in ["renameat2", "linkat", "link"] {
            options.extend(["-e".to_owned(), format!("inject={name}:error=EINVAL:when=1+")]);
        }
        // The first one: other files are opened after it than in the trace.
        if let Some(call) = calls.iter().find(|call| call.line.contains("O_TMPFILE")) {
            let inject = format!("inject=openat:error=EOPNOTSUPP:when={}", call.nth);
            options.extend(["-e".to_owned(), inject]);
        }
        scene.lay();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let output = scene.strace(&options);
        assert_made(&scene, &output, "as of old");
    }
}

/// Postfix's daemons look at the time of the file that they have open to see that there is another.
#[test]
fn killed_between_exchange_and_unlink_the_old_file_has_another_time() {
    for (action, maker) in
        Action::ALL.into_iter().zip([tools::ours(), tools::real(), tools::ours()])
    {
        let (scene, calls) = Scene::new(HASH, Map::Small, action, maker);
        let exchange = calls.iter().position(|call| call.line.contains("RENAME_EXCHANGE"));
        let mut later = calls[exchange.expect("an exchange")..].iter();
        let unlink = later.find(|call| call.name.starts_with("unlink")).expect("a removal");

        scene.lay();
        let (path, name) = (scene.path("m.db"), &scene.name);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let old = fs::metadata(&path).unwrap();
        let inject = format!("inject={}:signal=SIGKILL:when={}", unlink.name, unlink.nth);
        scene.strace(&["-e", &inject]);
        assert_eq!(scene.look(), Ok(scene.last()), "{name}");
        let left = scene.left_over();
        let [left] = left.as_slice() else { panic!("{name}: {left:?}") };
        let left = fs::metadata(scene.path(left)).unwrap();
        assert_eq!(left.ino(), old.ino(), "{name}");
        assert_ne!(left.modified().unwrap(), time, "{name}: the old file has its old time");
        assert_eq!(scene.settle(scene.last()), Ok(()), "{name}");
    }
}
