//! What an update makes of a damaged file, where it reports success: no more damage than before,
//! and no more pages than it needs.

use std::collections::BTreeMap;

use bdb_file::{
    AccessMethod, Block, BtreeUpdate, Changes, Error, Fault, HashDb, HashUpdate, Keep, Severity,
    access_method,
};

use super::database::Update;
use super::verdict::problems;

/// Puts pairs and deletes keys, and looks at what becomes of the file.
///
/// # Errors
/// As the update. A file that has become worse is a panic.
pub fn check(file: &[u8], puts: &[(&[u8], &[u8])], deletions: &[&[u8]]) -> Result<(), Error> {
    assert_is_no_worse(file, &update(file, puts, deletions)?, puts);
    Ok(())
}

fn is_btree(file: &[u8]) -> bool {
    matches!(access_method(file, None), Ok(AccessMethod::Btree))
}

/// Puts pairs and deletes keys.
///
/// # Errors
/// As the update.
pub fn update(file: &[u8], puts: &[(&[u8], &[u8])], deletions: &[&[u8]]) -> Result<Changes, Error> {
    match is_btree(file) {
        true => make_changes::<BtreeUpdate<_>>(file, puts, deletions),
        false => make_changes::<HashUpdate<_>>(file, puts, deletions),
    }
}

fn make_changes<'f, U: Update<&'f [u8]>>(
    file: &'f [u8],
    puts: &[(&[u8], &[u8])],
    deletions: &[&[u8]],
) -> Result<Changes, Error> {
    let mut update = U::open(file)?;
    for (key, data) in puts {
        update.put(key, data, Keep::Last)?;
    }
    for key in deletions {
        update.delete(key)?;
    }
    update.finish()
}

/// Looks at what becomes of a file, damaged or not, in which these pairs were put.
pub fn assert_is_no_worse(before: &[u8], changes: &Changes, puts: &[(&[u8], &[u8])]) {
    for Block { at, bytes: page } in &changes.blocks {
        assert!(at + page.len() as u64 <= changes.file_len);
        assert!(*at != 0 || page[8..12] == [0; 4], "page 0 is nothing but page 0");
    }
    let most = before.len() as u64 + (64 << 20);
    assert!(changes.file_len <= most, "{} of {} bytes", changes.file_len, before.len());
    let mut after = before.to_vec();
    changes.apply(&mut after);
    if !is_btree(before) {
        assert_has_grown_by_what_was_put(before, &after, puts);
    }
    let (old, new) = (damage(before), damage(&after));
    let leads_astray = DOUBTFUL_OWNER.iter().any(|fault| old.contains_key(fault));
    for (fault, count) in &new {
        let had = old.get(fault).copied().unwrap_or(0);
        // Pages behind the last one of page 0 that do not call themselves by their own numbers
        // count for nothing.
        let is_cut =
            old.contains_key(&Fault::LastPage) && matches!(fault, Fault::Link | Fault::Reference);
        // A reference count that is too high keeps pages to which nothing leads any more.
        let is_kept = old.contains_key(&Fault::ReferenceCount) && *fault == Fault::Orphan;
        let compared = !(leads_astray && BETWEEN_PAGES.contains(fault) || is_cut || is_kept);
        let words = |file| problems(file).1.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(
            !compared || *count <= had,
            "{fault:?}: {count}, before {had}; {:#?}, and then {:#?}",
            words(before),
            words(&after)
        );
    }
}

/// Something leads to a page that belongs to another, or to nothing, or that the file does not have
/// yet. The rightful owner does not see that: an update through it may take or give up such a page,
/// and verify then says other things of the links that lead there.
const DOUBTFUL_OWNER: [Fault; 3] = [Fault::Shared, Fault::LinkedType, Fault::Link];

/// What verify says of links, and of pages according to what leads to them.
const BETWEEN_PAGES: [Fault; 9] = [
    Fault::Shared,
    Fault::LinkedType,
    Fault::BackLink,
    Fault::ChainLength,
    Fault::ReferenceCount,
    Fault::LevelStep,
    Fault::LeafOrder,
    Fault::WrongBucket,
    Fault::Orphan,
];

/// How often verify finds each kind of damage.
fn damage(file: &[u8]) -> BTreeMap<Fault, usize> {
    let mut counts = BTreeMap::new();
    for problem in problems(file).1 {
        if problem.severity() == Severity::Damage {
            *counts.entry(problem.fault).or_default() += 1;
        }
    }
    counts
}

/// The new pages of a hash file are: those of the items that were put, and one for each pair; the groups
/// of new buckets; and of buckets that were divided or written anew, pages that are at least half
/// full (but for the last two of each) in the place of others, which are now free. Each pair
/// divides one bucket at most, and has one written anew.
fn assert_has_grown_by_what_was_put(before: &[u8], after: &[u8], puts: &[(&[u8], &[u8])]) {
    let (old, new) = (HashDb::open(before).unwrap(), HashDb::open(after).unwrap());
    let page_size = old.page_size() as usize;
    let room = page_size - 32;
    let pages_of = |item: &[u8]| item.len() / room + 1;
    let put: usize = puts.iter().map(|(key, data)| pages_of(key) + pages_of(data) + 1 + 5).sum();
    let reserved =
        |file: &HashDb<&[u8]>| (u64::from(file.meta().max_bucket) + 1).next_power_of_two();
    let groups = (reserved(&new) - reserved(&old)) as usize;
    let is_free = |page: &[u8]| page[25] == 0 && page[8..12] != [0; 4];
    let pages = before.chunks(page_size).zip(after.chunks(page_size));
    let given_up = pages.filter(|(old, new)| !is_free(old) && is_free(new)).count();
    let most = before.len() / page_size + put + groups + 2 * given_up;
    assert!(after.len() / page_size <= most, "{} of {} bytes", after.len(), before.len());
}
