//! What a side's directory holds, and how two directories differ.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::moment;
use crate::dbtools::Pair;
use crate::table_types::{Contents, TableType};

/// What is compared of a file's inode.
#[derive(Debug, PartialEq, Eq)]
struct Attributes {
    /// File type and permissions, in octal as in `stat -c %f`, for people to read.
    mode: String,
    owner: u32,
    group: u32,
    link: Option<PathBuf>,
}

/// Tells whether a file has been touched: every write changes one of these.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Compares two directories, and remembers which pairs of files it found equal.
pub(super) struct Comparison {
    table_type: &'static TableType,
    equal: HashMap<PathBuf, [Stamp; 2]>,
}

impl Comparison {
    /// Of directories with tables of a type.
    pub(super) fn new(table_type: &'static TableType) -> Self {
        Comparison { table_type, equal: HashMap::new() }
    }

    /// The first difference between the files below `ours` and below `real`: names, types, modes,
    /// owners, contents; for a table's file the pairs in place of the bytes, and what the checker
    /// of its type says.
    pub(super) fn difference(&mut self, ours: &Path, real: &Path) -> Option<String> {
        let [our_files, real_files] = [ours, real].map(|directory| {
            let mut files = BTreeMap::new();
            collect(directory, Path::new(""), &mut files).expect("the directory is readable");
            files
        });
        let names = |files: &BTreeMap<PathBuf, _>| files.keys().cloned().collect::<Vec<_>>();
        if !our_files.keys().eq(real_files.keys()) {
            return Some(format!(
                "files left\n ours: {:?}\n real: {:?}",
                names(&our_files),
                names(&real_files)
            ));
        }
        our_files.into_iter().zip(real_files.into_values()).find_map(|((name, mine), theirs)| {
            let what = if mine.0 == theirs.0 {
                self.contents(&name, [ours, real], [mine.1, theirs.1])?
            } else {
                format!("\n ours: {:?}\n real: {:?}", mine.0, theirs.0)
            };
            Some(format!("{}: {what}", name.display()))
        })
    }

    /// How the contents of the file `name` differ.
    fn contents(&mut self, name: &Path, sides: [&Path; 2], stamps: [Stamp; 2]) -> Option<String> {
        if self.equal.get(name) == Some(&stamps) || !sides[0].join(name).is_file() {
            return None;
        }
        let [ours, real] = sides.map(|side| fs::read(side.join(name)).map_err(|e| e.to_string()));
        if ours != real {
            if !name.to_string_lossy().ends_with(self.table_type.suffix) {
                return Some("contents differ".into());
            }
            match self.table_type.contents {
                Contents::Pairs(dump) => {
                    let [ours, real] = sides.map(|side| pairs(dump(&side.join(name))));
                    if ours != real {
                        return Some(pairs_difference(&ours, &real));
                    }
                }
                Contents::Bytes { in_use } => {
                    let real = real.map(|file| moment::forget(in_use(&file)));
                    if ours.map(|file| moment::forget(&file)) != real {
                        return Some("contents differ".into());
                    }
                }
            }
            for side in sides {
                if let Some(Err(messages)) =
                    self.table_type.check.map(|check| check(&side.join(name)))
                {
                    return Some(format!("the checker in {}: {messages}", side.display()));
                }
            }
        }
        self.equal.insert(name.to_owned(), stamps);
        None
    }
}

/// Adds everything below `top/inner` to `files`.
fn collect(
    top: &Path,
    inner: &Path,
    files: &mut BTreeMap<PathBuf, (Attributes, Stamp)>,
) -> io::Result<()> {
    for entry in fs::read_dir(top.join(inner))? {
        let entry = entry?;
        let name = inner.join(entry.file_name());
        let metadata = entry.metadata()?;
        let attributes = Attributes {
            mode: format!("{:o}", metadata.mode()),
            owner: metadata.uid(),
            group: metadata.gid(),
            link: fs::read_link(entry.path()).ok(),
        };
        let stamp = Stamp {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        if metadata.is_dir() {
            collect(top, &name, files)?;
        }
        files.insert(name, (attributes, stamp));
    }
    Ok(())
}

/// The pairs of a table in the order of their bytes, without the present time.
fn pairs(mut pairs: Vec<Pair>) -> Vec<Pair> {
    for (_, value) in &mut pairs {
        *value = moment::forget(value);
    }
    pairs.sort();
    pairs
}

fn pairs_difference(ours: &[Pair], real: &[Pair]) -> String {
    let only = |here: &[Pair], there: &[Pair]| {
        let mut lines = String::new();
        for (key, value) in here.iter().filter(|pair| !there.contains(pair)).take(5) {
            let cut = |bytes: &[u8]| format!("{:.300}", bytes.escape_ascii().to_string());
            lines += &format!("\n   {} -> {}", cut(key), cut(value));
        }
        lines
    };
    format!(
        "{} pairs in ours, {} in real\n only in ours:{}\n only in real:{}",
        ours.len(),
        real.len(),
        only(ours, real),
        only(real, ours)
    )
}
