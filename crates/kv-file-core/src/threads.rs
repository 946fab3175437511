//! Work on two processors.

use std::thread;

/// Does two things at the same time, or one after the other where there can be no second thread.
///
/// `one` is what the second thread does.
///
/// ```
/// let (mut evens, mut odds) = (0, 0);
/// let (_, sum) = kv_file_core::both(|| evens = 2 + 4, || { odds = 1 + 3; odds });
/// assert_eq!((evens, sum), (6, 4));
/// ```
pub fn both<A: Send, B>(mut one: impl FnMut() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    let mut result = None;
    let other = thread::scope(|scope| {
        let _ = thread::Builder::new().spawn_scoped(scope, || result = Some(one()));
        other()
    });
    (result.unwrap_or_else(one), other)
}
