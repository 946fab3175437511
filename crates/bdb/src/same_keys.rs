//! What becomes of pairs with the same key when a database is built.

use kv_file_core::Entries;

use crate::options::{BuildOptions, DataOrder, Keep};

/// What becomes of pairs with the same key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SameKeys {
    Keep(Keep),
    /// All stay, but for equal pairs in an order of data.
    Stay(DataOrder),
}

impl SameKeys {
    /// As the options say, and `keep` where a key has but one data item.
    pub fn new(options: &BuildOptions, keep: Keep) -> Self {
        options.data_order.map_or(SameKeys::Keep(keep), SameKeys::Stay)
    }

    /// Settles which of the pairs with one key are stored, and in which order: hands these to
    /// `stay`, and the entries of the others to `dropped`.
    ///
    /// `same` stands for all of them, in the order of the input; `index` is the entry of one.
    #[inline]
    pub fn settle<T>(
        self,
        same: &mut [T],
        entries: &Entries<'_>,
        index: impl Fn(&T) -> u32,
        mut stay: impl FnMut(&T),
        dropped: &mut Vec<u32>,
    ) {
        // As nearly all keys are.
        if let [only] = same {
            return stay(only);
        }
        let data = |pair: &T| entries.data(index(pair));
        if let SameKeys::Stay(DataOrder::Sorted) = self {
            same.sort_by(|a, b| data(a).cmp(&data(b)));
        }
        let mut before = None;
        for (i, pair) in same.iter().enumerate() {
            let stays = match self {
                SameKeys::Keep(Keep::First) => i == 0,
                SameKeys::Keep(Keep::Last) => i == same.len() - 1,
                SameKeys::Stay(DataOrder::Insertion) => true,
                SameKeys::Stay(DataOrder::Sorted) => {
                    let data = Some(data(pair));
                    std::mem::replace(&mut before, data) != data
                }
            };
            if stays { stay(pair) } else { dropped.push(index(pair)) }
        }
    }
}
