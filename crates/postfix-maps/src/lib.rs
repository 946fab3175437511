//! Reads and writes Postfix lookup tables (`hash:/etc/postfix/virtual`) without Postfix and without
//! Berkeley DB's library.
//!
//! ```no_run
//! use postfix_maps::Table;
//!
//! let table = Table::open("hash:/etc/postfix/virtual")?;
//! match table.get("info@example.org")? {
//!     Some(value) => println!("{}", String::from_utf8_lossy(&value)),
//!     None => println!("not found"),
//! }
//! # Ok::<(), postfix_maps::Error>(())
//! ```
//!
//! - [`Table`] looks keys up as Postfix's own programs do.
//! - [`NewTable`] makes a table, from entries or ([`compile`](NewTable::compile)) from the text that
//!   `postmap` or `postalias` would be given. What is written, Postfix reads.
//! - [`TableUpdate`] changes single entries.
//! - [`DatabaseFile`] is for tools: it checks, dumps and loads files whatever their format.
//!
//! # Which crate
//!
//! This one, for tables as Postfix names them. `bdb-file` and `cdb-file` are for files of these
//! formats that have nothing to do with Postfix; `postfix-map-text` parses the texts that tables are
//! made from. None of them needs C code.
//!
//! # Making a table
//!
//! ```
//! # #[cfg(feature = "write")] {
//! # let dir = tempfile::tempdir()?;
//! # let map = format!("hash:{}/client_access", dir.path().display());
//! use postfix_maps::{NewTable, Syntax, Table, TableText, WriteOptions};
//!
//! let text = b"192.168.10.15 REJECT\nnetwork.example\n    OK\nlonely\n";
//! let source = TableText { name: b"client_access", text, syntax: Syntax::MAP };
//! let mut warnings = Vec::new();
//! NewTable::open(&map, WriteOptions::default())?.compile(&source, |warning| {
//!     warnings.push(warning.to_vec());
//! })?;
//! assert_eq!(warnings, [b"client_access, line 4: expected format: key whitespace value"]);
//!
//! let table = Table::open(&map)?; // such as "hash:/etc/postfix/client_access"
//! assert_eq!(table.get("Network.Example")?.as_deref(), Some(&b"OK"[..]));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Answers
//!
//! A value is bytes, a `Cow<[u8]>`: `String::from_utf8_lossy(&value)` shows it, and `*value == *b"OK"`
//! compares it. A key that is not there is `Ok(None)`; an error means that there is no answer, and a mail server
//! tells its client to come back later, as Postfix does. Keys are folded to lower case, and values
//! end at their first NUL.
//!
//! Tables that Postfix makes of the types `hash` and `btree` store a NUL behind each key and value, those of
//! the type `cdb` none; other programs may do otherwise. Nobody has to know: both forms are looked for
//! until one is found ([`Terminators`]).
//!
//! A lookup is of a whole key. Postfix's programs look up parts of addresses and names one by one:
//! `user@example.org`, then `example.org`, and so on, each program in its own way.
//!
//! # Threads, and tables that change
//!
//! A [`Table`] is `Send` and `Sync`, a copy of its file as it was when it was opened, and cheap to
//! clone. [`Table::reloaded`] gives the next one if the file has changed since; a [`SharedTable`]
//! puts it in the old one's place while other threads look keys up. Nothing watches the file: a
//! `stat` every few seconds costs nothing.
//!
//! # Locks
//!
//! Who opens a table waits while another process writes to it, and who writes waits for readers and
//! writers: `flock` on the table's file, as in Postfix (of `cdb` tables, on the temporary file, so that
//! readers never wait). A [`Table`] that is a snapshot holds no lock. **The locks of the process
//! itself count, too**: to open a table for reading while a [`TableUpdate`] of it is open waits for
//! that update; ask the update itself ([`TableUpdate::get`]).
//!
//! The waiting ends after `lock_timeout`, 60 seconds unless the options say otherwise, with
//! [`ErrorKind::Locked`]. Whoever can read a file can lock it.
//!
//! # What blocks
//!
//! Opening, reloading, making and changing tables read and write files and wait for locks: in an
//! async program, call them where blocking is allowed. `get` on a snapshot makes no system call and
//! takes well below a microsecond; with [`Access::Locked`] it opens, locks and reads the file.
//!
//! # Cost
//!
//! A snapshot takes as much memory as its file has bytes, and as long to open as to read them.
//! [`Access::Locked`] takes none, and a few system calls a lookup. A memory map
//! ([`Table::open_mapped`]) is both fast and small, but not safe where others write.
//!
//! # What Postfix does
//!
//! All that is known of its programs and its types of tables is described in [`specification`].
//!
//! # Features
//!
//! Both are on unless `default-features = false`; a program that only looks keys up in a table's file
//! needs neither.
//!
//! - `write`: making and changing tables ([`NewTable`], [`TableUpdate`]) and files
//!   ([`DatabaseFile::replace`]), and reading the texts for them. Without it a change that was
//!   interrupted is still completed ([`recover`]).
//! - `regex`: tables of the types `regexp` and `pcre`.
//!
//! # Limits
//!
//! Files of the types `hash`, `btree` and, but for single changes, which the type does not know, `cdb`; and
//! all of Postfix's types that need neither an index file nor a server (`inline`, `static`, `texthash`,
//! `cidr`, `regexp`, `pcre`, `unionmap` and others), for lookups.

#![deny(unsafe_code)]

pub mod config;
mod database_file;
mod error;
mod file_values;
mod formats;
mod forms;
mod locked_file;
mod lookup;
mod memory_map;
mod open;
#[macro_use]
mod options;
mod reading;
mod recover;
mod reload;
mod shared_table;
mod sharing;
mod spec;
pub mod specification;
mod stamp;
mod table;
#[cfg_attr(
    not(feature = "write"),
    allow(dead_code, reason = "the registry knows, too, which types can be made and changed")
)]
mod types;
#[cfg(feature = "write")]
mod write;

pub use database_file::{DatabaseFile, Format};
pub use error::{Error, ErrorKind, Result};
pub use formats::tools::{
    Database, DatabasePair, DatabasePairs, EachKey, Figure, FigureValue, Problem, ToolError,
    ToolResult, Verdict,
};
pub use forms::{Forms, Terminators};
pub use kv_file_core::{Contents, Datum, FileSource, Memory, Source, TextFormat};
pub use locked_file::LockedFile;
pub use options::{Access, Duplicates, TableOptions};
pub use postfix_map_text::KeyRules;
pub use recover::{Recovered, recover};
pub use shared_table::SharedTable;
pub use spec::TableSpec;
pub use table::{Iter, Table};
#[cfg(feature = "write")]
pub use write::{
    LoadOptions, Loaded, NewTable, PlannedTable, Summary, Syntax, TableText, TableUpdate, Text,
    WriteOptions,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// What the programs `postmap`, `postalias` and `bdbmap` of the same version need besides. Other
/// programs must not use it: it may change with every version, whatever the version's number says.
#[doc(hidden)]
pub mod tools {
    pub use postfix_map_text::before_nul;

    pub use crate::error::{not_utf8_message, strerror};
    /// Values that are contents of files.
    pub mod file_values {
        pub use crate::file_values::{decode, encode};
    }
    #[cfg(feature = "write")]
    pub use crate::write::mode_like;
}
