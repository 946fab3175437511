//! Sound files and their parts, as an input chooses them.

use bdb_file::{
    BuildOptions, ByteOrder, Contents, DatabaseBuilder, FileId, HashBuilder, HashUpdate, Keep,
};

use super::input::Input;

/// Files by libdb that have what the builder does not make: duplicates on their page and in trees,
/// several databases, older versions, holes, keys that libdb does not find.
const BY_LIBDB: [&[u8]; 10] = [
    include_bytes!("../golden/duplicates.db"),
    include_bytes!("../golden/duplicates-big-endian-checksums.db"),
    include_bytes!("../golden/sorted-duplicates-big-endian.db"),
    include_bytes!("../golden/load-duplicates.db"),
    include_bytes!("../golden/named.db"),
    include_bytes!("../golden/load-named.db"),
    include_bytes!("../golden/version-7-big-endian.db"),
    include_bytes!("../golden/deleted.db"),
    include_bytes!("../golden/holes.db"),
    include_bytes!("../golden/missed-by-libdb.db"),
];

/// Btree files by libdb: one leaf, big items, duplicates on their page and in trees, numbers of
/// records, and a btree beside hash databases.
const BTREES_BY_LIBDB: [&[u8]; 7] = [
    include_bytes!("../golden/btree/few.db"),
    include_bytes!("../golden/btree/many.db"),
    include_bytes!("../golden/btree/many-big-endian-checksums.db"),
    include_bytes!("../golden/btree/record-numbers.db"),
    include_bytes!("../golden/btree/duplicates.db"),
    include_bytes!("../golden/btree/sorted-duplicates-big-endian.db"),
    include_bytes!("../golden/load-named.db"),
];

/// A sound btree file.
pub fn btree_file(input: &mut Input<'_>) -> Vec<u8> {
    input.choice(&BTREES_BY_LIBDB).to_vec()
}

/// A sound file: one by libdb, or one with numbered pairs by the builder, from which some may have
/// been deleted.
pub fn file(input: &mut Input<'_>) -> Vec<u8> {
    match BY_LIBDB.get(input.below(2 * BY_LIBDB.len())) {
        Some(file) => file.to_vec(),
        None => numbered(input),
    }
}

fn numbered(input: &mut Input<'_>) -> Vec<u8> {
    let mut builder = HashBuilder::new(options(input));
    let count = input.below(160);
    let [big_key, big_data] = [1 + input.below(40), 1 + input.below(40)];
    let (short, long) = (input.below(40), 200 + input.below(1000));
    let key = |i: usize| {
        let width = if i % big_key == 1 { long } else { 1 };
        format!("{i:0width$}").into_bytes()
    };
    for i in 0..count {
        let data = vec![i as u8; if i % big_data == 1 { long } else { short }];
        builder.push(&key(i), &data).unwrap();
    }
    let mut file = finish(builder, Keep::First);
    let every = input.below(8);
    if every > 0 {
        let mut update = HashUpdate::open(file.clone()).unwrap();
        for i in (0..count).step_by(every) {
            update.delete(&key(i)).unwrap();
        }
        update.finish().unwrap().apply(&mut file);
    }
    file
}

/// All ways in which a file can be laid out; small pages most of the time.
pub fn options(input: &mut Input<'_>) -> BuildOptions {
    let sizes = [512, 512, 512, 512, 1024, 4096, 65536].map(Some);
    BuildOptions::default()
        .page_size(if input.u8() % 8 == 7 { None } else { input.choice(&sizes) })
        .buckets(if input.bool() { None } else { Some(2 + input.below(12) as u32) })
        .byte_order(if input.bool() { ByteOrder::Big } else { ByteOrder::Little })
        .checksums(input.bool())
        .file_id(FileId::Contents)
}

/// A key or data: few enough to be met again, begun like others, around the limits of pages, or as
/// the input has them.
pub fn item(input: &mut Input<'_>, page_size: u32) -> Vec<u8> {
    let page = page_size as usize;
    match input.u8() % 8 {
        0..=2 => format!("k{}", input.u8() % 64).into(),
        3 | 4 => {
            let len = input.below(32);
            input.bytes(len).to_vec()
        }
        5 => vec![b'a' + input.u8() % 2; input.below(600)],
        6 => vec![input.u8(); page / 4 - 2 + input.below(5)],
        _ => vec![input.u8(); input.below(3 * page.min(2048))],
    }
}

pub fn finish<'t>(builder: impl Into<DatabaseBuilder<'t>>, keep: Keep) -> Vec<u8> {
    write(builder.into().plan(keep).unwrap())
}

pub fn write(plan: impl Contents) -> Vec<u8> {
    let mut file = Vec::new();
    let put = &mut |at, block: &[u8]| {
        assert_eq!(at, file.len() as u64);
        file.extend_from_slice(block);
        Ok(())
    };
    plan.blocks(put).unwrap();
    assert_eq!(file.len() as u64, plan.file_len());
    file
}
