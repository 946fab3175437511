//! From a hash to a bucket, and from a bucket to its page (section 11).

use std::ops::RangeInclusive;

use super::{HashMeta, MAX_BUCKET_GROUPS};
use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem};

/// Bucket addressing of a table, found to lead nowhere outside the file.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub max_bucket: u32,
    high_mask: u32,
    low_mask: u32,
    spares: [u32; MAX_BUCKET_GROUPS],
}

/// The masks of a table with buckets 0 to `max_bucket`: of the current doubling and of the one
/// before.
pub(crate) fn masks(max_bucket: u32) -> (u32, u32) {
    let high = u32::MAX.checked_shr(max_bucket.leading_zeros()).unwrap_or(0);
    (high, high >> 1)
}

/// The bucket of a hash in a table with these masks.
#[inline]
pub(crate) fn bucket(hash: u32, max_bucket: u32, high_mask: u32, low_mask: u32) -> u32 {
    let bucket = hash & high_mask;
    if bucket > max_bucket { bucket & low_mask } else { bucket }
}

/// The group of a bucket: group 0 is bucket 0, group i the buckets from 2^(i-1) up to 2^i.
#[inline]
fn group(bucket: u32) -> usize {
    (u32::BITS - bucket.leading_zeros()) as usize
}

/// The first and the last bucket of a group, of which there are 32.
pub(crate) fn buckets_of(group: usize) -> (u32, u32) {
    ((1 << group) >> 1, (1u32 << group) - 1)
}

impl Address {
    /// Checks a meta page's claims: masks that follow from the bucket count, groups that lie in the
    /// file.
    pub fn new(meta: &HashMeta, meta_page: u32, last_page: u32) -> Result<Self> {
        let HashMeta { max_bucket, high_mask, low_mask, spares, .. } = *meta;
        if (high_mask, low_mask) != masks(max_bucket) {
            return Err(Problem::on(meta_page, Fault::Masks).into());
        }
        let address = Address { max_bucket, high_mask, low_mask, spares };
        // The groups, each by its first and its last bucket in use; `group` of the topmost bit set
        // is 32.
        let mut first = 0u32;
        loop {
            let last = max_bucket.min(if first == 0 { 0 } else { first.saturating_mul(2) - 1 });
            let spare = spares.get(group(first)).copied().unwrap_or(0);
            let (low, high) = (spare.wrapping_add(first), spare.wrapping_add(last));
            if spare == 0 || low == 0 || low > high || high > last_page {
                return Err(Problem::on(meta_page, Fault::Spares).into());
            }
            if last == max_bucket {
                return Ok(address);
            }
            first = last + 1;
        }
    }

    /// Adds a bucket behind the last one: the bucket whose pairs it shares from now on, and whether
    /// it is the first of a group that has no pages yet ([`place_group`](Self::place_group)).
    pub fn grow(&mut self) -> Result<(u32, bool)> {
        let new = self.max_bucket.checked_add(1).ok_or(ErrorKind::TooLarge)?;
        let spare = *self.spares.get(group(new)).ok_or(ErrorKind::TooLarge)?;
        (self.high_mask, self.low_mask) = masks(new);
        self.max_bucket = new;
        Ok((new & self.low_mask, spare == 0))
    }

    /// Puts the group of the last bucket, which is the group's first, on the pages from
    /// `first_page` on.
    pub fn place_group(&mut self, first_page: u32) {
        if let Some(spare) = self.spares.get_mut(group(self.max_bucket)) {
            *spare = first_page.wrapping_sub(self.max_bucket);
        }
    }

    /// Sets the fields of a meta page that say this.
    pub fn put(&self, meta: &mut HashMeta) {
        meta.max_bucket = self.max_bucket;
        meta.high_mask = self.high_mask;
        meta.low_mask = self.low_mask;
        meta.spares = self.spares;
    }

    /// The pages of buckets that have a place already and are not in use yet, group by group.
    pub fn reserved(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        let next = self.max_bucket.saturating_add(1);
        let groups = self.spares.iter().take_while(|spare| **spare != 0).count();
        (group(self.max_bucket)..groups).filter_map(move |group| {
            let (first, last) = buckets_of(group);
            let first = next.max(first);
            (first <= last).then(|| self.page(first)..=self.page(last))
        })
    }

    /// Returns `true` if a page belongs to a bucket by its number, be it in use or not yet.
    pub fn is_primary(&self, page: u32) -> bool {
        let groups = self.spares.iter().enumerate().take_while(|(_, spare)| **spare != 0);
        groups.map(|(group, spare)| (buckets_of(group), spare)).any(|((first, last), spare)| {
            page.checked_sub(spare.wrapping_add(first)).is_some_and(|at| at <= last - first)
        })
    }

    #[inline]
    pub fn bucket(&self, hash: u32) -> u32 {
        bucket(hash, self.max_bucket, self.high_mask, self.low_mask)
    }

    /// The primary page of a bucket in use. It exists.
    #[inline]
    pub fn page(&self, bucket: u32) -> u32 {
        let spare = self.spares.get(group(bucket)).copied().unwrap_or(0);
        bucket.wrapping_add(spare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::HashFunction;

    fn meta(max_bucket: u32, spares: &[u32]) -> HashMeta {
        let (high_mask, low_mask) = masks(max_bucket);
        let mut all = [0; MAX_BUCKET_GROUPS];
        all[..spares.len()].copy_from_slice(spares);
        HashMeta {
            version: 9,
            free: 0,
            duplicates: false,
            sorted_duplicates: false,
            uid: [0; 20],
            max_bucket,
            high_mask,
            low_mask,
            fill_factor: 0,
            elements: 0,
            charkey: HashFunction::Fnv.charkey(),
            spares: all,
        }
    }

    #[test]
    fn masks_follow_from_the_number_of_buckets() {
        let rows = [(0, 0), (1, 1), (2, 3), (3, 3), (4, 7), (255, 255), (256, 511)];
        for (max_bucket, high) in rows {
            assert_eq!(masks(max_bucket), (high, high >> 1), "{max_bucket}");
        }
        assert_eq!(masks(u32::MAX), (u32::MAX, u32::MAX >> 1));
    }

    #[test]
    fn a_grown_table_has_its_groups_apart() {
        // The example of section 11: buckets 2-3 on pages 14-15, 4-7 on 21-24, 8-15 on 33-40.
        let address = Address::new(&meta(15, &[1, 1, 12, 17, 25]), 0, 40).unwrap();
        let pages: Vec<u32> = [0, 1, 2, 3, 4, 7, 8, 15].map(|b| address.page(b)).into();
        assert_eq!(pages, [1, 2, 14, 15, 21, 24, 33, 40]);
    }

    #[test]
    fn a_bucket_that_is_not_there_yet_is_served_by_its_half() {
        let address = Address::new(&meta(4, &[1, 1, 1, 1]), 0, 8).unwrap();
        assert_eq!([4, 5, 6, 7, 12, 13].map(|hash| address.bucket(hash)), [4, 1, 2, 3, 4, 1]);
    }

    #[test]
    fn claims_that_contradict_each_other_are_refused() {
        let refused = |meta: HashMeta, last_page| Address::new(&meta, 0, last_page).is_err();
        assert!(refused(HashMeta { high_mask: 7, ..meta(1, &[1, 1]) }, 2));
        assert!(refused(HashMeta { low_mask: 1, ..meta(1, &[1, 1]) }, 2));
        assert!(refused(meta(3, &[1, 1, 0]), 9), "no such group");
        assert!(refused(meta(3, &[1, 1, 1]), 3), "beyond the end");
        assert!(refused(meta(3, &[1, 1, u32::MAX - 1]), 9), "wraps to page 0");
        assert!(refused(meta(u32::MAX, &[1; 32]), u32::MAX), "more groups than the table has");
        assert!(!refused(meta(3, &[1, 1, 1]), 4));
    }
}
