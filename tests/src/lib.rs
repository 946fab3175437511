//! Shared parts of the tests that hold this workspace against real files and real tools.

pub mod agree;
pub mod dbtools;
pub mod differences;
pub mod generate;
#[cfg(feature = "peers")]
pub mod libdb;
#[cfg(feature = "peers")]
pub mod made;
pub mod printed;
pub mod raw;
pub mod rebuild;
pub mod sample;
pub mod session;
pub mod table_types;
pub mod tools;
pub mod twin;
