//! Databases as text and as figures: what is written is read again, figures add up, and neither
//! text nor file makes reading go on for ever.

use std::fs;
use std::path::Path;

use bdb_file::{
    BuildOptions, ByteOrder, DumpReader, ErrorKind, HashBuilder, HashDb, Keep, TextFormat,
    TextProblem, dump_all,
};
use proptest::prelude::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs() -> impl Strategy<Value = Pairs> {
    let bytes = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..30),
        1 => prop::collection::vec(any::<u8>(), 0..3000),
    ];
    prop::collection::vec((bytes.clone(), bytes), 0..60)
}

fn options() -> impl Strategy<Value = BuildOptions> {
    (9u32..=16, any::<bool>(), any::<bool>()).prop_map(|(bits, big_endian, checksums)| {
        BuildOptions::default()
            .page_size(1 << bits)
            .byte_order(if big_endian { ByteOrder::Big } else { ByteOrder::Little })
            .checksums(checksums)
    })
}

fn build(pairs: &Pairs, options: BuildOptions) -> Vec<u8> {
    let mut builder = HashBuilder::new(options);
    for (key, data) in pairs {
        builder.push(key, data).unwrap();
    }
    let mut file = Vec::new();
    builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
    file
}

fn listed(file: &[u8]) -> Pairs {
    let database = HashDb::open(file).unwrap();
    let pairs = database.iter().map(Result::unwrap);
    pairs.map(|(key, data)| (key.into_owned(), data.into_owned())).collect()
}

/// Reads all databases of a text, up to the first error; returns how many pairs there were.
fn read(text: &[u8]) -> usize {
    let mut reader = DumpReader::new(text);
    let mut count = 0;
    while let Ok(Some(_)) = reader.next_database() {
        while let Ok(Some((key, data))) = reader.next_pair() {
            assert!(key.len() + data.len() <= text.len());
            count += 1;
        }
    }
    count
}

proptest! {
    #[test]
    fn a_dump_says_all_of_a_database(pairs in pairs(), options in options(), print: bool) {
        let file = build(&pairs, options.clone());
        let format = if print { TextFormat::Print } else { TextFormat::Bytes };
        let mut text = Vec::new();
        HashDb::open(&file).unwrap().dump(format, &mut text).unwrap();

        let mut reader = DumpReader::new(&text[..]);
        let header = reader.next_database().unwrap().unwrap();
        prop_assert_eq!(header.format, format);
        let build_options = header.build_options();
        prop_assert_eq!(build_options.page_size, options.page_size);
        prop_assert_eq!(build_options.checksums, options.checksums);
        let mut read = Vec::new();
        while let Some((key, data)) = reader.next_pair().unwrap() {
            read.push((key.to_vec(), data.to_vec()));
        }
        prop_assert_eq!(reader.next_database().unwrap(), None);
        prop_assert_eq!(read, listed(&file));

        // Without its last line it has been cut short.
        let cut = text.len() - "DATA=END\n".len();
        let mut builder = HashBuilder::new(build_options).into();
        let mut reader = DumpReader::new(&text[..cut]);
        reader.next_database().unwrap();
        let refused = reader.push_all(&mut builder).unwrap_err();
        let cut_short =
            matches!(refused.kind(), ErrorKind::Text { problem: TextProblem::NoDataEnd, .. });
        prop_assert!(cut_short);
    }

    #[test]
    fn figures_add_up(pairs in pairs(), options in options()) {
        let file = build(&pairs, options);
        let database = HashDb::open(&file).unwrap();
        let stat = database.stat().unwrap();
        let count = listed(&file).len() as u64;
        prop_assert_eq!((stat.keys, stat.data_items), (count, count));
        prop_assert_eq!(stat.file_pages, database.page_count());
        // The builder leaves no page unused: one belongs to the file, the others to the database.
        let parts = [stat.buckets, stat.bucket_overflow, stat.big_items];
        prop_assert_eq!(parts.iter().map(|part| part.pages).sum::<u64>() + 1, stat.file_pages);
        prop_assert_eq!((stat.duplicates.pages, stat.free_pages), (0, 0));
        prop_assert_eq!(stat.buckets.pages, u64::from(database.meta().max_bucket) + 1);
        // What is not free is headers, offsets, type bytes and references, and the items' own
        // bytes.
        let header = if database.has_checksums() { 32 } else { 26 };
        let page_size = u64::from(database.page_size());
        let used: u64 =
            parts.iter().map(|part| part.pages * (page_size - header) - part.free_bytes).sum();
        let items: u64 = listed(&file)
            .iter()
            .flat_map(|(key, data)| [key.len() as u64, data.len() as u64])
            .map(|len| if len > page_size / 4 { len + 12 } else { len + 1 })
            .sum();
        prop_assert_eq!(used, items + 4 * count);
    }

    #[test]
    fn any_text_can_be_read(text in prop_oneof![
        "[\\x00-\\x7f]{0,200}",
        "(VERSION=[0-4]\n|format=(print|bytevalue)\n|type=hash\n|HEADER=END\n| [0-9a-f\\\\]{0,8}\n|DATA=END\n){0,30}",
    ]) {
        read(text.as_bytes());
    }

    #[test]
    fn figures_and_dumps_end_whatever_is_damaged(
        name in prop::sample::select(vec![
            "duplicates", "sorted-duplicates-big-endian", "big-items", "deleted", "named",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..512, any::<u8>()), 1..7),
    ) {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let mut file = fs::read(golden.join(name).with_extension("db")).unwrap();
        let pages = file.len() / 512;
        for (page, offset, byte) in changes {
            // Mostly in headers and offset arrays.
            file[page.index(pages) * 512 + offset * offset / 512] = byte;
        }
        let mut text = Vec::new();
        if dump_all(&file, TextFormat::Bytes, &mut text).is_ok() && !text.is_empty() {
            prop_assert!(text.ends_with(b"DATA=END\n"));
        }
        if let Ok(stat) = HashDb::open(&file).and_then(|database| database.stat()) {
            prop_assert!(stat.keys <= file.len() as u64);
        }
    }
}
