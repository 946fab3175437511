//! Hash databases: what `postmap hash:` makes.

mod address;
mod arrange;
mod bucket;
mod build;
mod duplicates;
mod edit;
mod function;
mod items;
mod iter;
mod layout;
mod many;
mod page;
mod plan;
mod read;
mod search;
mod stat;
mod update;
mod values;
mod write;

pub(crate) use address::{Address, buckets_of, masks};
pub use build::{BuildOptions, FileId, HashBuilder, Keep};
pub use duplicates::DuplicateOrder;
pub(crate) use function::HashFunction;
pub use iter::Iter;
pub use many::GetMany;
pub(crate) use page::{Summary, page_order};
pub use plan::Plan;
pub use read::HashDb;
pub use stat::{PageUse, Stat};
pub use update::HashUpdate;
pub use values::Values;
