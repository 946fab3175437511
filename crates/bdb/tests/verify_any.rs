//! Verifying any file: what we write is sound, what is sound can be read, and nothing takes long or
//! deep.

mod generated;
#[path = "fuzzed/model.rs"]
mod model;
mod patched;

use bdb_file::{BuildOptions, ByteOrder, Fault, HashBuilder, HashDb, HashUpdate, Keep, Severity};
use generated::{bytes, options};
use patched::{PAGE, Patched, problems, read_all};
use proptest::prelude::*;

/// The file of one key, whose only data item is the one on the leaf of a tree with as many levels
/// as a tree can have.
fn deep_tree(order: ByteOrder) -> Patched {
    // As long as a reference to a tree.
    let pair = (b"key".to_vec(), b"7 bytes".to_vec());
    let mut file = Patched::of([pair], order, 2, false);
    let (page, index, _) = file.items().nth(1).unwrap();
    let item = file.item(page, index).start;
    let root = file.pages();
    file.u8(page, item, 4);
    file.u32(page, item + 4, root as u32);
    file.u32(0, 48, 1);
    for level in (1..=255).rev() {
        let page = file.pages();
        file.bytes.resize((page + 1) * PAGE, 0);
        let (kind, item) = if level == 1 { (6, PAGE - 4) } else { (4, PAGE - 8) };
        file.u32(page, 8, page as u32);
        file.u16(page, 20, 1);
        file.u16(page, 22, item as u16);
        file.u8(page, 24, level);
        file.u8(page, 25, kind);
        file.u16(page, 26, item as u16);
        if level == 1 {
            file.u16(page, item, 1);
            file.u8(page, item + 2, 1);
            file.u8(page, item + 3, b'x');
        } else {
            file.u32(page, item, page as u32 + 1);
            file.u32(page, item + 4, 1);
        }
    }
    // The number of records.
    file.u32(root, 12, 1);
    let last = file.pages() as u32 - 1;
    file.u32(0, 32, last);
    file
}

#[test]
fn the_deepest_tree() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let file = deep_tree(order);
        assert_eq!(problems(&file.bytes).1, []);
        assert_eq!(
            HashDb::open(&file.bytes).unwrap().get(b"key").unwrap().as_deref(),
            Some(&b"x"[..])
        );
        // Halfway down it turns round.
        let mut file = file;
        let middle = file.pages() / 2;
        file.u32(middle, PAGE - 8, middle as u32 - 9);
        let faults = problems(&file.bytes).1;
        assert!(faults.iter().any(|found| found.fault == Fault::Shared), "{faults:?}");
    }
}

#[test]
fn the_same_key_a_thousand_times() {
    let options = BuildOptions::default().page_size(65536).buckets(2).byte_order(ByteOrder::Little);
    let mut builder = HashBuilder::new(options);
    for key in 0..60_000u16 {
        builder.push(&key.to_be_bytes(), b"").unwrap();
    }
    let mut file = Vec::new();
    builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
    let header = 26;
    for page in file.chunks_exact_mut(65536).skip(1).filter(|page| page[25] == 13) {
        let entries = usize::from(u16::from_le_bytes(page[20..22].try_into().unwrap()));
        for offset in (0..entries).step_by(2).map(|index| header + 2 * index) {
            let at = usize::from(u16::from_le_bytes(page[offset..][..2].try_into().unwrap()));
            page[at + 1..at + 3].copy_from_slice(b"aa");
        }
    }
    let twice = problems(&file).1.iter().filter(|found| found.fault == Fault::KeyTwice).count();
    // The first in either bucket.
    assert_eq!(twice, 60_000 - 2);
}

/// A change anywhere, mostly in page headers and offsets.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, u8)>> {
    let offset = prop_oneof![3 => 0..60usize, 1 => 0..PAGE];
    // Small numbers are those of pages that are there.
    let byte = prop_oneof![any::<u8>(), 0u8..40];
    prop::collection::vec((any::<prop::sample::Index>(), offset, byte), 1..7)
}

proptest! {
    #[test]
    fn what_is_built_and_changed_is_sound(
        pairs in prop::collection::vec((bytes(), bytes()), 0..80),
        more in prop::collection::vec((bytes(), bytes()), 0..80),
        gone in prop::collection::vec(any::<prop::sample::Index>(), 0..80),
        options in options(),
    ) {
        let mut builder = HashBuilder::new(options);
        for (key, data) in &pairs {
            builder.push(key, data).unwrap();
        }
        let mut file = Vec::new();
        builder.plan(Keep::Last).unwrap().write_to(&mut file).unwrap();
        let (verdict, found) = problems(&file);
        prop_assert_eq!(found, []);
        prop_assert_eq!(verdict.unwrap().keys as usize, read_all(&file).unwrap());

        let mut update = HashUpdate::open(file.clone()).unwrap();
        for (key, data) in &more {
            update.put(key, data, Keep::Last).unwrap();
        }
        for gone in gone.iter().filter(|_| !pairs.is_empty()) {
            update.delete(&pairs[gone.index(pairs.len())].0).unwrap();
        }
        let changes = update.finish().unwrap();
        changes.apply(&mut file);
        let (verdict, found) = problems(&file);
        prop_assert!(found.iter().all(|found| found.severity() == Severity::Note), "{:?}", found);
        prop_assert_eq!(verdict.unwrap().keys as usize, read_all(&file).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_accepted_is_read_without_an_error(
        big_endian: bool,
        damage in damage(),
        swap in prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let order = if big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let mut file = Patched::new(order, 3, false);
        let pages = file.pages();
        for (page, at, byte) in damage {
            file.u8(page.index(pages), at, byte);
        }
        if let Some((from, to)) = swap {
            file.copy_page(from.index(pages), to.index(pages));
        }
        if let Some(cut) = cut {
            file.bytes.truncate(cut.index(file.bytes.len()));
        }
        if problems(&file.bytes).0.is_ok_and(|verdict| verdict.is_sound()) {
            read_all(&file.bytes).unwrap();
        }
    }

    #[test]
    fn bytes_of_no_sense_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(problems(&bytes).0.is_err());
    }
}
