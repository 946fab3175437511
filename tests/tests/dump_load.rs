//! Text and figures of generated files, against `db5.3_dump`, `db5.3_load` and `db5.3_stat`: dumps
//! are the same byte for byte, each side loads the other's, and all figures are equal.
//!
//! About Berkeley DB itself: not for every type of tables.
#![cfg(feature = "peers")]

use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::path::Path;

use bdb_file::{
    AccessMethod, ByteOrder, DatabaseBuilder, DumpReader, FileSource, HashDb, Keep, NewDatabases,
    TextFormat, access_method, database_names, dump_all, print_escaped,
};
use fastrand::Rng;
use map_tests::dbtools::{self, Pair};
use map_tests::libdb::{Database, Duplicates, Options};
use map_tests::printed::{assert_same_text, free, printed, their_figures};
use map_tests::session::each_seed;
use tempfile::TempDir;

fn open(path: &Path, name: Option<&str>) -> HashDb<FileSource> {
    let pages = FileSource::new(File::open(path).unwrap());
    match name {
        Some(name) => HashDb::open_named(pages, name.as_bytes()).unwrap(),
        None => HashDb::open(pages).unwrap(),
    }
}

/// The text of one database.
fn dumped(path: &Path, name: Option<&str>, format: TextFormat) -> Vec<u8> {
    let mut text = Vec::new();
    open(path, name).dump(format, &mut text).unwrap();
    text
}

/// The text of all databases of a file.
fn dumped_all(path: &Path, format: TextFormat) -> Vec<u8> {
    let mut text = Vec::new();
    dump_all(FileSource::new(File::open(path).unwrap()), format, &mut text).unwrap();
    text
}

const FORMATS: [(TextFormat, &[&str]); 2] =
    [(TextFormat::Bytes, &[]), (TextFormat::Print, &["-p"])];

fn our_figures(database: &HashDb<FileSource>) -> Vec<String> {
    let stat = database.stat().unwrap();
    let page_size = database.page_size();
    let mut figures = vec![
        stat.file_pages.to_string(),
        page_size.to_string(),
        database.meta().fill_factor.to_string(),
        stat.keys.to_string(),
        stat.data_items.to_string(),
        stat.buckets.pages.to_string(),
        free(stat.buckets, page_size),
    ];
    for part in [stat.big_items, stat.bucket_overflow, stat.duplicates] {
        figures.extend([part.pages.to_string(), free(part, page_size)]);
    }
    figures.push(stat.free_pages.to_string());
    figures
}

#[track_caller]
fn assert_same_figures(path: &Path, name: Option<&str>) {
    const BUCKETS_FREE: usize = 6;
    let database = open(path, name);
    let (ours, mut theirs) = (our_figures(&database), their_figures(path, name));
    if database.page_size() == 65536 {
        // On an empty page, where the offset 65536 is stored as 0, libdb finds less than no bytes
        // free.
        theirs[BUCKETS_FREE] = ours[BUCKETS_FREE].clone();
    }
    assert_eq!(ours, theirs, "{name:?}");
}

fn bytes(rng: &mut Rng, len: RangeInclusive<usize>) -> Vec<u8> {
    let len = rng.usize(len);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}

fn options(rng: &mut Rng, duplicates: Duplicates) -> Options {
    Options {
        page_size: 512 << rng.u32(..8),
        byte_order: if rng.bool() { ByteOrder::Little } else { ByteOrder::Big },
        checksums: rng.bool(),
        duplicates,
        fill_factor: if rng.bool() { 0 } else { rng.u32(1..20) },
        elements: if rng.bool() { 0 } else { rng.u32(0..600) },
        ..Options::default()
    }
}

fn any_duplicates(rng: &mut Rng) -> Duplicates {
    *rng.choice(&[Duplicates::None, Duplicates::Unsorted, Duplicates::Sorted]).unwrap()
}

/// Keys are long enough, or random enough, that none begins a big one: libdb might not find those
/// again (hash file specification, section 12.2).
fn key(rng: &mut Rng, page: usize) -> Vec<u8> {
    let longest = if rng.u8(..20) == 0 { page } else { 5 + page / 32 };
    bytes(rng, 5..=longest)
}

fn data(rng: &mut Rng, page: usize) -> Vec<u8> {
    match rng.u8(..30) {
        0 => bytes(rng, 0..=3 * page.min(8192)),
        1 => {
            // What fills overflow pages to the last byte, or nearly.
            let room = page - rng.choice(&[26, 32]).unwrap();
            let len = rng.usize(1..=2) * room;
            bytes(rng, len - 1..=len + 1)
        }
        2 => bytes(rng, page / 4 - 1..=page / 4 + 1),
        _ => bytes(rng, 0..=page / 32),
    }
}

/// Puts a pair unless the database, which has sorted duplicates, holds it.
fn put(database: &mut Database, key: &[u8], data: &[u8]) {
    if let Err(error) = database.put(key, data) {
        assert!(error.to_string().contains("Key/data pair already exists"), "{error}");
    }
}

/// Fills a database: pairs, sets of duplicates where there may be any, and then deletions.
///
/// Nothing is big where there are duplicates of a key: libdb 5.3.28 then makes files that its own
/// verifier refuses.
fn fill(database: &mut Database, options: &Options, rng: &mut Rng) {
    let page = options.page_size as usize;
    let most = *rng.choice(&[1, 20, 400]).unwrap();
    let mut keys: Vec<_> = (0..rng.usize(..=most)).map(|_| key(rng, page)).collect();
    for key in &keys {
        put(database, key, &data(rng, page));
    }
    if options.duplicates != Duplicates::None {
        for most in [6, 40, 300] {
            let key = bytes(rng, 5..=8);
            for _ in 0..rng.usize(..most) {
                put(database, &key, &bytes(rng, 0..=page / 32));
            }
            keys.push(key);
        }
    }
    if rng.bool() {
        rng.shuffle(&mut keys);
        let part = rng.usize(1..=10);
        for key in keys.iter().take(keys.len() * part / 10) {
            database.delete(key).unwrap();
        }
    }
}

fn sorted(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_unstable();
    pairs
}

/// With the order among the data of a key.
fn by_key(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn pairs(text: &[u8]) -> Vec<Pair> {
    let dumps = dbtools::parse_dump(text).unwrap();
    dumps.into_iter().flat_map(|dump| dump.pairs).collect()
}

/// Loads a dump of one database as `bdbmap load` does.
fn load(text: &[u8], path: &Path) {
    let mut reader = DumpReader::new(text);
    let header = reader.next_database().unwrap().unwrap();
    let mut builder = DatabaseBuilder::new(header.access_method, header.build_options());
    reader.push_all(&mut builder).unwrap();
    builder.plan(Keep::Last).unwrap().write_to(File::create_new(path).unwrap()).unwrap();
}

/// As [`load`], for a dump of several.
fn load_several(text: &[u8], path: &Path) {
    let mut reader = DumpReader::new(text);
    let mut databases = Vec::new();
    while let Some(header) = reader.next_database().unwrap() {
        let mut builder = DatabaseBuilder::new(header.access_method, header.build_options());
        reader.push_all(&mut builder).unwrap();
        databases.push((header.database.unwrap(), builder));
    }
    let plan = NewDatabases::plan(databases, Keep::Last).unwrap();
    plan.write_to(File::create_new(path).unwrap()).unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), plan.file_len());
}

#[test]
fn files_of_one_database() {
    each_seed("file", 40, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        let duplicates = any_duplicates(rng);
        let options = options(rng, duplicates);
        let mut database = Database::create(&path, None, &options).unwrap();
        fill(&mut database, &options, rng);
        database.close().unwrap();
        dbtools::verify(&path).unwrap();

        assert_same_figures(&path, None);
        let original = sorted(dbtools::dump(&path));
        for (format, arguments) in FORMATS {
            let text = dumped(&path, None, format);
            assert_same_text(&text, &printed("db5.3_dump", arguments, &path));
            assert_eq!(dumped_all(&path, format), text);

            // Theirs, from our text.
            let loaded = directory.path().join(format!("theirs-{}.db", arguments.len()));
            dbtools::load(&loaded, &[], &text);
            dbtools::verify(&loaded).unwrap();
            let again = dumped(&loaded, None, format);
            assert_same_text(&again, &printed("db5.3_dump", arguments, &loaded));
            if duplicates == Duplicates::Unsorted {
                assert_eq!(by_key(pairs(&again)), by_key(pairs(&text)));
            }
            assert!(sorted(pairs(&again)) == original, "pairs after a load by libdb");

            // Ours, from their text.
            let loaded = directory.path().join(format!("ours-{}.db", arguments.len()));
            load(&printed("db5.3_dump", arguments, &path), &loaded);
            dbtools::verify(&loaded).unwrap();
            let again = dumped(&loaded, None, format);
            assert_same_text(&again, &printed("db5.3_dump", arguments, &loaded));
            if duplicates == Duplicates::Unsorted {
                assert_eq!(by_key(pairs(&again)), by_key(pairs(&text)));
            }
            assert!(sorted(pairs(&again)) == original, "pairs after our load");
            assert_same_figures(&loaded, None);
        }
    });
}

#[test]
fn files_of_several_databases() {
    each_seed("file of several", 8, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        // Page size, byte order and checksums are the file's.
        let file_options = options(rng, Duplicates::None);
        let mut names: Vec<_> =
            (0..rng.usize(1..12)).map(|i| format!("{i} \\ \u{e9}{}\t", rng.u8(..))).collect();
        for name in &names {
            let options = Options { duplicates: any_duplicates(rng), ..file_options.clone() };
            let mut database = Database::create(&path, Some(name), &options).unwrap();
            fill(&mut database, &options, rng);
            database.close().unwrap();
        }
        dbtools::verify(&path).unwrap();

        names.sort_unstable();
        let listed = database_names(FileSource::new(File::open(&path).unwrap())).unwrap();
        let listed: String = listed.iter().map(|name| print_escaped(name) + "\n").collect();
        assert_same_text(listed.as_bytes(), &printed("db5.3_dump", &["-l"], &path));

        for (format, arguments) in FORMATS {
            let text = dumped_all(&path, format);
            assert_same_text(&text, &printed("db5.3_dump", arguments, &path));
            for name in &names {
                let text = dumped(&path, Some(name), format);
                let arguments = [arguments, &["-s", name]].concat();
                assert_same_text(&text, &printed("db5.3_dump", &arguments, &path));
            }
            let loaded = directory.path().join(format!("theirs-{}.db", arguments.len()));
            dbtools::load(&loaded, &[], &text);
            dbtools::verify(&loaded).unwrap();
            let again = dumped_all(&loaded, format);
            assert_same_text(&again, &printed("db5.3_dump", arguments, &loaded));
            assert!(sorted(pairs(&again)) == sorted(pairs(&text)), "pairs after a load by libdb");

            let loaded = directory.path().join(format!("ours-{}.db", arguments.len()));
            load_several(&printed("db5.3_dump", arguments, &path), &loaded);
            dbtools::verify(&loaded).unwrap();
            let again = dumped_all(&loaded, format);
            assert_same_text(&again, &printed("db5.3_dump", arguments, &loaded));
            assert!(sorted(pairs(&again)) == sorted(pairs(&text)), "pairs after our load");
            for name in &names {
                assert_same_figures(&loaded, Some(name));
            }
        }
        for name in &names {
            assert_same_figures(&path, Some(name));
        }
    });
}

/// Files with what the others lack: big items among duplicates, older versions.
#[test]
fn golden_files() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for entry in fs::read_dir(directory).unwrap() {
        let golden = entry.unwrap().path();
        if golden.extension().is_none_or(|extension| extension != "db") {
            continue;
        }
        println!("{}", golden.display());
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("file.db");
        fs::copy(&golden, &path).unwrap();
        for (format, arguments) in FORMATS {
            let theirs = printed("db5.3_dump", arguments, &path);
            assert_same_text(&dumped_all(&path, format), &theirs);
        }
        let mut names = database_names(fs::read(&path).unwrap()).unwrap();
        // One of them has a btree beside its hash databases.
        names.retain(|name| {
            access_method(fs::read(&path).unwrap(), Some(name)).unwrap() == AccessMethod::Hash
        });
        if names.is_empty() {
            assert_same_figures(&path, None);
        }
        for name in names {
            assert_same_figures(&path, Some(str::from_utf8(&name).unwrap()));
        }
    }
}

/// Text without a header.
#[test]
fn plain_text() {
    each_seed("plain text", 30, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let mut text = String::new();
        for _ in 0..rng.usize(..300) {
            // Short keys, of which some come again; data that may be empty.
            let (key, data) = (bytes(rng, 1..=2), bytes(rng, 0..=30));
            text += &format!("{}\n{}\n", print_escaped(&key), print_escaped(&data));
        }
        let directory = TempDir::new().unwrap();
        let theirs = directory.path().join("theirs.db");
        dbtools::load(&theirs, &["-T", "-t", "hash"], text.as_bytes());

        let ours = directory.path().join("ours.db");
        let mut builder = DatabaseBuilder::new(AccessMethod::Hash, Default::default());
        DumpReader::plain(text.as_bytes()).push_all(&mut builder).unwrap();
        builder.plan(Keep::Last).unwrap().write_to(File::create_new(&ours).unwrap()).unwrap();
        assert_eq!(sorted(dbtools::dump(&ours)), sorted(dbtools::dump(&theirs)));
    });
}
