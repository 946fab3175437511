//! A file that is changed does as a map in memory does, and stays sound.

use bdb_file::{HashBuilder, HashDb, HashUpdate, Keep, Severity};

use super::changed;
use super::input::Input;
use super::model::{Map, assert_holds};
use super::sound::{finish, item, options};
use super::verdict::problems;

/// Bytes of keys and data that are put, operations, and how often all is looked at: with checksums
/// on large pages, each look at a key takes as long as some hundred others.
const MOST_BYTES: usize = 128 << 10;
const MOST_OPERATIONS: usize = 400;
const MOST_LOOKS: usize = 6;

pub fn check(input: &mut Input<'_>) {
    let options = options(input);
    let page_size = options.page_size.unwrap_or(512);
    let mut builder = HashBuilder::new(options);
    let mut map = Map::new();
    for i in 0..input.below(40) {
        let (key, data) = (format!("k{i}").into_bytes(), vec![b'd'; input.below(256)]);
        builder.push(&key, &data).unwrap();
        map.insert(key, data);
    }
    let mut file = finish(builder, Keep::First);
    let mut update = HashUpdate::open(file.clone()).unwrap();
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
            update = HashUpdate::open(file.clone()).unwrap();
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
    let Ok(database) = HashDb::open(file) else { return };
    let keys: Vec<_> = database.iter().map_while(Result::ok).take(8).collect();
    let keys: Vec<&[u8]> = keys.iter().map(|(key, _)| &key[..]).collect();
    let mut puts: Vec<(&[u8], &[u8])> = keys.iter().map(|key| (*key, &[b'd'; 90][..])).collect();
    puts.extend([&b"new"[..], b"newer", b"newest"].map(|key| (key, &[b'd'; 300][..])));
    // What is an error says nothing of the next.
    let _ = changed::check(file, &puts, &[]);
    let _ = changed::check(file, &[], &keys);
    let _ = changed::check(file, &puts[keys.len() / 2..], &keys);
}

fn assert_sound(file: &[u8], map: &Map) {
    assert_holds(&HashDb::open(file).unwrap(), map);
    let (verdict, problems) = problems(file);
    assert!(problems.iter().all(|found| found.severity() == Severity::Note), "{problems:?}");
    assert_eq!(verdict.unwrap().keys as usize, map.len());
}
