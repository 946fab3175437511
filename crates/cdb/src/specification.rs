#![doc = include_str!("../spec/cdb.md")]
#![allow(rustdoc::broken_intra_doc_links, reason = "the text has marks in brackets")]
