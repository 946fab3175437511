//! Tables of the command line: their names, and their files, open for reading.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bdb_file::{HashDb, Source, database_names};
use postfix_maps::{LockedFile, TableSpec};

use crate::output::tell;
use crate::progress::{Progress, Watched};

/// The path of a table's file, from a name such as `hash:/etc/postfix/virtual` or a path.
#[derive(Clone, Debug)]
pub struct TableName(PathBuf);

impl From<OsString> for TableName {
    fn from(name: OsString) -> Self {
        TableName(TableSpec::parse(&name, b"").database().unwrap_or_else(|| name.into()))
    }
}

impl TableName {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The text that Postfix makes the file from.
    pub fn source(&self) -> PathBuf {
        self.0.with_extension("")
    }

    /// Opens the file, until it is closed under a lock against writers. Reading it will be
    /// progress.
    pub fn open<'p>(&self, progress: &'p Progress) -> anyhow::Result<TableFile<'p>> {
        let file = self.locked()?;
        if file.is_interrupted() {
            let name = self.0.display();
            tell(format_args!("{name}: a change was interrupted; read as if completed"));
        }
        self.file(file, progress)
    }

    /// Opens the file as it is, in the same way, even if a change was interrupted; tells whether
    /// one was.
    pub fn open_as_stored<'p>(
        &self,
        progress: &'p Progress,
    ) -> anyhow::Result<(TableFile<'p>, bool)> {
        let file = self.locked()?;
        let interrupted = file.is_interrupted();
        Ok((self.file(file.as_stored(), progress)?, interrupted))
    }

    fn locked(&self) -> anyhow::Result<LockedFile> {
        LockedFile::open(&self.0).with_context(|| self.0.display().to_string())
    }

    fn file<'p>(&self, pages: LockedFile, progress: &'p Progress) -> anyhow::Result<TableFile<'p>> {
        progress.expect(pages.len().with_context(|| self.0.display().to_string())?);
        Ok(TableFile { path: self.0.clone(), pages, progress })
    }
}

/// A table's file, which Postfix's programs do not change as long as it is open.
pub struct TableFile<'p> {
    path: PathBuf,
    pages: LockedFile,
    progress: &'p Progress,
}

impl TableFile<'_> {
    /// What to call the file in messages.
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The file's pages.
    pub fn pages(&self) -> Watched<'_, LockedFile> {
        self.progress.watch(&self.pages)
    }

    /// The names of its databases; none for a file that is one nameless database.
    pub fn database_names(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        database_names(self.pages()).with_context(|| self.name())
    }

    /// Its only database, for lookups besides what is read of it from one end to the other.
    pub fn lookups(&self) -> anyhow::Result<HashDb<Watched<'_, LockedFile>>> {
        HashDb::open(Watched::not(&self.pages)).with_context(|| self.name())
    }

    /// One of its databases, or the only one.
    pub fn database(
        &self,
        name: Option<&OsStr>,
    ) -> anyhow::Result<HashDb<Watched<'_, LockedFile>>> {
        let database = match name {
            Some(name) => HashDb::open_named(self.pages(), name.as_bytes()),
            None => HashDb::open(self.pages()),
        };
        database.with_context(|| self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (name, path, source) in [
            ("hash:/etc/virtual", "/etc/virtual.db", "/etc/virtual"),
            ("hash:virtual.db", "virtual.db.db", "virtual.db"),
            ("/etc/virtual.db", "/etc/virtual.db", "/etc/virtual"),
            ("btree:virtual", "btree:virtual", "btree:virtual"),
        ] {
            let map = TableName::from(OsString::from(name));
            assert_eq!(map.path(), Path::new(path), "{name}");
            assert_eq!(map.source(), Path::new(source), "{name}");
        }
    }
}
