//! What the readers and writers of key-value files have in common, whatever their format.
//!
//! - [`Source`]: where the bytes of a file come from. [`Memory`] is a file that has been read or
//!   mapped, [`FileSource`] reads what it is asked for.
//! - [`Datum`]: a key or its data, with or without a terminating NUL.
//! - [`Entries`]: pairs that are to be stored, as positions in a text.
//! - [`Contents`] and [`Changes`]: what is to be written, for whoever puts it into files.
//! - [`TextFormat`]: keys and data as text, as in dumps.
//!
//! The crates of the formats re-export what their users need: nobody has to name this crate.

#![deny(unsafe_code)]

mod contents;
mod datum;
mod entries;
mod escape;
mod memory;
mod prefetch;
mod read_at;
mod source;
mod threads;

pub use contents::{Block, Changes, Contents};
pub use datum::Datum;
pub use entries::{Entries, TooLarge};
pub use escape::{TextFormat, print_escaped, print_unescaped};
pub use memory::Memory;
pub use prefetch::prefetch;
pub use source::{FileSource, Source};
pub use threads::{both, make_and_put};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
