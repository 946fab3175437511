//! The commands on cdb files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::place::Place;

/// What `cdb -d` prints of five records, two of which have the same key and one a NUL.
const TEXT: &str = "+4,3:root->bob\n+3,1:two->1\n+5,2:nul\u{0}x->a\u{0}\n+3,1:two->2\n+0,0:->\n\n";

/// A place where `m.cdb` holds the records of `TEXT`.
fn loaded() -> Place {
    let place = Place::new();
    place.expect(&["load", "m.cdb"], TEXT, 0, "", "");
    place
}

#[test]
fn what_was_loaded_is_dumped() {
    let place = loaded();
    // The format is told by a table's type, by the contents, or by the suffix.
    fs::copy(place.path("m.cdb"), place.path("copy.old")).unwrap();
    for name in ["m.cdb", "cdb:m", "copy.old"] {
        place.expect(&["dump", name], "", 0, TEXT, "");
    }
    place.expect(&["dump", "--print", "m.cdb"], "", 0, TEXT, "");
    place.expect(&["dump", "--list", "m.cdb"], "", 1, "", "");
    place.expect(&["dump", "-s", "name", "m.cdb"], "", 2, "", "m.cdb: databases in cdb files");
    let objects = place.run(&["dump", "--json", "m.cdb"], b"").stdout;
    let objects = String::from_utf8(objects).unwrap();
    assert!(objects.starts_with("{\"key\":\"root\",\"value\":\"bob\"}\n"), "{objects}");
    assert_eq!(objects.lines().count(), 5);
    // A file of Berkeley DB is one by its contents, whatever its name.
    place.golden("postmap.db");
    fs::rename(place.path("postmap.db"), place.path("odd.cdb")).unwrap();
    let text = place.run(&["dump", "odd.cdb"], b"").stdout;
    assert!(text.starts_with(b"VERSION=3\n"));
}

#[test]
fn loading() {
    for (options, text, status, message) in [
        (&[][..], TEXT, 0, ""),
        (&["-n"], TEXT, 1, "there already, not loaded: two"),
        (&[], "\n", 0, ""),
        (&[], "", 2, "standard input: record 1: text ends early"),
        (&[], "+1,1:a->b\n", 2, "record 2: text ends early"),
        (&[], "+1,9:a->b\n\n", 2, "record 1: text ends early"),
        (&[], "VERSION=3\n", 2, "record 1: does not start with +"),
        (&["-T"], TEXT, 2, "texts of cdb files have but one form"),
        (&["-s", "name"], TEXT, 2, "databases in cdb files have no names"),
    ] {
        let place = Place::new();
        let arguments = [&["load"], options, &["m.cdb"]].concat();
        place.expect(&arguments, text, status, "", message);
        // All or nothing.
        let left: Vec<_> = fs::read_dir(place.0.path()).unwrap().collect();
        assert_eq!(left.len(), usize::from(status < 2), "{left:?}");
    }
    let place = loaded();
    let before = fs::read(place.path("m.cdb")).unwrap();
    place.expect(&["load", "cdb:m"], "+1,1:a->b\n\n", 2, "", "m.cdb: File exists");
    assert_eq!(fs::read(place.path("m.cdb")).unwrap(), before);
    place.expect(&["load", "--force", "cdb:m"], "+1,1:a->b\n\n", 0, "", "");
    place.expect(&["get", "cdb:m", "a"], "", 0, "b\n", "");
    assert_eq!(fs::metadata(place.path("m.cdb")).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn keys_are_found_as_postfix_finds_them() {
    let place = loaded();
    for (arguments, status, output) in [
        (&["ROOT"][..], 0, "bob\n"),
        (&["two"], 0, "1\n2\n"),
        (&["nobody"], 1, ""),
        (&["-e", "nul\\00x"], 0, "a\\00\n"),
        (&["--json", "root"], 0, "{\"key\":\"root\",\"value\":\"bob\"}\n"),
    ] {
        place.expect(&[&["get", "cdb:m"], arguments].concat(), "", status, output, "");
    }
}

#[test]
fn tables_compared() {
    let place = loaded();
    place.expect(&["diff", "m.cdb", "m.cdb"], "", 0, "", "");
    let less = "+4,3:root->eve\n+0,0:->\n+3,1:two->1\n+3,1:two->2\n+3,1:new->x\n\n";
    place.expect(&["load", "n.cdb"], less, 0, "", "");
    let run = place.run(&["diff", "m.cdb", "n.cdb"], b"");
    assert_eq!(run.status.code(), Some(1));
    let expected = "- root\tbob\n+ root\teve\n- nul\\00x\ta\n+ new\tx\n";
    assert_eq!(String::from_utf8(run.stdout).unwrap(), expected);
    // Types can be mixed: what differs is what lookups find.
    place.expect(&["load", "-T", "h.db"], "root\\00\nbob\\00\n", 0, "", "");
    place.expect(&["load", "--force", "n.cdb"], "+4,3:root->bob\n\n", 0, "", "");
    place.expect(&["diff", "hash:h", "cdb:n"], "", 0, "", "");
    place.expect(
        &["diff", "--exact", "cdb:n", "hash:h"],
        "",
        1,
        "- root\tbob\n+ root\\00\tbob\\00\n",
        "",
    );
    place.write("n", "ROOT bob\n");
    place.expect(&["diff", "--text", "cdb:n"], "", 0, "", "");
}

#[test]
fn figures() {
    let place = loaded();
    let table = String::from_utf8(place.run(&["stat", "m.cdb"], b"").stdout).unwrap();
    for (label, value) in [("records", "5"), ("length of keys", "0 to 5, 3 on average")] {
        let line = table.lines().find(|line| line.starts_with(label)).unwrap();
        assert_eq!(line[label.len()..].trim(), value, "{table}");
    }
    let object = place.run(&["stat", "--json", "m.cdb"], b"").stdout;
    let object: serde_json::Value = serde_json::from_slice(&object).unwrap();
    assert_eq!((&object["records"], &object["slots"]), (&5.into(), &10.into()));
    let distances = object["distances"].as_object().unwrap();
    assert_eq!(distances.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 5);
}

#[test]
fn damage_is_found() {
    let place = loaded();
    let run = place.run(&["verify", "m.cdb"], b"");
    assert_eq!(run.status.code(), Some(0));
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.ends_with("m.cdb: sound: 5 records, notes: 1\n"), "{text}");
    let sound = fs::read(place.path("m.cdb")).unwrap();
    let mut file = sound.clone();
    // The length of the first key.
    file[2048] = 99;
    fs::write(place.path("damaged.cdb"), &file).unwrap();
    place.expect(&["verify", "-q", "damaged.cdb"], "", 1, "", "");
    let text = place.run(&["verify", "damaged.cdb"], b"").stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("damaged.cdb: damage: offset "), "{text}");
    assert!(text.contains("damaged.cdb: damaged: "), "{text}");
    let text = place.run(&["verify", "--json", "damaged.cdb"], b"").stdout;
    let text = String::from_utf8(text).unwrap();
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["severity"], "damage");
    assert!(first["offset"].is_u64(), "{first}");
    fs::write(place.path("short.cdb"), &sound[..1000]).unwrap();
    for command in ["verify", "stat", "dump"] {
        place.expect(&[command, "short.cdb"], "", 2, "", "short.cdb: not a cdb file");
    }
    place.expect(&["salvage", "m.cdb"], "", 2, "", "m.cdb: not a Berkeley DB file");
    place.expect(&["recover", "m.cdb"], "", 0, "m.cdb: no change was interrupted\n", "");
}
