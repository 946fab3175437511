//! What Postfix does, to the byte, as far as it could be found out: what section numbers in the
//! documentation refer to. The formats of files are in [`bdb_file::specification`] and
//! [`cdb_file::specification`].
#![allow(rustdoc::broken_intra_doc_links, reason = "the texts have marks in brackets")]

#[doc(inline)]
pub use postfix_map_text::specification::{postalias, postmap};

#[doc = include_str!("../spec/table-types.md")]
pub mod table_types {}
