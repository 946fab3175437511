//! Reads and writes Berkeley DB files, the on-disk format of libdb 3.1 to 5.3, in safe Rust and
//! without libdb.
//!
//! ```no_run
//! use bdb_file::HashDb;
//!
//! let database = HashDb::open_path("/var/lib/rpm/Packages")?;
//! let value = database.get(&7u32.to_ne_bytes())?;
//! # Ok::<(), bdb_file::Error>(())
//! ```
//!
//! Hash databases are what Postfix's `hash:` tables are: [`HashDb`] reads one, [`HashBuilder`] makes
//! one, [`HashUpdate`] changes one; for btree databases, Postfix's `btree:` tables, there are [`BtreeDb`],
//! [`BtreeBuilder`] and [`BtreeUpdate`]. Of files of both kinds, [`verify`](verify()) tells all that is
//! wrong, [`salvage`](salvage()) reads what is left, and [`dump_all`] writes the text of `db_dump`. The
//! crate knows nothing of Postfix; the crate `postfix-maps` adds its rules.
//!
//! ```
//! use bdb_file::{HashBuilder, BuildOptions, HashDb, Keep};
//!
//! // Build a file in memory; any `Write` will do.
//! let mut builder = HashBuilder::new(BuildOptions::default());
//! for (key, data) in [("info@example.org", "bob"), ("root", "admin@example.com")] {
//!     builder.push(key.as_bytes(), data.as_bytes())?;
//! }
//! let mut file = Vec::new();
//! builder.plan(Keep::First)?.write_to(&mut file)?;
//!
//! // Look a key up, and list all pairs.
//! let database = HashDb::open(file)?;
//! assert_eq!(database.get(b"root")?.as_deref(), Some(&b"admin@example.com"[..]));
//! for pair in &database {
//!     let (key, data) = pair?;
//!     println!("{} {}", key.escape_ascii(), data.escape_ascii());
//! }
//! # Ok::<(), bdb_file::Error>(())
//! ```
//!
//! # Keys and databases
//!
//! Keys and data are whatever turns into a [`Datum`]: bytes, text, arrays, with the NUL that C
//! programs put behind them ([`Datum::terminated`]) or without. Where they are numbers, they are in
//! the byte order of the file as a rule: [`HashDb::byte_order`], and [`Salvage::byte_order`] for a
//! damaged one.
//!
//! A file holds one database without a name, or several with names:
//!
//! ```no_run
//! use bdb_file::{FileSource, HashDb, database_names};
//!
//! let file = FileSource::open("people.db")?;
//! for name in database_names(&file)? {
//!     let database = HashDb::open_named(&file, &name)?;
//!     println!("{}: {} keys", name.escape_ascii(), database.stat()?.keys);
//! }
//! # Ok::<(), bdb_file::Error>(())
//! ```
//!
//! # Which source
//!
//! `open_path` reads what it needs of a file, for a few lookups; `open` takes a [`Memory`] or any
//! bytes, and is the fast way for many. Neither locks the file. Readers are `Sync`: threads share
//! one by reference. A miss is `Ok(None)`; keys are compared byte by byte, a NUL behind them included.
//!
//! # Trust
//!
//! Files come from anywhere. Every number in a file is checked before it is used: no file makes
//! this crate panic, loop or allocate more than the file's own size, and damage is reported as
//! [`ErrorKind::Corrupt`] with the page where it is.
//!
//! # The formats
//!
//! They are described in [`specification`], to the byte.
//!
//! # Limits
//!
//! - Queue, recno and heap databases are refused, as are encrypted and partitioned ones and
//!   files of Berkeley DB 1.85 to 3.0: see [`Unsupported`].
//! - An update stores one data item a key: of several that were there, all are replaced or removed.
//! - A process that changes a file while it is read: see [`Source`] and [`Memory::map`].

#![forbid(unsafe_code)]

mod btree;
mod databases;
mod error;
mod fault;
mod figures;
mod file;
mod format;
mod freelist;
mod hash;
mod new_database;
mod new_databases;
mod new_pages;
mod new_tree;
mod options;
mod overflow;
mod overlay;
mod salvage;
mod same_keys;
mod sort;
pub mod specification;
mod stop;
mod text;
mod tree;
mod verify;

pub use btree::{
    BtreeBuilder, BtreeDb, BtreeGetMany, BtreeIter, BtreePlan, BtreeStat, BtreeUpdate, BtreeValues,
};
pub use databases::{AccessMethod, access_method, database_names};
pub use error::{Error, ErrorKind, Result, TextProblem, Unsupported};
pub use fault::{Fault, Problem, Severity};
pub use figures::PageUse;
pub use file::stated_len;
pub use format::{
    BtreeMeta, ByteOrder, HashMeta, MAX_BUCKET_GROUPS, MAX_PAGE_SIZE, MIN_PAGE_SIZE, is_btree,
    is_database,
};
pub use hash::{
    HashBuilder, HashDb, HashGetMany, HashIter, HashPlan, HashStat, HashUpdate, HashValues,
};
pub use kv_file_core::{
    Block, Changes, Contents, Datum, Entries, FileSource, Memory, Source, TextFormat, TooLarge,
    print_escaped, print_unescaped,
};
pub use new_database::{DatabaseBuilder, DatabasePlan};
pub use new_databases::NewDatabases;
pub use options::{BuildOptions, DataOrder, FileId, Keep};
pub use salvage::{Doubt, Salvage, Salvaged, salvage};
pub use text::{DumpHeader, DumpReader, DumpWriter, dump_all};
pub use verify::{Verdict, verify};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
