//! The file formats, to the byte, as far as they could be found out; section numbers in the
//! documentation are those of [`hash`], unless they say otherwise.
#![allow(rustdoc::broken_intra_doc_links, reason = "the texts have marks in brackets")]

#[doc = include_str!("../spec/bdb-btree.md")]
pub mod btree {}

#[doc = include_str!("../spec/bdb-hash.md")]
pub mod hash {}
