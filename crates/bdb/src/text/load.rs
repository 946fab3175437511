//! Reading databases from text.

use std::io::BufRead;

use kv_file_core::TextFormat;

use super::header::{Draft, DumpHeader};
use crate::error::{Error, ErrorKind, Result, TextProblem};
use crate::new_database::DatabaseBuilder;

/// Reads the text that `db_dump` prints and `db_load` takes ([section 26]), one pair at a time.
///
/// Stricter than `db_load` where a mistake would lose data in silence: a text must not end before
/// its last line `DATA=END`, nor a database with a key. The keywords `h_ffactor`, `keys`, `extentsize`
/// and `renumber` mean nothing here.
///
/// ```
/// use bdb_file::{DatabaseBuilder, DumpReader, HashDb, Keep};
///
/// let text = b"VERSION=3\nformat=print\ntype=hash\nHEADER=END\n root\\00\n bob\\00\nDATA=END\n";
/// let mut reader = DumpReader::new(&text[..]);
/// let header = reader.next_database()?.expect("there is one");
/// let mut builder = DatabaseBuilder::new(header.access_method, header.build_options());
/// reader.push_all(&mut builder)?;
/// assert_eq!(reader.next_database()?, None);
///
/// let mut file = Vec::new();
/// builder.plan(Keep::Last)?.write_to(&mut file)?;
/// assert_eq!(HashDb::open(file)?.get(b"root\0")?.as_deref(), Some(&b"bob\0"[..]));
/// # Ok::<(), bdb_file::Error>(())
/// ```
///
/// [section 26]: crate::specification::hash#26-dump-and-load-text-format-v
#[derive(Debug)]
pub struct DumpReader<R> {
    input: R,
    /// The line read last, and its number.
    line: Vec<u8>,
    number: u64,
    data: Data,
    format: TextFormat,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// How lines of data look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Data {
    /// None are to come.
    None,
    /// Each behind a space, up to `DATA=END`.
    Framed,
    /// As they are, up to the end of the text.
    Bare,
}

type Pair<'r> = (&'r [u8], &'r [u8]);

impl<R: BufRead> DumpReader<R> {
    /// Reads a dump: any number of databases.
    pub fn new(input: R) -> Self {
        DumpReader {
            input,
            line: Vec::new(),
            number: 0,
            data: Data::None,
            format: TextFormat::default(),
            key: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Reads plain text, `db_load -T`: lines that are in turn a key and its data, escaped as
    /// [`TextFormat::Print`] has it. There is no header: [`next_pair`](Self::next_pair) gives the
    /// first pair.
    pub fn plain(input: R) -> Self {
        DumpReader { data: Data::Bare, format: TextFormat::Print, ..Self::new(input) }
    }

    /// Goes to the next database, past what has not been read of the one before, and reads its
    /// header. `None` at the end of the text.
    ///
    /// # Errors
    /// [`ErrorKind::Text`] with the line, [`ErrorKind::Io`].
    pub fn next_database(&mut self) -> Result<Option<DumpHeader>> {
        while self.next_pair()?.is_some() {}
        let before = self.number;
        let mut draft = Draft::default();
        while self.next_line()? {
            if self.line == b"HEADER=END" {
                let (header, framed) = draft.finish().map_err(|problem| self.error(problem))?;
                self.data = if framed { Data::Framed } else { Data::Bare };
                self.format = header.format;
                return Ok(Some(header));
            }
            draft.take(&self.line).map_err(|problem| self.error(problem))?;
        }
        if self.number == before { Ok(None) } else { Err(self.error(TextProblem::NoHeaderEnd)) }
    }

    /// The next pair of the database, lent until the next call. `None` at its end.
    ///
    /// # Errors
    /// [`ErrorKind::Text`] with the line, [`ErrorKind::Io`].
    pub fn next_pair(&mut self) -> Result<Option<Pair<'_>>> {
        if !self.next_item()? {
            return Ok(None);
        }
        std::mem::swap(&mut self.key, &mut self.value);
        if !self.next_item()? {
            return Err(self.error(TextProblem::NoData));
        }
        Ok(Some((&self.key, &self.value)))
    }

    /// Pushes the rest of the database's pairs. Of several with the same key, `db_load` keeps the
    /// last, with its option `-n` the first: see [`Keep`](crate::Keep).
    ///
    /// # Errors
    /// As [`next_pair`](Self::next_pair) and [`DatabaseBuilder::push`].
    pub fn push_all(&mut self, builder: &mut DatabaseBuilder<'_>) -> Result<()> {
        while let Some((key, data)) = self.next_pair()? {
            builder.push(key, data)?;
        }
        Ok(())
    }

    /// Reads a key or data into `value`. Returns `true` if there was one before the end of the
    /// database.
    fn next_item(&mut self) -> Result<bool> {
        if self.data == Data::None {
            return Ok(false);
        }
        if !self.next_line()? {
            let may_end = self.data == Data::Bare;
            self.data = Data::None;
            return if may_end { Ok(false) } else { Err(self.error(TextProblem::NoDataEnd)) };
        }
        let text = match (self.data, self.line.split_first()) {
            (Data::Framed, Some((b' ', text))) => text,
            (Data::Framed, _) if self.line == b"DATA=END" => {
                self.data = Data::None;
                return Ok(false);
            }
            (Data::Framed, _) => return Err(self.error(TextProblem::Item)),
            _ => &self.line,
        };
        let decoded = self.format.decode(text, &mut self.value);
        decoded.map(|()| true).ok_or_else(|| self.error(TextProblem::Item))
    }

    /// Reads a line, without its end. Returns `true` if there was one.
    fn next_line(&mut self) -> Result<bool> {
        self.line.clear();
        if self.input.read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        Ok(true)
    }

    fn error(&self, problem: TextProblem) -> Error {
        ErrorKind::Text { line: self.number, problem }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "VERSION=3\nformat=print\ntype=hash\nHEADER=END\n";

    /// A database's name and its pairs.
    type Database = (Option<Vec<u8>>, Vec<String>);

    /// Reads all of a text.
    fn read(text: &str) -> Result<Vec<Database>> {
        let mut reader = DumpReader::new(text.as_bytes());
        let mut databases = Vec::new();
        while let Some(header) = reader.next_database()? {
            databases.push((header.database, pairs(&mut reader)?));
        }
        Ok(databases)
    }

    fn pairs(reader: &mut DumpReader<&[u8]>) -> Result<Vec<String>> {
        let mut pairs = Vec::new();
        while let Some((key, data)) = reader.next_pair()? {
            pairs.push(format!("{}:{}", key.escape_ascii(), data.escape_ascii()));
        }
        Ok(pairs)
    }

    /// The line at fault and what is wrong with it.
    fn problem(text: &str) -> (u64, TextProblem) {
        match read(text) {
            Err(error) => match error.into_kind() {
                ErrorKind::Text { line, problem } => (line, problem),
                other => panic!("{other}"),
            },
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_makes_sense() {
        for (text, read_pairs) in [
            (format!("{HEADER} a\n b\n c\\00\n \nDATA=END\n"), &["a:b", "c\\x00:"][..]),
            (format!("{HEADER}DATA=END"), &[]),
            ("type=hash\nHEADER=END\n61\n\n\n62\n".into(), &["a:", ":b"]),
            ("VERSION=2\ntype=hash\nHEADER=END\n 6A\n 62\nDATA=END\n".into(), &["j:b"]),
            (
                "h_nelem=5\nh_ffactor=8\nkeys=1\nchksum=0\ndb_lorder=4321\nVERSION=3\ndatabase=\n\
                 type=hash\nHEADER=END\nDATA=END\n"
                    .into(),
                &[],
            ),
        ] {
            let databases = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(databases, [(None, read_pairs.iter().map(|pair| (*pair).into()).collect())]);
        }
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn what_does_not() {
        use TextProblem::*;
        let data = |lines: &str| format!("{HEADER}{lines}");
        let header = |lines: &str| format!("VERSION=3\n{lines}type=hash\nHEADER=END\nDATA=END\n");
        let btree = |lines: &str| header(lines).replace("hash", "btree");
        for (text, line, wrong) in [
            ("VERSION=3\n".into(), 1, NoHeaderEnd),
            (header("\n"), 2, NotAHeaderLine),
            (header("words\n"), 2, NotAHeaderLine),
            (header("words=1\n"), 2, Keyword("words".into())),
            (header(" type=hash\n"), 2, Keyword(" type".into())),
            (header("re_len=3\n"), 2, Keyword("re_len".into())),
            (header("renumber=1\n"), 2, Keyword("renumber".into())),
            (header("bt_minkey=3\n"), 4, OtherType("bt_minkey")),
            (header("bt_minkey=1\n"), 2, Value("bt_minkey")),
            (header("recnum=1\n"), 4, OtherType("recnum")),
            (btree("h_nelem=3\n"), 4, OtherType("h_nelem")),
            (btree("h_ffactor=3\n"), 4, OtherType("h_ffactor")),
            (header("VERSION=0\n"), 2, Value("VERSION")),
            (header("VERSION=4\n"), 2, Value("VERSION")),
            (header("format=other\n"), 2, Value("format")),
            (header("type=other\n"), 2, Value("type")),
            (header("type=recno\n"), 2, AccessMethod),
            (header("database=\\\n"), 2, Value("database")),
            (header("h_nelem=\n"), 2, Value("h_nelem")),
            (header("h_nelem=+1\n"), 2, Value("h_nelem")),
            (header("h_nelem=4294967296\n"), 2, Value("h_nelem")),
            (header("db_pagesize=512 \n"), 2, Value("db_pagesize")),
            (header("db_lorder=3412\n"), 2, Value("db_lorder")),
            (header("chksum=2\n"), 2, Value("chksum")),
            ("VERSION=3\nHEADER=END\n".into(), 2, NoType),
            (data(""), 4, NoDataEnd),
            (data(" a\n"), 5, NoDataEnd),
            (data(" a\n b\n"), 6, NoDataEnd),
            (data(" a\nDATA=END\n"), 6, NoData),
            (data(" a\nb\nDATA=END\n"), 6, Item),
            (data("\nDATA=END\n"), 5, Item),
            (data(" \\\n b\nDATA=END\n"), 5, Item),
            (data("DATA=END\n\n"), 6, NotAHeaderLine),
            ("type=hash\nHEADER=END\n6\n".into(), 3, Item),
            ("type=hash\nHEADER=END\n61\n".into(), 3, NoData),
        ] {
            assert_eq!(problem(&text), (line, wrong), "{text}");
        }
    }

    #[test]
    fn databases_follow_each_other_whether_they_are_read_or_not() {
        let named = |name: &str| HEADER.replace("type", &format!("database={name}\ntype"));
        let text = format!("{} k\n a\nDATA=END\n{}DATA=END\n", named("a\\5cb"), named("c"));
        let databases = read(&text).unwrap();
        assert_eq!(databases[0], (Some(b"a\\b".into()), vec!["k:a".into()]));
        assert_eq!(databases[1], (Some(b"c".into()), vec![]));

        let mut reader = DumpReader::new(text.as_bytes());
        assert_eq!(reader.next_database().unwrap().unwrap().database.unwrap(), b"a\\b");
        assert_eq!(reader.next_database().unwrap().unwrap().database.unwrap(), b"c");
        assert_eq!(reader.next_database().unwrap(), None);
    }

    #[test]
    fn plain_text_has_no_header() {
        let mut reader = DumpReader::plain(&b"a b\n\\5c\\\\\n\n c"[..]);
        assert_eq!(pairs(&mut reader).unwrap(), ["a b:\\\\\\\\", ": c"]);
        let mut reader = DumpReader::plain(&b"a\nb\nc\n"[..]);
        let error = pairs(&mut reader).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Text { line: 3, problem: TextProblem::NoData }),
            "{error}"
        );
    }
}
