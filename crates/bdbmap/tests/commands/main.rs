//! The program as its users run it. Needs no peer: what db5.3_dump printed of the golden files lies
//! beside them.

mod btree;
mod cdb;
mod place;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use place::Place;

/// A dump of two keys; one of them and its value end in a NUL.
const TEXT: &str = "VERSION=3\nformat=print\ntype=hash\nh_nelem=2\ndb_pagesize=1024\nHEADER=END\n \
    root\\00\n bob\\00\n caf\\c3\\a9\n \\ff\nDATA=END\n";

/// A place where `m.db` holds the pairs of `TEXT`.
fn loaded() -> Place {
    let place = Place::new();
    place.expect(&["load", "m.db"], TEXT, 0, "", "");
    place
}

#[test]
fn dumps_are_those_of_libdb() {
    let place = Place::new();
    for name in ["postmap", "named", "duplicates-big-endian-checksums", "version-8-checksums"] {
        place.golden(&format!("{name}.db"));
        place.golden(&format!("{name}.dump"));
        let dump = fs::read_to_string(place.path(&format!("{name}.dump"))).unwrap();
        place.expect(&["dump", "-p", &format!("{name}.db")], "", 0, &dump, "");
        place.expect(&["dump", "-p", &format!("hash:{name}")], "", 0, &dump, "");
    }
    let names = "back\\\\slash\ncaf\\c3\\a9\nempty\nletters\n";
    place.expect(&["dump", "-l", "named.db"], "", 0, names, "");
    place.expect(&["dump", "-l", "postmap.db"], "", 1, "", "");
    let empty = "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=512\nHEADER=END\nDATA=END\n";
    place.expect(&["dump", "-s", "empty", "named.db"], "", 0, empty, "");
}

#[test]
fn what_was_loaded_is_dumped() {
    let place = loaded();
    let dumped = place.run(&["dump", "--print", "m.db"], b"").stdout;
    let lines = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(lines(&String::from_utf8(dumped).unwrap()), lines(TEXT));
    // In hexadecimal digits, too.
    let dumped = place.run(&["dump", "m.db"], b"").stdout;
    place.expect(&["load", "n.db"], str::from_utf8(&dumped).unwrap(), 0, "", "");
    place.expect(&["diff", "--exact", "m.db", "n.db"], "", 0, "", "");
}

#[test]
fn a_table_for_loading() {
    let header = |lines: &str| TEXT.replace("h_nelem=2\n", lines);
    let twice = TEXT.replace("caf\\c3\\a9", "root\\00");
    let no_end = TEXT.replace("DATA=END\n", "");
    let (odd_size, two) = (
        header("db_pagesize=4000\n").replace("db_pagesize=1024\n", ""),
        header("database=a\n") + &header("database=b\n"),
    );
    for (options, text, status, message) in [
        (&[][..], &*twice, 0, ""),
        (&["-n"], &twice, 1, "there already, not loaded: root\\00"),
        (&[], &no_end, 2, "standard input: line 10: text ends before DATA=END"),
        (&[], &odd_size, 2, "page size"),
        (&[], "", 2, "text has no database"),
        (&[], &two, 0, ""),
        (&[], &two.replace("database=a\n", ""), 2, "with a name and one without"),
        (&[], &two.replace("database=a", "database=b"), 2, "two databases have the same name"),
        (&[], &two.replace("database=a\n", "").replace("database=b\n", ""), 2, "without a name"),
        (
            &["-s", "b"],
            &two.replace("database=a", "database=b"),
            2,
            "several databases of this name",
        ),
        (&["-s", "b"], &two, 0, ""),
        (&["-s", "c"], &two, 2, "text has no such database"),
        (&["-T"], "root\nbob\n", 0, ""),
        (&["-T"], "root\n", 2, "line 1: key without data"),
    ] {
        let place = Place::new();
        let arguments = [&["load"], options, &["m.db"]].concat();
        place.expect(&arguments, text, status, "", message);
        // All or nothing.
        let left: Vec<_> = fs::read_dir(place.0.path()).unwrap().collect();
        assert_eq!(left.len(), usize::from(status < 2), "{left:?}");
    }
}

#[test]
fn loading_makes_new_files_only() {
    let place = loaded();
    let before = fs::read(place.path("m.db")).unwrap();
    place.write("text", "root\nbob\n");
    place.expect(&["load", "-T", "hash:m", "text"], "", 2, "", "m.db: File exists");
    assert_eq!(fs::read(place.path("m.db")).unwrap(), before);
    place.expect(&["load", "-T", "no/m.db", "text"], "", 2, "", "No such file");
    place.expect(&["load", "-T", "n.db", "no"], "", 2, "", "no: No such file");
}

#[test]
fn a_file_is_replaced_where_that_is_asked_for() {
    let place = loaded();
    fs::set_permissions(place.path("m.db"), fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("m.db", place.path("link.db")).unwrap();
    for (map, value) in [("m.db", "ann"), ("link.db", "eve"), ("new.db", "bob")] {
        place.expect(&["load", "-T", "--force", map], &format!("root\n{value}\n"), 0, "", "");
        place.expect(&["get", map, "root"], "", 0, &format!("{value}\n"), "");
    }
    place.expect(&["get", "m.db", "root"], "", 0, "eve\n", "");
    fs::hard_link(place.path("m.db"), place.path("other.db")).unwrap();
    place.expect(&["load", "-T", "--force", "m.db"], "root\nzoe\n", 0, "", "");
    place.expect(&["get", "other.db", "root"], "", 0, "zoe\n", "");
    assert!(place.path("link.db").is_symlink());
    assert_eq!(fs::metadata(place.path("m.db")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn several_databases() {
    let database = |name: &str, flags: &str, pairs: &str| {
        format!(
            "VERSION=3\nformat=print\ndatabase={name}\ntype=hash\n{flags}db_pagesize=512\nHEADER=END\n{pairs}DATA=END\n"
        )
    };
    let one = database("a\\09b", "", " k\n a\n");
    let other = database("c", "h_nelem=2\nduplicates=1\n", " k\n b\n k\n a\n");
    let place = Place::new();
    place.expect(&["load", "m.db"], &(other.clone() + &one), 0, "", "");
    place.expect(&["verify", "-q", "m.db"], "", 0, "", "");
    place.expect(&["dump", "--list", "m.db"], "", 0, "a\\09b\nc\n", "");
    place.expect(&["dump", "-p", "m.db"], "", 0, &(one + &other), "");
    place.expect(&["get", "-s", "c", "m.db", "k"], "", 0, "b\na\n", "");
}

#[test]
fn several_data_of_a_key() {
    let text = |flags: &str| {
        format!(
            "VERSION=3\nformat=print\ntype=hash\n{flags}HEADER=END\n k\n b\n k\n a\n k\n b\nDATA=END\n"
        )
    };
    let (unsorted, sorted) = ("h_nelem=3\nduplicates=1\n", "h_nelem=2\nduplicates=1\ndupsort=1\n");
    for (flags, status, message, pairs) in [
        (unsorted, 0, "", " k\n b\n k\n a\n k\n b\n"),
        (sorted, 1, "there already, not loaded: k", " k\n a\n k\n b\n"),
    ] {
        let place = Place::new();
        place.expect(&["load", "m.db"], &text(flags), status, "", message);
        let header = text(&format!("{flags}db_pagesize=512\n"));
        let header = header.split_inclusive("HEADER=END\n").next().unwrap();
        let dump = format!("{header}{pairs}DATA=END\n");
        place.expect(&["dump", "-p", "m.db"], "", 0, &dump, "");
        place.expect(&["verify", "-q", "m.db"], "", 0, "", "");
    }
}

#[test]
fn keys_are_found_as_postfix_finds_them() {
    let place = loaded();
    for (arguments, status, output) in [
        (&["root"][..], 0, "bob\n"),
        (&["ROOT"], 0, "bob\n"),
        (&["--no-fold", "ROOT"], 1, ""),
        (&["nobody"], 1, ""),
        (&["root", "nobody", "Root"], 1, "root\tbob\nRoot\tbob\n"),
        (&["-e", "root"], 1, ""),
        (&["-e", "root\\00"], 0, "bob\\00\n"),
        (&["-e", "caf\\c3\\a9"], 0, "\\ff\n"),
        (&["--json", "root"], 0, "{\"key\":\"root\",\"value\":\"bob\"}\n"),
        (&["--json", "caf\u{e9}"], 0, "{\"key\":\"caf\u{e9}\",\"value\":{\"hex\":\"ff\"}}\n"),
    ] {
        place.expect(&[&["get", "hash:m"], arguments].concat(), "", status, output, "");
    }
    place.expect(&["get", "-e", "m.db", "\\"], "", 2, "", "malformed key");
    place.golden("named.db");
    let arguments = ["get", "named.db", "-s", "caf\u{e9}", "key 0"];
    place.expect(&arguments, "", 0, "data 0\n", "");
    place.golden("load-duplicates.db");
    let all = "b\na\n\nc\n";
    place.expect(&["get", "load-duplicates.db", "several"], "", 0, all, "");
}

#[test]
fn two_maps_compared() {
    let place = loaded();
    let other = TEXT.replace("bob\\00", "alice").replace("caf\\c3\\a9", "new");
    place.expect(&["load", "n.db"], &other, 0, "", "");
    let output = |first: &str, second: &str, nul: &str| {
        format!("{first} root{nul}\tbob{nul}\n{second} root{nul}\talice\n",)
    };
    let run = |arguments: &[&str]| {
        let run = place.run(&[&["diff"], arguments].concat(), b"");
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(run.stdout).unwrap()
    };
    let text = run(&["hash:m", "n.db"]);
    assert!(text.contains(&output("-", "+", "")), "{text}");
    assert!(text.contains("- caf\\c3\\a9\t\\ff\n") && text.contains("+ new\t\\ff\n"), "{text}");
    assert_eq!(text.lines().count(), 4);
    let text = run(&["--exact", "m.db", "n.db"]);
    assert!(text.contains(&output("-", "+", "\\00")), "{text}");
    let text = run(&["--json", "n.db", "m.db"]);
    assert!(
        text.contains("{\"first\":[\"alice\"],\"key\":\"root\",\"second\":[\"bob\"]}\n"),
        "{text}"
    );
    assert!(text.contains("{\"first\":[{\"hex\":\"ff\"}],\"key\":\"new\",\"second\":[]}\n"));
}

#[test]
fn a_nul_at_the_end_is_no_difference_unless_asked_for() {
    let place = loaded();
    let without =
        TEXT.replace("\\00", "").replace("caf\\c3\\a9\n \\ff", "caf\\c3\\a9\\00\n \\ff\\00");
    place.expect(&["load", "n.db"], &without, 0, "", "");
    place.expect(&["diff", "m.db", "n.db"], "", 0, "", "");
    assert_eq!(place.run(&["diff", "-e", "m.db", "n.db"], b"").status.code(), Some(1));
}

#[test]
fn a_map_compared_with_its_text() {
    let place = Place::new();
    place.expect(&["load", "-T", "m.db"], "root\\00\nbob\\00\n\"a b\"\nc\n", 0, "", "");
    let folded = "# comment\nROOT\n  bob\n\"a b\" c\n";
    place.write("m", folded);
    place.expect(&["diff", "--text", "hash:m"], "", 0, "", "");
    place.expect(&["diff", "--text", "m.db"], "", 0, "", "");
    place.expect(&["diff", "--text", "m.db", "m"], "", 0, "", "");
    let unfolded = "- root\tbob\n+ ROOT\tbob\n";
    place.expect(&["diff", "--text", "--no-fold", "m.db"], "", 1, unfolded, "");
    place.write("changed", "root bob\nroot alice\nlonely\n");
    let messages = "warning: changed, line 3: expected format: key whitespace value";
    place.expect(&["diff", "--text", "m.db", "changed"], "", 1, "- \"a b\"\tc\n", messages);

    place.golden("postalias.db");
    place.write("aliases", "nobody-there: x\n");
    let run = place.run(&["diff", "--aliases", "postalias.db", "aliases"], b"");
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.contains("+ nobody-there\tx\n") && !text.contains("YP_"), "{text}");
    assert!(!text.contains("@\t"), "both have what postalias adds: {text}");
}

#[test]
fn figures() {
    let place = loaded();
    let table = place.run(&["stat", "m.db"], b"").stdout;
    let table = String::from_utf8(table).unwrap();
    for (label, value) in [("page size", "1024"), ("keys", "2"), ("data items", "2")] {
        let line = table.lines().find(|line| line.starts_with(label)).unwrap();
        assert_eq!(line[label.len()..].trim(), value, "{table}");
    }
    let object = place.run(&["stat", "--json", "m.db"], b"").stdout;
    let object: serde_json::Value = serde_json::from_slice(&object).unwrap();
    assert_eq!(object["keys"], 2);
    assert_eq!(
        object["file_pages"].as_u64().unwrap() * 1024,
        fs::metadata(place.path("m.db")).unwrap().len()
    );
    place.golden("named.db");
    place.expect(&["stat", "named.db"], "", 2, "", "named.db: file holds several named databases");
    assert!(place.run(&["stat", "-s", "empty", "named.db"], b"").status.success());
}

#[test]
fn damage_is_found() {
    let place = loaded();
    let sound = "m.db: sound: 2 keys, 3 pages\n";
    place.expect(&["verify", "m.db"], "", 0, sound, "");
    place.expect(&["verify", "--quiet", "m.db"], "", 0, "", "");
    let mut file = fs::read(place.path("m.db")).unwrap();
    // The type of page 1.
    file[1024 + 25] = 99;
    fs::write(place.path("damaged.db"), &file).unwrap();
    place.expect(&["verify", "-q", "m.db", "damaged.db"], "", 1, "", "");
    let text = place.run(&["verify", "m.db", "damaged.db"], b"").stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with(sound), "{text}");
    assert!(text.contains("damaged.db: damage: page 1: "), "{text}");
    assert!(text.contains("damaged.db: damaged: "), "{text}");
    let text = place.run(&["verify", "--json", "damaged.db"], b"").stdout;
    let text = String::from_utf8(text).unwrap();
    let objects: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, problems) = objects.split_last().unwrap();
    assert!(problems.iter().any(|problem| problem["page"] == 1 && problem["severity"] == "damage"));
    assert_eq!(
        (&last["sound"], last["damage"].as_u64()),
        (&false.into(), Some(problems.len() as u64))
    );
}

#[test]
fn what_is_left_is_salvaged() {
    let place = loaded();
    let summary = |certain, doubtful| format!("pairs: {certain}, doubtful: {doubtful}\n");
    let text = TEXT.replace("h_nelem=2\n", "").replace("db_pagesize=1024\n", "");
    let run = place.run(&["salvage", "--print", "m.db"], b"");
    assert_eq!(run.status.code(), Some(0));
    assert!(String::from_utf8(run.stderr).unwrap().ends_with(&summary(2, 0)));
    let salvaged = String::from_utf8(run.stdout).unwrap();
    assert_eq!(salvaged.len(), text.len(), "{salvaged}");
    place.expect(&["load", "again.db"], &salvaged, 0, "", "");
    place.expect(&["diff", "-e", "m.db", "again.db"], "", 0, "", "");

    // A page that nothing leads to: the bucket is another one's page.
    place.golden("grown.db");
    let mut file = fs::read(place.path("grown.db")).unwrap();
    let page =
        file.chunks(512).skip(1).position(|page| page[25] == 13 && page[20] > 0).unwrap() + 1;
    file[page * 512 + 25] = 2;
    file[page * 512 + 8] ^= 1;
    fs::write(place.path("damaged.db"), &file).unwrap();
    let run = place.run(&["salvage", "damaged.db"], b"");
    assert_eq!(run.status.code(), Some(1));
    let certain = String::from_utf8(run.stdout).unwrap();
    let run = place.run(&["salvage", "--doubtful", "damaged.db"], b"");
    let all = String::from_utf8(run.stdout).unwrap();
    let pairs = |text: &str| (text.lines().count() - 5) / 2;
    assert!(pairs(&certain) < pairs(&all) && pairs(&all) == 200, "{}", pairs(&all));
    let run = place.run(&["salvage", "--json", "damaged.db"], b"");
    let objects = String::from_utf8(run.stdout).unwrap();
    let objects: Vec<serde_json::Value> =
        objects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let doubtful = objects.iter().filter(|object| object["doubts"] != serde_json::json!([]));
    assert_eq!((objects.len(), doubtful.clone().count()), (200, 200 - pairs(&certain)));
    assert!(doubtful.into_iter().all(|object| object["page"] == page));

    place.golden("named.db");
    let run = place.run(&["salvage", "--print", "named.db"], b"");
    let salvaged = String::from_utf8(run.stdout).unwrap();
    place.expect(&["load", "-s", "letters", "letters.db"], &salvaged, 0, "", "");
    let expected = place.run(&["dump", "--json", "-s", "letters", "named.db"], b"").stdout;
    let loaded = place.run(&["dump", "--json", "letters.db"], b"").stdout;
    let sorted = |text: Vec<u8>| {
        let text = String::from_utf8(text).unwrap().replace("\"database\":\"letters\",", "");
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(loaded), sorted(expected));
}

#[test]
fn recover() {
    let place = Place::new();
    place.golden("postmap.db");
    place.golden("load.db");
    let sound = fs::read(place.path("postmap.db")).unwrap();
    let both = &["recover", "postmap.db", "load.db"];
    let nothing = "postmap.db: no change was interrupted\nload.db: no change was interrupted\n";
    place.expect(both, "", 0, nothing, "");
    place.expect(&["recover", "--quiet", "postmap.db"], "", 0, "", "");
    // What is left of a change that had not begun.
    let mut longer = sound.clone();
    longer.resize(sound.len().next_multiple_of(65536) + 65536, 0);
    let end = longer.len();
    longer[end - 80..][..8].copy_from_slice(b"map-jrn3");
    fs::write(place.path("postmap.db"), &longer).unwrap();
    let discarded = "postmap.db: discarded a change that was interrupted\n";
    place.expect(&["recover", "-q", "postmap.db", "load.db"], "", 0, discarded, "");
    assert!(fs::read(place.path("postmap.db")).unwrap() == sound);
    // One that fails keeps no other from being looked at.
    fs::write(place.path("postmap.db"), &longer).unwrap();
    place.expect(&["recover", "no.db", "postmap.db"], "", 2, discarded, "no.db: No such file");
}

#[test]
fn trouble() {
    let place = Place::new();
    place.write("text", "no database, whatever its length\n");
    place.golden("load-named.db");
    for command in ["verify", "stat", "dump", "salvage"] {
        place.expect(&[command, "no.db"], "", 2, "", "no.db: No such file");
        place.expect(&[command, "text"], "", 2, "", "text: not a Berkeley DB file");
    }
    place.expect(&["dump", "-s", "no", "load-named.db"], "", 2, "", "no database of that name");
    assert_eq!(place.run(&["unknown"], b"").status.code(), Some(2));
}

#[test]
fn generated_documents() {
    let place = Place::new();
    place.expect(&["man", "pages"], "", 0, "", "");
    let help = String::from_utf8(place.run(&["--help"], b"").stdout).unwrap();
    for command in ["verify", "recover", "salvage", "stat", "dump", "load", "get", "diff"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
        let page = fs::read_to_string(place.path(&format!("pages/bdbmap-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{command}");
    }
    assert!(place.path("pages/bdbmap.1").exists());
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell], b"").stdout;
        assert!(String::from_utf8(script).unwrap().contains("salvage"), "{shell}");
    }
}
