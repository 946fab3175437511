//! The known ways to break a reader, one row each, in both byte orders: what is done to a sound
//! file, how reading ends, and what verify says. Nothing takes longer than a second.

mod patched;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use bdb_file::{
    ByteOrder, Error, ErrorKind, Fault, FileSource, HashDb, Problem, Source, salvage, verify,
};
use patched::{PAGE, Patched, Places, pairs, problems, refer, refer_twice};

type Change = fn(&mut Patched, &Places);

/// How listing the file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// With the last pair: what is wrong does not matter to a reader.
    Whole,
    /// With an error about a page.
    Stops(Fault, Option<u64>),
    /// Before it begins: the file's length is wrong.
    TooShort,
}

use Reading::{Stops, TooShort, Whole};

/// What is broken, how reading ends, a fault that verify finds, the change.
#[rustfmt::skip]
const ROWS: &[(&str, Reading, Fault, Change)] = &[
    ("bucket linked to itself",                Stops(Fault::Shared, None), Fault::Link, |f, _| f.u32(1, 16, 1)),
    ("second page linked to itself",           Stops(Fault::Shared, None), Fault::Shared, |f, p| f.u32(p.second, 16, p.second as u32)),
    ("second page linked to the first",        Stops(Fault::Shared, None), Fault::Shared, |f, p| f.u32(p.second, 16, 1)),
    ("two buckets linked to each other",       Stops(Fault::Shared, None), Fault::Shared, |f, _| { f.u32(1, 16, 2); f.u32(2, 16, 1) }),
    ("big item linked to itself",              Stops(Fault::ChainLength, Some(700)), Fault::Shared, |f, p| f.u32(p.overflow, 16, p.overflow as u32)),
    ("big item's pages linked to each other",  Stops(Fault::ChainLength, Some(700)), Fault::Shared, |f, p| f.u32(p.overflow + 1, 16, p.overflow as u32)),
    ("free list linked to itself",             Whole, Fault::FreeList, |f, _| f.u32(0, 28, 1)),

    ("empty page of a big item",               Stops(Fault::OverflowBytes, Some(0)), Fault::OverflowBytes, |f, p| f.u16(p.overflow, 22, 0)),
    ("page of a big item fuller than full",    Stops(Fault::OverflowBytes, Some(487)), Fault::OverflowBytes, |f, p| f.u16(p.overflow, 22, 487)),
    ("page of a big item with 65535 bytes",    Stops(Fault::OverflowBytes, Some(0xffff)), Fault::OverflowBytes, |f, p| f.u16(p.overflow, 22, 0xffff)),
    ("chain longer than stated",               Stops(Fault::ChainLength, Some(600)), Fault::ChainLength, |f, p| state_length(f, p, 600)),
    ("chain shorter than stated",              Stops(Fault::ChainLength, Some(701)), Fault::ChainLength, |f, p| state_length(f, p, 701)),
    ("chain of 4 GiB stated",                  Stops(Fault::ChainLength, Some(u32::MAX as u64)), Fault::ChainLength, |f, p| state_length(f, p, u32::MAX)),
    ("chain cut short",                        Stops(Fault::ChainLength, Some(700)), Fault::ChainLength, |f, p| f.u32(p.overflow, 16, 0)),
    ("big item in a bucket's page",            Stops(Fault::LinkedType, Some(13)), Fault::LinkedType, |f, p| refer(f, p, 1)),
    ("big item on page 0",                     Stops(Fault::ChainLength, Some(700)), Fault::Reference, |f, p| refer(f, p, 0)),
    ("big item behind the last page",          Stops(Fault::Link, Some(0xffff)), Fault::Reference, |f, p| refer(f, p, 0xffff)),

    ("page shared by two buckets",             Stops(Fault::Shared, None), Fault::Shared, |f, p| { let other = f.next(2); f.u32(p.second, 16, other as u32) }),
    ("big item shared by two pairs",           Whole, Fault::Shared, refer_twice),
    ("bucket linked to a big item",            Stops(Fault::LinkedType, Some(7)), Fault::LinkedType, |f, p| f.u32(1, 16, p.overflow as u32)),
    ("link behind the last page",              Stops(Fault::Link, Some(u32::MAX as u64)), Fault::Link, |f, _| f.u32(1, 16, u32::MAX)),

    ("items that overlap",                     Stops(Fault::Offset, None), Fault::Offset, |f, _| { let first = f.get_u16(1, 26); f.u16(1, 28, first + 1) }),
    ("item inside the offset array",           Stops(Fault::Offset, None), Fault::Offset, |f, _| f.u16(1, 28, 26)),
    ("item at the end of the page",            Stops(Fault::Offset, None), Fault::Offset, |f, _| f.u16(1, 26, PAGE as u16)),
    ("item behind the page",                   Stops(Fault::Offset, None), Fault::Offset, |f, _| f.u16(1, 28, 0xffff)),
    ("odd number of entries",                  Stops(Fault::Entries, Some(3)), Fault::Entries, |f, _| f.u16(1, 20, 3)),
    ("65534 entries",                          Stops(Fault::Entries, Some(0xfffe)), Fault::Entries, |f, _| f.u16(1, 20, 0xfffe)),
    ("65535 entries",                          Stops(Fault::Entries, Some(0xffff)), Fault::Entries, |f, _| f.u16(1, 20, 0xffff)),
    ("one more pair than fits",                Stops(Fault::Entries, Some(244)), Fault::Entries, |f, _| f.u16(1, 20, 244)),

    ("page with another's number",             Stops(Fault::PageNumber, Some(2)), Fault::PageNumber, |f, _| f.u32(1, 8, 2)),
    ("page with the number 0",                 Stops(Fault::PageNumber, Some(0)), Fault::HoleNotEmpty, |f, _| f.u32(1, 8, 0)),
    ("page of another type",                   Stops(Fault::LinkedType, Some(5)), Fault::LinkedType, |f, _| f.u8(1, 25, 5)),
    ("page 0 of another type",                 Stops(Fault::MetaType, Some(9)), Fault::MetaType, |f, _| f.u8(0, 25, 9)),
    ("last page one too low",                  Whole, Fault::LastPage, |f, p| f.u32(0, 32, p.last - 1)),
    ("last page one too high",                 TooShort, Fault::LastPage, |f, p| f.u32(0, 32, p.last + 1)),
    ("last page 2^32-1",                       TooShort, Fault::LastPage, |f, _| f.u32(0, 32, u32::MAX)),

    ("page size 0",                            Stops(Fault::PageSize, Some(0)), Fault::PageSize, |f, _| f.u32(0, 20, 0)),
    ("page size 1",                            Stops(Fault::PageSize, Some(1)), Fault::PageSize, |f, _| f.u32(0, 20, 1)),
    ("page size 513",                          Stops(Fault::PageSize, Some(513)), Fault::PageSize, |f, _| f.u32(0, 20, 513)),
    ("page size 128 KiB",                      Stops(Fault::PageSize, Some(131_072)), Fault::PageSize, |f, _| f.u32(0, 20, 131_072)),
    ("page size 2 GiB",                        Stops(Fault::PageSize, Some(1 << 31)), Fault::PageSize, |f, _| f.u32(0, 20, 1 << 31)),

    ("2^32-1 buckets",                         Stops(Fault::Masks, None), Fault::MaxBucket, |f, _| f.u32(0, 72, u32::MAX)),
    ("2^32-1 buckets with masks to suit",      Stops(Fault::Spares, None), Fault::MaxBucket, |f, _| { f.u32(0, 72, u32::MAX); f.u32(0, 76, u32::MAX); f.u32(0, 80, u32::MAX >> 1) }),
    ("more buckets than pages",                Stops(Fault::Masks, None), Fault::MaxBucket, |f, p| f.u32(0, 72, p.last + 1)),
    ("high mask too high",                     Stops(Fault::Masks, None), Fault::Masks, |f, _| f.u32(0, 76, 7)),
    ("high mask of all ones",                  Stops(Fault::Masks, None), Fault::Masks, |f, _| f.u32(0, 76, u32::MAX)),
    ("low mask too high",                      Stops(Fault::Masks, None), Fault::Masks, |f, _| f.u32(0, 80, 3)),
    ("low mask 0",                             Stops(Fault::Masks, None), Fault::Masks, |f, _| f.u32(0, 80, 0)),
    ("page-address table that wraps",          Stops(Fault::Spares, None), Fault::Spares, |f, _| f.u32(0, 96 + 8, 0xffff_fff0)),
    ("page-address table behind the file",     Stops(Fault::Spares, None), Fault::Spares, |f, p| f.u32(0, 96 + 8, p.last)),

    ("last page cut by a byte",                TooShort, Fault::FileLength, |f, _| { f.bytes.pop(); }),
    ("last page cut to a byte",                TooShort, Fault::FileLength, |f, p| f.bytes.truncate(p.last as usize * PAGE + 1)),
    ("last page cut off",                      TooShort, Fault::LastPage, |f, p| f.bytes.truncate(p.last as usize * PAGE)),
    ("all pages cut off but page 0",           TooShort, Fault::LastPage, |f, _| f.bytes.truncate(PAGE)),
];

/// Changes the length that the reference to a big data item states.
fn state_length(file: &mut Patched, places: &Places, len: u32) {
    let (page, index) = places.big_data;
    let item = file.item(page, index).start;
    file.u32(page, item + 8, len);
}

/// Nothing may take longer with so small a file.
const LIMIT: Duration = Duration::from_secs(1);

fn in_time<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < LIMIT, "{what}: {:?}", start.elapsed());
    result
}

/// Opens a file, looks keys up and lists all pairs: how listing ends.
fn read<S: Source>(pages: S) -> Result<usize, Error> {
    let hash = HashDb::open(pages)?;
    look_up(&hash);
    hash.iter().try_fold(0, |count, pair| pair.map(|_| count + 1))
}

fn look_up<S: Source>(hash: &HashDb<S>) {
    let keys: Vec<_> = pairs().map(|(key, _)| key).collect();
    for (many, key) in hash.get_many(&keys).zip(&keys) {
        assert_eq!(many.ok(), hash.get(key).ok());
        if let Ok(values) = hash.get_all(key) {
            values.take_while(Result::is_ok).for_each(drop);
        }
    }
}

fn reading(result: Result<usize, Error>) -> Reading {
    match result.map_err(Error::into_kind) {
        Ok(_) => Whole,
        Err(ErrorKind::Corrupt(Problem { fault, value, .. })) => Stops(fault, value),
        Err(ErrorKind::Length { .. } | ErrorKind::Truncated { .. }) => TooShort,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn known_ways_to_break_a_reader() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, false);
        let places = Places::of(&sound);
        for (name, expected, fault, change) in ROWS {
            let mut file = sound.clone();
            change(&mut file, &places);
            let name = format!("{name}, {order:?}");
            let read = in_time(&name, || read(&file.bytes));
            assert_eq!(reading(read), *expected, "{name}");
            let (_, problems) = in_time(&name, || problems(&file.bytes));
            assert!(problems.iter().any(|found| found.fault == *fault), "{name}: {problems:?}");
            let summary = in_time(&name, || salvage(&file.bytes, |_| ControlFlow::Continue(())))
                .expect(&name);
            assert!(summary.complete, "{name}");
        }
    }
}

/// A file of which pages are read when they are asked for, and an opened database.
fn open(bytes: &[u8]) -> (File, HashDb<FileSource>) {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    let hash = HashDb::open(FileSource::new(file.try_clone().unwrap())).unwrap();
    (file, hash)
}

#[test]
fn a_file_that_shrinks_while_it_is_open() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, false);
        for len in [0, 1, PAGE, PAGE + 1, sound.bytes.len() - PAGE, sound.bytes.len() - 1] {
            let (file, hash) = open(&sound.bytes);
            file.set_len(len as u64).unwrap();
            in_time("look up", || look_up(&hash));
            let end = in_time("list", || hash.iter().find_map(Result::err)).unwrap();
            assert!(
                matches!(end.kind(), ErrorKind::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof),
                "{len}: {end}"
            );
            let pages = || FileSource::new(file.try_clone().unwrap());
            let verdict = in_time("verify", || verify(pages(), |_| ControlFlow::Continue(())));
            assert!(!verdict.is_ok_and(|verdict| verdict.is_sound()));
            let summary = in_time("salvage", || salvage(pages(), |_| ControlFlow::Continue(())));
            assert!(summary.is_err() || len >= PAGE, "{len}");
        }
    }
}

#[test]
fn a_file_that_is_rewritten_while_it_is_open() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, false);
        let other_order = match order {
            ByteOrder::Little => ByteOrder::Big,
            ByteOrder::Big => ByteOrder::Little,
        };
        // The same pairs in the other byte order.
        let rewritten = Patched::new(other_order, 4, false);
        let (file, hash) = open(&sound.bytes);
        file.write_all_at(&rewritten.bytes, 0).unwrap();
        in_time("look up", || look_up(&hash));
        let end = in_time("list", || hash.iter().find_map(Result::err)).unwrap();
        let ErrorKind::Corrupt(problem) = end.kind() else { panic!("{end}") };
        assert_eq!(problem.fault, Fault::PageNumber);

        // And in other buckets.
        let rewritten = Patched::new(order, 7, false);
        let (file, hash) = open(&sound.bytes);
        file.set_len(rewritten.bytes.len() as u64).unwrap();
        file.write_all_at(&rewritten.bytes, 0).unwrap();
        in_time("look up", || look_up(&hash));
        // Pairs of the file, which are the same in both, up to an error; never others.
        let pairs: BTreeMap<_, _> = pairs().collect();
        let listed: Vec<_> = in_time("list", || hash.iter().map_while(Result::ok).collect());
        assert!(!listed.is_empty());
        assert!(
            listed
                .iter()
                .all(|(key, data)| pairs.get(&**key).is_some_and(|other| *other == **data))
        );
    }
}
