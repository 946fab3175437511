//! Shared parts of the tests that hold this workspace against real files and real tools.

pub mod dbtools;
pub mod generate;
#[cfg(feature = "peers")]
pub mod libdb;
pub mod tools;
pub mod twin;
