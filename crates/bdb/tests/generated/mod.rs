//! Files to build, at random.

use bdb_file::{BuildOptions, ByteOrder, FileId};
use proptest::prelude::*;

/// All ways in which a file can be laid out.
pub fn options() -> impl Strategy<Value = BuildOptions> {
    (
        prop::option::of((9u32..=16).prop_map(|bits| 1 << bits)),
        prop::option::of(2u32..20),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(page_size, buckets, big_endian, checksums)| {
            BuildOptions::default()
                .page_size(page_size)
                .buckets(buckets)
                .byte_order(if big_endian { ByteOrder::Big } else { ByteOrder::Little })
                .checksums(checksums)
                .file_id(FileId::Contents)
        })
}

/// Keys that are prefixes of each other, and lengths around the limits of small pages.
#[allow(dead_code)]
pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..40),
        3 => (0usize..600, 97u8..99).prop_map(|(len, byte)| vec![byte; len]),
        1 => (0usize..6000, 0u8..2).prop_map(|(len, byte)| vec![byte; len]),
    ]
}
