//! What comes back from damaged files: everything that lies on undamaged pages, and nothing certain
//! that is wrong.

mod patched;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bdb_file::{
    ByteOrder, Doubt, Error, ErrorKind, Fault, FileSource, Salvage, Unsupported, salvage,
};
use patched::{OVERFLOW, PAGE, Patched, pairs};
use proptest::prelude::*;

/// Far more than any small file takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

/// A pair that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    key: Option<Vec<u8>>,
    data: Vec<u8>,
    page: u32,
    doubts: Vec<Doubt>,
}

fn rescue(file: &[u8]) -> Result<(Salvage, Vec<Found>), Error> {
    let mut all = Vec::new();
    let start = Instant::now();
    let summary = salvage(file, |pair| {
        assert_eq!(pair.is_certain(), pair.doubts.is_empty());
        all.push(Found {
            key: pair.key.map(|key| key.into_owned()),
            data: pair.data.into_owned(),
            page: pair.page,
            doubts: pair.doubts.to_vec(),
        });
        ControlFlow::Continue(())
    });
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    let summary = summary?;
    let certain = all.iter().filter(|found| found.doubts.is_empty()).count() as u64;
    assert_eq!((summary.certain, summary.doubtful), (certain, all.len() as u64 - certain));
    Ok((summary, all))
}

/// The pairs of the sound file, each with the pages that it needs.
fn pages_of_pairs(file: &Patched) -> BTreeMap<(Vec<u8>, Vec<u8>), BTreeSet<usize>> {
    let mut all = BTreeMap::new();
    let items: Vec<_> = file.items().collect();
    for pair in items.chunks(2) {
        let mut pages = BTreeSet::from([pair[0].0]);
        let read = |(page, index, item): (usize, usize, &[u8]), pages: &mut BTreeSet<usize>| {
            if item[0] != 3 {
                return item[1..].to_vec();
            }
            let mut number = file.get_u32(page, file.item(page, index).start + 4) as usize;
            let mut bytes = Vec::new();
            while number != 0 {
                pages.insert(number);
                let len = usize::from(file.get_u16(number, 22));
                bytes.extend_from_slice(&file.bytes[number * PAGE + file.header..][..len]);
                number = file.next(number);
            }
            bytes
        };
        let key = read(pair[0], &mut pages);
        let data = read(pair[1], &mut pages);
        all.insert((key, data), pages);
    }
    all
}

/// Everything whose pages are sound must be among what was found.
fn assert_comes_back(sound: &Patched, damaged: &[usize], found: &[Found]) {
    for ((key, data), pages) in pages_of_pairs(sound) {
        if pages.iter().all(|page| !damaged.contains(page)) {
            let there =
                found.iter().any(|found| found.key.as_ref() == Some(&key) && found.data == data);
            assert!(there, "{} is lost", key.escape_ascii());
        }
    }
}

fn sound_files() -> impl Iterator<Item = Patched> {
    [ByteOrder::Little, ByteOrder::Big]
        .into_iter()
        .flat_map(|order| [false, true].map(|checksums| Patched::new(order, 4, checksums)))
}

#[test]
fn of_a_sound_file_everything_is_certain() {
    for file in sound_files() {
        let (summary, found) = rescue(&file.bytes).unwrap();
        assert_eq!((summary.page_size as usize, summary.byte_order), (PAGE, file.order));
        assert!(summary.complete && !summary.meta_lost);
        let found: BTreeMap<_, _> = found
            .into_iter()
            .filter(|found| found.doubts.is_empty())
            .map(|found| (found.key.unwrap(), found.data))
            .collect();
        assert_eq!(found, pairs().collect());
        assert_eq!(pages_of_pairs(&file).into_keys().collect::<BTreeMap<_, _>>(), found);
    }
}

#[test]
fn without_page_0_everything_comes_back() {
    for file in sound_files() {
        for byte in [0, 0xff, b'x'] {
            let mut file = file.clone();
            file.bytes[..PAGE].fill(byte);
            let (summary, found) = rescue(&file.bytes).unwrap();
            assert_eq!((summary.page_size as usize, summary.byte_order), (PAGE, file.order));
            assert!(summary.meta_lost);
            assert_eq!(found.len(), pairs().count());
            assert_comes_back(&file, &[0], &found);
        }
    }
}

#[test]
fn page_0_is_believed_as_far_as_other_pages_agree() {
    for file in sound_files() {
        // Another page size, other checksums, another version, another access method.
        let changes: [fn(&mut Patched); 4] = [
            |file| file.u32(0, 20, 1024),
            |file| file.bytes[26] ^= 1,
            |file| file.u32(0, 16, 3),
            |file| file.u32(0, 12, 0x42253),
        ];
        for (row, change) in changes.iter().enumerate() {
            let mut damaged = file.clone();
            change(&mut damaged);
            let (summary, found) = rescue(&damaged.bytes).unwrap();
            assert_eq!(summary.page_size as usize, PAGE, "row {row}");
            assert_comes_back(&file, &[0], &found);
            assert_eq!(found.len(), pairs().count(), "row {row}");
        }
    }
}

#[test]
fn lost_numbers_of_page_0_make_pairs_doubtful_only_if_they_matter() {
    for file in sound_files().step_by(2) {
        let certain = |change: fn(&mut Patched)| {
            let mut file = file.clone();
            change(&mut file);
            let (summary, found) = rescue(&file.bytes).unwrap();
            assert_comes_back(&file, &[0], &found);
            summary.certain as usize
        };
        assert_eq!(certain(|file| file.u32(0, 32, 3)), pairs().count());
        assert_eq!(certain(|file| file.u32(0, 48, 0xff)), pairs().count());
        assert_eq!(certain(|file| file.u32(0, 12, 0)), pairs().count());
        // Encrypted pages would make no sense.
        assert_eq!(certain(|file| file.u8(0, 24, 1)), pairs().count());
        let both = certain(|file| {
            file.u8(0, 24, 1);
            file.u32(0, 48, 0xff);
        });
        assert_eq!(both, pairs().count());
        assert_eq!(certain(|file| file.u32(0, 76, 0xff)), 0);
    }
}

/// A change, and the doubts that it must cast on some pair.
type Row = (Doubt, fn(&mut Patched));

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (Doubt::Fault(Fault::Orphan),      |f| f.u32(1, 16, 0)),
    (Doubt::Fault(Fault::Orphan),      |f| { let second = f.next(1); f.u32(second, 12, 0) }),
    (Doubt::KeyElsewhere, |f| { let last = f.pages(); f.copy_page(1, last) }),
    (Doubt::Fault(Fault::KeyTwice),    |f| f.copy_item(1, 0, 2)),
    (Doubt::Fault(Fault::WrongBucket), |f| { let at = f.item(1, 0).end - 1; f.bytes[PAGE + at] ^= 1 }),
    (Doubt::Fault(Fault::WrongBucket), |f| f.copy_page(1, 2)),
    (Doubt::Fault(Fault::PageNumber),  |f| f.u32(1, 8, 9)),
    (Doubt::PageDamaged, |f| f.u16(1, f.header, 0)),
    (Doubt::PageDamaged, |f| f.u16(1, f.header + 4, 9)),
    (Doubt::PageDamaged, |f| f.u16(1, 20, 0xffff)),
    (Doubt::PageDamaged, |f| f.u8(1, 25, 99)),
    (Doubt::BrokenKey,   |f| { let (page, at) = big(f, 0); f.u32(page, at + 4, 0) }),
    (Doubt::BrokenKey,   |f| { let (page, at) = big(f, 0); f.u32(page, at + 8, 9999) }),
    (Doubt::BrokenData,  |f| { let (page, at) = big(f, 1); f.u32(page, at + 4, 0xffff) }),
    (Doubt::BrokenData,  |f| { let (page, at) = big(f, 1); f.u32(page, at + 8, 600) }),
    (Doubt::BrokenData,  |f| { let at = f.item(1, 1).start; f.u8(1, at, 9) }),
    (Doubt::BrokenDuplicates, |f| { let at = f.item(1, 1).start; f.u8(1, at, 4) }),
    (Doubt::Fault(Fault::Shared),      |f| { let (page, at) = big(f, 1); let (first, key) = big(f, 0); let shared = f.get_u32(first, key + 4); f.u32(page, at + 4, shared) }),
];

/// The first reference to a big key (0) or data item (1): its page, and its place there.
fn big(file: &Patched, parity: usize) -> (usize, usize) {
    let mut items = file.items().filter(|(_, index, item)| item[0] == 3 && index % 2 == parity);
    let (page, index, _) = items.next().unwrap();
    (page, file.item(page, index).start)
}

#[test]
fn each_doubt_is_told() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, false);
        for (row, (doubt, change)) in ROWS.iter().enumerate() {
            let mut file = sound.clone();
            change(&mut file);
            let (_, found) = rescue(&file.bytes).unwrap();
            let name = format!("row {row}, {}, {order:?}: {found:?}", doubt.code());
            assert!(found.iter().any(|found| found.doubts.contains(doubt)), "{name}");
            let damaged: Vec<_> = (1..file.pages())
                .filter(|page| {
                    let range = page * PAGE..(page + 1) * PAGE;
                    sound.bytes.get(range.clone()) != Some(&file.bytes[range])
                })
                .collect();
            assert_comes_back(&sound, &damaged, &found);
        }
    }
}

#[test]
fn no_doubt_is_left_out() {
    // With checksums below, and of btrees in `btree_salvage.rs`.
    let elsewhere = [Fault::Checksum, Fault::Separator, Fault::Unsorted, Fault::ItemDeleted];
    let elsewhere = elsewhere.map(Doubt::Fault).into_iter().chain([Doubt::Compressed]);
    let tried: BTreeSet<_> = ROWS.iter().map(|(doubt, _)| *doubt).chain(elsewhere).collect();
    assert_eq!(tried, Doubt::ALL.iter().copied().collect());
    let codes: BTreeSet<_> = Doubt::ALL.iter().map(|doubt| doubt.code()).collect();
    assert_eq!(codes.len(), Doubt::ALL.len());
}

#[test]
fn wrong_checksums() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let sound = Patched::new(order, 4, true);
        let mut file = sound.clone();
        let at = file.item(1, 0).end - 1;
        file.bytes[PAGE + at] ^= 4;
        let (_, found) = rescue(&file.bytes).unwrap();
        let doubted = |found: &&Found| found.doubts.contains(&Doubt::Fault(Fault::Checksum));
        assert!(found.iter().filter(doubted).all(|found| found.page == 1));
        assert_eq!(found.iter().filter(doubted).count(), file.entries(1) / 2);
        assert_comes_back(&sound, &[1], &found);
    }
}

#[test]
fn data_without_a_key_come_back_too() {
    let sound = Patched::new(ByteOrder::Little, 4, false);
    let overflow: Vec<_> =
        (1..sound.pages()).filter(|page| sound.kind(*page) == OVERFLOW).collect();
    let mut file = sound.clone();
    for page in (1..sound.pages()).filter(|page| !overflow.contains(page)) {
        file.bytes[page * PAGE..][..PAGE].fill(0);
    }
    let (_, found) = rescue(&file.bytes).unwrap();
    assert!(
        found
            .iter()
            .all(|found| found.key.is_none() && found.doubts == [Doubt::Fault(Fault::Orphan)])
    );
    let chains = overflow.iter().filter(|page| sound.get_u32(**page, 12) == 0).count();
    assert_eq!(found.len(), chains);
    assert!(found.iter().all(|found| found.data.len() == 700));
}

#[test]
fn files_without_hash_databases_are_refused() {
    let mut file = Patched::new(ByteOrder::Little, 4, false);
    file.bytes[PAGE..].fill(0);
    file.u32(0, 12, 0x42253);
    let refused = rescue(&file.bytes).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unsupported(Unsupported::AccessMethod("queue"))));
    file.u32(0, 12, 0);
    assert!(matches!(rescue(&file.bytes).unwrap_err().kind(), ErrorKind::NotADatabase));
    assert!(matches!(rescue(&[0; 511]).unwrap_err().kind(), ErrorKind::NotADatabase));
}

#[test]
fn asked_to_stop_it_stops() {
    let file = Patched::new(ByteOrder::Little, 4, false);
    let mut count = 0;
    let summary = salvage(&file.bytes, |_| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(!summary.unwrap().complete);
    assert_eq!(count, 3);
}

#[test]
fn files_are_read_page_by_page_too() {
    let file = Patched::new(ByteOrder::NATIVE, 4, true);
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&path, &file.bytes).unwrap();
    let pages = FileSource::new(std::fs::File::open(&path).unwrap());
    let summary = salvage(pages, |pair| {
        assert!(pair.is_certain());
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().certain as usize, pairs().count());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_lies_on_undamaged_pages_comes_back(
        big_endian: bool,
        checksums: bool,
        pages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..8),
    ) {
        let order = if big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let sound = Patched::new(order, 4, checksums);
        let mut file = sound.clone();
        let mut damaged = Vec::new();
        for (page, seed, zero) in pages {
            let page = page.index(sound.pages());
            damaged.push(page);
            for (i, byte) in file.bytes[page * PAGE..][..PAGE].iter_mut().enumerate() {
                // Nonsense of a kind that has no pattern.
                let mixed = (i as u32 + 1).wrapping_mul(0x9e37_79b9 ^ u32::from(seed) << 7);
                *byte = if zero { 0 } else { (mixed >> 13) as u8 };
            }
        }
        let (_, found) = rescue(&file.bytes).unwrap();
        assert_comes_back(&sound, &damaged, &found);
        let pairs: BTreeMap<_, _> = pairs().collect();
        for certain in found.into_iter().filter(|found| found.doubts.is_empty()) {
            prop_assert_eq!(pairs.get(&certain.key.unwrap()), Some(&certain.data));
        }
    }

    #[test]
    fn numbers_that_are_wrong_lose_only_their_own_pages(
        big_endian: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..60, 0u8..40), 1..7),
    ) {
        let order = if big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let sound = Patched::new(order, 4, false);
        let mut file = sound.clone();
        let mut damaged = Vec::new();
        for (page, at, byte) in changes {
            let page = page.index(sound.pages());
            damaged.push(page);
            file.u8(page, at, byte);
        }
        let (_, found) = rescue(&file.bytes).unwrap();
        assert_comes_back(&sound, &damaged, &found);
    }

    #[test]
    fn bytes_of_no_sense_end(bytes in prop::collection::vec(any::<u8>(), 0..5000)) {
        let _ = rescue(&bytes);
    }
}
