//! Work on two processors.

use std::io;
use std::sync::mpsc::sync_channel;
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

/// Makes a file's bytes, block by block, and hands each block to `put`, front to back, with its
/// offset.
///
/// `make` adds the next bytes to a block, and returns `true` if there may be more. The first block
/// starts with `start`. Where there are to be `several` blocks, a second thread makes the next one
/// while one is put.
///
/// ```
/// let (mut file, mut number) = (Vec::new(), 0);
/// let make = |block: &mut Vec<u8>| {
///     number += 1;
///     block.extend([number; 3]);
///     number < 3
/// };
/// kv_file_core::make_and_put(vec![9], true, make, &mut |at, block| {
///     assert_eq!(at, file.len() as u64);
///     file.extend_from_slice(block);
///     Ok(())
/// })?;
/// assert_eq!(file, [9, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What `put` gave.
pub fn make_and_put(
    mut start: Vec<u8>,
    several: bool,
    mut make: impl FnMut(&mut Vec<u8>) -> bool + Send,
    put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut at = 0;
    let mut put_next = |block: &[u8]| {
        put(at, block)?;
        at += block.len() as u64;
        Ok(())
    };
    let done = several.then(|| {
        thread::scope(|scope| {
            let (send_full, full) = sync_channel::<Vec<u8>>(1);
            let (send_empty, empty) = sync_channel::<Vec<u8>>(2);
            let (start, make) = (&mut start, &mut make);
            let maker = move || {
                let mut block = std::mem::take(start);
                while make(&mut block) {
                    let next = empty.try_recv().unwrap_or_default();
                    // The writer is gone after an error.
                    if send_full.send(std::mem::replace(&mut block, next)).is_err() {
                        return;
                    }
                }
                let _ = send_full.send(block);
            };
            thread::Builder::new().spawn_scoped(scope, maker).ok()?;
            Some(full.into_iter().try_for_each(|mut block| {
                put_next(&block)?;
                block.clear();
                let _ = send_empty.try_send(block);
                Ok(())
            }))
        })
    });
    if let Some(done) = done.flatten() {
        return done;
    }
    // Nothing was made: there is no second thread.
    while make(&mut start) {
        put_next(&start)?;
        start.clear();
    }
    put_next(&start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_ends_the_work_and_is_returned() {
        for several in [false, true] {
            let mut blocks = 0;
            let result = make_and_put(
                Vec::new(),
                several,
                |block| {
                    block.push(0);
                    true
                },
                &mut |at, _| {
                    assert_eq!(at, blocks);
                    blocks += 1;
                    if blocks < 3 { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
                },
            );
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!(blocks, 3);
        }
    }
}
