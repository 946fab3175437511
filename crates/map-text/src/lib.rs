//! Parser for the text that Postfix lookup tables are made from: the maps that `postmap(1)` reads
//! and the aliases files of `postalias(1)`.
//!
//! ```
//! use postfix_map_text::{Item, KeyRules, map_entries};
//!
//! let source = b"# who may relay\n192.168.10.15 REJECT\nnetwork.example\n    OK\nlonely\n";
//! let (mut entries, mut warnings) = (Vec::new(), Vec::new());
//! for item in map_entries(source, KeyRules::default()) {
//!     match item {
//!         Item::Entry(entry) => entries.push((entry.key, entry.value)),
//!         Item::Diagnostic(diagnostic) => warnings.push(diagnostic.message(b"client_access")),
//!     }
//! }
//! assert_eq!(entries[0], (b"192.168.10.15".into(), b"REJECT".into()));
//! assert_eq!(entries[1], (b"network.example".into(), b"OK".into()));
//! assert_eq!(
//!     warnings,
//!     [b"client_access, line 5: expected format: key whitespace value"]
//! );
//! ```
//!
//! Like the tools, the parser never fails: what it cannot read becomes a [`Diagnostic`] and reading
//! goes on, so that entries and diagnostics come in the order of the input. It works on bytes, does
//! no I/O, and borrows from the source: it allocates only for text that the source does not hold in
//! one piece, and no more than a small multiple of that text.
//!
//! Three layers, each usable without the next:
//!
//! - [`logical_lines`] drops comments and joins continuation lines. `main.cf` is made of them too.
//! - [`map_entries`] and [`alias_entries`] turn each logical line into an [`Entry`] or a
//!   [`Diagnostic`].
//! - [`KeyRules`] says what becomes of a key before it is stored or looked up.
//!
//! For programs that show places in a source, [`LineIndex`] turns them into lines and columns.
//!
//! What the tools do after that (duplicates, NUL termination, storing) is not a matter of text.
//!
//! # Which Postfix
//!
//! What the programs do is described in [`specification`], to the byte.
//!
//! The behaviour is that of Postfix 3.7. Postfix 3.12 differs in these points, none of which is
//! implemented:
//!
//! - it warns of NUL bytes, and judges only the part before the first one as UTF-8;
//! - it stores alias names quoted, and adds "and have no domain" to the warning about them.
//!
//! Case folding follows the Unicode version of the `unicase` crate, that of Postfix the version of
//! the ICU library it runs with. Letters added to Unicode between the two fold differently.
#![forbid(unsafe_code)]

mod aliases;
mod diagnostic;
mod entry;
mod fold;
mod lines;
mod position;
pub mod specification;

pub use aliases::{AliasEntries, alias_entries};
pub use diagnostic::{Diagnostic, DiagnosticKind, before_nul};
pub use entry::{Entry, Item, MapEntries, map_entries};
pub use fold::{KeyRules, NotUtf8};
pub use lines::{LineRange, LogicalLine, LogicalLines, logical_lines, span_of};
pub use position::{LineIndex, Position};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
