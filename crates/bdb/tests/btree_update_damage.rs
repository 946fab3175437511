//! Changes to damaged btree files: what verify would say of the parts that an update relies on is an
//! error, before anything is made of it.

mod btree_start;

use bdb_file::{BtreeUpdate, Error, ErrorKind, Fault, Keep};
use btree_start::{PLAIN, Start, damage, golden, listed};
use proptest::prelude::*;

/// A file of three levels, with big keys, big data and a free list.
fn small(start: Start) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut file = start.file();
    let long = |i: u8| [&[b'm'; 500][..], &[i]].concat();
    let mut keys: Vec<_> = (0..60u32).map(|i| format!("{i:0100}").into_bytes()).collect();
    keys.extend((0..4).map(long));
    keys.extend((0..20u32).map(|i| format!("x{i}").into_bytes()));
    let mut update = BtreeUpdate::open(file.clone()).unwrap();
    for (i, key) in keys.iter().enumerate() {
        let len = if i % 30 == 7 { 600 } else { 20 };
        update.put(key, &vec![i as u8; len], Keep::First).unwrap();
    }
    update.finish().unwrap().apply(&mut file);
    let mut update = BtreeUpdate::open(file.clone()).unwrap();
    for key in keys.drain(20..30) {
        assert!(update.delete(&key).unwrap());
    }
    update.finish().unwrap().apply(&mut file);
    assert_eq!(damage(&file), [""; 0]);
    assert_eq!(file[512 + 24], 3, "levels");
    (file, keys)
}

/// Makes all kinds of changes; what has become of the file, if they succeed.
fn change(file: &[u8], keys: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let mut update = BtreeUpdate::open(file)?;
    for (i, key) in keys.iter().enumerate() {
        match i % 4 {
            0 => _ = update.delete(key)?,
            1 => _ = update.put(key, &[b'x'; 40], Keep::Last)?,
            2 => _ = update.put(&[key, &b"+"[..]].concat(), &[b'y'; 700], Keep::First)?,
            _ => _ = update.get(key)?,
        }
    }
    let changes = update.finish()?;
    let ends = changes.blocks.iter().map(|block| block.at + block.bytes.len() as u64);
    assert!(ends.max().unwrap_or(0) <= changes.file_len);
    assert!(changes.file_len < 1 << 20, "{}", changes.file_len);
    let mut changed = file.to_vec();
    changes.apply(&mut changed);
    Ok(changed)
}

/// What succeeds leaves a sound file sound, and a damaged one no more damaged than it was.
///
/// Returns `true` if it succeeds.
fn check(file: &[u8], keys: &[Vec<u8>], what: &str) -> bool {
    let before = damage(file);
    match change(file, keys) {
        Ok(changed) => {
            let mut after = damage(&changed);
            // A reference count that is too high keeps pages to which nothing leads any more.
            after.retain(|problem| !problem.contains("nothing leads to the page"));
            assert!(after.len() <= before.len(), "{what}: {before:?}, and then {after:?}");
            true
        }
        Err(error) => {
            if matches!(error.kind(), ErrorKind::Corrupt(_)) {
                assert!(!before.is_empty(), "{what}: {error}");
            }
            false
        }
    }
}

/// Each byte of page 0, of headers and of offsets; of what lies behind, some.
#[test]
fn each_byte_of_a_small_file_changed() {
    let counted = Start { record_numbers: true, ..PLAIN };
    for start in [PLAIN, counted, Start { big_endian: true, checksums: true, ..PLAIN }] {
        let (file, keys) = small(start);
        let mut succeeded = 0;
        for at in (0..file.len()).filter(|at| at % 512 < 50 || at % 23 == 0) {
            for bits in [1, 0xff] {
                let mut file = file.clone();
                file[at] ^= bits;
                let what = format!("{start:?}, byte {at} ^ {bits}");
                succeeded += u32::from(check(&file, &keys, &what));
                let key = at % keys.len();
                succeeded += u32::from(check(&file, &keys[key..=key], &what));
            }
        }
        assert!(succeeded > 100, "{start:?}: {succeeded}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn damage_is_survived(
        which in 0..6usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        swapped in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
    ) {
        let (_, mut file) = golden().swap_remove(which);
        let mut keys: Vec<_> = listed(&file).into_iter().map(|(key, _)| key).collect();
        keys.dedup();
        if let Some((one, other)) = swapped {
            // A page where another belongs.
            let pages = file.len() / 512;
            let (from, to) = (one.index(pages) * 512, other.index(pages) * 512);
            file.copy_within(from..from + 512, to);
        }
        for (at, byte) in &changes {
            // Half of them where headers and offsets are.
            let at = at.index(file.len());
            let at = if byte % 2 == 0 { at / 512 * 512 + at % 64 } else { at };
            file[at] = *byte;
        }
        _ = change(&file, &keys);
    }
}

/// A file whose numbers are changed, and what an update of it is refused for.
struct Patched {
    file: Vec<u8>,
    keys: Vec<Vec<u8>>,
}

impl Patched {
    fn new(record_numbers: bool) -> Self {
        let (file, keys) = small(Start { record_numbers, ..PLAIN });
        Patched { file, keys }
    }

    fn number(&self, page: usize, at: usize) -> usize {
        let at = page * 512 + at;
        u32::from_le_bytes(self.file[at..at + 4].try_into().unwrap()) as usize
    }

    fn set(&mut self, page: usize, at: usize, number: usize) {
        let at = page * 512 + at;
        self.file[at..at + 4].copy_from_slice(&(number as u32).to_le_bytes());
    }

    /// Where an item lies on its page.
    fn item(&self, page: usize, index: usize) -> usize {
        self.number(page, 26 + 2 * index) & 0xffff
    }

    /// The page below, by the first entry of one.
    fn below(&self, page: usize) -> usize {
        self.number(page, self.item(page, 0) + 4)
    }

    /// The leaf of the first key.
    fn leaf(&self) -> usize {
        self.below(self.below(1))
    }

    #[track_caller]
    fn assert_refused(&self, page: usize, fault: Fault) {
        // Keys that fill the first leaves.
        let fill = || -> Result<(), Error> {
            let mut update = BtreeUpdate::open(&self.file)?;
            for key in &self.keys[..20] {
                for i in 0..9 {
                    update.put(&[key, &b"."[..], &[i]].concat(), b"new", Keep::First)?;
                }
            }
            Ok(())
        };
        match fill().unwrap_err().kind() {
            ErrorKind::Corrupt(problem) => {
                assert_eq!((problem.page as usize, problem.fault), (page, fault));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_leaf_that_is_not_linked_to_its_neighbour() {
    // The second leaf: what links to it, and what it links back to.
    let mut patched = Patched::new(false);
    let (first, second) = (patched.leaf(), patched.number(patched.leaf(), 16));
    let third = patched.number(second, 16);
    patched.set(first, 16, third);
    patched.assert_refused(first, Fault::LeafOrder);
    let mut patched = Patched::new(false);
    patched.set(second, 12, third);
    patched.assert_refused(second, Fault::LeafOrder);
}

#[test]
fn a_page_of_another_level() {
    let mut patched = Patched::new(false);
    let (internal, leaf) = (patched.below(1), patched.leaf());
    let entry = patched.item(1, 0);
    patched.set(1, entry + 4, leaf);
    patched.assert_refused(leaf, Fault::LevelStep);
    let mut patched = Patched::new(false);
    let entry = patched.item(internal, 0);
    patched.set(internal, entry + 4, internal + 1);
    assert!(change(&patched.file, &patched.keys).is_err());
}

#[test]
fn numbers_of_records_that_are_wrong() {
    let mut patched = Patched::new(true);
    patched.set(1, 12, 99);
    patched.assert_refused(1, Fault::RecordCount);
    let mut patched = Patched::new(true);
    let internal = patched.below(1);
    let entry = patched.item(internal, 0);
    let records = patched.number(internal, entry + 8);
    patched.set(internal, entry + 8, records + 1);
    patched.assert_refused(internal, Fault::RecordCount);
}

#[test]
fn a_free_list_that_leads_to_a_leaf() {
    let mut patched = Patched::new(false);
    let leaf = patched.leaf();
    patched.set(0, 28, leaf);
    patched.assert_refused(leaf, Fault::FreeList);
}

/// The tree of duplicates would be given back, and with it the database.
#[test]
fn duplicates_that_are_the_database_itself() {
    for (name, mut file) in golden().into_iter().filter(|(name, _)| name.contains("duplicates")) {
        let sorted = name.contains("sorted");
        let mut keys: Vec<_> = listed(&file).into_iter().map(|(key, _)| key).collect();
        keys.dedup();
        let short = |at: usize| {
            let bytes = [file[at], file[at + 1]];
            usize::from(if sorted { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
        };
        // The first data item of a leaf that is a reference to a tree.
        let leaves = (512..file.len()).step_by(512).filter(|page| file[page + 25] == 5);
        let data = leaves.flat_map(|page| {
            (1..short(page + 20)).step_by(2).map(move |index| (page, page + 26 + 2 * index))
        });
        let mut items = data.map(|(page, slot)| page + short(slot));
        let at = items.find(|item| file[item + 2] == 2).unwrap() + 4;
        let root = if sorted { 1u32.to_be_bytes() } else { 1u32.to_le_bytes() };
        file[at..at + 4].copy_from_slice(&root);
        let mut update = BtreeUpdate::open(&file).unwrap();
        let error = keys.iter().find_map(|key| update.delete(key).err());
        assert!(error.is_some(), "{name}");
    }
}

/// Big keys are not read when a page is first met, but before it is divided: a separator between keys
/// in disorder would hide some of them.
#[test]
fn a_leaf_of_big_keys_in_disorder_is_not_divided() {
    let mut patched = Patched::new(false);
    let pages = patched.file.len() / 512;
    let is_key = |page: &usize| {
        let page = &patched.file[512 * page..][..512];
        page[25] == 7 && page[26..].starts_with(b"mmm")
    };
    let page = (1..pages).filter(is_key).nth(1).unwrap();
    patched.file[512 * page + 26] = b'z';
    let mut update = BtreeUpdate::open(&patched.file[..]).unwrap();
    let put = |i: u8| update.put(&[&[b'm'; 30][..], &[i]].concat(), &[i; 60], Keep::Last).err();
    let error = (0..100).find_map(put).unwrap();
    let ErrorKind::Corrupt(problem) = error.kind() else { panic!("{error}") };
    assert!(matches!(problem.fault, Fault::Unsorted | Fault::Separator), "{problem}");
}
