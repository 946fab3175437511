//! Btree databases: what their meta pages say. Their trees are in [`tree`](super::tree).

use kv_file_core::Source;

use super::Check;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::meta::{RawMeta, btree_flag};
use crate::format::{BtreeMeta, MAIN_ROOT};
use crate::stop::Stop;

impl<S: Source> Check<'_, '_, S> {
    /// Checks what the meta page `number` says of a tree (btree specification, section 12, 1 to 3).
    pub(super) fn btree_meta(
        &mut self,
        number: u32,
        raw: &RawMeta<'_>,
        meta: &BtreeMeta,
    ) -> Result<(), Stop> {
        let on = |fault| Problem::on(number, fault);
        self.btree_flags(number, raw.flags)?;
        let minimum = u64::from(meta.minimum_keys);
        // Of the page, each of twice as many items must get at least what it takes itself.
        let room = self.file.layout.room() as u64;
        if minimum < 2 || room / (2 * minimum) < 10 {
            self.report.add(on(Fault::BtreeMinimum).value(minimum))?;
        }
        if raw.record_len() != 0 && raw.flags & btree_flag::FIXED_LENGTH == 0 {
            self.report.add(on(Fault::RecordLength).value(raw.record_len()))?;
        }
        let fits = if number == 0 { meta.root == MAIN_ROOT } else { meta.root != number };
        if !fits || !self.exists(meta.root) {
            self.report.add(on(Fault::BtreeRoot).value(meta.root))?;
        }
        Ok(())
    }

    fn btree_flags(&mut self, number: u32, flags: u32) -> Result<(), Stop> {
        use btree_flag::*;
        let has = |flag| flags & flag != 0;
        let list_with_duplicates =
            number == 0 && has(SEVERAL_DATABASES) && has(DUPLICATES | SORTED_DUPLICATES);
        if flags & !KNOWN != 0
            || has(DUPLICATES) && has(RECORD_NUMBERS)
            || has(SORTED_DUPLICATES) && !has(DUPLICATES)
            || has(FIXED_LENGTH | RENUMBERING)
            || list_with_duplicates
        {
            self.report.add(Problem::on(number, Fault::DatabaseFlags).value(flags))?;
        }
        Ok(())
    }
}
