//! Making a file of several databases, each under a name (section 21).

use std::io::{self, Write};

use kv_file_core::{Contents, Datum};

use crate::error::{ErrorKind, Result};
use crate::format::meta::{MINIMUM_KEYS, MetaPlace};
use crate::format::{BtreeMeta, MAIN_ROOT, PageLayout};
use crate::new_database::{DatabaseBuilder, DatabasePlan};
use crate::new_pages::NewPages;
use crate::new_tree::{NewTree, TreeKind, TreeShape};
use crate::options::Keep;

/// A file of several databases whose every page is settled.
///
/// Postfix's tables are files of one; db_dump's text may be of several.
///
/// ```
/// use bdb_file::{BtreeBuilder, BtreeDb, BuildOptions, HashBuilder, HashDb, Keep, NewDatabases};
///
/// let mut people = HashBuilder::new(BuildOptions::default());
/// people.push(b"bob", b"baker")?;
/// let places = BtreeBuilder::new(BuildOptions::default());
/// let databases = vec![(b"people".to_vec(), people.into()), (b"places".to_vec(), places.into())];
///
/// let mut file = Vec::new();
/// NewDatabases::plan(databases, Keep::Last)?.write_to(&mut file)?;
/// assert_eq!(HashDb::open_named(&file, b"people")?.get(b"bob")?.as_deref(), Some(&b"baker"[..]));
/// assert_eq!(BtreeDb::open_named(&file, b"places")?.get(b"bob")?, None);
/// # Ok::<(), bdb_file::Error>(())
/// ```
#[must_use = "nothing is made until it is written"]
#[derive(Debug)]
pub struct NewDatabases<'t> {
    /// In the order of their names.
    databases: Vec<(Vec<u8>, DatabasePlan<'t>)>,
    layout: PageLayout,
    uid: [u8; 20],
    last_page: u32,
}

impl<'t> NewDatabases<'t> {
    /// Settles where the pairs of all databases are stored. Where none of them says, the page size
    /// is the largest that one would have.
    ///
    /// # Errors
    /// [`ErrorKind::Option`] where two have the same name, or different page sizes, byte orders or
    /// checksums. As [`DatabaseBuilder::plan`].
    ///
    /// # Complexity
    /// That of the databases' plans.
    pub fn plan(mut databases: Vec<(Vec<u8>, DatabaseBuilder<'t>)>, keep: Keep) -> Result<Self> {
        databases.sort_by(|(name, _), (other, _)| name.cmp(other));
        if databases.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(ErrorKind::Option("two databases have the same name").into());
        }
        let layout = common_layout(&databases)?;
        let names: Vec<&[u8]> = databases.iter().map(|(name, _)| &name[..]).collect();
        let list_pages = list(&names, &vec![[0; 4]; names.len()], layout).page_count();
        let next = u64::from(MAIN_ROOT) + list_pages;
        let mut next = u32::try_from(next).map_err(|_| ErrorKind::TooLarge)?;
        let mut planned: Vec<(Vec<u8>, DatabasePlan<'t>)> = Vec::new();
        for (name, mut builder) in databases {
            builder.set_page_size(layout.page_size as u32);
            let mut plan = builder.plan_at(next, keep)?;
            if let Some((_, first)) = planned.first() {
                plan.set_uid(first.uid());
            }
            next = plan.last_page().checked_add(1).ok_or(ErrorKind::TooLarge)?;
            planned.push((name, plan));
        }
        let uid = planned.first().map_or([0; 20], |(_, plan)| plan.uid());
        Ok(NewDatabases { databases: planned, layout, uid, last_page: next - 1 })
    }

    /// The databases, each with its name, in the order of their names.
    pub fn plans(&self) -> impl Iterator<Item = (&[u8], &DatabasePlan<'t>)> {
        self.databases.iter().map(|(name, plan)| (&name[..], plan))
    }

    /// Length of the file, in bytes.
    pub fn file_len(&self) -> u64 {
        (u64::from(self.last_page) + 1) * self.layout.page_size as u64
    }

    /// Writes the file, front to back.
    ///
    /// # Errors
    /// What `out` gave; part of the file may then have been written.
    ///
    /// # Complexity
    /// As [`DatabasePlan::write_to`], for each database.
    pub fn write_to<W: Write>(&self, mut out: W) -> io::Result<()> {
        self.blocks(&mut |_, block| out.write_all(block))?;
        out.flush()
    }

    /// Page 0, and the pages of the list.
    fn list_pages(&self) -> Vec<u8> {
        let mut pages = NewPages { layout: self.layout, bytes: Vec::new() };
        let place = MetaPlace::File { last_page: self.last_page };
        BtreeMeta::list(self.uid).put(pages.zeros(), self.layout, place);
        let names: Vec<&[u8]> = self.plans().map(|(name, _)| name).collect();
        // The one number that is big-endian in every file.
        let numbers: Vec<_> = self.plans().map(|(_, plan)| plan.meta().to_be_bytes()).collect();
        list(&names, &numbers, self.layout).make(MAIN_ROOT, &mut pages);
        pages.bytes
    }
}

impl Contents for NewDatabases<'_> {
    fn file_len(&self) -> u64 {
        self.file_len()
    }

    fn blocks(&self, put: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        put(0, &self.list_pages())?;
        self.databases.iter().try_for_each(|(_, plan)| plan.blocks(put))
    }
}

/// The list of databases, with the numbers of their meta pages.
fn list<'e>(
    names: &[&'e [u8]],
    numbers: &'e [[u8; 4]],
    layout: PageLayout,
) -> NewTree<Vec<[Datum<'e>; 2]>> {
    let pairs = names.iter().zip(numbers).map(|(name, number)| [Datum::from(*name), number.into()]);
    let kind = TreeKind::Pairs { counted: false };
    NewTree::new(TreeShape { kind, layout, minimum_keys: MINIMUM_KEYS }, pairs.collect())
}

/// What all databases of a file have in common.
fn common_layout(databases: &[(Vec<u8>, DatabaseBuilder<'_>)]) -> Result<PageLayout> {
    let options = || databases.iter().map(|(_, builder)| builder.options());
    let Some(first) = options().next() else {
        return Err(ErrorKind::Option("a file has at least one database").into());
    };
    if options().any(|options| {
        (options.byte_order, options.checksums) != (first.byte_order, first.checksums)
    }) {
        return Err(
            ErrorKind::Option("databases of one file differ in byte order or checksums").into()
        );
    }
    let stated = options().find_map(|options| options.page_size);
    if options().any(|options| options.page_size.is_some() && options.page_size != stated) {
        return Err(ErrorKind::Option("databases of one file differ in page size").into());
    }
    let chosen = databases.iter().map(|(_, builder)| builder.page_size());
    let largest = chosen.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or_default();
    Ok(first.page_layout(stated.unwrap_or(largest)))
}
