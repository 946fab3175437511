//! Making and changing tables: the feature `write`.

pub(crate) mod commit;
mod compile;
mod database_file;
mod error;
mod format;
mod forms;
mod new_table;
mod options;
mod text;
mod update;

pub use self::compile::{Syntax, TableText};
pub use self::database_file::{LoadOptions, Loaded};
pub(crate) use self::format::{Planned, Update, UpdateFormat, WriteFormat};
pub use self::new_table::{NewTable, PlannedTable, Summary};
pub use self::options::{WriteOptions, mode_like};
pub use self::text::Text;
pub use self::update::TableUpdate;
