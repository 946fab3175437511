//! Btree databases: what `postmap btree:` makes.

mod build;
mod read;
mod update;

pub use build::{BtreeBuilder, BtreePlan};
pub use read::{BtreeDb, BtreeGetMany, BtreeIter, BtreeStat, BtreeValues};
pub use update::BtreeUpdate;
