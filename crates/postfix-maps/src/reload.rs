//! What is remembered of files that were read, to tell whether they have changed.

use std::fs::Metadata;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::stamp::Stamp;

/// A file, and its state when its contents were last looked at.
#[derive(Debug)]
pub(crate) struct Seen {
    path: PathBuf,
    stamp: Mutex<Stamp>,
}

impl Seen {
    pub fn new(path: &Path, stamp: Stamp) -> Self {
        Seen { path: path.to_owned(), stamp: Mutex::new(stamp) }
    }

    fn stamp(&self) -> Stamp {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its contents are still the same, as far as its times tell.
    pub fn is_current(&self) -> bool {
        !self.stamp().is_outdated(&self.path)
    }

    /// Takes note that the same contents were there at another time.
    pub fn take_stamp(&self, other: &Seen) {
        *self.stamp.lock().unwrap_or_else(PoisonError::into_inner) = other.stamp();
    }
}

/// A text that was read, and what tells it from others: a hash, with a key that nobody knows.
#[derive(Debug)]
pub(crate) struct ReadText {
    pub seen: Seen,
    hash: u64,
}

impl ReadText {
    /// A text that was read from a file that had been in this state before.
    pub fn new(path: &Path, before: &Metadata, text: &[u8]) -> Self {
        static KEY: OnceLock<RandomState> = OnceLock::new();
        let hash = KEY.get_or_init(RandomState::new).hash_one(text);
        ReadText { seen: Seen::new(path, Stamp::of(before)), hash }
    }

    /// Whether the same texts were read from the same files.
    pub fn are_same(ours: &[ReadText], theirs: &[ReadText]) -> bool {
        let key = |text: &ReadText| (text.seen.path.clone(), text.hash);
        ours.iter().map(key).eq(theirs.iter().map(key))
    }
}
