//! What Postfix's programs do, to the byte, as far as it could be found out: what section numbers in
//! the documentation refer to.
#![allow(rustdoc::broken_intra_doc_links, reason = "the texts have marks in brackets")]

#[doc = include_str!("../spec/postalias.md")]
pub mod postalias {}

#[doc = include_str!("../spec/postmap.md")]
pub mod postmap {}
