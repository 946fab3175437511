//! Good files, changing numbers in them, and what is then said of them.
// Each file of tests uses a part of it.
#![allow(dead_code)]

pub mod faults;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bdb_file::{
    BuildOptions, ByteOrder, Error, FileId, HashBuilder, HashDb, Keep, Problem, Severity, Verdict,
    verify,
};

/// Page size of the files.
pub const PAGE: usize = 512;

/// Page types.
pub const OVERFLOW: u8 = 7;
pub const SORTED: u8 = 13;

/// The pairs of the file: several pages for each bucket, big keys and big data.
pub fn pairs() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    (0..120usize).map(|i| {
        let big = |every| if i % every == 0 { 700 } else { 20 };
        (format!("{i:0width$}", width = big(17)).into(), vec![i as u8; big(13)])
    })
}

/// A file whose numbers can be changed.
#[derive(Clone)]
pub struct Patched {
    pub bytes: Vec<u8>,
    pub order: ByteOrder,
    /// Length of a page header: where the offsets of a hash page and the data of an overflow page
    /// start.
    pub header: usize,
}

impl Patched {
    /// The sound file with `buckets` buckets.
    pub fn new(order: ByteOrder, buckets: u32, checksums: bool) -> Self {
        Self::of(pairs(), order, buckets, checksums)
    }

    /// A file of other pairs.
    pub fn of(
        pairs: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
        order: ByteOrder,
        buckets: u32,
        checksums: bool,
    ) -> Self {
        let options = BuildOptions::default()
            .page_size(PAGE as u32)
            .buckets(buckets)
            .byte_order(order)
            .checksums(checksums)
            .file_id(FileId::Contents);
        let mut builder = HashBuilder::new(options);
        for (key, data) in pairs {
            builder.push(&key, &data).unwrap();
        }
        let mut bytes = Vec::new();
        builder.plan(Keep::First).unwrap().write_to(&mut bytes).unwrap();
        Patched { bytes, order, header: if checksums { 32 } else { 26 } }
    }

    pub fn u8(&mut self, page: usize, at: usize, value: u8) {
        self.bytes[page * PAGE + at] = value;
    }

    pub fn u16(&mut self, page: usize, at: usize, value: u16) {
        let bytes = match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        };
        self.bytes[page * PAGE + at..][..2].copy_from_slice(&bytes);
    }

    pub fn u32(&mut self, page: usize, at: usize, value: u32) {
        let bytes = match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        };
        self.bytes[page * PAGE + at..][..4].copy_from_slice(&bytes);
    }

    pub fn get_u16(&self, page: usize, at: usize) -> u16 {
        let bytes = *self.bytes[page * PAGE + at..].first_chunk().unwrap();
        match self.order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        }
    }

    pub fn get_u32(&self, page: usize, at: usize) -> u32 {
        let bytes = *self.bytes[page * PAGE + at..].first_chunk().unwrap();
        match self.order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }

    pub fn pages(&self) -> usize {
        self.bytes.len() / PAGE
    }

    pub fn kind(&self, page: usize) -> u8 {
        self.bytes[page * PAGE + 25]
    }

    pub fn next(&self, page: usize) -> usize {
        self.get_u32(page, 16) as usize
    }

    /// Number of items on a hash page.
    pub fn entries(&self, page: usize) -> usize {
        self.get_u16(page, 20).into()
    }

    /// The place of an item on a hash page: a type byte, then what it is about.
    pub fn item(&self, page: usize, index: usize) -> std::ops::Range<usize> {
        let offset = |index: usize| usize::from(self.get_u16(page, self.header + 2 * index));
        offset(index)..index.checked_sub(1).map_or(PAGE, offset)
    }

    pub fn item_bytes(&self, page: usize, index: usize) -> &[u8] {
        &self.bytes[page * PAGE..][self.item(page, index)]
    }

    /// All items of hash pages: page, index, and the item's bytes.
    pub fn items(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        let pages = (1..self.pages()).filter(|page| self.kind(*page) == SORTED);
        pages.flat_map(move |page| {
            (0..self.entries(page)).map(move |index| (page, index, self.item_bytes(page, index)))
        })
    }

    /// Puts a copy of a page in place of another, or behind the last, under the right number.
    pub fn copy_page(&mut self, from: usize, to: usize) {
        let page = self.bytes[from * PAGE..][..PAGE].to_vec();
        self.bytes.resize(self.bytes.len().max((to + 1) * PAGE), 0);
        self.bytes[to * PAGE..][..PAGE].copy_from_slice(&page);
        self.u32(to, 8, to as u32);
        let last = self.pages() as u32 - 1;
        self.u32(0, 32, last);
    }

    /// Copies the bytes of an item to another of the same length.
    pub fn copy_item(&mut self, page: usize, from: usize, to: usize) {
        let bytes = self.item_bytes(page, from).to_vec();
        let place = self.item(page, to);
        self.bytes[page * PAGE..][place].copy_from_slice(&bytes);
    }
}

/// Pages of the sound file.
pub struct Places {
    /// The second page of the first bucket.
    pub second: usize,
    /// The first overflow page, whose item has two.
    pub overflow: usize,
    /// Page and index of a reference to a big data item.
    pub big_data: (usize, usize),
    pub last: u32,
}

impl Places {
    pub fn of(file: &Patched) -> Self {
        let big_data =
            file.items().find(|(_, index, item)| index % 2 == 1 && item[0] == 3).unwrap();
        Places {
            second: file.next(1),
            overflow: (1..file.pages()).find(|page| file.kind(*page) == OVERFLOW).unwrap(),
            big_data: (big_data.0, big_data.1),
            last: file.pages() as u32 - 1,
        }
    }
}

/// Lets the big data item begin on another page.
pub fn refer(file: &mut Patched, places: &Places, page: u32) {
    let (at, index) = places.big_data;
    let item = file.item(at, index).start;
    file.u32(at, item + 4, page);
}

/// Lets a second data item be the same big one.
pub fn refer_twice(file: &mut Patched, places: &Places) {
    let (page, index) = places.big_data;
    let mut big = file.items().filter(|(_, index, item)| item[0] == 3 && index % 2 == 1);
    let other = big.find(|(other, at, _)| (*other, *at) != (page, index));
    let other = other.map(|(page, index, _)| (page, index)).unwrap();
    drop(big);
    let bytes = file.item_bytes(page, index).to_vec();
    let place = file.item(other.0, other.1);
    file.bytes[other.0 * PAGE..][place].copy_from_slice(&bytes);
}

/// Far more than any small file takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

/// All problems of a file.
pub fn problems(file: &[u8]) -> (Result<Verdict, Error>, Vec<Problem>) {
    let mut problems = Vec::new();
    let start = Instant::now();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    if let Ok(verdict) = &verdict {
        let damage = problems.iter().filter(|found| found.severity() == Severity::Damage).count();
        assert_eq!(
            (verdict.damage, verdict.notes),
            (damage as u64, (problems.len() - damage) as u64)
        );
        assert!(verdict.complete);
    }
    (verdict, problems)
}

/// Reads all pairs of a file, each also by its key.
pub fn read_all(file: &[u8]) -> Result<usize, Error> {
    let hash = HashDb::open(file)?;
    let mut count = 0;
    for pair in &hash {
        let (key, _) = pair?;
        assert!(hash.get(&key)?.is_some(), "{}", key.escape_ascii());
        hash.get_all(&key)?.collect::<Result<Vec<_>, _>>()?;
        count += 1;
    }
    Ok(count)
}
