//! Makes those of the golden files for which libdb's API is needed, in the directory given. Run by
//! `golden/make.sh`.

use std::fs;
use std::path::PathBuf;

use bdb_file::ByteOrder::{Big, Little};
use map_tests::libdb::{Database, Duplicates, Error, Options};
use map_tests::raw;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory =
        PathBuf::from(std::env::args_os().nth(1).ok_or("usage: make_golden DIRECTORY")?);
    Maker { directory }.make_all()?;
    Ok(())
}

struct Maker {
    directory: PathBuf,
}

/// A key as long as `i` suggests.
fn key(i: usize) -> Vec<u8> {
    format!("key {i}{}\0", "+".repeat(i * 7 % 23)).into_bytes()
}

/// Data as long as `i` suggests.
fn data(i: usize) -> Vec<u8> {
    format!("data {i}{}", "-".repeat(i * 5 % 31)).into_bytes()
}

/// An item of the length given.
fn long(name: &str, len: usize) -> Vec<u8> {
    (name.bytes().chain(*b" and so on,")).cycle().take(len).collect()
}

impl Maker {
    fn make_all(&self) -> Result<(), Error> {
        let default = Options::default;
        let little = Options { page_size: 512, byte_order: Little, ..default() };
        let big = Options { page_size: 512, byte_order: Big, ..default() };
        let sums = Options { checksums: true, ..little.clone() };
        let big_sums = Options { checksums: true, ..big.clone() };

        self.make("grown", &little, |db| put(db, 0..200))?;
        self.make("grown-big-endian", &Options { page_size: 1024, ..big.clone() }, |db| {
            put(db, 0..160)
        })?;
        self.make("grown-checksums", &sums, |db| put(db, 0..200))?;
        self.make(
            "grown-big-endian-checksums",
            &Options { page_size: 2048, ..big_sums.clone() },
            |db| put(db, 0..150),
        )?;
        self.make("large-pages", &Options { page_size: 8192, ..big_sums.clone() }, |db| {
            put(db, 0..40)
        })?;
        self.make("holes", &Options { fill_factor: 4, elements: 100, ..sums.clone() }, |db| {
            put(db, 0..12)
        })?;
        self.make("deleted", &big, |db| {
            put(db, 0..200)?;
            for i in (0..200).filter(|i| i % 10 != 3) {
                db.delete(&key(i))?;
            }
            db.put(b"again", &long("a big item on pages that were free", 1500))
        })?;
        self.make("all-deleted", &little, |db| {
            put(db, 0..50)?;
            (0..50).try_for_each(|i| db.delete(&key(i)).map(drop))
        })?;
        for (name, options) in
            [("big-items", &little), ("big-items-big-endian-checksums", &big_sums)]
        {
            self.make(name, options, put_big_items)?;
        }

        self.make_duplicates("duplicates", &little, Duplicates::Unsorted)?;
        self.make_duplicates("duplicates-big-endian-checksums", &big_sums, Duplicates::Unsorted)?;
        self.make_duplicates("sorted-duplicates-checksums", &sums, Duplicates::Sorted)?;
        self.make_duplicates("sorted-duplicates-big-endian", &big, Duplicates::Sorted)?;

        for (name, options) in [("named", &little), ("named-big-endian-checksums", &big_sums)] {
            let path = self.path(name);
            for (i, name) in ["letters", "caf\u{e9}", "back\\slash", "empty"].iter().enumerate() {
                let mut database = Database::create(&path, Some(name), options)?;
                put(&mut database, 0..[40, 10, 3, 0][i])?;
                database.close()?;
            }
        }

        for (name, options, version) in [
            ("version-7", &little, 7),
            ("version-7-big-endian", &big, 7),
            ("version-8-checksums", &sums, 8),
            ("version-8-big-endian-checksums", &big_sums, 8),
        ] {
            self.make(name, options, |db| {
                put(db, 0..60)?;
                put_big_items(db)
            })?;
            let path = self.path(name);
            let mut file = fs::read(&path).expect("the file has just been written");
            raw::to_older_version(&mut file, version);
            fs::write(&path, file).expect("the file can be written");
        }

        self.make_keys_that_libdb_does_not_find("missed-by-libdb", &little)?;
        self.make("refused/partitioned", &Options { partitions: 2, ..little }, |db| put(db, 0..4))?;
        for i in 0..2 {
            // Where the pairs are; nothing reads these.
            let part = self.directory.join(format!("refused/__dbp.partitioned.db.{i:03}"));
            fs::remove_file(part).expect("libdb made a file for each part");
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.db"))
    }

    fn make(
        &self,
        name: &str,
        options: &Options,
        fill: impl FnOnce(&mut Database) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut database = Database::create(&self.path(name), None, options)?;
        fill(&mut database)?;
        database.close()
    }

    /// Sets of data items on the page, in trees of two levels, of big items, and thinned out to
    /// one.
    fn make_duplicates(
        &self,
        name: &str,
        options: &Options,
        duplicates: Duplicates,
    ) -> Result<(), Error> {
        self.make(name, &Options { duplicates, ..options.clone() }, |db| {
            put(db, 0..10)?;
            for i in [5, 2, 9, 4] {
                db.put(b"few", &data(i))?;
                db.put(b"was few", &data(i))?;
            }
            for i in 0..200 {
                db.put(b"many", &data(i * 77 % 200))?;
            }
            for i in [3, 1, 2] {
                db.put(b"big", &long(&format!("item {i}"), 300 * i))?;
            }
            for i in [5, 9, 4] {
                db.delete_pair(b"was few", &data(i))?;
            }
            Ok(())
        })
    }

    /// Keys of one letter, repeated (section 12.2 of the hash file specification).
    fn make_keys_that_libdb_does_not_find(
        &self,
        name: &str,
        options: &Options,
    ) -> Result<(), Error> {
        let keys: Vec<_> =
            (1..=127).step_by(3).chain(129..=145).map(|len| vec![b'a'; len]).collect();
        self.make(name, options, |db| keys.iter().try_for_each(|key| db.put(key, b"data")))?;
        let mut database = Database::open(&self.path(name), None, 128 << 10)?;
        let missed = keys.iter().filter(|key| !matches!(database.get(key), Ok(Some(_)))).count();
        println!("{name}: libdb does not find {missed} of {} keys", keys.len());
        assert_ne!(missed, 0);
        database.close()
    }
}

fn put(database: &mut Database, numbers: std::ops::Range<usize>) -> Result<(), Error> {
    numbers.into_iter().try_for_each(|i| database.put(&key(i), &data(i)))
}

/// Items longer than a quarter of a page of 512 bytes, and just not longer.
fn put_big_items(database: &mut Database) -> Result<(), Error> {
    database.put(&long("a key on the page", 128), &long("data on the page", 128))?;
    database.put(&long("key 129", 129), b"")?;
    database.put(b"data 129", &long("data", 129))?;
    database.put(b"data 486", &long("a page without checksums", 486))?;
    database.put(b"data 480", &long("a page with checksums", 480))?;
    database.put(&long("key and data", 1100), &long("of several pages", 2000))
}
