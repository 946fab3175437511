//! Hash databases: what `postmap hash:` makes.

mod address;
mod build;
mod edit;
mod function;
mod iter;
mod layout;
mod many;
mod page;
mod read;
mod stored;
mod update;
mod values;
mod write;

pub use build::{BuildOptions, Builder, FileId, Keep};
pub(crate) use function::HashFunction;
pub use iter::Iter;
pub use many::GetMany;
pub use read::Hash;
pub use update::Update;
pub use values::Values;
pub use write::Plan;
