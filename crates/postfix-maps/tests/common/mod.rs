//! What the tests of tables on disk share.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use postfix_maps::{Access, NewTable, Table, TableOptions, TableSpec, WriteOptions};

/// A directory of its own for one test.
pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Self {
        Dir(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn spec(&self, name: &str) -> TableSpec {
        TableSpec::from(&format!("hash:{}", self.path(name).display()))
    }

    pub fn write(&self, name: &str, pairs: &[(&str, &str)]) {
        self.write_with(name, pairs, WriteOptions::default());
    }

    pub fn write_with(&self, name: &str, pairs: &[(&str, &str)], options: WriteOptions) {
        let mut writer = NewTable::open(self.spec(name), options).unwrap();
        for (key, value) in pairs {
            writer.put(key.as_bytes(), value.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
    }

    pub fn open(&self, name: &str, access: Access) -> Table {
        Table::open_with(self.spec(name), TableOptions::default().access(access)).unwrap()
    }

    /// Names of all files, to see that nothing is left behind.
    pub fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The value of a key, as text.
pub fn get(table: &Table, key: &str) -> Option<String> {
    table.get(key.as_bytes()).unwrap().map(|value| String::from_utf8(value.into_owned()).unwrap())
}

/// Makes a file look as if it had last been changed a while ago.
pub fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}
