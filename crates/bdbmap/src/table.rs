//! Tables of the command line: their names, and their files, open for reading.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bdb_file::{Source, TextFormat};
use postfix_maps::{Database, DatabaseFile, Format, LockedFile, Problem, ToolError, Verdict};

use crate::output::tell;
use crate::progress::{Progress, Watched};

/// A table's file, from a name such as `hash:/etc/postfix/virtual` or a path.
#[derive(Clone, Debug)]
pub struct TableName(DatabaseFile);

impl From<OsString> for TableName {
    fn from(name: OsString) -> Self {
        TableName(DatabaseFile::new(name).lock_timeout(None))
    }
}

impl TableName {
    /// The file.
    pub fn file(&self) -> &DatabaseFile {
        &self.0
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The text that Postfix makes the file from.
    pub fn source(&self) -> PathBuf {
        self.0.source()
    }

    /// Opens the file, until it is closed under a lock against writers. Reading it will be
    /// progress.
    pub fn open<'p>(&self, progress: &'p Progress) -> anyhow::Result<TableFile<'p>> {
        let (file, format) = self.locked()?;
        if file.is_interrupted() {
            let name = self.path().display();
            tell(format_args!("{name}: a change was interrupted; read as if completed"));
        }
        self.opened(file, format, progress)
    }

    /// Opens the file as it is, in the same way, even if a change was interrupted; tells whether
    /// one was.
    pub fn open_as_stored<'p>(
        &self,
        progress: &'p Progress,
    ) -> anyhow::Result<(TableFile<'p>, bool)> {
        let (file, format) = self.locked()?;
        let interrupted = file.is_interrupted();
        Ok((self.opened(file.as_stored(), format, progress)?, interrupted))
    }

    fn locked(&self) -> anyhow::Result<(LockedFile, Format)> {
        self.0.open().with_context(|| self.path().display().to_string())
    }

    fn opened<'p>(
        &self,
        file: LockedFile,
        format: Format,
        progress: &'p Progress,
    ) -> anyhow::Result<TableFile<'p>> {
        progress.expect(file.len().with_context(|| self.path().display().to_string())?);
        let file = progress.watch(file);
        Ok(TableFile { name: self.path().display().to_string(), format, file })
    }
}

/// A table's file, which Postfix's programs do not change as long as it is open.
pub struct TableFile<'p> {
    name: String,
    format: Format,
    file: Watched<'p, LockedFile>,
}

impl TableFile<'_> {
    /// What to call the file in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file's bytes.
    pub fn source(&self) -> &dyn Source {
        &self.file
    }

    /// The names of its databases; none for a file that is one nameless database.
    pub fn database_names(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        self.format.database_names(&self.file).map_err(|error| self.error(error))
    }

    /// Its only database, for lookups besides what is read of it from one end to the other.
    pub fn lookups(&self) -> anyhow::Result<Box<dyn Database + '_>> {
        self.format.open(self.file.unwatched(), None).map_err(|error| self.error(error))
    }

    /// One of its databases, or the only one.
    pub fn database(&self, name: Option<&OsStr>) -> anyhow::Result<Box<dyn Database + '_>> {
        let name = name.map(OsStr::as_bytes);
        self.format.open(&self.file, name).map_err(|error| self.error(error))
    }

    /// Hands all that is wrong with the file to `report`, until that breaks off.
    pub fn verify(
        &self,
        report: impl FnMut(Problem) -> ControlFlow<()>,
    ) -> anyhow::Result<Verdict> {
        self.format.verify(&self.file, report).map_err(|error| self.error(error))
    }

    /// Writes one of its databases, or all of them, as text.
    pub fn dump(
        &self,
        name: Option<&OsStr>,
        format: TextFormat,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let name = name.map(OsStr::as_bytes);
        self.format.dump(&self.file, name, format, out).map_err(|error| self.error(error))
    }

    /// An error of the file, with its name.
    pub fn error(&self, error: ToolError) -> anyhow::Error {
        anyhow::Error::from_boxed(error).context(self.name.clone())
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
            ("cdb:/etc/virtual", "/etc/virtual.cdb", "/etc/virtual"),
            ("/etc/virtual.db", "/etc/virtual.db", "/etc/virtual"),
            ("static:virtual", "static:virtual", "static:virtual"),
        ] {
            let map = TableName::from(OsString::from(name));
            assert_eq!(map.path(), Path::new(path), "{name}");
            assert_eq!(map.source(), Path::new(source), "{name}");
        }
    }
}
