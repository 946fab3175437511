//! What is built is sound, and is read back as it went in.

use std::collections::BTreeMap;

use bdb_file::{BtreeBuilder, BtreeDb, DataOrder, Datum, HashBuilder, HashDb, Keep};

use super::input::Input;
use super::model::{Map, assert_holds};
use super::sound::{finish, item, options};
use super::verdict::problems;

/// Bytes of keys and data, and pairs: enough for many buckets of several pages.
const MOST_BYTES: usize = 128 << 10;
const MOST_PAIRS: usize = 300;

/// All data of each key, in their order.
type Data = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

pub fn check(input: &mut Input<'_>) {
    let duplicates = [None, None, Some(DataOrder::Insertion), Some(DataOrder::Sorted)];
    let duplicates = input.choice(&duplicates);
    let options = options(input).data_order(duplicates);
    let (page_size, duplicates) = (options.page_size.unwrap_or(512), options.data_order);
    let keep = input.choice(&[Keep::First, Keep::Last]);
    let terminated = input.bool();
    let record_numbers = duplicates.is_none() && input.bool();
    let minimum_keys = input.choice(&[None, None, Some(3), Some(20)]);
    let btree_options = options.clone().record_numbers(record_numbers).minimum_keys(minimum_keys);
    let mut btree = BtreeBuilder::new(btree_options);
    let mut builder = HashBuilder::new(options);
    let mut pushed = Data::new();
    let mut bytes = 0;
    for _ in 0..MOST_PAIRS {
        if input.is_empty() || bytes >= MOST_BYTES {
            break;
        }
        let (mut key, mut data) = (item(input, page_size), item(input, page_size));
        bytes += key.len() + data.len();
        if terminated {
            builder.push(Datum::terminated(&key), Datum::terminated(&data)).unwrap();
            btree.push(Datum::terminated(&key), Datum::terminated(&data)).unwrap();
            key.push(0);
            data.push(0);
        } else {
            builder.push(&key, &data).unwrap();
            btree.push(&key, &data).unwrap();
        }
        pushed.entry(key).or_default().push(data);
    }
    let stored = stored(pushed, duplicates, keep);
    check_hash(&finish(builder, keep), &stored, duplicates.is_some());
    check_btree(&finish(btree, keep), &stored);
}

/// The data that are stored of those that were pushed, in their order.
fn stored(mut pushed: Data, duplicates: Option<DataOrder>, keep: Keep) -> Data {
    for data in pushed.values_mut() {
        match (duplicates, keep) {
            (Some(DataOrder::Insertion), _) => {}
            (Some(DataOrder::Sorted), _) => {
                data.sort_unstable();
                data.dedup();
            }
            (None, Keep::First) => data.truncate(1),
            (None, _) => drop(data.drain(..data.len() - 1)),
        }
    }
    pushed
}

fn check_hash(file: &[u8], stored: &Data, duplicates: bool) {
    let (verdict, problems) = problems(file);
    assert_eq!(problems, []);
    assert_eq!(verdict.unwrap().keys as usize, stored.len());
    let database = HashDb::open(file).unwrap();
    if !duplicates {
        let pairs = stored.iter().map(|(key, data)| (key.clone(), data[0].clone()));
        return assert_holds(&database, &pairs.collect::<Map>());
    }
    let mut listed = Data::new();
    for pair in &database {
        let (key, data) = pair.unwrap();
        listed.entry(key.into_owned()).or_default().push(data.into_owned());
    }
    assert_eq!(&listed, stored);
    for (key, data) in stored {
        let found: Vec<_> = database.get_all(key).unwrap().map(Result::unwrap).collect();
        assert_eq!(&found, data);
    }
}

fn check_btree(file: &[u8], stored: &Data) {
    assert_eq!(problems(file).1, []);
    let database = BtreeDb::open(file).unwrap();
    let pairs = stored.iter().flat_map(|(key, all)| all.iter().map(|data| (&key[..], &data[..])));
    let listed: Vec<_> = database.iter().map(Result::unwrap).collect();
    assert!(listed.iter().map(|(key, data)| (&key[..], &data[..])).eq(pairs));
    for (key, data) in stored {
        let found: Vec<_> = database.get_all(key).unwrap().map(Result::unwrap).collect();
        assert_eq!(&found, data);
    }
}
