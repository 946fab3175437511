//! Sorting on both processors.

use kv_file_core::both;

/// Where there is less to do, a second thread takes longer to start than it saves.
pub(crate) const MANY: usize = 1 << 15;

/// Sorts by means of a function that sorts any part, and may change what it sorts.
pub(crate) fn sort_in_parts<T: Ord + Send>(items: &mut [T], sort_part: impl Fn(&mut [T]) + Sync) {
    if items.len() < MANY {
        return sort_part(items);
    }
    let (one, other) = items.split_at_mut(items.len() / 2);
    both(|| sort_part(one), || sort_part(other));
    // This sort merges what is sorted in parts.
    items.sort();
}
