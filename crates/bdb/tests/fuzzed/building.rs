//! What is built is sound, and is read back as it went in.

use std::collections::BTreeMap;

use bdb_file::{DataOrder, Datum, HashBuilder, HashDb, Keep};

use super::input::Input;
use super::model::{Map, assert_holds};
use super::sound::{finish, item, options};
use super::verdict::problems;

/// Bytes of keys and data, and pairs: enough for many buckets of several pages.
const MOST_BYTES: usize = 128 << 10;
const MOST_PAIRS: usize = 300;

pub fn check(input: &mut Input<'_>) {
    let duplicates = [None, None, Some(DataOrder::Insertion), Some(DataOrder::Sorted)];
    let duplicates = input.choice(&duplicates);
    let options = options(input).data_order(duplicates);
    let (page_size, duplicates) = (options.page_size.unwrap_or(512), options.data_order);
    let keep = input.choice(&[Keep::First, Keep::Last]);
    let terminated = input.bool();
    let mut builder = HashBuilder::new(options);
    // All data of each key, in the order in which they come.
    let mut pushed: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let mut bytes = 0;
    for _ in 0..MOST_PAIRS {
        if input.is_empty() || bytes >= MOST_BYTES {
            break;
        }
        let (mut key, mut data) = (item(input, page_size), item(input, page_size));
        bytes += key.len() + data.len();
        if terminated {
            builder.push(Datum::terminated(&key), Datum::terminated(&data)).unwrap();
            key.push(0);
            data.push(0);
        } else {
            builder.push(&key, &data).unwrap();
        }
        pushed.entry(key).or_default().push(data);
    }
    let file = finish(builder, keep);
    let (verdict, problems) = problems(&file);
    assert_eq!(problems, []);
    assert_eq!(verdict.unwrap().keys as usize, pushed.len());
    let database = HashDb::open(&file).unwrap();
    let Some(order) = duplicates else {
        let kept = |data: Vec<Vec<u8>>| match keep {
            Keep::First => data.into_iter().next(),
            _ => data.into_iter().next_back(),
        };
        let pairs = pushed.into_iter().map(|(key, data)| (key, kept(data).unwrap()));
        return assert_holds(&database, &pairs.collect::<Map>());
    };
    let mut listed: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    for pair in &database {
        let (key, data) = pair.unwrap();
        listed.entry(key.into_owned()).or_default().push(data.into_owned());
    }
    if order == DataOrder::Sorted {
        for data in pushed.values_mut() {
            data.sort_unstable();
            data.dedup();
        }
    }
    assert_eq!(listed, pushed);
    for (key, data) in &pushed {
        let found: Vec<_> = database.get_all(key).unwrap().map(Result::unwrap).collect();
        assert_eq!(&found, data);
    }
}
