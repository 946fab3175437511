//! What libdb's programs print of a database: its text, and its figures. Ours are to be the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use bdb_file::{
    AccessMethod, BtreeDb, PageUse, TextFormat, access_method, database_names, dump_all,
};

/// What one of the programs prints.
///
/// # Panics
/// When the program is missing or refuses the file.
pub fn printed(program: &str, arguments: &[&str], path: &Path) -> Vec<u8> {
    let output = Command::new(program).args(arguments).arg(path).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// # Panics
/// When they are not the same; names the first line that differs.
#[track_caller]
pub fn assert_same_text(ours: &[u8], theirs: &[u8]) {
    if ours != theirs {
        let [ours, theirs] = [ours, theirs].map(|text| text.split(|byte| *byte == b'\n'));
        let mut lines = (1..).zip(ours.zip(theirs));
        let (line, (ours, theirs)) = lines
            .find(|(_, (ours, theirs))| ours != theirs)
            .expect("the last line of the shorter one is empty");
        panic!("line {line}: {}, theirs: {}", ours.escape_ascii(), theirs.escape_ascii());
    }
}

/// The figures that `db5.3_stat` prints behind the flags, in its order, each with how full that is
/// in percent where it says so.
///
/// # Panics
/// When the program is missing or refuses the file.
pub fn their_figures(path: &Path, name: Option<&str>) -> Vec<String> {
    // It notes the number of keys in the file.
    let copy = path.with_extension("copy");
    fs::copy(path, &copy).expect("the directory of a test can be written");
    let select = name.map_or(vec![], |name| vec!["-s", name]);
    let text = printed("db5.3_stat", &[&select[..], &["-d"]].concat(), &copy);
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().skip_while(|line| !line.ends_with("\tFlags")).skip(1);
    let figure = |line: &str| {
        let (number, label) = line.split_once('\t').expect("a line is a number and its label");
        match label.strip_suffix("% ff)").and_then(|label| label.rsplit_once('(')) {
            Some((_, percent)) => format!("{number}, {percent} %"),
            None => number.into(),
        }
    };
    lines.map(figure).collect()
}

/// A number as `db5.3_stat` prints it.
pub fn figure(number: u64) -> String {
    match number {
        0..10_000_000 => number.to_string(),
        _ => format!("{}M", (number + 500_000) / 1_000_000),
    }
}

/// The bytes that pages have free, and how full they are, as `db5.3_stat` prints it.
pub fn free(part: PageUse, page_size: u32) -> String {
    format!("{}, {} %", figure(part.free_bytes), part.fill_percent(page_size))
}

/// The figures of a btree in the order of `db5.3_stat`.
fn btree_figures(database: &BtreeDb<&[u8]>) -> Vec<String> {
    let stat = database.stat().expect("the file is sound");
    let (meta, page_size) = (database.meta(), database.page_size());
    let room = page_size - if database.has_checksums() { 32 } else { 26 };
    let mut figures = vec![
        meta.minimum_keys.to_string(),
        page_size.to_string(),
        // The longest item on a page (btree specification, section 5).
        (room / (2 * meta.minimum_keys) - 10).to_string(),
        stat.levels.to_string(),
        figure(stat.keys),
        figure(stat.data_items),
    ];
    for part in [stat.internal, stat.leaves, stat.duplicates, stat.big_items] {
        figures.extend([figure(part.pages), free(part, page_size)]);
    }
    figures.extend([figure(stat.empty_leaves), figure(stat.free_pages)]);
    figures
}

/// Asserts that the text of a file, in both forms, is what `db5.3_dump` prints, and that the figures
/// of its btrees are those of `db5.3_stat`.
///
/// # Panics
/// When they are not, when a program is missing, or refuses the file.
#[track_caller]
pub fn assert_prints_the_same(path: &Path) {
    let file = fs::read(path).expect("the file is there");
    for (format, arguments) in [(TextFormat::Bytes, &[][..]), (TextFormat::Print, &["-p"])] {
        let mut text = Vec::new();
        dump_all(&file, format, &mut text).expect("the file is sound");
        assert_same_text(&text, &printed("db5.3_dump", arguments, path));
    }
    let names = database_names(&file).expect("the file is sound");
    if names.is_empty() {
        let database = BtreeDb::open(&file[..]).expect("the file is one btree");
        assert_eq!(btree_figures(&database), their_figures(path, None));
    }
    for name in names {
        if access_method(&file, Some(&name)).expect("the file is sound") == AccessMethod::Btree {
            let database = BtreeDb::open_named(&file[..], &name).expect("the file is sound");
            let name = str::from_utf8(&name).expect("names of tests are in UTF-8");
            let mut text = Vec::new();
            database.dump(TextFormat::Bytes, &mut text).expect("the file is sound");
            assert_same_text(&text, &printed("db5.3_dump", &["-s", name], path));
            assert_eq!(btree_figures(&database), their_figures(path, Some(name)), "{name}");
        }
    }
}
