//! What a Rust programmer tries first: all of it compiles, and does what it seems to.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::error::Error as StdError;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use bdb_file::{Datum, HashDb};
use cdb_file::Cdb;
use postfix_map_text::{Item, map_entries};
use postfix_maps::{
    Access, Duplicates, Error, ErrorKind, KeyRules, NewTable, SharedTable, Syntax, Table,
    TableOptions, TableSpec, TableText, TableUpdate, Terminators, WriteOptions,
};
use tempfile::TempDir;

const BOB: Option<&[u8]> = Some(b"bob");

/// `hash:virtual` and `cdb:virtual` in a directory of their own: `root` goes to `bob`, `@example.org` to `eve`.
fn tables() -> (TempDir, TableSpec, TableSpec) {
    let directory = tempfile::tempdir().unwrap();
    let [hash, cdb] = ["hash", "cdb"]
        .map(|table_type| TableSpec::new(table_type, directory.path().join("virtual")));
    for spec in [&hash, &cdb] {
        let mut new = NewTable::open(spec, WriteOptions::default()).unwrap();
        new.put("root", "bob").unwrap();
        new.put(String::from("@Example.org"), b"eve").unwrap();
        new.finish().unwrap();
    }
    (directory, hash, cdb)
}

#[test]
fn open_by_any_name() {
    let (directory, hash, cdb) = tables();
    let name = format!("hash:{}", directory.path().join("virtual").display());
    for table in [
        Table::open(&*name),
        Table::open(&name),
        Table::open(name.clone()),
        Table::open(&hash),
        Table::open(hash.clone()),
        Table::open(TableSpec::new("hash", directory.path().join("virtual"))),
        Table::open(TableSpec::new(
            String::from("hash"),
            format!("{}/virtual", directory.path().display()),
        )),
        Table::open(name.parse::<TableSpec>().unwrap()),
        Table::open(cdb.to_string()),
        Table::open_with(&name, TableOptions::default()),
        Table::open_with(
            &name,
            TableOptions::default()
                .access(Access::Locked)
                .lock_timeout(Some(Duration::from_secs(1))),
        ),
        Table::open_with(&name, Default::default()),
    ] {
        assert_eq!(table.unwrap().get("root").unwrap().as_deref(), BOB);
    }
    assert_eq!((hash.to_string(), &name.parse().unwrap()), (name, &hash));
}

#[test]
fn open_a_file() {
    let (directory, hash, _) = tables();
    let path: PathBuf = directory.path().join("virtual.db");
    assert_eq!(hash.database().as_ref(), Some(&path));
    let (by_ref, text): (&Path, &str) = (&path, path.to_str().unwrap());
    for table in [
        Table::open_file(by_ref, TableOptions::default()),
        Table::open_file(&path, TableOptions::default()),
        Table::open_file(path.clone(), TableOptions::default()),
        Table::open_file(text, TableOptions::default()),
        Table::open_file(text.replace(".db", ".cdb"), TableOptions::default()),
    ] {
        assert_eq!(table.unwrap().get("root").unwrap().as_deref(), BOB);
    }
}

#[test]
fn get_with_any_key() {
    let (_directory, hash, _) = tables();
    let table = Table::open(hash).unwrap();
    let (string, bytes) = (String::from("Root"), b"root".to_vec());
    for found in [
        table.get("ROOT"),
        table.get(b"root"),
        table.get(&string),
        table.get(string.clone()),
        table.get(&bytes),
        table.get(&bytes[..]),
        table.get(bytes.clone()),
        table.get(bytes.clone().into_boxed_slice()),
        table.get(Cow::Borrowed(&bytes[..])),
        table.get(string.to_lowercase().as_str()),
    ] {
        assert_eq!(found.unwrap().as_deref(), BOB);
    }
    assert_eq!(table.get("nobody").unwrap(), None);
}

#[test]
fn use_what_is_found() {
    let (_directory, hash, _) = tables();
    let table = Table::open(hash).unwrap();
    let found = table.get("root").unwrap().unwrap();
    assert_eq!(*found, *b"bob");
    assert_eq!(found, &b"bob"[..]);
    assert_eq!(std::str::from_utf8(&found), Ok("bob"));
    assert_eq!(String::from_utf8_lossy(&found), "bob");
    assert_eq!(String::from_utf8(found.into_owned()).unwrap(), "bob");
    fn target(table: &Table) -> Option<Cow<'_, [u8]>> {
        table.get("root").ok()?
    }
    assert_eq!(target(&table).as_deref(), BOB);
}

#[test]
fn get_many() {
    let (_directory, hash, _) = tables();
    let table = Table::open(hash).unwrap();
    let strings: Vec<String> = vec!["root".into(), "nobody".into()];
    let array = ["root", "nobody"];
    let expected = [BOB, None];
    let found: Vec<_> = table.get_many(&strings).collect::<Result<_, _>>().unwrap();
    assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    assert!(
        table
            .get_many(&array)
            .map(Result::unwrap)
            .zip(expected)
            .all(|(found, value)| found.as_deref() == value)
    );
    assert_eq!(table.get_many(&[b"root", b"none"]).count(), 2);
    for (key, found) in array.iter().zip(table.get_many(&array)) {
        assert_eq!(found.unwrap().is_some(), *key == "root");
    }
}

#[test]
fn list() {
    let (_directory, hash, cdb) = tables();
    for table in [hash, cdb].map(|spec| Table::open(spec).unwrap()) {
        let mut keys = Vec::new();
        for pair in &table {
            let (key, value) = pair.unwrap();
            assert_eq!(table.get(&key).unwrap(), Some(value));
            keys.push(key.into_owned());
        }
        assert_eq!(keys.len(), 2);
        let borrowed: HashMap<_, _> = table.iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(borrowed[&b"root"[..]], &b"bob"[..]);
        let owned: BTreeMap<Vec<u8>, Vec<u8>> = table
            .iter()
            .map(|pair| pair.map(|(key, value)| (key.into_owned(), value.into_owned())))
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(owned[&b"@example.org"[..]], b"eve");
    }
}

#[test]
fn share() {
    let (_directory, hash, _) = tables();
    let table = Table::open(&hash).unwrap();
    let (shared, copy) = (Arc::new(table.clone()), table.clone());
    let in_arc = thread::spawn({
        let shared = Arc::clone(&shared);
        move || shared.get("root").unwrap().is_some()
    });
    let in_copy = thread::spawn(move || copy.get("root").unwrap().is_some());
    assert!(in_arc.join().unwrap() && in_copy.join().unwrap());

    let shared = Arc::new(SharedTable::from(table));
    let reader = thread::spawn({
        let shared = Arc::clone(&shared);
        move || shared.table().get("root").unwrap().map(Cow::into_owned)
    });
    assert_eq!(reader.join().unwrap().as_deref(), BOB);
    assert!(!shared.reload().unwrap());

    static TABLE: LazyLock<SharedTable> =
        LazyLock::new(|| SharedTable::new(Table::open("static:bob").unwrap()));
    assert_eq!(TABLE.table().get("anybody").unwrap().as_deref(), BOB);
}

#[test]
fn errors() {
    fn boxed() -> Result<(), Box<dyn StdError>> {
        Table::open("hash:/nowhere/virtual")?;
        Ok(())
    }
    /// Such as anyhow takes.
    fn shared() -> Result<Table, Box<dyn StdError + Send + Sync>> {
        Ok(Table::open("hash:/nowhere/virtual")?)
    }
    fn own() -> postfix_maps::Result<Table> {
        Table::open("hash:/nowhere/virtual")
    }
    let error = own().unwrap_err();
    match error.kind() {
        ErrorKind::NotFound => {}
        ErrorKind::Locked | ErrorKind::Io => panic!("try again"),
        _ => panic!("{error}"),
    }
    assert!(error.is_not_found() && error.get_ref().is_some());
    assert_eq!(error.path(), Some(Path::new("/nowhere/virtual.db")));
    assert!(boxed().unwrap_err().to_string().contains("/nowhere/virtual.db"));
    assert_eq!(shared().unwrap_err().downcast_ref::<Error>().unwrap().kind(), ErrorKind::NotFound);

    assert_eq!(Table::open("hsah:virtual").unwrap_err().kind(), ErrorKind::UnsupportedType);
    assert_eq!(TableSpec::from("/etc/postfix/virtual"), "hash:/etc/postfix/virtual".into());
}

#[test]
fn make() {
    let (directory, hash, _) = tables();
    let mut new =
        NewTable::open(&hash, WriteOptions::default().duplicates(Duplicates::Refuse)).unwrap();
    let (key, value) = (String::from("one"), vec![b'1']);
    new.put(&key, &value).unwrap();
    new.put(key, value).unwrap();
    let error = new.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateKey);

    let mut unfinished = NewTable::open(&hash, Default::default()).unwrap();
    unfinished.put("one", "1").unwrap();
    drop(unfinished);
    assert_eq!(Table::open(&hash).unwrap().iter().count(), 2, "nothing has changed");

    let path = directory.path().join("virtual");
    fs::write(&path, "one 1\ntwo 2\n").unwrap();
    let (text, name) = (fs::read_to_string(&path).unwrap(), path.display().to_string());
    let syntax = Syntax::Map { values_are_files: false };
    let source = TableText { name: name.as_bytes(), text: text.as_bytes(), syntax };
    let mut warnings = Vec::new();
    let new = NewTable::open(&hash, WriteOptions::default()).unwrap();
    let summary = new
        .compile(&source, |warning| warnings.push(String::from_utf8_lossy(warning).into_owned()))
        .unwrap();
    assert_eq!((summary.entries, summary.dropped, warnings.len()), (2, 0, 0));

    let mut update =
        TableUpdate::open(&hash, WriteOptions::default().duplicates(Duplicates::Replace)).unwrap();
    assert!(update.put(String::from("two"), "zwei").unwrap() && update.delete("one").unwrap());
    update.commit().unwrap();
    assert_eq!(Table::open(&hash).unwrap().get("two").unwrap().as_deref(), Some(&b"zwei"[..]));
}

#[test]
fn the_formats_crates() {
    let (directory, ..) = tables();
    let hash = HashDb::open_path(directory.path().join("virtual.db")).unwrap();
    assert_eq!(hash.get("root").unwrap(), None, "the NUL counts");
    let (text, bytes) = (String::from("root\0"), b"root\0".to_vec());
    for found in [
        hash.get("root\0"),
        hash.get(b"root\0"),
        hash.get(&text),
        hash.get(&bytes),
        hash.get(&bytes[..]),
        hash.get(Datum::terminated(b"root")),
    ] {
        assert_eq!(found.unwrap().as_deref(), Some(&b"bob\0"[..]));
    }
    assert_eq!(hash.get_many(&[Datum::terminated(b"root")]).count(), 1);

    let cdb = Cdb::open_path(directory.path().join("virtual.cdb")).unwrap();
    assert_eq!(cdb.get("root").unwrap().as_deref(), BOB);
    assert_eq!(cdb.get(&String::from("root")).unwrap().as_deref(), BOB);
    assert_eq!(cdb.iter().count() + hash.iter().count(), 4);
    let memory = Cdb::open(fs::read(directory.path().join("virtual.cdb")).unwrap()).unwrap();
    assert_eq!(
        memory.get_all("root").unwrap().collect::<Result<Vec<_>, _>>().unwrap(),
        [&b"bob"[..]]
    );
    let options = TableOptions::default()
        .terminators(Terminators::Without)
        .rules(KeyRules::default().fold(false));
    assert!(
        Table::open_file(directory.path().join("virtual.cdb"), options)
            .unwrap()
            .get("Root")
            .unwrap()
            .is_none()
    );
}

#[test]
fn parse_a_text() {
    let text = String::from("# comment\nexample.com OK\nlonely\n");
    let items: Vec<Item<'_>> = map_entries(text.as_bytes(), KeyRules::default()).collect();
    let [Item::Entry(entry), Item::Diagnostic(diagnostic)] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!(
        (&*entry.key, &*entry.value, entry.lines.first),
        (&b"example.com"[..], &b"OK"[..], 2)
    );
    assert_eq!((diagnostic.kind.code(), diagnostic.lines.first), ("expected-key-value", 3));
}
