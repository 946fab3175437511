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

/// How a database keeps its pairs, which tells what reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessMethod {
    /// In buckets by the hash of their keys: [`HashDb`](crate::HashDb).
    #[default]
    Hash,
    /// In the order of their keys: [`BtreeDb`](crate::BtreeDb).
    Btree,
}

/// The access method of the database `name` of a file that holds several, or of the only one.
///
/// # Errors
/// As for [`BtreeDb::open`](crate::BtreeDb::open), and
/// [`open_named`](crate::BtreeDb::open_named) where there is a name.
///
/// # Complexity
/// Reads page 0; with a name the pages of the list, and one more.
pub fn access_method<S: Source>(source: S, name: Option<&[u8]>) -> Result<AccessMethod> {
    let (file, meta) = PageFile::open(source)?;
    let method = match (meta.method, name) {
        (Method::Btree(list), Some(name)) if list.several_databases => {
            find(&file, &list, name)?.1.method
        }
        (_, Some(_)) => return Err(ErrorKind::NoSuchDatabase.into()),
        (Method::Btree(list), None) if list.several_databases => {
            return Err(ErrorKind::SeveralDatabases.into());
        }
        (method, None) => method,
    };
    Ok(match method {
        Method::Hash(_) => AccessMethod::Hash,
        Method::Btree(_) => AccessMethod::Btree,
    })
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
