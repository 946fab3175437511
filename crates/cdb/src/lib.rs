//! Reads, makes and checks cdb files: constant databases as tinycdb and Postfix's `cdb:` tables
//! have them, in safe Rust.
//!
//! ```no_run
//! use cdb_file::Cdb;
//!
//! let database = Cdb::open_path("virtual.cdb")?;
//! let value = database.get("info@example.org")?;
//! # Ok::<(), cdb_file::Error>(())
//! ```
//!
//! [`Cdb`] reads a file, [`CdbBuilder`] makes one, [`verify`](verify()) tells all that is wrong with
//! one. The crate knows nothing of Postfix.
//!
//! ```
//! use cdb_file::{Cdb, CdbBuilder, Keep};
//!
//! // Build a file in memory; any `Write` will do.
//! let mut builder = CdbBuilder::new();
//! for (key, value) in [("info@example.org", "bob"), ("root", "admin@example.com")] {
//!     builder.push(key, value)?;
//! }
//! let mut file = Vec::new();
//! builder.plan(Keep::First)?.write_to(&mut file)?;
//!
//! // Look a key up, and list all records.
//! let database = Cdb::open(file)?;
//! assert_eq!(database.get("root")?.as_deref(), Some(&b"admin@example.com"[..]));
//! for record in &database {
//!     let (key, value) = record?;
//!     println!("{} {}", key.escape_ascii(), value.escape_ascii());
//! }
//! # Ok::<(), cdb_file::Error>(())
//! ```
//!
//! # Which source
//!
//! `open_path` reads what it needs of a file, for a few lookups; `open` takes a [`Memory`] or any
//! bytes, and is the fast way for many. Neither locks the file. Readers are `Sync`: threads share
//! one by reference. A miss is `Ok(None)`; keys are compared byte by byte, the NUL that C programs
//! put behind them included ([`Datum::terminated`]).
//!
//! # Trust
//!
//! Files come from anywhere. Every number in a file is checked before it is used: no file makes
//! this crate panic, loop or allocate more than the file's own size, and damage is reported as
//! [`ErrorKind::Damaged`] with the offset where it is.
//!
//! # The format
//!
//! It is described in [`specification`], to the byte.
//!
//! # Limits
//!
//! - A file has less than 4 GiB: its numbers have 32 bits.
//! - A cdb file has no checksum and no magic number: what was changed in a value is not seen.

#![forbid(unsafe_code)]

mod build;
mod error;
mod fault;
mod format;
mod iter;
mod many;
mod plan;
mod read;
mod search;
pub mod specification;
mod stat;
mod text;
mod verify;
mod write;

pub use build::{CdbBuilder, Keep};
pub use error::{Error, ErrorKind, Result};
pub use fault::{Fault, Problem, Severity};
pub use iter::Iter;
pub use kv_file_core::{Contents, Datum, Entries, FileSource, Memory, Source};
pub use many::GetMany;
pub use plan::Plan;
pub use read::{Cdb, Values, is_database};
pub use stat::{Lengths, Stat};
pub use text::{TextReader, dump};
pub use verify::{Verdict, verify};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
