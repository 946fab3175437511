//! Changes to damaged files: what verify would say of the parts that an update relies on is an
//! error, before anything is made of it.

mod patched;

use bdb_file::{ByteOrder, Error, ErrorKind, Fault, HashUpdate, Keep};
use patched::{PAGE, Patched, SORTED};

/// Offsets in page 0.
const FREE: usize = 28;
const ELEMENTS: usize = 88;
const SPARES: usize = 96;

/// A file of two empty buckets, on pages 1 and 2.
fn small(order: ByteOrder) -> Patched {
    Patched::of([], order, 2, false)
}

/// Puts so much that the table grows.
fn fill(file: &Patched) -> Result<(), Error> {
    let mut update = HashUpdate::open(&file.bytes)?;
    for i in 0..200u8 {
        update.put(&[b'n', i], &[i; 90], Keep::First)?;
    }
    let changes = update.finish()?;
    let ends = changes.blocks.iter().map(|block| block.at + block.bytes.len() as u64);
    assert!(ends.max().unwrap_or(0) <= changes.file_len);
    assert!(changes.file_len < 1 << 20, "{}", changes.file_len);
    Ok(())
}

/// What an update of the file is refused for.
#[track_caller]
fn refused(file: &Patched) -> (u32, Fault) {
    match fill(file).unwrap_err().kind() {
        ErrorKind::Corrupt(problem) => (problem.page, problem.fault),
        other => panic!("{other:?}"),
    }
}

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

/// The next bucket would have been put on page 0.
#[test]
fn an_unused_group_of_buckets_that_begins_on_page_0() {
    for order in ORDERS {
        let mut file = small(order);
        fill(&file).unwrap();
        file.u32(0, SPARES + 8, -2i32 as u32);
        assert_eq!(refused(&file), (0, Fault::Spares));
    }
}

/// The file would have grown to 137 GB.
#[test]
fn an_unused_group_of_buckets_far_behind_the_end() {
    for order in ORDERS {
        let mut file = small(order);
        file.u32(0, SPARES + 8, 0x1000_0000);
        assert_eq!(refused(&file), (0, Fault::Spares));
    }
}

/// Groups that have pages of each other, or begin after a group that has none.
#[test]
fn groups_of_buckets_that_overlap() {
    for order in ORDERS {
        let mut file = small(order);
        file.u32(0, SPARES + 8, -1i32 as u32);
        assert_eq!(refused(&file), (0, Fault::Spares), "pages 1 and 2");
        let mut file = small(order);
        file.u32(0, SPARES + 4 * 5, 1);
        assert_eq!(refused(&file), (0, Fault::Spares));
    }
}

#[test]
fn other_numbers_of_page_0() {
    for order in ORDERS {
        let rows = [
            (FREE, 99, Fault::FreeListHead),
            (ELEMENTS, 0x8000_0001, Fault::Elements),
            (48, 4, Fault::DatabaseFlags),
            (76, 7, Fault::Masks),
        ];
        for (at, value, fault) in rows {
            let mut file = small(order);
            file.u32(0, at, value);
            assert_eq!(refused(&file), (0, fault));
        }
    }
}

/// A free list that leads to a page in use is not taken from, nor added to.
#[test]
fn a_free_list_that_leads_elsewhere() {
    for order in ORDERS {
        let mut file = small(order);
        file.u32(0, FREE, 2);
        assert_eq!(refused(&file), (2, Fault::FreeList));
        let mut file = Patched::new(order, 4, false);
        let key = patched::pairs().next().unwrap().0;
        file.u32(0, FREE, 1);
        let mut update = HashUpdate::open(&file.bytes).unwrap();
        assert!(update.delete(&key).is_err());
    }
}

/// A page that is reserved for a bucket, and has pairs.
#[test]
fn a_reserved_page_that_is_in_use() {
    for order in ORDERS {
        let mut file = small(order);
        // Pages 3 and 4 for buckets 2 and 3.
        file.bytes.resize(5 * PAGE, 0);
        file.u32(0, 32, 4);
        file.u32(0, SPARES + 8, 1);
        fill(&file).unwrap();
        file.u32(3, 8, 3);
        file.u8(3, 25, 7);
        file.u16(3, 20, 1);
        file.u16(3, 22, 10);
        assert_eq!(refused(&file), (3, Fault::ReservedBucket));
    }
}

/// What a page of a bucket shows: each is refused when the bucket is changed.
#[test]
fn pages_of_a_bucket() {
    type Change = fn(&mut Patched, usize);
    let rows: [(Fault, Change); 6] = [
        (Fault::HighOffset, |file, page| file.u16(page, 22, 500)),
        (Fault::Level, |file, page| file.u8(page, 24, 1)),
        (Fault::Offset, |file, page| file.u16(page, 26, 20)),
        (Fault::Entries, |file, page| {
            let entries = file.entries(page) as u16;
            file.u16(page, 20, entries - 1);
        }),
        (Fault::ItemType, |file, page| {
            let item = file.item(page, 1).start;
            file.u8(page, item, 9);
        }),
        (Fault::BackLink, |file, page| file.u32(page, 12, 4)),
    ];
    for order in ORDERS {
        for (fault, change) in &rows {
            let mut file = Patched::new(order, 2, false);
            // Links within the chain are looked at where the chain is walked.
            change(&mut file, 1);
            assert_eq!(refused(&file), (1, *fault));
            let mut file = Patched::new(order, 2, false);
            let second = file.next(1);
            assert_eq!(file.kind(second), SORTED);
            change(&mut file, second);
            assert_eq!(refused(&file), (second as u32, *fault));
        }
    }
}

/// Keys that belong to another bucket, or are out of order.
#[test]
fn keys_in_a_wrong_place() {
    for order in ORDERS {
        let mut file = Patched::new(order, 2, false);
        let (_, index, _) = file.items().find(|(page, i, _)| (*page, i % 2) == (2, 0)).unwrap();
        let at = file.item(2, index).start + 1;
        // Another key: wherever it belongs, it is out of order or out of place.
        file.u8(2, at, b'~');
        assert!(matches!(refused(&file), (2, Fault::WrongBucket | Fault::Unsorted)));
    }
}

/// Two items that share their pages: they cannot both be released.
#[test]
fn a_big_item_of_two_keys() {
    for order in ORDERS {
        let mut file = Patched::new(order, 4, false);
        let places = patched::Places::of(&file);
        patched::refer_twice(&mut file, &places);
        let mut update = HashUpdate::open(&file.bytes).unwrap();
        let error = patched::pairs().find_map(|(key, _)| update.delete(&key).err()).unwrap();
        let ErrorKind::Corrupt(problem) = error.kind() else { panic!("{error}") };
        assert_eq!(problem.fault, Fault::Shared);
    }
}

/// Page 0 has forgotten its free list: that is no damage, but the pages still lead to each other,
/// so that none may be cut off.
#[test]
fn a_free_list_that_was_forgotten() {
    for order in ORDERS {
        let mut file = Patched::new(order, 4, false);
        let keys: Vec<_> = patched::pairs().map(|(key, _)| key).collect();
        for some in keys.chunks(30) {
            let mut update = HashUpdate::open(&file.bytes).unwrap();
            for key in some {
                assert!(update.delete(key).unwrap());
            }
            let changes = update.finish().unwrap();
            assert_eq!(changes.file_len, file.bytes.len() as u64);
            changes.apply(&mut file.bytes);
            let (verdict, problems) = patched::problems(&file.bytes);
            assert!(verdict.unwrap().is_sound(), "{problems:?}");
            file.u32(0, FREE, 0);
        }
    }
}

/// Page 0 tells of fewer pages than there are: the others would have been cut off.
#[test]
fn pages_behind_the_last_one() {
    for order in ORDERS {
        let mut file = Patched::new(order, 4, false);
        let last = file.pages() as u32 - 1;
        file.u32(0, 32, last - 1);
        assert_eq!(refused(&file), (0, Fault::LastPage));
        // What is left of an interrupted change is no page of the file.
        file.u32(last as usize, 8, 1);
        let _ = HashUpdate::open(&file.bytes).unwrap();
    }
}
