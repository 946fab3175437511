//! Files that hold several databases, each under a name (section 21).

use std::borrow::Cow;

use kv_file_core::Source;

use crate::error::{ErrorKind, Result};
use crate::fault::{Fault, Problem};
use crate::file::PageFile;
use crate::format::{BtreeMeta, ByteOrder, Meta, Method};
use crate::tree::Leaves;

/// The names of the databases that a file holds, in byte order; none for a file that is one
/// nameless database.
///
/// # Errors
/// As for [`HashDb::open`](crate::HashDb::open), and for damage in the list of databases.
///
/// # Complexity
/// Reads page 0 and the pages of the list.
pub fn database_names<S: Source>(source: S) -> Result<Vec<Vec<u8>>> {
    let (file, meta) = PageFile::open(source)?;
    let mut names = Vec::new();
    if let Method::Btree(list) = meta.method
        && list.several_databases
    {
        each_entry(&file, &list, |name, _| {
            names.push(name.into_owned());
            true
        })?;
    }
    Ok(names)
}

/// The meta page of the database `name`.
pub(crate) fn find<S: Source>(
    file: &PageFile<S>,
    list: &BtreeMeta,
    name: &[u8],
) -> Result<(u32, Meta)> {
    let mut found = None;
    each_entry(file, list, |entry, number| {
        if *entry == *name {
            found = Some(number);
        }
        found.is_none()
    })?;
    let number = found.ok_or(ErrorKind::NoSuchDatabase)?;
    Ok((number, file.meta(number)?))
}

/// The number of a database's meta page, from the data of its entry in the list: the one number
/// that is big-endian in every file.
pub(crate) fn meta_page(data: &[u8]) -> Option<u32> {
    ByteOrder::Big.u32(data, 0).filter(|number| data.len() == 4 && *number != 0)
}

/// Hands every name and the number of its meta page to `take`, until it declines.
fn each_entry<S: Source>(
    file: &PageFile<S>,
    list: &BtreeMeta,
    mut take: impl FnMut(Cow<'_, [u8]>, u32) -> bool,
) -> Result<()> {
    let budget = file.budget();
    let mut leaves = Leaves::under(file, list.root, &budget)?;
    let damaged = || Problem::on(list.root, Fault::DatabaseEntry);
    while let Some(name) = leaves.next(file, &budget)? {
        let data = leaves.next(file, &budget)?.ok_or_else(damaged)?;
        if data.deleted {
            continue;
        }
        let number = meta_page(&data.bytes).ok_or_else(damaged)?;
        if !take(name.bytes, number) {
            break;
        }
    }
    Ok(())
}
