//! For each fault that a hash database can have, changes that bring it about.

use bdb_file::Fault;

use super::{PAGE, Patched, Places, refer, refer_twice};

/// A change of the sound file, which has four buckets on the pages 1 to 4.
pub type Change = fn(&mut Patched, &Places);

/// Fault, the page that it is found on if that is fixed, the change that brings it about.
#[rustfmt::skip]
pub const ROWS: &[(Fault, Option<u32>, Change)] = &[
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

/// Makes the first data item of page 1, of 20 bytes, a set of one duplicate.
fn duplicate_set(file: &mut Patched, len: u16, again: u16) {
    let at = file.item(1, 1).start;
    file.u8(1, at, 2);
    file.u16(1, at + 1, len);
    file.u16(1, at + 19, again);
}
