//! Reads and writes Postfix lookup tables (`hash:/etc/postfix/virtual`) without Postfix and without Berkeley DB's library.
//!
//! [`Table`] looks keys up as Postfix's own programs do; [`MapWriter`] makes a table from entries,
//! [`NewTable::compile`] from the text that `postmap` or `postalias` would be given; [`MapUpdate`] changes single entries. What is written, Postfix reads, and the other way round.
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! # let map = format!("hash:{}/client_access", dir.path().display());
//! use postfix_maps::{Syntax, NewTable, TableText, Table, WriteOptions};
//!
//! let text = b"192.168.10.15 REJECT\nnetwork.example\n    OK\nlonely\n";
//! let source = TableText {
//!     name: b"client_access",
//!     text,
//!     format: Syntax::Map { values_are_files: false },
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
//! Files of the type `hash` so far, and all of Postfix's types that need neither an index file nor a server
//! (`inline`, `static`, `texthash`, `cidr`, `regexp`, `pcre`, `unionmap` and others), for lookups.

#![deny(unsafe_code)]

mod access;
mod commit;
mod compile;
pub mod config;
mod database;
mod error;
pub mod file_values;
mod journal;
mod lease;
mod lock;
mod mapped;
mod new_file;
mod nul;
mod recover;
mod spec;
mod table;
mod text;
mod types;
mod update;
mod writer;

pub use access::{Access, LockedFile};

pub use compile::{Syntax, TableText};
pub use database::{create_database, replace_database};
pub use error::{Error, not_utf8_message, strerror};
pub use nul::{Terminators, before_nul};
pub use postfix_map_text::KeyRules;
pub use recover::{Recovered, recover};
pub use spec::TableSpec;
pub use table::{Iter, Table, TableOptions};
pub use text::Text;
pub use update::MapUpdate;
pub use writer::{Duplicates, MapWriter, NewTable, WriteOptions, mode_like};
