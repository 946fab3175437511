//! The commands on files of btree databases.

use std::fs;

use crate::place::Place;

/// What `db5.3_dump -p` prints of four pairs: two with one key, and one whose key and value end in
/// a NUL.
const TEXT: &str = "VERSION=3\nformat=print\ntype=btree\nduplicates=1\ndb_pagesize=512\nHEADER=END\n \
    \n empty\n root\\00\n bob\\00\n two\n 2\n two\n 1\nDATA=END\n";

/// A place where `m.db` holds the pairs of `TEXT`.
fn loaded() -> Place {
    let place = Place::new();
    place.expect(&["load", "m.db"], TEXT, 0, "", "");
    place
}

#[test]
fn dumps_are_those_of_libdb() {
    let place = Place::new();
    for name in ["few", "many", "many-big-endian-checksums", "record-numbers", "duplicates"] {
        place.golden(&format!("btree/{name}.db"));
        place.golden(&format!("btree/{name}.dump"));
        let dump = fs::read_to_string(place.path(&format!("{name}.dump"))).unwrap();
        place.expect(&["dump", "-p", &format!("{name}.db")], "", 0, &dump, "");
        place.expect(&["dump", "-p", &format!("btree:{name}")], "", 0, &dump, "");
    }
}

#[test]
fn what_was_loaded_is_dumped() {
    let place = loaded();
    place.expect(&["dump", "-p", "m.db"], "", 0, TEXT, "");
    place.expect(&["verify", "m.db"], "", 0, "m.db: sound: 3 keys, 2 pages\n", "");
    // In any order, and into a file of either type of table.
    let turned = TEXT.replace(
        "root\\00\n bob\\00\n two\n 2\n two\n 1",
        "two\n 2\n root\\00\n bob\\00\n two\n 1",
    );
    for map in ["n.db", "btree:o", "hash:p"] {
        place.expect(&["load", map], &turned, 0, "", "");
    }
    place.expect(&["dump", "-p", "btree:o"], "", 0, TEXT, "");
    place.expect(&["diff", "--exact", "m.db", "n.db"], "", 0, "", "");
    // What a table's file has is of the table's type, whatever the text says.
    let type_of = |map: &str| {
        let text = String::from_utf8(place.run(&["dump", map], b"").stdout).unwrap();
        text.lines().find_map(|line| line.strip_prefix("type=")).unwrap().to_owned()
    };
    assert_eq!(["n.db", "o.db", "p.db"].map(type_of), ["btree", "btree", "hash"]);
    place.expect(&["diff", "--exact", "m.db", "hash:p"], "", 0, "", "");
}

#[test]
fn databases_of_both_kinds_in_a_file() {
    let one = TEXT.replace("type=", "database=a\ntype=");
    let other = "VERSION=3\nformat=print\ndatabase=b\ntype=hash\ndb_pagesize=512\n\
        HEADER=END\n k\n v\nDATA=END\n";
    let place = Place::new();
    place.expect(&["load", "m.db"], &(other.to_owned() + &one), 0, "", "");
    place.expect(&["verify", "-q", "m.db"], "", 0, "", "");
    place.expect(&["dump", "--list", "m.db"], "", 0, "a\nb\n", "");
    place.expect(&["dump", "-p", "m.db"], "", 0, &(one + other), "");
    place.expect(&["get", "-s", "a", "m.db", "two"], "", 0, "2\n1\n", "");
    place.expect(&["get", "-s", "b", "m.db", "k"], "", 0, "v\n", "");
}

#[test]
fn keys_are_found_as_postfix_finds_them() {
    let place = loaded();
    for (arguments, status, output) in [
        (&["ROOT"][..], 0, "bob\n"),
        (&["two"], 0, "2\n1\n"),
        (&["nobody"], 1, ""),
        (&["-e", "root"], 1, ""),
        (&["-e", "root\\00"], 0, "bob\\00\n"),
        (&["root", "nobody", "two"], 1, "root\tbob\ntwo\t2\ntwo\t1\n"),
    ] {
        place.expect(&[&["get", "btree:m"], arguments].concat(), "", status, output, "");
    }
    // Both types of tables name the same file, and what it is, it says itself.
    place.expect(&["get", "hash:m", "root"], "", 0, "bob\n", "");
}

#[test]
fn figures() {
    let place = Place::new();
    place.golden("btree/many.db");
    let object = place.run(&["stat", "--json", "many.db"], b"").stdout;
    let object: serde_json::Value = serde_json::from_slice(&object).unwrap();
    assert_eq!((&object["keys"], &object["page_size"]), (&120.into(), &512.into()));
    let pages = fs::metadata(place.path("many.db")).unwrap().len() / 512;
    assert_eq!(object["file_pages"].as_u64(), Some(pages));
}

#[test]
fn what_is_left_of_a_damaged_file_is_salvaged() {
    let place = Place::new();
    place.golden("btree/many.db");
    let mut file = fs::read(place.path("many.db")).unwrap();
    // A leaf, of type 5, of level 1, says that it is of level 7.
    let pages = file.len() / 512;
    let leaf = (1..pages).rfind(|page| file[page * 512 + 25] == 5).unwrap();
    file[leaf * 512 + 24] = 7;
    fs::write(place.path("damaged.db"), &file).unwrap();
    let verdict = place.run(&["verify", "damaged.db"], b"");
    assert_eq!(verdict.status.code(), Some(1));
    let verdict = String::from_utf8(verdict.stdout).unwrap();
    assert!(verdict.contains(&format!("damaged.db: damage: page {leaf}: ")), "{verdict}");
    let run = place.run(&["salvage", "--print", "--doubtful", "damaged.db"], b"");
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    let salvaged = String::from_utf8(run.stdout).unwrap();
    assert!(salvaged.contains("\ntype=btree\n"), "{salvaged}");
    place.expect(&["load", "again.db"], &salvaged, 0, "", "");
    place.expect(&["diff", "--exact", "many.db", "again.db"], "", 0, "", "");
}
