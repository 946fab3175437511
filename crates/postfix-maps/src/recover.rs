//! Ending changes that were interrupted.

use std::path::Path;
use std::time::Duration;

use bdb_file::{FileSource, stated_len};

use crate::error::{Error, Result};
use crate::formats::bdb;
use crate::lookup::Operation;
use crate::sharing::journal::Trailer;
use crate::sharing::left_over::{follow_links, settle, sweep};
use crate::sharing::lock::{open_exclusive, open_writable};

/// What has become of an interrupted change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovered {
    /// There was none.
    Nothing,
    /// It has been completed: the file has its new contents.
    Completed,
    /// What was written for it has been cut off: it had not begun, somebody else has changed the
    /// file since, or it was a change of another file, of which this one is a copy. What Postfix's
    /// programs see of the file is the same as before.
    Discarded,
}

/// Completes the change of a database file that was interrupted, if there is one: a process was
/// killed, or the power failed, while it overwrote parts of the file. Every writer of this crate
/// does so before anything else; this is for before Postfix's own programs look at the file, which
/// do not know of such changes.
///
/// Waits for the lock on the file, for `lock_timeout` at most (`None`: for as long as it takes), and
/// removes what was left of new files beside it.
///
/// ```
/// # #[cfg(feature = "write")] {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("virtual.db");
/// # use postfix_maps::{NewTable, WriteOptions};
/// # NewTable::open(&format!("hash:{}/virtual", dir.path().display()), WriteOptions::default())?.finish()?;
/// use postfix_maps::{Recovered, recover};
///
/// assert_eq!(recover(&path, None)?, Recovered::Nothing);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Where the file cannot be opened, locked or written;
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged) where there is something to cut off, and page
/// 0 does not tell from where on.
pub fn recover(path: impl AsRef<Path>, lock_timeout: Option<Duration>) -> Result<Recovered> {
    let path = path.as_ref();
    let open_error = |source| Error::open(path, source);
    let file = follow_links(path);
    let locked = open_exclusive(&file, lock_timeout).map_err(open_error)?;
    sweep(&file);
    let before = locked.metadata().map_err(open_error)?.len();
    let (metadata, completed) = settle(&locked, &file).map_err(open_error)?;
    if completed {
        return Ok(Recovered::Completed);
    }
    if Trailer::read(&locked, &metadata).map_err(open_error)?.is_none() {
        let cut = metadata.len() < before;
        return Ok(if cut { Recovered::Discarded } else { Recovered::Nothing });
    }
    let copy = locked.try_clone().map_err(open_error)?;
    let stated = stated_len(FileSource::new(copy));
    let stated = stated.map_err(bdb::error_of(Operation::Read, path))?;
    let cut = || {
        let writable = open_writable(&file, &locked)?;
        // The trailer, at least, lies behind the contents.
        writable.set_len(stated.min(metadata.len() - 1))?;
        writable.sync_all()
    };
    cut().map_err(open_error)?;
    Ok(Recovered::Discarded)
}

#[cfg(all(test, feature = "write"))]
mod tests {
    use std::fs;
    use std::os::unix::fs::FileExt;

    use bdb_file::{BuildOptions, FileId, HashBuilder, HashUpdate, Keep};

    use super::*;
    use crate::error::ErrorKind;
    use crate::write::commit::overwrite::{Blocks, save};

    /// A file, and what it is to become when its one key has got another value, and a second has
    /// been added.
    fn states() -> (Vec<u8>, Vec<u8>) {
        let options = BuildOptions::default().file_id(FileId::Contents);
        let mut builder = HashBuilder::new(options);
        builder.push(b"key\0", b"old\0").unwrap();
        let mut old = Vec::new();
        builder.plan(Keep::First).unwrap().write_to(&mut old).unwrap();
        let mut update = HashUpdate::open(&old).unwrap();
        update.put(b"key\0", b"new\0", Keep::Last).unwrap();
        update.put(b"other\0", b"value\0", Keep::Last).unwrap();
        let changes = update.finish().unwrap();
        let mut new = old.clone();
        changes.apply(&mut new);
        (old, new)
    }

    /// The old file with a journal that makes the new one of it.
    fn interrupted(path: &Path) -> (Vec<u8>, Vec<u8>) {
        let (old, new) = states();
        fs::write(path, &old).unwrap();
        let file = fs::File::options().read(true).write(true).open(path).unwrap();
        let offsets: Vec<u64> = (0..new.len() as u64).step_by(512).collect();
        let blocks = Blocks { block: 512, offsets: &offsets };
        save(&file, new.len() as u64, blocks, |file, at| file.write_all_at(&new, at)).unwrap();
        (old, new)
    }

    #[test]
    fn a_whole_journal_is_completed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let (_, new) = interrupted(&path);
        assert_eq!(recover(&path, None).unwrap(), Recovered::Completed);
        assert!(fs::read(&path).unwrap() == new);
        assert_eq!(recover(&path, None).unwrap(), Recovered::Nothing);
    }

    #[test]
    fn a_journal_that_is_not_whole_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let (old, _) = interrupted(&path);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.write_all_at(b"?", 65536 + 100).unwrap();
        assert_eq!(recover(&path, None).unwrap(), Recovered::Discarded);
        assert!(fs::read(&path).unwrap() == old);
    }

    #[test]
    fn the_journal_of_another_file_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        let (old, _) = interrupted(&path);
        let copy = directory.path().join("copy.db");
        fs::copy(&path, &copy).unwrap();
        assert_eq!(recover(&copy, None).unwrap(), Recovered::Discarded);
        assert!(fs::read(&copy).unwrap() == old);
        assert_eq!(recover(&path, None).unwrap(), Recovered::Completed);
    }

    #[test]
    fn nothing_is_cut_off_that_is_no_journal() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.db");
        for contents in [&b""[..], b"text", &[b'x'; 65536]] {
            fs::write(&path, contents).unwrap();
            assert_eq!(recover(&path, None).unwrap(), Recovered::Nothing);
            assert_eq!(fs::read(&path).unwrap(), contents);
        }
        // A trailer, and no page 0 that would tell what is before it.
        let mut junk = vec![0; 65536];
        junk[65536 - 80..][..8].copy_from_slice(b"map-jrn3");
        fs::write(&path, &junk).unwrap();
        assert_eq!(recover(&path, None).unwrap_err().kind(), ErrorKind::Damaged);
        assert_eq!(fs::read(&path).unwrap(), junk);
        let missing = recover(directory.path().join("no.db"), None).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}
