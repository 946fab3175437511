//! How tables are made and changed. The defaults are what Postfix does with a current configuration.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use postfix_map_text::KeyRules;

use crate::forms::Terminators;
use crate::options::Duplicates;
use crate::sharing::lock::DEFAULT_PATIENCE;

/// How a table is made, or changed.
///
/// ```
/// use postfix_maps::{Duplicates, WriteOptions};
///
/// let options = WriteOptions::default().duplicates(Duplicates::Replace).mode(0o600);
/// ```
#[derive(Clone, Debug)]
pub struct WriteOptions {
    pub(crate) rules: KeyRules,
    pub(crate) terminators: Terminators,
    pub(crate) duplicates: Duplicates,
    pub(crate) mode: u32,
    pub(crate) reproducible: bool,
    pub(crate) lock_timeout: Option<Duration>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            rules: KeyRules::default(),
            terminators: Terminators::default(),
            duplicates: Duplicates::default(),
            mode: 0o644,
            reproducible: false,
            lock_timeout: DEFAULT_PATIENCE,
        }
    }
}

impl WriteOptions {
    /// The defaults: what Postfix does with a current configuration.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// UTF-8 mode and folding of keys: by default both.
        rules: KeyRules;
        /// Whether keys and values get a terminating NUL.
        terminators: Terminators;
        /// What becomes of a second entry with the same key.
        duplicates: Duplicates;
        /// Permissions of a table that is not there yet, whatever the process's umask; by default
        /// 0644. One that is there keeps its own.
        mode: u32;
        /// Whether the same entries make the same file, byte for byte, instead of one with an
        /// identification of its own.
        reproducible: bool;
        /// How long to wait for others who have the table's file locked, by default 60 seconds;
        /// `None` waits for as long as it takes, as Postfix does. See [Locks](crate#locks).
        lock_timeout: Option<Duration>;
    }
}

/// The permissions of a new table whose source has these: reading is copied for group and others,
/// the owner may always read and write, and nothing else is allowed (postmap specification, section
/// 7).
pub fn mode_like(source: &Metadata) -> u32 {
    if source.is_file() { 0o600 | source.mode() & 0o044 } else { 0o644 }
}
