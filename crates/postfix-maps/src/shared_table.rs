//! A table that threads share.

use std::mem;
use std::sync::{Mutex, PoisonError, RwLock};

use crate::error::Result;
use crate::table::Table;

/// A [`Table`] that threads share, and that is reloaded while they look keys up.
///
/// ```
/// # #[cfg(feature = "write")] {
/// # let dir = tempfile::tempdir()?;
/// # let map = format!("hash:{}/virtual", dir.path().display());
/// # let mut new = postfix_maps::NewTable::open(&map, postfix_maps::WriteOptions::default())?;
/// # new.put("info@example.org", "bob")?;
/// # new.finish()?;
/// use std::thread;
///
/// use postfix_maps::{SharedTable, Table};
///
/// let shared = SharedTable::new(Table::open(&map)?);
/// thread::scope(|scope| {
///     // For each mail:
///     scope.spawn(|| {
///         let table = shared.table();
///         let found = table.get("info@example.org");
///         assert_eq!(found.unwrap().as_deref(), Some(&b"bob"[..]));
///     });
///     // Every few seconds, or when told so:
///     scope.spawn(|| shared.reload().unwrap());
/// });
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedTable {
    current: RwLock<Table>,
    /// Held by who reloads, so that nobody puts an older table in a newer one's place.
    reloading: Mutex<()>,
}

impl SharedTable {
    /// Shares a table.
    pub fn new(table: Table) -> Self {
        SharedTable { current: RwLock::new(table), reloading: Mutex::new(()) }
    }

    /// The table as it was last loaded. It stays the same for as long as it is kept: several lookups
    /// that belong together are best made in one. What it finds is lent by it: keep it in a variable
    /// as long as the answer.
    ///
    /// # Complexity
    /// That of cloning a reference: it waits for no reloading, only for the moment in which one
    /// table takes the other's place.
    pub fn table(&self) -> Table {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads the table anew where it has changed, as [`Table::reloaded`]; returns `true` if it had.
    /// Lookups go on in the old one meanwhile. Of several threads that call this, one waits for the
    /// other.
    ///
    /// # Errors
    /// As [`Table::reloaded`]; the old table stays.
    pub fn reload(&self) -> Result<bool> {
        let _reloading = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(new) = self.table().reloaded()? else { return Ok(false) };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = mem::replace(&mut *current, new);
        drop(current);
        // To give back the memory of a large table takes a while.
        drop(old);
        Ok(true)
    }
}

impl From<Table> for SharedTable {
    fn from(table: Table) -> Self {
        SharedTable::new(table)
    }
}
