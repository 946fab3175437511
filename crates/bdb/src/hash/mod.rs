//! Hash databases: what `postmap hash:` makes.

mod build;
mod layout;
mod page;
mod read;
mod update;

pub use build::{HashBuilder, HashPlan};
pub use read::{HashDb, HashGetMany, HashIter, HashStat, HashValues};
pub use update::HashUpdate;
