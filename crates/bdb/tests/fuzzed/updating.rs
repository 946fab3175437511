//! A file that is changed does as a map in memory does, and stays sound.

use bdb_file::{
    AccessMethod, BtreeBuilder, BtreeDb, BtreeUpdate, DatabaseBuilder, Error, HashBuilder, HashDb,
    HashUpdate, Keep, Severity, access_method,
};

use super::changed;
use super::database::{Database, Update};
use super::input::Input;
use super::model::{Map, assert_btree_holds, assert_holds};
use super::sound::{finish, item, options};
use super::verdict::problems;

/// Bytes of keys and data that are put, operations, and how often all is looked at: with checksums
/// on large pages, each look at a key takes as long as some hundred others.
const MOST_BYTES: usize = 128 << 10;
const MOST_OPERATIONS: usize = 400;
const MOST_LOOKS: usize = 6;

/// Changes of a hash database.
pub fn check(input: &mut Input<'_>) {
    let options = options(input);
    let page_size = options.page_size.unwrap_or(512);
    check_by::<HashUpdate<Vec<u8>>>(input, page_size, HashBuilder::new(options).into());
}

/// Changes of a btree database.
pub fn check_btree(input: &mut Input<'_>) {
    let options = options(input).record_numbers(input.bool());
    let options = options.minimum_keys(input.choice(&[None, None, Some(3), Some(20)]));
    let page_size = options.page_size.unwrap_or(512);
    check_by::<BtreeUpdate<Vec<u8>>>(input, page_size, BtreeBuilder::new(options).into());
}

fn check_by<U: Update<Vec<u8>>>(
    input: &mut Input<'_>,
    page_size: u32,
    mut builder: DatabaseBuilder<'_>,
) {
    let mut map = Map::new();
    for i in 0..input.below(40) {
        let (key, data) = (format!("k{i}").into_bytes(), vec![b'd'; input.below(256)]);
        builder.push(&key, &data).unwrap();
        map.insert(key, data);
    }
    let mut file = finish(builder, Keep::First);
    let mut update = U::open(file.clone()).unwrap();
    let (mut bytes, mut looks) = (0, 0);
    for _ in 0..MOST_OPERATIONS {
        if input.is_empty() || bytes >= MOST_BYTES {
            break;
        }
        let operation = input.u8() % 16;
        if operation == 15 && looks < MOST_LOOKS {
            looks += 1;
            update.finish().unwrap().apply(&mut file);
            assert_sound(&file, &map);
            update = U::open(file.clone()).unwrap();
            continue;
        }
        let key = item(input, page_size);
        bytes += key.len() + 8;
        if operation >= 9 {
            assert_eq!(update.delete(&key).unwrap(), map.remove(&key).is_some());
            continue;
        }
        let data = item(input, page_size);
        bytes += data.len();
        let keep = if operation < 3 { Keep::First } else { Keep::Last };
        let stored = keep == Keep::Last || !map.contains_key(&key);
        assert_eq!(update.put(&key, &data, keep).unwrap(), stored);
        if stored {
            map.insert(key, data);
        }
    }
    update.finish().unwrap().apply(&mut file);
    assert_sound(&file, &map);
}

/// An update of any file: an error, or no damage that was not there.
pub fn check_damaged(file: &[u8]) {
    let keys = match access_method(file, None) {
        Ok(AccessMethod::Btree) => some_keys::<BtreeDb<_>>(file),
        _ => some_keys::<HashDb<_>>(file),
    };
    let Ok(keys) = keys else { return };
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    let mut puts: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (*key, &[b'd'; 90][..])).collect();
    puts.extend([&b"new"[..], b"newer", b"newest"].map(|key| (key, &[b'd'; 300][..])));
    // What is an error says nothing of the next.
    let _ = changed::check(file, &puts, &[]);
    let _ = changed::check(file, &[], &keys);
    let _ = changed::check(file, &puts[keys.len() / 2..], &keys);
}

/// The first keys of a database, up to an error.
fn some_keys<'f, D: Database<&'f [u8]>>(file: &'f [u8]) -> Result<Vec<Vec<u8>>, Error> {
    let database = D::open(file)?;
    let pairs = database.iter().map_while(Result::ok).take(8);
    Ok(pairs.map(|(key, _)| key.into_owned()).collect())
}

fn assert_sound(file: &[u8], map: &Map) {
    match access_method(file, None).unwrap() {
        AccessMethod::Btree => assert_btree_holds(&BtreeDb::open(file).unwrap(), map),
        _ => assert_holds(&HashDb::open(file).unwrap(), map),
    }
    let (verdict, problems) = problems(file);
    assert!(problems.iter().all(|found| found.severity() == Severity::Note), "{problems:?}");
    assert_eq!(verdict.unwrap().keys as usize, map.len());
}
