//! Damaged files: whatever the bytes, reading ends, with an answer or an error that says where.

mod patched;

use std::borrow::Cow;
use std::io;

use bdb_file::{ByteOrder, Error, ErrorKind, Fault, HashDb, Source, Unsupported};
use patched::{Patched, Places, pairs};
use proptest::prelude::*;

/// The bytes of the sound file.
fn sound_file(order: ByteOrder, checksums: bool) -> Vec<u8> {
    Patched::new(order, 4, checksums).bytes
}

/// A file's bytes that have to be read page by page, as from a disk.
struct NotInMemory<'a>(&'a [u8]);

impl Source for NotInMemory<'_> {
    fn len(&self) -> io::Result<u64> {
        Source::len(self.0)
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        self.0.read_at(at, len)
    }
}

/// Reads all that a file will give. That this returns is what the tests below are about.
fn read_all(file: &[u8]) -> Result<usize, Error> {
    let (hash, paged) = (HashDb::open(file)?, HashDb::open(NotInMemory(file))?);
    for (key, _) in pairs() {
        // In memory there is a faster way, which must come to the same.
        let found = [hash.get(&key), paged.get(&key)].map(|found| format!("{found:?}"));
        assert_eq!(found[0], found[1]);
        if let Ok(values) = hash.get_all(&key) {
            values.take_while(Result::is_ok).for_each(drop);
        }
    }
    let keys: Vec<_> = pairs().map(|(key, _)| key).collect();
    for (found, key) in hash.get_many(&keys).zip(&keys) {
        assert_eq!(found.ok(), hash.get(key).ok());
    }
    let mut count = 0;
    let mut iter = hash.iter();
    for pair in &mut iter {
        let (key, data) = pair?;
        assert!(key.len() + data.len() <= file.len(), "no more than the file can hold");
        count += 1;
    }
    assert!(iter.next().is_none(), "an iterator that has ended stays so");
    Ok(count)
}

#[test]
fn the_sound_file_is_sound() {
    for byte_order in [ByteOrder::Little, ByteOrder::Big] {
        for checksums in [false, true] {
            assert_eq!(read_all(&sound_file(byte_order, checksums)).unwrap(), pairs().count());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn reading_ends_whatever_is_damaged(
        big_endian: bool,
        // Mostly in page headers and offset arrays.
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..60, any::<u8>()), 1..7),
        anywhere in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        swap in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let order = if big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let mut file = sound_file(order, false);
        let pages = file.len() / 512;
        for (page, offset, byte) in changes {
            file[page.index(pages) * 512 + offset] = byte;
        }
        for (at, byte) in anywhere {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if let Some((from, to)) = swap {
            let (from, to) = (from.index(pages) * 512, to.index(pages) * 512);
            file.copy_within(from..from + 512, to);
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let _ = read_all(&file);
    }

    #[test]
    fn reading_ends_on_bytes_of_no_sense(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read_all(&bytes).is_err());
    }

    #[test]
    fn every_changed_byte_shows_where_there_are_checksums(
        at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let mut file = sound_file(ByteOrder::NATIVE, true);
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(read_all(&file).is_err());
    }
}

/// The sound file in little-endian order, changed.
fn changed(change: impl FnOnce(&mut Patched)) -> Vec<u8> {
    let mut file = Patched::new(ByteOrder::Little, 4, false);
    change(&mut file);
    file.bytes
}

/// All that can be wrong with them: `broken.rs`.
#[test]
fn errors_name_the_page() {
    #[track_caller]
    fn is_damaged(
        change: impl FnOnce(&mut Patched),
        page: usize,
        fault: Fault,
        value: impl Into<Option<u64>>,
    ) {
        match read_all(&changed(change)).unwrap_err().kind() {
            ErrorKind::Corrupt(found) => assert_eq!(
                (found.page as usize, found.fault, found.value),
                (page, fault, value.into())
            ),
            other => panic!("{other:?}"),
        }
    }
    let sound = Patched::new(ByteOrder::Little, 4, false);
    let overflow = Places::of(&sound).overflow;
    is_damaged(|f| f.u16(overflow, 22, 0), overflow, Fault::OverflowBytes, 0);
    is_damaged(|f| f.u16(overflow, 22, 485), overflow + 1, Fault::ChainLength, 700);
    is_damaged(|f| f.u8(overflow, 25, 13), overflow, Fault::LinkedType, 13);
    is_damaged(|f| f.u16(1, 20, 3), 1, Fault::Entries, 3);
    is_damaged(|f| f.u16(1, 26, 512), 1, Fault::Offset, None);
    is_damaged(|f| f.u32(1, 8, 2), 1, Fault::PageNumber, 2);
    is_damaged(|f| f.u32(1, 16, 0xffff_ffff), 0xffff_ffff, Fault::Link, 0xffff_ffff);
    is_damaged(|f| f.u32(0, 76, 7), 0, Fault::Masks, None);
    is_damaged(|f| f.u32(0, 48, 8), 0, Fault::DatabaseFlags, 8);
    is_refused(
        |f| f.u32(0, 32, 9999),
        &format!(
            "file is truncated: page 0 says that its last page is 9999, but it has {} pages",
            sound.pages()
        ),
    );
}

#[track_caller]
fn is_refused(change: impl FnOnce(&mut Patched), words: &str) {
    assert_eq!(read_all(&changed(change)).unwrap_err().to_string(), words);
}

#[test]
fn other_kinds_of_files_are_refused_by_name() {
    is_refused(|f| f.u8(0, 24, 1), "database is encrypted");
    is_refused(|f| f.u8(0, 26, 2), "database is partitioned");
    is_refused(|f| f.u32(0, 16, 6), "unsupported version 6 of the file format");
    is_refused(|f| f.u32(0, 12, 0x42253), "unsupported access method: queue");
    is_refused(|f| f.u32(0, 12, 0), "not a Berkeley DB file");
    let magic_at_the_start = |f: &mut Patched| {
        f.u32(0, 12, 0);
        f.u32(0, 0, 0x61561);
    };
    is_refused(magic_at_the_start, "file has the format of Berkeley DB 1.85");
    is_refused(|f| f.bytes.clear(), "not a Berkeley DB file");
    let len = Patched::new(ByteOrder::Little, 4, false).bytes.len() + 1;
    is_refused(
        |f| f.bytes.push(0),
        &format!("file length {len} is not a multiple of the page size 512"),
    );
}

#[test]
fn a_strange_hash_function_allows_listing_only() {
    let file = changed(|f| f.u32(0, 92, 1));
    let hash = HashDb::open(&file).unwrap();
    assert_eq!(hash.iter().filter(Result::is_ok).count(), pairs().count());
    let refused = hash.get(b"0").unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unsupported(Unsupported::HashFunction)));
}

#[test]
fn a_bucket_that_was_never_written_is_empty() {
    let mut file = sound_file(ByteOrder::Little, false);
    let lost = HashDb::open(&file).unwrap();
    let first: Cow<'_, [u8]> = lost.iter().next().unwrap().unwrap().0.into_owned().into();
    let all = lost.iter().count();
    file[512..1024].fill(0);
    let hash = HashDb::open(&file).unwrap();
    assert_eq!(hash.get(&first).unwrap(), None);
    assert!(hash.iter().map(Result::unwrap).count() < all);
}
