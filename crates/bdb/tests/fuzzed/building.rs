//! What is built is sound, and is read back as it went in.

use bdb_file::{Builder, Hash, Keep};

use super::input::Input;
use super::model::{Map, assert_holds};
use super::sound::{finish, item, options};
use super::verdict::problems;

/// Bytes of keys and data, and pairs: enough for many buckets of several pages.
const MOST_BYTES: usize = 128 << 10;
const MOST_PAIRS: usize = 300;

pub fn check(input: &mut Input<'_>) {
    let options = options(input);
    let page_size = options.page_size.unwrap_or(512);
    let keep = input.choice(&[Keep::First, Keep::Last]);
    let terminated = input.bool();
    let mut builder = Builder::new(options);
    let mut map = Map::new();
    let mut bytes = 0;
    for _ in 0..MOST_PAIRS {
        if input.is_empty() || bytes >= MOST_BYTES {
            break;
        }
        let (mut key, mut data) = (item(input, page_size), item(input, page_size));
        bytes += key.len() + data.len();
        if terminated {
            builder.push_terminated(&key, &data).unwrap();
            key.push(0);
            data.push(0);
        } else {
            builder.push(&key, &data).unwrap();
        }
        if keep == Keep::Last || !map.contains_key(&key) {
            map.insert(key, data);
        }
    }
    let file = finish(builder, keep);
    assert_holds(&Hash::open(&file).unwrap(), &map);
    let (verdict, problems) = problems(&file);
    assert_eq!(problems, []);
    assert_eq!(verdict.unwrap().keys as usize, map.len());
}
