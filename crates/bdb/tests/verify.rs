//! Finding damage: each fault by its name and its place, in both byte orders.

#[path = "fuzzed/model.rs"]
mod model;
mod patched;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bdb_file::{ByteOrder, Error, Fault, FilePages, Severity, Unsupported, Update, verify};
use model::apply;
use patched::{PAGE, Patched, Places, pairs, problems, read_all, refer, refer_twice};

/// A change of the sound file, which has four buckets on the pages 1 to 4.
type Change = fn(&mut Patched, &Places);

/// Fault, the page that it is found on if that is fixed, the change that brings it about.
#[rustfmt::skip]
const ROWS: &[(Fault, Option<u32>, Change)] = &[
    (Fault::FileLength,      Some(0), |f, _| f.bytes.push(0)),
    (Fault::FileLength,      Some(0), |f, _| { f.bytes.pop(); }),
    (Fault::LastPage,        Some(0), |f, p| f.u32(0, 32, p.last - 1)),
    (Fault::LastPage,        Some(0), |f, p| f.u32(0, 32, p.last + 1)),
    (Fault::LastPage,        Some(0), |f, _| { f.u32(0, 16, 7); f.u32(0, 32, 0) }),
    (Fault::PageSize,        Some(0), |f, _| f.u32(0, 20, 0)),
    (Fault::PageSize,        Some(0), |f, _| f.u32(0, 20, 513)),
    (Fault::PageSize,        Some(0), |f, _| f.u32(0, 20, 131_072)),
    (Fault::MetaType,        Some(0), |f, _| f.u8(0, 25, 9)),
    (Fault::MetaFlags,       Some(0), |f, _| f.u8(0, 26, 8)),
    (Fault::DatabaseFlags,   Some(0), |f, _| f.u32(0, 48, 8)),
    (Fault::DatabaseFlags,   Some(0), |f, _| f.u32(0, 48, 4)),
    (Fault::FreeListHead,    Some(0), |f, p| f.u32(0, 28, p.last + 1)),
    (Fault::HashFunction,    Some(0), |f, _| f.u32(0, 92, 1)),
    (Fault::MaxBucket,       Some(0), |f, p| f.u32(0, 72, p.last + 1)),
    (Fault::MaxBucket,       Some(0), |f, _| f.u32(0, 72, u32::MAX)),
    (Fault::Masks,           Some(0), |f, _| f.u32(0, 76, 7)),
    (Fault::Masks,           Some(0), |f, _| f.u32(0, 80, 3)),
    (Fault::Spares,          Some(0), |f, _| f.u32(0, 96 + 8, 0)),
    (Fault::Spares,          Some(0), |f, _| f.u32(0, 96 + 8, 0xffff_fff0)),
    (Fault::Spares,          Some(0), |f, p| f.u32(0, 96 + 12, p.last)),
    (Fault::Spares,          Some(0), |f, _| f.u32(0, 96 + 4 * 31, 1)),
    (Fault::Elements,        Some(0), |f, _| f.u32(0, 88, 0x8000_0001)),
    (Fault::ElementsTooFew,  Some(0), |f, _| f.u32(0, 88, 119)),
    (Fault::UnusedField,     Some(0), |f, _| f.u32(0, 36, 1)),
    (Fault::UnusedField,     Some(0), |f, _| f.u32(0, 460, 1)),
    (Fault::PageNumber,      Some(1), |f, _| f.u32(1, 8, 2)),
    (Fault::PageNumber,      Some(0), |f, _| f.u32(0, 8, 1)),
    (Fault::HoleNotEmpty,    Some(1), |f, _| f.u32(1, 8, 0)),
    (Fault::PageType,        Some(1), |f, _| f.u8(1, 25, 1)),
    (Fault::PageType,        Some(1), |f, _| f.u8(1, 25, 11)),
    (Fault::PageType,        Some(1), |f, _| f.u8(1, 25, 255)),
    (Fault::Link,            Some(1), |f, _| f.u32(1, 16, 1)),
    (Fault::Link,            Some(1), |f, p| f.u32(1, 16, p.last + 1)),
    (Fault::Link,            Some(1), |f, _| f.u32(1, 12, u32::MAX)),
    (Fault::Level,           Some(1), |f, _| f.u8(1, 24, 1)),
    (Fault::Level,           None,    |f, p| f.u8(p.overflow, 24, 1)),
    (Fault::Entries,         Some(1), |f, _| f.u16(1, 20, 3)),
    (Fault::Entries,         Some(1), |f, _| f.u16(1, 20, 0xfffe)),
    (Fault::Offset,          Some(1), |f, _| f.u16(1, 26, 512)),
    (Fault::Offset,          Some(1), |f, _| f.u16(1, 28, 512)),
    (Fault::Offset,          Some(1), |f, _| f.u16(1, 28, 26)),
    (Fault::HighOffset,      Some(1), |f, _| f.u16(1, 22, 511)),
    (Fault::HighOffset,      Some(1), |f, _| { let fewer = f.entries(1) as u16 - 2; f.u16(1, 20, fewer) }),
    (Fault::ItemType,        Some(1), |f, _| { let at = f.item(1, 0).start; f.u8(1, at, 2) }),
    (Fault::ItemType,        Some(1), |f, _| { let at = f.item(1, 1).start; f.u8(1, at, 5) }),
    (Fault::ItemLength,      Some(1), |f, _| { let at = f.item(1, 1).start; f.u8(1, at, 3) }),
    (Fault::ItemLength,      Some(1), |f, _| { let at = f.item(1, 1).start; f.u8(1, at, 4) }),
    (Fault::DuplicateSet,    Some(1), |f, _| { let at = f.item(1, 1).start; f.u8(1, at, 2) }),
    (Fault::DuplicatesNotAllowed, Some(1), |f, _| duplicate_set(f, 16, 16)),
    (Fault::DuplicateSet,    Some(1), |f, _| { f.u32(0, 48, 1); duplicate_set(f, 16, 15) }),
    (Fault::Reference,       None,    |f, p| refer(f, p, 0)),
    (Fault::Reference,       None,    |f, p| refer(f, p, p.last + 1)),
    (Fault::Reference,       None,    |f, p| refer(f, p, p.big_data.0 as u32)),
    (Fault::ReferenceCount,  None,    |f, p| f.u16(p.overflow, 20, 0)),
    (Fault::ReferenceCount,  None,    |f, p| f.u16(p.overflow, 20, 2)),
    (Fault::ReferenceCount,  None,    |f, p| f.u16(p.overflow + 1, 20, 2)),
    (Fault::OverflowBytes,   None,    |f, p| f.u16(p.overflow, 22, 0)),
    (Fault::OverflowBytes,   None,    |f, p| f.u16(p.overflow, 22, 487)),
    (Fault::Shared,          Some(1), |f, _| f.u32(2, 16, 1)),
    (Fault::Shared,          None,    |f, p| { let other = f.next(2); f.u32(p.second, 16, other as u32) }),
    (Fault::Shared,          None,    |f, p| refer_twice(f, p)),
    (Fault::Shared,          None,    |f, p| f.u32(p.second, 16, p.second as u32)),
    (Fault::BackLink,        None,    |f, p| f.u32(p.second, 12, 2)),
    (Fault::BackLink,        Some(1), |f, _| f.u32(1, 12, 2)),
    (Fault::BackLink,        None,    |f, p| f.u32(p.overflow + 1, 12, 2)),
    (Fault::BackLink,        None,    |f, p| f.u32(p.overflow, 12, 2)),
    (Fault::LinkedType,      None,    |f, p| f.u32(1, 16, p.overflow as u32)),
    (Fault::LinkedType,      None,    |f, p| refer(f, p, 1)),
    (Fault::LinkedType,      Some(1), |f, _| f.u8(1, 25, 5)),
    (Fault::LinkedType,      None,    |f, p| f.bytes[p.second * PAGE..][..PAGE].fill(0)),
    (Fault::ChainLength,     None,    |f, p| f.u16(p.overflow, 22, 485)),
    (Fault::ChainLength,     None,    |f, p| f.u32(p.overflow, 16, 0)),
    (Fault::WrongBucket,     Some(1), |f, _| { let at = f.item(1, 0).end - 1; f.bytes[PAGE + at] ^= 1 }),
    (Fault::KeyTwice,        Some(1), |f, _| f.copy_item(1, 0, 2)),
    (Fault::Unsorted,        Some(1), |f, _| { let key = f.clone(); f.copy_item(1, 0, 2); let at = f.item(1, 0); f.bytes[PAGE..][at].copy_from_slice(key.item_bytes(1, 2)) }),
    (Fault::FreeList,        Some(1), |f, _| f.u32(0, 28, 1)),
    (Fault::Orphan,          None,    |f, _| f.u32(1, 16, 0)),
    (Fault::Orphan,          None,    |f, p| f.copy_page(1, p.last as usize + 1)),
    (Fault::Orphan,          None,    |f, p| f.copy_page(p.overflow, p.last as usize + 1)),
    (Fault::Unused,          None,    |f, p| { f.copy_page(1, p.last as usize + 1); f.bytes[(p.last as usize + 1) * PAGE..].fill(0) }),
];

/// Faults that other tests bring about: with checksums, a free list, or reserved pages below; by damage to golden files
/// with trees and several databases in the tests of the workspace.
const ELSEWHERE: &[Fault] = &[
    Fault::Checksum,
    Fault::ReservedBucket,
    Fault::AmbiguousOrder,
    Fault::BtreeMinimum,
    Fault::BtreeRoot,
    Fault::RecordLength,
    Fault::DatabaseEntry,
    Fault::ItemOverlap,
    Fault::ItemDeleted,
    Fault::LevelStep,
    Fault::Separator,
    Fault::LeafOrder,
    Fault::RecordCount,
];

/// Makes the first data item of page 1, of 20 bytes, a set of one duplicate.
fn duplicate_set(file: &mut Patched, len: u16, again: u16) {
    let at = file.item(1, 1).start;
    file.u8(1, at, 2);
    file.u16(1, at + 1, len);
    file.u16(1, at + 19, again);
}

#[test]
fn each_fault_is_found() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, false);
        assert_eq!(problems(&sound.bytes).1, []);
        let places = Places::of(&sound);
        for (row, (fault, page, change)) in ROWS.iter().enumerate() {
            let mut file = sound.clone();
            change(&mut file, &places);
            let (verdict, problems) = problems(&file.bytes);
            let name = format!("row {row}, {}, {order:?}: {problems:?}", fault.code());
            let found = problems.iter().find(|problem| problem.fault == *fault).expect(&name);
            assert!(page.is_none_or(|page| found.page == page), "{name}");
            let damaged = problems.iter().any(|found| found.severity() == Severity::Damage);
            assert_eq!(verdict.unwrap().is_sound(), !damaged, "{name}");
            if !damaged {
                read_all(&file.bytes).expect(&name);
            }
        }
    }
}

#[test]
fn no_fault_is_left_out() {
    let tried: BTreeSet<_> =
        ROWS.iter().map(|(fault, ..)| *fault).chain(ELSEWHERE.iter().copied()).collect();
    assert_eq!(tried, Fault::ALL.iter().copied().collect());
    let codes: BTreeSet<_> = Fault::ALL.iter().map(|fault| fault.code()).collect();
    assert_eq!(codes.len(), Fault::ALL.len());
    let is_kebab = |code: &str| code.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase());
    assert!(codes.into_iter().all(is_kebab));
}

#[test]
fn the_item_and_the_value_are_told() {
    let mut file = Patched::new(ByteOrder::Big, 4, false);
    let at = file.item(1, 5).start;
    file.u8(1, at, 77);
    let (_, problems) = problems(&file.bytes);
    assert_eq!(problems[0].to_string(), "page 1, item 5: item type does not exist here: 77");
    assert_eq!(problems[0].severity().to_string(), "damage");
}

#[test]
fn checksums() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, true);
        assert_eq!(problems(&sound.bytes).1, []);
        for page in 0..sound.pages() {
            let mut file = sound.clone();
            file.bytes[page * PAGE + 300] ^= 1;
            let (_, problems) = problems(&file.bytes);
            let found = problems.iter().find(|problem| problem.fault == Fault::Checksum).unwrap();
            assert_eq!(found.page as usize, page);
        }
    }
}

#[test]
fn reserved_pages_are_to_be_empty() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        // Of four pages, the last waits for the table to grow.
        let sound = Patched::new(order, 3, false);
        assert_eq!(problems(&sound.bytes).1, []);
        let mut file = sound.clone();
        file.copy_page(1, 4);
        let faults = problems(&file.bytes).1;
        assert!(faults.iter().any(|found| (found.page, found.fault) == (4, Fault::ReservedBucket)));
        // An empty page, and a page of no type at all.
        for kind in [13, 0] {
            let mut file = sound.clone();
            file.u32(4, 8, 4);
            file.u16(4, 22, PAGE as u16);
            file.u8(4, 25, kind);
            assert!(problems(&file.bytes).0.unwrap().is_sound());
        }
    }
}

#[test]
fn a_free_list_that_comes_back() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut update = Update::open(Patched::new(order, 4, false).bytes).unwrap();
        for (key, _) in pairs().step_by(2) {
            update.delete(&key).unwrap();
        }
        let mut file = Patched::new(order, 4, false);
        let changes = update.finish().unwrap();
        apply(&mut file.bytes, &changes);
        assert_eq!(problems(&file.bytes).1, []);
        let head = file.get_u32(0, 28);
        assert_ne!(head, 0);
        let next = file.next(head as usize);
        assert_ne!(next, 0);
        file.u32(next, 16, head);
        let faults = problems(&file.bytes).1;
        assert!(faults.iter().any(|found| (found.page, found.fault) == (head, Fault::Shared)));
    }
}

#[test]
fn asked_to_stop_it_stops() {
    let mut file = Patched::new(ByteOrder::Little, 4, false);
    for page in 1..file.pages() {
        file.u32(page, 8, 0);
    }
    let mut count = 0;
    let verdict = verify(&file.bytes, |_| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let verdict = verdict.unwrap();
    assert_eq!((count, verdict.complete, verdict.is_sound()), (3, false, false));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let changed = |change: fn(&mut Patched)| {
        let mut file = Patched::new(ByteOrder::Little, 4, false);
        change(&mut file);
        problems(&file.bytes).0.unwrap_err()
    };
    assert!(matches!(changed(|f| f.bytes.truncate(511)), Error::NotADatabase));
    assert!(matches!(changed(|f| f.u32(0, 12, 0)), Error::NotADatabase));
    let refused = changed(|f| f.u8(0, 24, 1));
    assert!(matches!(refused, Error::Unsupported(Unsupported::Encrypted)));
    let refused = changed(|f| f.u32(0, 16, 6));
    assert!(matches!(refused, Error::Unsupported(Unsupported::Version(6))));
}

#[test]
fn files_are_read_page_by_page_too() {
    let file = Patched::new(ByteOrder::NATIVE, 4, true);
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, &file.bytes).unwrap();
    let pages = FilePages::new(std::fs::File::open(&path).unwrap());
    let verdict = verify(pages, |problem| panic!("{problem}")).unwrap();
    assert!(verdict.is_sound());
    assert_eq!((verdict.pages, verdict.keys), (file.pages() as u64, 120));
}
