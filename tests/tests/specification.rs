//! What the code cites of the specifications is there: each section, and each place that a link of the documentation leads to.

use std::fs;
use std::path::{Path, PathBuf};

/// The specifications: what links call them, and their files.
const SPECIFICATIONS: [(&str, &str); 6] = [
    ("specification::btree", "bdb/spec/bdb-btree.md"),
    ("specification::hash", "bdb/spec/bdb-hash.md"),
    ("specification", "cdb/spec/cdb.md"),
    ("specification::postalias", "map-text/spec/postalias.md"),
    ("specification::postmap", "map-text/spec/postmap.md"),
    ("specification::table_types", "postfix-maps/spec/table-types.md"),
];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

/// The titles of a specification's sections, such as `5.1 Duplicates`.
fn titles(file: &str) -> Vec<String> {
    let text = fs::read_to_string(crates().join(file)).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| line.trim_start_matches('#').trim().to_owned()).collect()
}

/// The place of a title in its page, as rustdoc names it.
fn place(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Hands the text of every file of our own code to `each`, on one line without the marks of comments.
fn for_each_file(directory: &Path, each: &mut dyn FnMut(&Path, &str)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            for_each_file(&path, each);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let words = text.split_whitespace().filter(|word| !["//", "///", "//!"].contains(word));
            each(&path, &words.collect::<Vec<_>>().join(" "));
        }
    }
}

fn number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text[..end].trim_end_matches('.')
}

#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for_each_file(&crates(), &mut |path, text| {
        for (at, _) in text.match_indices("crate::specification") {
            let link = text[at..].split(' ').next().unwrap().trim_start_matches("crate::");
            let Some((of, to)) = link.split_once('#') else { continue };
            let file = SPECIFICATIONS.iter().find(|(name, _)| *name == of);
            let (_, file) = file.unwrap_or_else(|| panic!("{}: {link}", path.display()));
            let found = titles(file).iter().any(|title| place(title) == to);
            assert!(found, "{}: {link}", path.display());
            links += 1;
        }
    });
    assert!(links > 20, "{links}");
}

#[test]
fn cited_sections_exist() {
    let mut citations = 0;
    for_each_file(&crates(), &mut |path, text| {
        for (at, cited) in text.match_indices("section ") {
            let section = number(&text[at + cited.len()..]);
            // Which specification it is of is said before it, or else it is the crate's own.
            let before = &text[text.floor_char_boundary(at.saturating_sub(50))..at];
            let named = SPECIFICATIONS.iter().filter_map(|(name, file)| {
                let name = name
                    .rsplit("::")
                    .next()?
                    .replace('_', " ")
                    .replace("table types", "the table types");
                Some((
                    before
                        .rfind(&[&name, " specification"].concat()[..])
                        .or(before.rfind(&["specification of ", &name].concat()[..]))?,
                    *file,
                ))
            });
            let own = ["bdb", "cdb"].map(|name| crates().join(name).join("src"));
            let file = match named.max() {
                Some((_, file)) => file,
                None if path.starts_with(&own[0]) => "bdb/spec/bdb-hash.md",
                None if path.starts_with(&own[1]) => "cdb/spec/cdb.md",
                None => continue,
            };
            if section.is_empty() {
                continue;
            }
            let found = titles(file).iter().any(|title| number(title) == section);
            assert!(found, "{}: section {section} of {file}", path.display());
            citations += 1;
        }
    });
    assert!(citations > 100, "{citations}");
}
