//! Finding the databases of a file.

use kv_file_core::Source;

use super::{Database, Rescue};
use crate::databases::meta_page;
use crate::error::Result;
use crate::format::tree_item::Content;
use crate::format::{HashMeta, MAIN_ROOT, META_LEN, Meta, Method, page_type};
use crate::stop::Stop;
use crate::tree;

impl<S: Source> Rescue<'_, '_, S> {
    /// The databases whose pages can be found. `method` is what page 0 says, if it is sound.
    pub(super) fn databases(&mut self, method: Option<&Method>) -> Result<Vec<Database>, Stop> {
        let last_page = self.file.last_page;
        let main = match method {
            Some(Method::Hash(meta)) => Some(meta.clone()),
            Some(Method::Btree(_)) => None,
            // Other fields may be right.
            None => self
                .file
                .read(0)?
                .first_chunk::<META_LEN>()
                .map(|page| HashMeta::parse(page, self.file.layout.order)),
        };
        let main = main.and_then(|meta| Database::new(None, &meta, 0, last_page));
        if main.is_some() || matches!(method, Some(Method::Hash(_))) {
            return Ok(main.into_iter().collect());
        }
        let mut names = self.names()?;
        let mut databases = Vec::new();
        for (number, meta) in self.hash_metas()? {
            let name = names.iter_mut().find(|(_, at)| *at == number);
            let name = name.map(|(name, _)| std::mem::take(name));
            self.see(number);
            databases.extend(Database::new(name, &meta, number, last_page));
        }
        Ok(databases)
    }

    /// The names in the list of databases, each with its meta page.
    fn names(&mut self) -> Result<Vec<(Vec<u8>, u32)>, Stop> {
        let mut names = Vec::new();
        for leaf in self.tree(MAIN_ROOT, &[page_type::BTREE_LEAF])?.leaves {
            let Some(page) = self.read(leaf)? else { continue };
            for index in (0..usize::from(page.header.entries)).step_by(2) {
                let item =
                    |index| tree::item(self.file, &page, index).ok().map(|item| item.content);
                let name = match item(index) {
                    Some(Content::Plain(name)) => name.to_vec(),
                    Some(Content::Big(big)) => self.big(big)?.bytes.into_owned(),
                    _ => continue,
                };
                if let Some(Content::Plain(bytes)) =
                    tree::item(self.file, &page, index + 1).ok().map(|item| item.content)
                    && let Some(number) = meta_page(bytes)
                {
                    names.push((name, number));
                }
            }
        }
        Ok(names)
    }

    /// All meta pages of hash databases in the file but page 0.
    fn hash_metas(&self) -> Result<Vec<(u32, HashMeta)>, Stop> {
        let mut metas = Vec::new();
        self.file.each_page(|number, page| {
            if number != 0
                && let Ok(Meta { method: Method::Hash(meta), .. }) = Meta::parse(page, number)
            {
                metas.push((number, meta));
            }
            Ok::<(), Stop>(())
        })?;
        Ok(metas)
    }
}
