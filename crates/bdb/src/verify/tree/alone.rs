//! A page of a btree by itself: what is asked of it before it is changed.

use kv_file_core::Source;

use super::super::Check;
use super::{Bounds, Shape, Walk};
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::Page;
use crate::format::BtreeMeta;
use crate::stop::Stop;
use crate::tree;

impl<S: Source> Check<'_, '_, S> {
    /// Checks a page of a btree, whose items are whole, by itself and against what leads to it: an
    /// entry of another page, or nothing if it is the root. Its keys are to lie between `bounds`. Of
    /// big keys only the references are looked at.
    pub(in super::super) fn page_of_tree(
        &mut self,
        meta: &BtreeMeta,
        above: Option<(&Page<'_>, usize)>,
        bounds: Bounds<'_>,
        page: &Page<'_>,
    ) -> Result<(), Stop> {
        let (number, shape) = (page.number, Shape::btree(meta));
        let on = |fault| Problem::on(number, fault);
        if page.header.kind == shape.leaf {
            let mut walk = Walk { shape: &shape, leaf: None, databases: None };
            let ends = self.pairs(&mut walk, page)?;
            self.between(number, bounds, ends)?;
        } else if page.header.kind == shape.internal {
            self.separators(&shape, page, bounds)?;
        } else {
            return self.report.add(on(Fault::LinkedType).value(page.header.kind));
        }
        let stated = match above {
            Some((above, entry)) => {
                if above.header.level.checked_sub(1) != Some(page.header.level) {
                    self.report.add(on(Fault::LevelStep).value(page.header.level))?;
                }
                let child = tree::item(self.file, above, entry)?.child;
                child.map(|child| child.records)
            }
            // A root that is a leaf states no number.
            None if page.header.kind == shape.leaf => None,
            None => Some(page.header.prev),
        };
        if let Some(stated) = stated.filter(|_| shape.counted)
            && u64::from(stated) != tree::records(self.file, page)?
        {
            self.report.add(on(Fault::RecordCount).value(stated))?;
        }
        Ok(())
    }
}
