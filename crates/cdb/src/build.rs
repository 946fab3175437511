//! Collecting the records of a new file.

use kv_file_core::{Datum, Entries};

use crate::error::Result;
use crate::plan::Plan;

/// Which of several records with the same key a file gets ([section 5.1]).
///
/// [section 5.1]: crate::specification#51-duplicates
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// The first that was pushed: `cdb -c -u`.
    First,
    /// The last that was pushed, in the place in which it was: `cdb -c -r`.
    Last,
    /// All of them; the first is found: `cdb -c`.
    All,
}

/// Collects records for a new file.
///
/// Takes 24 bytes of memory a record, 12 more while the file is planned and 8 while it is written,
/// and the record's own bytes unless they lie in the text given to [`over`](Self::over).
///
/// ```
/// use cdb_file::{Cdb, CdbBuilder, Keep};
///
/// let mut builder = CdbBuilder::new();
/// builder.push("root", "bob")?;
/// builder.push("root", "eve")?;
/// let mut file = Vec::new();
/// builder.plan(Keep::Last)?.write_to(&mut file)?;
/// assert_eq!(Cdb::open(file)?.get("root")?.as_deref(), Some(&b"eve"[..]));
/// # Ok::<(), cdb_file::Error>(())
/// ```
#[derive(Debug)]
pub struct CdbBuilder<'t> {
    entries: Entries<'t>,
}

impl Default for CdbBuilder<'static> {
    fn default() -> Self {
        CdbBuilder::new()
    }
}

impl CdbBuilder<'static> {
    /// A builder that copies every record.
    pub fn new() -> Self {
        CdbBuilder::over(&[])
    }
}

impl<'t> CdbBuilder<'t> {
    /// A builder that does not copy keys and values which are parts of `text`: it remembers their
    /// positions.
    pub fn over(text: &'t [u8]) -> Self {
        CdbBuilder { entries: Entries::over(text) }
    }

    /// A builder of a file with these records.
    pub fn of(entries: Entries<'t>) -> Self {
        CdbBuilder { entries }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) for a key or value of 4 GiB or more, and
    /// for the record after 2^32 - 1 others.
    pub fn push<'a>(
        &mut self,
        key: impl Into<Datum<'a>>,
        value: impl Into<Datum<'a>>,
    ) -> Result<()> {
        Ok(self.entries.push(key, value)?)
    }

    /// Settles which records are stored and where.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) for a file of 4 GiB or more.
    ///
    /// # Complexity
    /// Hashes every key, and sorts the hashes unless all records stay.
    #[doc(alias = "finish")]
    #[doc(alias = "build")]
    pub fn plan(self, keep: Keep) -> Result<Plan<'t>> {
        Plan::new(self.entries, keep)
    }
}
