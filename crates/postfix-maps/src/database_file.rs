//! Files in the formats of tables, whether they are a table's or not.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kv_file_core::{Source, TextFormat};

use crate::formats::FileFormat;
use crate::formats::tools::{Database, Problem, ToolResult, Verdict};
use crate::locked_file::LockedFile;
use crate::sharing::lock::{DEFAULT_PATIENCE, open_regular};
use crate::spec::TableSpec;
use crate::types;

/// The bytes by which the format of a file is known.
const HEAD: usize = 2048;

/// A file that a table or a program keeps its data in: by its name, whether it is there or not.
///
/// ```
/// # #[cfg(feature = "write")] {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("people.db");
/// use bdb_file::{BuildOptions, HashBuilder, Keep};
/// use postfix_maps::DatabaseFile;
///
/// let mut builder = HashBuilder::new(BuildOptions::default());
/// builder.push(b"bob", b"baker")?;
/// let people = DatabaseFile::new(&path); // or "hash:/etc/postfix/virtual"
/// people.replace(0o600, &builder.plan(Keep::Last)?)?;
///
/// let (file, format) = people.open()?;
/// let database = format.open(&file, None)?;
/// assert_eq!(database.get_all(b"bob".into())?, [b"baker"]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
/// ```
#[derive(Clone, Debug)]
pub struct DatabaseFile {
    pub(crate) path: PathBuf,
    /// `None` for a file that is named by its path.
    pub(crate) format: Option<Format>,
    pub(crate) lock_timeout: Option<Duration>,
}

impl DatabaseFile {
    /// The file of a table such as `hash:/etc/postfix/virtual`, or the file at a path.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref();
        let (path, format) = match types::file_format(&TableSpec::parse(name, b"")) {
            Some((format, path)) => (path, Some(Format(format))),
            None => (name.into(), None),
        };
        DatabaseFile { path, format, lock_timeout: DEFAULT_PATIENCE }
    }

    /// How long to wait for others who have the file locked, by default 60 seconds; `None` waits for
    /// as long as it takes. See [Locks](crate#locks).
    #[must_use]
    pub fn lock_timeout(self, lock_timeout: Option<Duration>) -> Self {
        DatabaseFile { lock_timeout, ..self }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text that Postfix's tools make it from: the path without its suffix.
    pub fn source(&self) -> PathBuf {
        self.path.with_extension("")
    }

    /// The format that the file has, as far as its name tells: by the table's type or the suffix.
    pub fn format(&self) -> Format {
        self.format.unwrap_or_else(|| Format(named(&self.path).unwrap_or(types::DEFAULT)))
    }

    /// Opens the file, under a shared lock where its format has one, and tells its format: that of
    /// the table's type, or else what the file's first bytes say.
    ///
    /// # Errors
    /// Those of opening, locking and reading the file; that it is no regular file.
    pub fn open(&self) -> io::Result<(LockedFile, Format)> {
        let format = match self.format {
            Some(format) => format,
            None => match format_of(&open_regular(&self.path)?, &self.path)? {
                Some(format) => Format(format),
                None => Format(types::DEFAULT),
            },
        };
        Ok((LockedFile::open_by(&self.path, format.0.sharing, self.lock_timeout)?, format))
    }
}

/// The format of a file, if its first bytes tell it, or else its name.
pub(crate) fn format_of(file: &File, path: &Path) -> io::Result<Option<&'static FileFormat>> {
    let mut head = [0; HEAD];
    let mut len = 0;
    while len < HEAD {
        match file.read_at(&mut head[len..], len as u64)? {
            0 => break,
            more => len += more,
        }
    }
    let head = &head[..len];
    let by_contents = types::file_formats().find(|format| (format.tools.is_database)(head));
    Ok(by_contents.or_else(|| named(path)))
}

/// The format that a file should have by its name, if that has a suffix.
fn named(path: &Path) -> Option<&'static FileFormat> {
    let name = path.as_os_str().as_encoded_bytes();
    types::file_formats().find(|format| name.ends_with(format.suffix.as_bytes()))
}

/// A format of files that tables are in: what can be asked of such a file as a whole.
///
/// Errors are in words for programs, and without the file's name: whoever asks knows it.
#[derive(Clone, Copy)]
pub struct Format(pub(crate) &'static FileFormat);

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Format").field(&self.0.name).finish()
    }
}

impl Format {
    /// The names of the databases of a file, in their order; none for a file that is one nameless
    /// database.
    ///
    /// # Errors
    /// What is wrong with the file; what reading it gave.
    pub fn database_names(self, file: &dyn Source) -> ToolResult<Vec<Vec<u8>>> {
        (self.0.tools.database_names)(file)
    }

    /// Opens the database of this name, or the only one.
    ///
    /// # Errors
    /// What is wrong with the file; that it has no such database; what reading it gave.
    pub fn open<'s>(
        self,
        file: &'s dyn Source,
        name: Option<&[u8]>,
    ) -> ToolResult<Box<dyn Database + 's>> {
        (self.0.tools.open)(file, name)
    }

    /// Hands all that is wrong with a file to `report`, until that breaks off.
    ///
    /// # Errors
    /// That the file cannot be judged at all; what reading it gave. Damage is reported, and is no
    /// error.
    pub fn verify(
        self,
        file: &dyn Source,
        mut report: impl FnMut(Problem) -> ControlFlow<()>,
    ) -> ToolResult<Verdict> {
        (self.0.tools.verify)(file, &mut report)
    }

    /// Writes the database of this name, or all of them, as the text of the format's own tools:
    /// `db_dump`, or `cdb -d`, which has one form only.
    ///
    /// # Errors
    /// As [`open`](Self::open); damage on the way, and what `out` gave, after part of the text.
    pub fn dump(
        self,
        file: &dyn Source,
        name: Option<&[u8]>,
        format: TextFormat,
        out: &mut dyn Write,
    ) -> ToolResult<()> {
        (self.0.tools.dump)(file, name, format, out)
    }
}
