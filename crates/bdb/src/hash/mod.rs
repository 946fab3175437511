//! Hash databases: what `postmap hash:` makes.

mod build;
mod layout;
mod page;
mod read;
mod update;

pub use build::{BuildOptions, DataOrder, FileId, HashBuilder, Keep, Plan};
pub use read::{GetMany, HashDb, Iter, PageUse, Stat, Values};
pub use update::HashUpdate;
