//! Hash databases: their meta page, and the items of each hash page by themselves.

use kv_file_core::Source;

use super::Check;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::HashFunction;
use crate::format::HashMeta;
use crate::format::address::{buckets_of, masks};
use crate::format::item::{self, Item};
use crate::format::packed::{Elements, Items};
use crate::format::page::Header;
use crate::stop::Stop;

/// Highest plausible number of elements (section 24, 12).
pub(crate) const MAX_ELEMENTS: u32 = 0x8000_0000;

impl<S: Source> Check<'_, '_, S> {
    /// Checks what the meta page `number` says of a table.
    pub(super) fn hash_meta(&mut self, number: u32, meta: &HashMeta) -> Result<(), Stop> {
        let on = |fault| Problem::on(number, fault);
        if HashFunction::from_charkey(meta.charkey).is_none() {
            self.report.add(on(Fault::HashFunction).value(meta.charkey))?;
        }
        if meta.max_bucket > self.file.last_page {
            self.report.add(on(Fault::MaxBucket).value(meta.max_bucket))?;
        }
        if (meta.high_mask, meta.low_mask) != masks(meta.max_bucket) {
            self.report.add(on(Fault::Masks).value(meta.high_mask))?;
        }
        if meta.elements > MAX_ELEMENTS {
            self.report.add(on(Fault::Elements).value(meta.elements))?;
        }
        self.spares(number, meta)
    }

    /// Every group of buckets that has pages must have them in the file and for itself, and there
    /// are no groups after one that has none.
    fn spares(&mut self, number: u32, meta: &HashMeta) -> Result<(), Stop> {
        let groups = meta.spares.iter().take_while(|spare| **spare != 0).count();
        let mut taken = vec![(number, number)];
        for (i, spare) in meta.spares.iter().enumerate().filter(|(_, spare)| **spare != 0) {
            let (first, last) = buckets_of(i);
            let (low, high) = (spare.wrapping_add(first), spare.wrapping_add(last));
            let is_shared = taken.iter().any(|(start, end)| low <= *end && *start <= high);
            if i >= groups || low == 0 || low > high || high > self.file.last_page || is_shared {
                self.report.add(Problem::on(number, Fault::Spares).value(i as u32))?;
            }
            taken.push((low, high));
        }
        let needed = (u32::BITS - meta.max_bucket.leading_zeros()) as usize + 1;
        if groups < needed {
            self.report.add(Problem::on(number, Fault::Spares).value(groups as u32))?;
        }
        Ok(())
    }

    /// Checks the items of a hash page; returns `true` if all can be read.
    pub(super) fn hash_page(&mut self, header: &Header, page: &[u8]) -> Result<bool, Stop> {
        let number = header.number;
        let on = |fault| Problem::on(number, fault);
        let mut items = match Items::on(page, self.file.layout, header.entries) {
            Some(items) if header.entries.is_multiple_of(2) => items,
            _ => {
                self.report.add(on(Fault::Entries).value(header.entries))?;
                return Ok(false);
            }
        };
        let mut whole = true;
        for (index, place) in items.by_ref().enumerate() {
            let place = match place {
                Ok(place) => place,
                Err(offset) => {
                    self.report.add(on(Fault::Offset).item(index).value(offset))?;
                    return Ok(false);
                }
            };
            whole &= self.hash_item(number, index, &page[place])?;
        }
        self.high_offset(header, items.lowest())?;
        Ok(whole)
    }

    fn hash_item(&mut self, number: u32, index: usize, bytes: &[u8]) -> Result<bool, Stop> {
        let on = |fault| Problem::on(number, fault).item(index);
        let is_key = index.is_multiple_of(2);
        let fault = match Item::parse(bytes, self.file.layout.order) {
            Ok(Item::Plain(_)) => None,
            Ok(Item::Duplicates(_) | Item::DuplicateTree(_)) if is_key => {
                Some(on(Fault::ItemType).value(bytes[0]))
            }
            Ok(Item::Duplicates(set)) => {
                let mut elements = Elements::of(set, self.file.layout.order);
                let malformed = set.is_empty() || elements.any(|element| element.is_err());
                malformed.then_some(on(Fault::DuplicateSet))
            }
            Ok(Item::Big(big)) => {
                self.reference(number, index, big.first)?;
                (bytes.len() != item::BIG_LEN).then_some(on(Fault::ItemLength))
            }
            Ok(Item::DuplicateTree(root)) => {
                self.reference(number, index, root)?;
                (bytes.len() != item::DUPLICATE_TREE_LEN).then_some(on(Fault::ItemLength))
            }
            Err(flaw) => Some(flaw.on(number).item(index)),
        };
        match fault {
            Some(problem) => self.report.add(problem).map(|()| false),
            None => Ok(true),
        }
    }
}
