//! How tables are opened. The defaults are what Postfix does with a current configuration.

use std::time::Duration;

use postfix_map_text::KeyRules;

use crate::forms::Terminators;
use crate::sharing::lock::DEFAULT_PATIENCE;

/// Defines setters of options.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => { $(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = $name;
            self
        }
    )* };
}

/// How a table is opened for lookups.
///
/// ```
/// use postfix_maps::{Access, TableOptions, Terminators};
///
/// let options = TableOptions::default().access(Access::Locked).terminators(Terminators::With);
/// ```
#[derive(Clone, Debug)]
pub struct TableOptions {
    pub(crate) rules: KeyRules,
    pub(crate) terminators: Terminators,
    pub(crate) access: Access,
    pub(crate) duplicates: Duplicates,
    pub(crate) values_are_files: bool,
    pub(crate) environment: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) lock_timeout: Option<Duration>,
}

impl Default for TableOptions {
    fn default() -> Self {
        TableOptions {
            rules: KeyRules::default(),
            terminators: Terminators::default(),
            access: Access::default(),
            duplicates: Duplicates::default(),
            values_are_files: false,
            environment: Vec::new(),
            lock_timeout: DEFAULT_PATIENCE,
        }
    }
}

impl TableOptions {
    /// The defaults: what Postfix does with a current configuration.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// UTF-8 mode and folding of keys: by default both.
        rules: KeyRules;
        /// Whether the table's keys end in a NUL.
        terminators: Terminators;
        /// How the file is read.
        access: Access;
        /// For `texthash`: which of two entries with the same key counts, and whether there is a
        /// warning.
        duplicates: Duplicates;
        /// For tables whose values are in their name or text: whether these are names of files,
        /// whose contents are found, in base64: `postmap -F` (postmap specification, section 11).
        values_are_files: bool;
        /// For `environ`: variables and their values, in front of those of the process's
        /// environment. Postfix's programs add what main.cf's `import_environment` says
        /// ([`Config::import_environment`](crate::config::Config::import_environment)).
        environment: Vec<(Vec<u8>, Vec<u8>)>;
        /// How long to wait for a writer that has the table's file locked, by default 60 seconds;
        /// `None` waits for as long as it takes, as Postfix does. See
        /// [Locks](crate#locks).
        lock_timeout: Option<Duration>;
    }
}

/// How an open [`Table`](crate::Table) reads its file. All are safe to share between threads.
///
/// A third way, a memory map, is [`Table::open_mapped`](crate::Table::open_mapped).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Read the whole file into memory once, under a shared lock. Lookups then make no system call,
    /// and see the table as it was, until [`Table::reloaded`](crate::Table::reloaded) finds that
    /// it has changed.
    #[default]
    Snapshot,
    /// For each lookup open the file, lock it, read the few pages that matter, and close it:
    /// slower, always current, and no memory is held. Postfix's own protocol.
    Locked,
}

/// What becomes of a second entry with the same key (postmap specification, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Duplicates {
    /// It is left out, with a warning.
    #[default]
    Warn,
    /// It is left out: `postmap -w`.
    Ignore,
    /// It takes the first one's place: `postmap -r`.
    Replace,
    /// It is an error, [`ErrorKind::DuplicateKey`](crate::ErrorKind::DuplicateKey), and nothing is
    /// written.
    Refuse,
}
