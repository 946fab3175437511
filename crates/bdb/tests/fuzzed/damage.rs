//! Damage to a sound file: numbers of its headers and items that are wrong, pages that are lost,
//! cut off or in each other's place.

use bdb_file::ByteOrder;

use super::input::Input;

/// Offsets of a page header's fields.
mod at {
    pub const NUMBER: usize = 8;
    pub const PREVIOUS: usize = 12;
    pub const NEXT: usize = 16;
    pub const ENTRIES: usize = 20;
    pub const HIGH_OFFSET: usize = 22;
    pub const TYPE: usize = 25;
    pub const CHECKSUM: usize = 28;
}

/// Offsets of a meta page's fields.
mod meta {
    pub const PAGE_SIZE: usize = 20;
    pub const FLAGS: usize = 26;
    pub const CHECKSUM: usize = 492;
    /// Significant bytes.
    pub const LEN: usize = 512;
}

/// Fields of four bytes on page 0: number, magic, version, page size, type and flags, free list,
/// last page, records, database flags, buckets and masks, fill factor, elements, check of the hash
/// function, page-address table.
const FIELDS: [usize; 21] =
    [8, 12, 16, 20, 24, 28, 32, 40, 48, 72, 76, 80, 84, 88, 92, 96, 100, 104, 108, 112, 220];

/// Where things are in a file, according to its page 0 before it is damaged.
#[derive(Clone, Copy)]
struct Layout {
    order: ByteOrder,
    page_size: usize,
    checksums: bool,
}

impl Layout {
    fn of(file: &[u8]) -> Self {
        let bytes = *file[meta::PAGE_SIZE..].first_chunk().unwrap();
        let (little, big) = (u32::from_le_bytes(bytes), u32::from_be_bytes(bytes));
        let (order, page_size) = match little {
            512..=65536 => (ByteOrder::Little, little),
            _ => (ByteOrder::Big, big),
        };
        let page_size = page_size as usize;
        Layout { order, page_size, checksums: file[meta::FLAGS] & 1 != 0 }
    }

    fn put_u16(self, file: &mut [u8], at: usize, value: u16) {
        self.put(file, at, value.to_le_bytes());
    }

    fn put_u32(self, file: &mut [u8], at: usize, value: u32) {
        self.put(file, at, value.to_le_bytes());
    }

    fn put<const N: usize>(self, file: &mut [u8], at: usize, mut little: [u8; N]) {
        if self.order == ByteOrder::Big {
            little.reverse();
        }
        put(file, at, little);
    }

    fn u16(self, file: &[u8], at: usize) -> u16 {
        let bytes = *file[at..].first_chunk().unwrap();
        match self.order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        }
    }

    /// Sets the checksum of a page, so that what else is wrong with it is looked at.
    fn seal(self, file: &mut [u8], page: usize) {
        let bytes = &mut file[page * self.page_size..][..self.page_size];
        let (at, len) = match bytes[at::TYPE] {
            8 | 9 => (meta::CHECKSUM, meta::LEN),
            _ => (at::CHECKSUM, bytes.len()),
        };
        self.put_u32(bytes, at, 0);
        let hash = |hash: u32, byte: &u8| hash.wrapping_mul(33).wrapping_add((*byte).into());
        let sum = bytes[..len].iter().fold(0, hash);
        self.put_u32(bytes, at, sum);
    }
}

fn put<const N: usize>(file: &mut [u8], at: usize, bytes: [u8; N]) {
    file[at..][..N].copy_from_slice(&bytes);
}

/// One to six changes, and then, one time in eight, the file is cut or made longer.
pub fn damage(file: &mut Vec<u8>, input: &mut Input<'_>) {
    let layout = Layout::of(file);
    let count = file.len() / layout.page_size;
    let reseal = layout.checksums && input.u8() % 4 != 3;
    for _ in 0..1 + input.below(6) {
        let (page, other) = (input.below(count), input.below(count));
        change(file, input, layout, page, other);
        if reseal {
            layout.seal(file, page);
        }
    }
    match input.u8() % 32 {
        28 => file.truncate(input.below(count) * layout.page_size),
        29 => file.truncate(input.u32() as usize % file.len()),
        30 => file.resize(file.len() + layout.page_size, 0),
        31 => file.extend_from_slice(input.bytes(20)),
        _ => {}
    }
}

/// One change of a page; `other` is another, or the same.
fn change(file: &mut [u8], input: &mut Input<'_>, layout: Layout, page: usize, other: usize) {
    let size = layout.page_size;
    let start = page * size;
    let header = if layout.checksums { 32 } else { 26 };
    match input.u8() % 20 {
        0..=3 => file[start + input.below(60)] = input.u8(),
        4 => file[start + input.below(60)] ^= 1 << input.below(8),
        5 => file[start + input.below(size)] = input.u8(),
        6 | 7 => {
            let at = input.choice(&[at::NUMBER, at::PREVIOUS, at::NEXT]);
            layout.put_u32(file, start + at, other as u32);
        }
        8..=10 => {
            let last = (file.len() / size - 1) as u32;
            let near = [last - 1, last, last + 1, 0, 1, 2, u32::MAX, 1 << input.below(32)];
            let value = if input.bool() { input.u32() } else { input.choice(&near) };
            layout.put_u32(file, input.choice(&FIELDS), value);
        }
        11 => {
            let at = input.choice(&[at::ENTRIES, at::HIGH_OFFSET]);
            let value = if input.bool() { input.u16() } else { input.u8().into() };
            layout.put_u16(file, start + at, value);
        }
        12 | 13 => {
            // The offset of an item, or what begins there: its type, its lengths, its reference.
            let offset = start + header + 2 * input.below(40);
            if input.bool() {
                return layout.put_u16(file, offset, input.below(size) as u16);
            }
            let item = usize::from(layout.u16(file, offset)) + input.below(12);
            file[start + item.min(size - 1)] = input.u8();
        }
        14 => file[start + at::TYPE] = input.u8() % 16,
        15 => file[start..][..size].fill(0),
        16 => file[start..][..size].fill(input.u8()),
        17 | 18 => {
            file.copy_within(other * size..(other + 1) * size, start);
            if input.bool() {
                layout.put_u32(file, start + at::NUMBER, page as u32);
            }
        }
        _ => {
            for i in 0..size {
                file.swap(start + i, other * size + i);
            }
        }
    }
}
