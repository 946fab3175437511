//! Databases as text: what `db_dump` prints and `db_load` reads (section 26).

mod dump;
mod header;
mod load;

pub use dump::{DumpWriter, dump_all};
pub use header::DumpHeader;
pub use load::DumpReader;
