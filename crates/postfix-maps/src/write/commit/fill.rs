//! Writing a new file, front to back.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use kv_file_core::Contents;

/// So many bytes are given to the disk while the next ones are made.
const PART: u64 = 16 << 20;

/// Writes a new file. It is not all on disk when this returns, but of a long one most is: that is
/// what takes longest, and needs no processor.
pub(super) fn fill(file: &File, contents: &dyn Contents) -> io::Result<()> {
    if contents.file_len() <= PART {
        return contents.blocks(&mut |at, bytes| file.write_all_at(bytes, at));
    }
    thread::scope(|scope| {
        let (more, parts) = sync_channel(1);
        let syncing = thread::Builder::new().spawn_scoped(scope, move || sync_parts(file, &parts));
        let mut waiting = 0;
        let written = contents.blocks(&mut |at, bytes| {
            file.write_all_at(bytes, at)?;
            waiting += bytes.len() as u64;
            if waiting >= PART {
                // While a part is under way, another one waits at most.
                let _ = more.try_send(());
                waiting = 0;
            }
            Ok(())
        });
        drop(more);
        // The system tells an error once: if this thread has got it, nobody else will.
        let synced = syncing.map_or(Ok(()), |thread| thread.join().unwrap_or(Ok(())));
        written.and(synced)
    })
}

fn sync_parts(file: &File, parts: &Receiver<()>) -> io::Result<()> {
    parts.iter().try_for_each(|()| file.sync_data())
}
