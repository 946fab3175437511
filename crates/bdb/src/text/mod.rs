//! Databases as text: what `db_dump` prints and `db_load` reads (section 26).

mod dump;
mod escape;
mod header;
mod load;

pub use dump::{DumpWriter, dump_all};
pub use escape::{TextFormat, print_escaped, print_unescaped};
pub use header::DumpHeader;
pub use load::DumpReader;
