//! Making and changing tables of the type `btree`.

crate::formats::bdb::write::write_format!(Btree, BtreeBuilder, BtreeUpdate);
