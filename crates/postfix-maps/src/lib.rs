//! Reads and writes Postfix lookup tables (`hash:/etc/postfix/virtual`) without Postfix and without
//! Berkeley DB's library.
//!
//! [`Table`] looks keys up as Postfix's own programs do; [`NewTable`] makes a table, from entries
//! or ([`compile`](NewTable::compile)) from the text that `postmap` or `postalias` would be given;
//! [`TableUpdate`] changes single entries. What is written, Postfix reads, and the other way round.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let map = format!("hash:{}/client_access", dir.path().display());
//! use postfix_maps::{NewTable, Syntax, Table, TableText, WriteOptions};
//!
//! let text = b"192.168.10.15 REJECT\nnetwork.example\n    OK\nlonely\n";
//! let source = TableText {
//!     name: b"client_access",
//!     text,
//!     syntax: Syntax::Map { values_are_files: false },
//! };
//! let mut warnings = Vec::new();
//! NewTable::open(&map, WriteOptions::default())?.compile(&source, |warning| {
//!     warnings.push(warning.to_vec());
//! })?;
//! assert_eq!(warnings, [b"client_access, line 4: expected format: key whitespace value"]);
//!
//! let table = Table::open(&map)?; // such as "hash:/etc/postfix/client_access"
//! assert_eq!(table.get(b"Network.Example")?.as_deref(), Some(&b"OK"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! Files of the types `hash` and, but for single changes, which the type does not know, `cdb`; and all
//! of Postfix's types that need neither an index file nor a server (`inline`, `static`, `texthash`,
//! `cidr`, `regexp`, `pcre`, `unionmap` and others), for lookups.

#![deny(unsafe_code)]

mod commit;
mod compile;
pub mod config;
mod database_file;
mod error;
pub mod file_values;
mod formats;
mod forms;
mod locked_file;
mod lookup;
mod memory_map;
mod open;
mod options;
mod reading;
mod recover;
mod reload;
mod shared_table;
mod spec;
mod stamp;
mod table;
mod text;
mod types;
mod update;
mod write;

pub use compile::{Syntax, TableText};
pub use database_file::{DatabaseFile, Format};
pub use error::{Error, ErrorKind, Result, not_utf8_message, strerror};
pub use formats::tools::{
    Database, DatabasePair, DatabasePairs, EachKey, Figure, FigureValue, LoadOptions, Loaded,
    Problem, ToolError, ToolResult, Verdict,
};
pub use forms::{Forms, Terminators};
pub use locked_file::LockedFile;
pub use options::{Access, Duplicates, TableOptions, WriteOptions, mode_like};
pub use postfix_map_text::{KeyRules, before_nul};
pub use recover::{Recovered, recover};
pub use shared_table::SharedTable;
pub use spec::TableSpec;
pub use table::{Iter, Table};
pub use text::Text;
pub use update::TableUpdate;
pub use write::{NewTable, Summary};
