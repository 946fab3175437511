//! Whether a file is still the one that was read, or older than another.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Whether the file had been left alone for a while. If not, a change might come within the
    /// same tick of the clock and leave no trace in its times.
    settled: bool,
}

/// Longer than a file system's clock takes to tick, where it counts whole seconds, or two of them.
const TICK: Duration = Duration::from_secs(2);
/// The same where it counts parts of seconds: then it is the system's.
const FINE_TICK: Duration = Duration::from_millis(100);

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        // Programs set a file's modification time as they like, but not the other.
        let (seconds, nanoseconds) = modified.max(changed);
        let since = SystemTime::UNIX_EPOCH
            .checked_add(Duration::from_secs(seconds.try_into().unwrap_or_default()))
            .and_then(|at| {
                at.checked_add(Duration::from_nanos(nanoseconds.try_into().unwrap_or_default()))
            });
        let age = since.and_then(|at| SystemTime::now().duration_since(at).ok());
        let tick = if modified.1 != 0 && changed.1 != 0 { FINE_TICK } else { TICK };
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified,
            changed,
            settled: age.is_some_and(|age| age > tick),
        }
    }

    /// Returns `true` if the file at `path` may be another than the one that was stamped, or have
    /// other contents.
    pub fn is_outdated(&self, path: &Path) -> bool {
        // Whether it can be opened shows when it is.
        !self.settled || !fs::metadata(path).is_ok_and(|metadata| self.is_of(&metadata))
    }

    /// Returns `true` if a file looks as it did when it was stamped.
    pub fn is_of(&self, metadata: &Metadata) -> bool {
        Stamp { settled: self.settled, ..Stamp::of(metadata) } == *self
    }
}

/// Returns `true` if a table's file is older than the text that it was made from, which has been
/// left alone for a while since.
///
/// Postfix's rule (postmap specification, section 8.3), in whole seconds.
pub(crate) fn is_older(file: &Path, source: &Path) -> bool {
    const WHILE: u64 = 100;
    let seconds =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|t| t.as_secs());
    let modified = |path: &Path| seconds(fs::metadata(path).ok()?.modified().ok()?).ok();
    let now = seconds(SystemTime::now()).unwrap_or_default();
    match (modified(file), modified(source)) {
        (Some(file), Some(source)) => source > file && source < now.saturating_sub(WHILE),
        _ => false,
    }
}
