//! Finding damage: each fault by its name and its place, in both byte orders.

#[path = "fuzzed/model.rs"]
mod model;
mod patched;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bdb_file::{
    ByteOrder, ErrorKind, Fault, FileSource, HashUpdate, Severity, Unsupported, verify,
};
use patched::faults::ROWS;
use patched::{PAGE, Patched, Places, pairs, problems, read_all};

/// Faults that other tests bring about: with checksums, a free list, or reserved pages below; by
/// damage to golden files with trees and several databases in `btree_verify.rs` and the tests of the
/// workspace.
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
    Fault::EmptyLeaf,
    Fault::LeafOrder,
    Fault::RecordCount,
];

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
        let mut update = HashUpdate::open(Patched::new(order, 4, false).bytes).unwrap();
        for (key, _) in pairs().step_by(2) {
            update.delete(&key).unwrap();
        }
        let mut file = Patched::new(order, 4, false);
        let changes = update.finish().unwrap();
        changes.apply(&mut file.bytes);
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
    assert!(matches!(changed(|f| f.bytes.truncate(511)).kind(), ErrorKind::NotADatabase));
    assert!(matches!(changed(|f| f.u32(0, 12, 0)).kind(), ErrorKind::NotADatabase));
    let refused = changed(|f| f.u8(0, 24, 1));
    assert!(matches!(refused.kind(), ErrorKind::Unsupported(Unsupported::Encrypted)));
    let refused = changed(|f| f.u32(0, 16, 6));
    assert!(matches!(refused.kind(), ErrorKind::Unsupported(Unsupported::Version(6))));
}

#[test]
fn files_are_read_page_by_page_too() {
    let file = Patched::new(ByteOrder::NATIVE, 4, true);
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, &file.bytes).unwrap();
    let pages = FileSource::new(std::fs::File::open(&path).unwrap());
    let verdict = verify(pages, |problem| panic!("{problem}")).unwrap();
    assert!(verdict.is_sound());
    assert_eq!((verdict.pages, verdict.keys), (file.pages() as u64, 120));
}
