//! What all of a program's work refers to.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use postfix_maps::config::{Config, DEFAULT_CONFIG_DIR};
use postfix_maps::tools::file_values;
use postfix_maps::{Access, Error, KeyRules, Table, TableOptions, TableSpec, WriteOptions};

use crate::args::{Invocation, Tool};
use crate::message::Log;
use crate::output::Output;

/// Why the program ends early, with status 1.
#[derive(Debug)]
pub enum Fatal {
    /// In these words.
    Message(Vec<u8>),
    /// Because of a table.
    Table(Error),
}

impl From<Error> for Fatal {
    fn from(error: Error) -> Self {
        Fatal::Table(error)
    }
}

/// What all of a program's work refers to.
pub struct Session<'i> {
    /// Which program this is.
    pub tool: Tool,
    /// The command line.
    pub invocation: &'i Invocation,
    /// main.cf.
    pub config: Config,
    /// Where messages go.
    pub log: &'i Log,
}

/// How many bytes of a value are shown in a message about it.
const EXCERPT: usize = 30;

impl Session<'_> {
    /// The tables of the command line.
    pub fn tables(&self) -> Vec<TableSpec> {
        let default_type = self.config.default_database_type();
        let names = self.invocation.tables.iter().map(|name| OsStr::from_bytes(name));
        names.map(|name| TableSpec::parse(name, default_type)).collect()
    }

    /// UTF-8 mode and folding of keys.
    pub fn key_rules(&self) -> KeyRules {
        let utf8 = self.invocation.utf8(self.config.smtputf8_enable());
        KeyRules::default().utf8(utf8).fold(self.invocation.fold)
    }

    /// Opens a table for reading, with the warnings that belong to it.
    pub fn open(&self, spec: &TableSpec, access: Access) -> Result<Table, Fatal> {
        let options = TableOptions::default()
            .rules(self.key_rules())
            .terminators(self.invocation.terminators)
            .access(access)
            .duplicates(self.invocation.duplicates)
            .values_are_files(self.invocation.values_are_files)
            .environment(self.environment())
            .lock_timeout(None);
        let table =
            Table::open_with_warnings(spec.clone(), options, |warning| self.log.warning(warning))?;
        if table.is_older_than_source() {
            self.warn_of_newer_source(spec, table.file());
        }
        Ok(table)
    }

    /// What Postfix has put in its environment by now: where main.cf is, and what main.cf asks for.
    fn environment(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let config_dir = &self.invocation.config_dir;
        let named = config_dir != Path::new(DEFAULT_CONFIG_DIR);
        let config_dir = (b"MAIL_CONFIG".to_vec(), config_dir.as_os_str().as_bytes().to_vec());
        let config_dir = named.then_some(config_dir);
        config_dir.into_iter().chain(self.config.import_environment().iter().cloned()).collect()
    }

    /// Warns of a table that should be made anew.
    pub fn warn_of_newer_source(&self, spec: &TableSpec, file: &Path) {
        let (file, source) = (file.as_os_str().as_bytes(), spec.source().as_os_str().as_bytes());
        let text: [&[u8]; 4] = [b"database ", file, b" is older than source file ", source];
        self.log.warning(&text.concat());
    }

    /// How tables are changed.
    pub fn write_options(&self) -> WriteOptions {
        WriteOptions::default()
            .rules(self.key_rules())
            .terminators(self.invocation.terminators)
            .duplicates(self.invocation.duplicates)
            .lock_timeout(None)
    }

    /// Prints a key that was found and its value.
    pub fn put_pair(&self, output: &mut Output, key: &[u8], value: &[u8]) {
        match self.tool {
            _ if self.invocation.json => output.put_json(key, value),
            Tool::Postmap => output.put(&[key, b"\t", value, b"\n"]),
            Tool::Postalias => output.put(&[key, b":\t", value, b"\n"]),
        }
    }

    /// A stored value as it is meant. Nothing, and a warning, where it should be base64 and is not.
    pub fn decode<'v>(
        &self,
        table: &Table,
        key: &[u8],
        value: Cow<'v, [u8]>,
    ) -> Option<Cow<'v, [u8]>> {
        if !self.invocation.decodes_values() {
            return Some(value);
        }
        let decoded = file_values::decode(&value);
        if decoded.is_none() {
            let text = value.get(..EXCERPT).unwrap_or(&value);
            let table = table.internal_name();
            let parts: [&[u8]; 6] =
                [b"table ", &table, b": key ", key, b": malformed BASE64 value: ", text];
            self.log.warning(&parts.concat());
        }
        decoded.map(Cow::Owned)
    }

    /// Warns of a value that Postfix's programs would not know what to do with.
    pub fn warn_of_empty_value(&self, table: &[u8], key: &[u8]) {
        let parts: [&[u8]; 5] =
            [b"table ", table, b": key ", key, b": empty string result is not allowed"];
        self.log.warning(&parts.concat());
        let parts: [&[u8]; 3] =
            [b"table ", table, b" should return NO RESULT in case of NOT FOUND"];
        self.log.warning(&parts.concat());
    }
}
