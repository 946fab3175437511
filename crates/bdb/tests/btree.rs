//! Btree files that libdb made: what is read in them is what `db5.3_dump` printed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use bdb_file::{BtreeDb, Datum, Error, ErrorKind, HashDb, Source, TextFormat, Unsupported, verify};
use proptest::prelude::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The files, each with the pairs that libdb finds in it.
fn golden() -> Vec<(String, Vec<u8>, Pairs)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/btree");
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .map(|path| {
            let text = fs::read(path.with_extension("dump")).unwrap();
            (path.display().to_string(), fs::read(&path).unwrap(), dumped(&text))
        })
        .collect();
    assert_eq!(files.len(), 6);
    files
}

/// The pairs of what `db5.3_dump -p` printed.
fn dumped(text: &[u8]) -> Pairs {
    let lines = text.split(|byte| *byte == b'\n');
    let items: Vec<_> = lines
        .filter_map(|line| line.strip_prefix(b" "))
        .map(|line| {
            let mut item = Vec::new();
            TextFormat::Print.decode(line, &mut item).unwrap();
            item
        })
        .collect();
    items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn owned<S: Source>(database: &BtreeDb<S>, from: Option<&[u8]>) -> Pairs {
    let pairs = from.map_or_else(|| database.iter(), |from| database.range(from));
    pairs
        .map(|pair| pair.map(|(key, data)| (key.into_owned(), data.into_owned())).unwrap())
        .collect()
}

#[test]
fn all_pairs_are_listed_in_libdb_s_order() {
    for (name, file, pairs) in golden() {
        assert_eq!(owned(&BtreeDb::open(&file).unwrap(), None), pairs, "{name}");
    }
}

#[test]
fn every_key_is_found_and_no_other() {
    for (name, file, pairs) in golden() {
        let database = BtreeDb::open(&file).unwrap();
        let mut data: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, value) in &pairs {
            data.entry(&key[..]).or_default().push(&value[..]);
        }
        for (key, expected) in &data {
            assert_eq!(database.get(*key).unwrap().as_deref(), Some(expected[0]), "{name}");
            let all: Result<Vec<_>, _> = database.get_all(*key).unwrap().collect();
            assert_eq!(&all.unwrap(), expected, "{name}");
            // Keys before and behind it, and, where it ends so, the key without its NUL and with.
            let longer = [*key, b"\0"].concat();
            let (mut less, mut more) = (key.to_vec(), key.to_vec());
            if let (Some(less), Some(more)) = (less.last_mut(), more.last_mut()) {
                (*less, *more) = (less.wrapping_sub(1), more.wrapping_add(1));
            }
            for other in
                [&longer[..], &less, &more, key.split_last().map_or(&[][..], |(_, start)| start)]
            {
                let expected = data.get(other).map(|data| data[0]);
                let datum = Datum::stored(other);
                assert_eq!(database.get(other).unwrap().as_deref(), expected, "{name}");
                assert_eq!(database.get(datum).unwrap().as_deref(), expected, "{name}");
            }
        }
    }
}

#[test]
fn ranges_begin_at_any_key() {
    for (name, file, pairs) in golden() {
        let database = BtreeDb::open(&file).unwrap();
        let mut starts: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
        starts.dedup();
        starts.extend(starts.clone().into_iter().map(|key| [&key[..], b"\0"].concat()));
        starts.extend([b"".to_vec(), b"\xff".to_vec()]);
        for start in starts {
            let at = pairs.partition_point(|(key, _)| *key < start);
            let ranged = owned(&database, Some(&start));
            assert!(ranged == pairs[at..], "{name}: {}", start.escape_ascii());
        }
    }
}

#[test]
fn one_of_several_databases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/load-named.db");
    let file = fs::read(path).unwrap();
    let tree = BtreeDb::open_named(&file, b"tree").unwrap();
    let hash = HashDb::open_named(&file, b"first").unwrap();
    let mut expected: Vec<_> = hash.iter().map(Result::unwrap).collect();
    expected.sort();
    assert!(tree.iter().map(Result::unwrap).eq(expected));

    let kind = |name: &[u8]| BtreeDb::open_named(&file, name).unwrap_err().into_kind();
    assert!(matches!(kind(b"first"), ErrorKind::Unsupported(Unsupported::AccessMethod("hash"))));
    assert!(matches!(kind(b"third"), ErrorKind::NoSuchDatabase));
    let alone = BtreeDb::open(&file).unwrap_err().into_kind();
    assert!(matches!(alone, ErrorKind::SeveralDatabases));
}

/// A key's value, or the same error, in memory, where there is a search of its own, from anywhere
/// else, and by whatever function.
fn same_however_asked(
    file: &[u8],
    database: &BtreeDb<&[u8]>,
    key: &[u8],
    many: Result<Option<Cow<'_, [u8]>>, Error>,
) {
    let paged = BtreeDb::open(NotInMemory(file)).unwrap();
    let all = database.get_all(key).and_then(|mut all| all.next().transpose());
    let found = format!("{:?}", database.get(key));
    assert_eq!(found, format!("{:?}", paged.get(key)), "{}", key.escape_ascii());
    assert_eq!(found, format!("{many:?}"), "{}", key.escape_ascii());
    assert_eq!(found, format!("{all:?}"), "{}", key.escape_ascii());
}

/// A file's bytes that have to be read page by page, as from a disk.
struct NotInMemory<'a>(&'a [u8]);

impl Source for NotInMemory<'_> {
    fn len(&self) -> io::Result<u64> {
        Source::len(self.0)
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        self.0.read_at(at, len)
    }
}

/// All operations end, and do not panic, whatever they find.
fn use_it(file: &[u8], keys: &[&[u8]]) {
    let Ok(database) = BtreeDb::open(file) else { return };
    database.iter().for_each(drop);
    for (key, many) in keys.iter().zip(database.get_many(keys)) {
        same_however_asked(file, &database, key, many);
        database.get_all(*key).into_iter().flatten().for_each(drop);
        database.range(*key).for_each(drop);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn damage_is_survived(
        which in 0..6usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        swapped in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
    ) {
        let (_, mut file, pairs) = golden().swap_remove(which);
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
        let keys: Vec<_> = pairs.iter().step_by(9).map(|(key, _)| &key[..]).collect();
        use_it(&file, &keys);
    }
}

/// What `verify` calls sound is read without an error, key by key.
#[test]
fn each_byte_of_a_small_file_changed() {
    let (_, file, pairs) =
        golden().into_iter().find(|(name, ..)| name.ends_with("few.db")).unwrap();
    for at in 0..file.len() {
        for change in [1, 0x80, 0xff] {
            let mut file = file.clone();
            file[at] ^= change;
            let keys: Vec<_> = pairs.iter().map(|(key, _)| &key[..]).collect();
            use_it(&file, &keys);
            let sound = verify(&file, |_| ControlFlow::Continue(()));
            if sound.is_ok_and(|verdict| verdict.is_sound()) {
                let database = BtreeDb::open(&file).unwrap();
                let listed: Vec<_> = database.iter().map(Result::unwrap).collect();
                assert_eq!(listed.len(), pairs.len(), "byte {at}");
                for (key, data) in &listed {
                    assert_eq!(database.get(&**key).unwrap().as_ref(), Some(data), "byte {at}");
                }
            }
        }
    }
}
