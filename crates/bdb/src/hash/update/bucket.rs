//! The pages of a bucket that is being changed: reading them, adding and removing some, dividing a
//! bucket.
//!
//! # What readers find meanwhile
//!
//! The changed pages can be written one by one so that a reader always finds what was there and
//! stays ([`HashUpdate::finish`]). Pages to which nothing led before are written first; so a bucket
//! of which only the primary page is older (`alone`) changes at once, when that is written. Of a
//! bucket with several older pages, each either gains pairs or loses some, and those that gain are
//! written before those that lose: a pair is always on one of them. New pages are added behind the
//! last one, which thereby gains all that is on them. Where a page would have to do both, the whole
//! bucket is written anew, on its primary page and new ones.

use kv_file_core::Source;

use super::HashUpdate;
use super::edit::{EditedPage, StoredPair, key_of, stored_pair};
use super::summary::Summary;
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::file::{Budget, Page};
use crate::format::page::Header;
use crate::format::page_type;
use crate::hash::page::HashPage;
use crate::verify::{refuse_bucket_page, refuse_page};

impl<S: Source> HashUpdate<S> {
    /// The first page of a bucket.
    pub(super) fn primary(&self, bucket: u32, budget: &Budget) -> Result<HashPage<'_>> {
        self.page(bucket, self.db.address.page(bucket), 0, budget)
    }

    /// The page after another in a bucket.
    pub(super) fn next(
        &self,
        bucket: u32,
        page: &HashPage<'_>,
        budget: &Budget,
    ) -> Result<Option<HashPage<'_>>> {
        match page.page.header.next {
            0 => Ok(None),
            next => self.page(bucket, next, page.page.number, budget).map(Some),
        }
    }

    /// A page of a bucket, found to be sound.
    fn page(&self, bucket: u32, number: u32, prev: u32, budget: &Budget) -> Result<HashPage<'_>> {
        let check = |page: &Page<'_>| self.check(bucket, prev, page);
        let page = self.db.file.sound_page(number, budget, check)?;
        if page.header.prev != prev {
            return Err(page.problem(Fault::BackLink).into());
        }
        HashPage::of(&self.db.file, page)
    }

    /// As [`page`](Self::page), summed up.
    pub(super) fn summary(
        &self,
        bucket: u32,
        number: u32,
        prev: u32,
        budget: &Budget,
    ) -> Result<&Summary> {
        let check = |page: &Page<'_>| self.check(bucket, prev, page);
        let sum_up = |page: Page<'_>| {
            Summary::of(&HashPage::of(&self.db.file, page)?, self.db.file.layout.order)
        };
        let summary = self.db.file.note(number, budget, check, sum_up)?;
        if summary.prev != prev {
            return Err(Problem::on(number, Fault::BackLink).into());
        }
        Ok(summary)
    }

    /// Refuses a page that is not a sound one of a bucket.
    fn check(&self, bucket: u32, prev: u32, page: &Page<'_>) -> Result<()> {
        if prev != 0 && (page.is_hole() || self.db.address.is_primary(page.number)) {
            return Err(page.problem(Fault::LinkedType).into());
        }
        let database = (&self.db.meta, &self.db.address, self.function);
        refuse_bucket_page(&self.db.file, database, bucket, page)
    }

    /// A page of a bucket that has been found to be sound before: nothing is changed that has not
    /// been looked at.
    pub(super) fn page_again(&self, number: u32) -> Result<HashPage<'_>> {
        let unseen =
            |page: &Page<'_>| Err(page.problem(Fault::LinkedType).value(page.header.kind).into());
        HashPage::of(
            &self.db.file,
            self.db.file.sound_page(number, &self.db.file.budget(), unseen)?,
        )
    }

    /// As [`page_again`](Self::page_again), to be changed.
    pub(super) fn edit(&self, number: u32) -> Result<EditedPage> {
        EditedPage::read(&self.db.file, &self.page_again(number)?)
    }

    pub(super) fn write(&mut self, page: EditedPage) -> Result<()> {
        self.db.file.put(page.number, page.into_bytes())
    }

    /// Returns `true` if a bucket has but one page to which readers may be led already, as far as a
    /// page of it tells.
    fn is_alone(&self, bucket: u32, (number, next): (u32, u32)) -> bool {
        let primary = self.db.address.page(bucket);
        number == primary && next == 0
            || self.db.file.source.is_new(primary)
            || self.alone.contains(&primary)
    }

    /// Whether a page of a bucket, which leads to `next`, may gain a pair or be followed by a new
    /// page.
    pub(super) fn may_gain(&self, bucket: u32, page: u32, next: u32) -> Result<bool> {
        if self.lost.is_empty() || self.is_alone(bucket, (page, next)) {
            return Ok(true);
        }
        // What new pages gain, the last older page does. The primary page is an older one.
        let mut older = page;
        while self.db.file.source.is_new(older) {
            older = self.page_again(older)?.page.header.prev;
        }
        Ok(!self.lost.contains(&older))
    }

    /// Writes a page of a bucket that has gained a pair.
    pub(super) fn gain(&mut self, bucket: u32, page: EditedPage) -> Result<()> {
        let number = page.number;
        let alone = self.is_alone(bucket, (number, page.next));
        self.write(page)?;
        if !alone {
            self.db.file.set_gains(number);
        }
        Ok(())
    }

    /// Returns `true` if a page of a bucket may lose a pair.
    pub(super) fn may_lose(&self, bucket: u32, page: &EditedPage) -> bool {
        if self.is_alone(bucket, (page.number, page.next))
            || self.db.file.source.is_new(page.number)
        {
            return true;
        }
        // An empty page goes, and another one loses the link to it, or itself.
        let empties = page.pairs() == 1;
        let other = if page.prev == 0 { page.next } else { page.prev };
        let gains = |number| self.db.file.source.gains(number);
        !(gains(page.number) || empties && gains(other))
    }

    /// Writes a page of a bucket that has lost a pair, or gives it back if it is empty and not the
    /// bucket's only one.
    pub(super) fn lose(&mut self, bucket: u32, page: EditedPage) -> Result<()> {
        let EditedPage { number, prev, next, .. } = page;
        let alone = self.is_alone(bucket, (number, next));
        if !alone && !self.db.file.source.is_new(number) {
            self.lost.insert(number);
            if page.is_empty() && prev != 0 {
                self.lost.insert(prev);
            }
        }
        if !page.is_empty() || (prev == 0 && next == 0) {
            return self.write(page);
        }
        let budget = self.db.file.budget();
        if prev != 0 {
            // The page after this one may not have been looked at.
            if next != 0 {
                self.page(bucket, next, number, &budget)?;
            }
            self.relink(prev, |before| before.next = next)?;
            self.relink(next, |after| after.prev = prev)?;
            return self.give(number);
        }
        // A bucket's primary page is found by its number: the second page moves into it.
        let second = self.page(bucket, next, number, &budget)?;
        let after = second.page.header.next;
        let mut second = EditedPage::read(&self.db.file, &second)?;
        if after != 0 {
            self.page(bucket, after, next, &budget)?;
        }
        second.number = number;
        second.prev = 0;
        self.write(second)?;
        self.relink(after, |page| page.prev = number)?;
        self.give(next)
    }

    /// Changes the links of a page that has been found to be sound, if there is a page.
    fn relink(&mut self, number: u32, change: impl FnOnce(&mut Header)) -> Result<()> {
        if number == 0 {
            return Ok(());
        }
        let mut header = self.page_again(number)?.page.header;
        change(&mut header);
        let mut page = self.db.file.read(number)?.into_owned();
        header.put(&mut page, self.db.file.layout.order);
        self.db.file.put(number, page)
    }

    /// A new page behind a bucket's last one, unless the bucket has to be written anew first.
    pub(super) fn append_page(&mut self, bucket: u32, last: u32) -> Result<Option<EditedPage>> {
        if !self.may_gain(bucket, last, 0)? {
            return Ok(None);
        }
        if self.is_alone(bucket, (last, 0)) {
            self.alone.insert(self.db.address.page(bucket));
        }
        let number = self.take()?;
        self.relink(last, |before| before.next = number)?;
        if !self.is_alone(bucket, (last, number)) {
            self.db.file.set_gains(last);
        }
        Ok(Some(EditedPage::new(&self.db.file, number, last)))
    }

    /// Writes a bucket anew: on its primary page, and on new ones.
    pub(super) fn rewrite(&mut self, bucket: u32) -> Result<()> {
        let (pairs, others) = self.pairs(bucket)?;
        self.write_bucket(self.db.address.page(bucket), pairs)?;
        others.into_iter().try_for_each(|number| self.give(number))
    }

    /// The pairs of a bucket, and its pages but for the primary one.
    fn pairs(&self, bucket: u32) -> Result<(Vec<StoredPair>, Vec<u32>)> {
        let (mut pairs, mut others) = (Vec::new(), Vec::new());
        let budget = self.db.file.budget();
        let mut page = self.primary(bucket, &budget)?;
        loop {
            let mut at = page.start();
            while let Some(pair) = page.next_pair(self.db.file.layout.order, &mut at)? {
                pairs.push(stored_pair(&page, &pair));
            }
            match self.next(bucket, &page, &budget)? {
                Some(next) => page = next,
                None => return Ok((pairs, others)),
            }
            others.push(page.page.number);
        }
    }

    /// Adds a bucket, and divides the pairs of the one that has served its hashes so far (section
    /// 18).
    pub(super) fn expand(&mut self) -> Result<()> {
        let mut address = self.db.address.clone();
        let (old, first_of_group) = address.grow()?;
        let new = address.max_bucket;
        let old_page = address.page(old);
        let (pairs, others) = self.pairs(old)?;
        let (mut staying, mut moving) = (Vec::new(), Vec::new());
        for pair in pairs {
            let key = key_of(&self.db.file, old_page, &pair.key)?;
            let hash = self.function.hash(&key);
            // Big keys are not looked at before.
            if self.db.address.bucket(hash) != old {
                return Err(Problem::on(old_page, Fault::WrongBucket).into());
            }
            if address.bucket(hash) == old { &mut staying } else { &mut moving }.push(pair);
        }
        if first_of_group {
            // A group has as many buckets as there were before it.
            address.place_group(self.db.file.grow(new)?);
            self.write(EditedPage::new(&self.db.file, self.db.file.last_page, 0))?;
        }
        self.db.address = address;
        let new_page = self.db.address.page(new);
        self.take_reserved(new_page)?;
        if !moving.is_empty() {
            self.write_bucket(old_page, staying)?;
            others.into_iter().try_for_each(|number| self.give(number))?;
        }
        self.write_bucket(new_page, moving)
    }

    /// Takes the page of a new bucket, which was reserved for it: it must be empty.
    fn take_reserved(&mut self, number: u32) -> Result<()> {
        let page = self.db.file.page_or_hole(number, &self.db.file.budget())?;
        refuse_page(&self.db.file, &page)?;
        let is_empty = match page.header.kind {
            page_type::HASH | page_type::HASH_UNSORTED => page.header.entries == 0,
            _ => page.is_hole(),
        };
        if !is_empty {
            return Err(page.problem(Fault::ReservedBucket).into());
        }
        self.db.file.take_new(number);
        Ok(())
    }

    /// Writes a bucket anew, from its primary page on.
    fn write_bucket(&mut self, primary: u32, pairs: Vec<StoredPair>) -> Result<()> {
        let mut page = EditedPage::new(&self.db.file, primary, 0);
        let (big, plain): (Vec<_>, Vec<_>) = pairs.into_iter().partition(StoredPair::has_big_key);
        for pair in plain.into_iter().chain(big) {
            if !page.takes(pair.has_big_key(), pair.len()) {
                let next = self.take()?;
                let prev = page.number;
                page.next = next;
                self.write(page)?;
                page = EditedPage::new(&self.db.file, next, prev);
            }
            page.insert(&self.db.file, &pair)?;
        }
        self.write(page)?;
        self.alone.insert(primary);
        Ok(())
    }
}
