//! Finding the databases of a file.

use std::borrow::Cow;
use std::collections::HashMap;

use kv_file_core::Source;

use super::hash::Table;
use super::{Database, Kind, Rescue};
use crate::databases::meta_page;
use crate::error::Result;
use crate::file::Page;
use crate::format::page::Header;
use crate::format::tree_item::Content;
use crate::format::{HashMeta, MAIN_ROOT, META_LEN, Meta, Method, page_type};
use crate::stop::Stop;
use crate::tree;

impl<S: Source> Rescue<'_, '_, S> {
    /// The databases whose pages can be found. `method` is what page 0 says, if it is sound.
    pub(super) fn databases(&mut self, method: Option<&Method>) -> Result<Vec<Database>, Stop> {
        let nameless = |kind| vec![Database { name: None, kind }];
        let last_page = self.file.last_page;
        let table = |meta: &HashMeta| Table::new(meta, 0, last_page).map(Kind::Hash);
        match method {
            Some(Method::Hash(meta)) => {
                return Ok(table(meta).map(nameless).unwrap_or_default());
            }
            Some(Method::Btree(meta)) if !meta.several_databases => {
                return Ok(nameless(Kind::Btree(MAIN_ROOT)));
            }
            Some(Method::Btree(_)) => {}
            None => {
                // Other fields may be right.
                let page_0 = self.file.read(0)?;
                let meta = page_0.first_chunk::<META_LEN>();
                let meta = meta.map(|page| HashMeta::parse(page, self.file.layout.order));
                if let Some(kind) = meta.as_ref().and_then(table) {
                    return Ok(nameless(kind));
                }
            }
        }
        let metas = self.metas()?;
        // A tree that lists nothing is no list.
        if metas.is_empty() && self.is_root(MAIN_ROOT)? {
            return Ok(nameless(Kind::Btree(MAIN_ROOT)));
        }
        let mut names = self.names(&metas)?;
        let mut databases = Vec::new();
        for (number, method) in metas {
            let name = names.remove(&number);
            self.see(number);
            let kind = match method {
                Method::Hash(meta) => Table::new(&meta, number, last_page).map(Kind::Hash),
                Method::Btree(meta) => Some(Kind::Btree(meta.root)),
            };
            databases.extend(kind.map(|kind| Database { name, kind }));
        }
        Ok(databases)
    }

    /// Returns `true` if a page can be the root of a btree.
    fn is_root(&self, number: u32) -> Result<bool, Stop> {
        let kind = self.read(number)?.map(|page| page.header.kind);
        Ok(matches!(kind, Some(page_type::BTREE_LEAF | page_type::BTREE_INTERNAL)))
    }

    /// The names in the list of databases, each by its meta page.
    fn names(&mut self, metas: &[(u32, Method)]) -> Result<HashMap<u32, Vec<u8>>, Stop> {
        let list = self.tree(MAIN_ROOT, &[page_type::BTREE_LEAF])?;
        let mut leaves = list.leaves;
        if !list.whole {
            leaves.extend(self.lost_list(metas)?);
        }
        let mut names = HashMap::new();
        for leaf in leaves {
            let Some(page) = self.read(leaf)? else { continue };
            for index in (0..tree::items(self.file, &page).unwrap_or(0)).step_by(2) {
                let name = match tree::item(self.file, &page, index).map(|item| item.content) {
                    Ok(Content::Plain(name)) => name.to_vec(),
                    Ok(Content::Big(big)) => self.big(big)?.bytes.into_owned(),
                    _ => continue,
                };
                if let Some(number) = self.listed(&page, index + 1) {
                    names.entry(number).or_insert(name);
                }
            }
        }
        Ok(names)
    }

    /// The meta page to which a data item leads, if it is one of a list of databases.
    fn listed(&self, page: &Page<'_>, index: usize) -> Option<u32> {
        match tree::item(self.file, page, index).ok()?.content {
            Content::Plain(bytes) => meta_page(bytes),
            _ => None,
        }
    }

    /// Leaves of the list of databases that its root does not lead to: all that is on them leads to
    /// meta pages.
    fn lost_list(&mut self, metas: &[(u32, Method)]) -> Result<Vec<u32>, Stop> {
        let file = self.file;
        let mut leaves = Vec::new();
        file.each_page(|number, bytes| {
            let header = Header::parse(bytes, file.layout.order);
            let header = header.filter(|header| header.kind == page_type::BTREE_LEAF);
            let Some(header) = header.filter(|_| number != 0 && self.is_unseen(number)) else {
                return Ok(());
            };
            let page = Page { header, bytes: Cow::Borrowed(bytes), number };
            let entries = usize::from(header.entries);
            let is_listed = |index| {
                let listed = self.listed(&page, index);
                // They are in the order of their numbers.
                let meta = |listed| metas.binary_search_by_key(&listed, |(number, _)| *number);
                listed.is_some_and(|listed| meta(listed).is_ok())
            };
            if entries != 0 && (1..entries).step_by(2).all(is_listed) {
                leaves.push(number);
            }
            Ok::<(), Stop>(())
        })?;
        leaves.iter().for_each(|leaf| self.see(*leaf));
        Ok(leaves)
    }

    /// All meta pages in the file but page 0.
    fn metas(&self) -> Result<Vec<(u32, Method)>, Stop> {
        let mut metas = Vec::new();
        self.file.each_page(|number, page| {
            if number != 0
                && let Ok(meta) = Meta::parse(page, number)
            {
                metas.push((number, meta.method));
            }
            Ok::<(), Stop>(())
        })?;
        Ok(metas)
    }
}
