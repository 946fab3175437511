//! Making and changing tables of the type `hash`.

crate::formats::bdb::write::write_format!(Hash, HashBuilder, HashUpdate);
