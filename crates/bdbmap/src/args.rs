//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::table::TableName;

/// Checks, salvages, dumps, loads and compares the files of Postfix's hash:, btree: and cdb: tables
///
/// A MAP is the path of a file, or TYPE:PATH as in Postfix: hash:PATH and btree:PATH are the file PATH.db, and
/// cdb:PATH is PATH.cdb. What a file at a path is, its contents tell; of a file that is yet to be
/// made, its suffix. Berkeley DB files are read under a shared lock, for which Postfix's programs
/// wait. Only load and recover change a file.
///
/// Exit status: 0 for yes, done, equal, found or sound; 1 for no, different, not found or damaged;
/// 2 for trouble.
#[derive(Debug, Parser)]
#[command(name = "bdbmap", version, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Verify(VerifyArgs),
    Recover(RecoverArgs),
    Salvage(SalvageArgs),
    Stat(StatArgs),
    Dump(DumpArgs),
    Load(LoadArgs),
    Get(GetArgs),
    Diff(DiffArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write man pages, one for each subcommand
    Man {
        /// Where to write them
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// One database of a file.
#[derive(Debug, clap::Args)]
pub struct DatabaseArgs {
    /// The file: its path, or TYPE:PATH as in Postfix
    #[arg(value_hint = ValueHint::FilePath)]
    pub map: TableName,

    /// The database of this name, in a file of several
    #[arg(short = 's', long, value_name = "NAME")]
    pub database: Option<OsString>,
}

/// How Postfix prepares keys. The defaults are those of a current configuration.
#[derive(Debug, clap::Args)]
pub struct KeyArgs {
    /// Keys are not folded to lower case (postmap -f)
    #[arg(long)]
    pub no_fold: bool,

    /// Keys and values need not be UTF-8 (smtputf8_enable = no)
    #[arg(long)]
    pub no_utf8: bool,
}

/// Check files, and tell all that is wrong with them
///
/// All databases of a file are checked. Exit status 1 if a file is damaged; notes are about what is
/// odd, but harmless. A file is checked as it is, as Postfix's programs see it: one of which a
/// change was interrupted ("bdbmap recover" completes it) is damaged.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The files: paths, or TYPE:PATH as in Postfix
    #[arg(required = true, value_name = "MAP", value_hint = ValueHint::FilePath)]
    pub maps: Vec<TableName>,

    /// Print nothing, and stop at the first damage
    #[arg(short, long)]
    pub quiet: bool,

    /// Print one JSON object for each problem and each file, on a line of its own
    #[arg(long, conflicts_with = "quiet")]
    pub json: bool,
}

/// Complete changes that were interrupted, before Postfix reads the files
///
/// A process that is killed while it overwrites parts of a large file, or a power failure then,
/// leaves a file of which some pages are new. postmap, postalias and bdbmap know what is missing
/// and complete it; Postfix's own programs do not. A change that had not begun, or is that of
/// another file, is discarded. For a service file: ExecStartPre=bdbmap recover FILE...
#[derive(Debug, clap::Args)]
pub struct RecoverArgs {
    /// The files: paths, or TYPE:PATH as in Postfix
    #[arg(required = true, value_name = "MAP", value_hint = ValueHint::FilePath)]
    pub maps: Vec<TableName>,

    /// Say nothing of files of which no change was interrupted
    #[arg(short, long)]
    pub quiet: bool,
}

/// Print every pair that can still be read from a damaged Berkeley DB file, as "load" takes it
///
/// A pair is doubtful where something speaks against it: its page is damaged, nothing leads to it,
/// or its key comes twice. The most trustworthy come first: "load --no-overwrite" keeps those. Exit
/// status 1 if there are doubts.
#[derive(Debug, clap::Args)]
pub struct SalvageArgs {
    /// The file: its path, or TYPE:PATH as in Postfix
    #[arg(value_hint = ValueHint::FilePath)]
    pub map: TableName,

    /// Print doubtful pairs, too, as far as they have a key
    #[arg(short, long)]
    pub doubtful: bool,

    /// Print characters instead of hexadecimal digits wherever possible
    #[arg(short, long)]
    pub print: bool,

    /// Print one JSON object for each pair, on a line of its own, with all that speaks against it
    #[arg(long, conflicts_with_all = ["doubtful", "print"])]
    pub json: bool,
}

/// Tell how many keys a database has and how its file is used
#[derive(Debug, clap::Args)]
pub struct StatArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Print the databases of a file as db_dump does, or cdb -d
///
/// All of them, each with its name, where the file holds several.
#[derive(Debug, clap::Args)]
pub struct DumpArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Print characters instead of hexadecimal digits wherever possible; a cdb file has one form
    #[arg(short, long)]
    pub print: bool,

    /// Print the names of the databases only; exit status 1 for a file that is one nameless
    /// database
    #[arg(short, long, conflicts_with_all = ["database", "print", "json"])]
    pub list: bool,

    /// Print one JSON object for each pair, on a line of its own
    ///
    /// A key or value that is not UTF-8 is an object with the field "hex" instead of a string.
    #[arg(long, conflicts_with = "print")]
    pub json: bool,
}

/// Make a file of what db_dump, cdb -d or "bdbmap dump" printed
///
/// The file holds the databases of the text, laid out anew. Of several data for the same key the
/// last one counts, unless the database allows several; a cdb file keeps all, of which lookups find
/// the first. A text that has been cut short is refused, and the file is not made.
#[derive(Debug, clap::Args)]
pub struct LoadArgs {
    /// The file: its path, or TYPE:PATH as in Postfix
    #[arg(value_hint = ValueHint::FilePath)]
    pub map: TableName,

    /// The text; standard input without it
    #[arg(value_hint = ValueHint::FilePath)]
    pub text: Option<PathBuf>,

    /// The text has no header: its lines are in turn a key and its data, escaped as "dump --print"
    /// does
    #[arg(short = 'T', long)]
    pub plain: bool,

    /// Of several data for the same key the first one counts; the others are reported, with exit
    /// status 1, as are pairs that come again in a database with sorted duplicates
    #[arg(short, long)]
    pub no_overwrite: bool,

    /// Load only the database of this name, into a file of its own
    #[arg(short = 's', long, value_name = "NAME", conflicts_with = "plain")]
    pub database: Option<OsString>,

    /// Replace the file if there is one
    #[arg(short, long)]
    pub force: bool,
}

/// Look keys up
///
/// As Postfix does: keys are folded and may end in a NUL in the file, and values are printed up to
/// their first NUL. Exit status 1 if a key was not found.
#[derive(Debug, clap::Args)]
pub struct GetArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// The keys; for each of several, the output has the key, a tab and the value
    #[arg(required = true, value_name = "KEY")]
    pub keys: Vec<OsString>,

    #[command(flatten)]
    pub rules: KeyArgs,

    /// Look up just these bytes; keys and values are written as "dump --print" does
    #[arg(short, long, conflicts_with_all = ["no_fold", "no_utf8"])]
    pub exact: bool,

    /// Print one JSON object for each value, on a line of its own
    #[arg(long)]
    pub json: bool,
}

/// Tell what differs between two maps, or between a map and its text
///
/// Lines with - have what is only in MAP, lines with + what is only in OTHER, as "dump --print"
/// writes it. A NUL at the end of a key or a value makes no difference. Exit status 1 if there are
/// differences.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The file: its path, or TYPE:PATH as in Postfix
    #[arg(value_hint = ValueHint::FilePath)]
    pub map: TableName,

    /// The other map; with --text or --aliases, the text, which is MAP without its suffix
    /// unless given
    #[arg(value_hint = ValueHint::FilePath, required_unless_present_any = ["text", "aliases"])]
    pub other: Option<OsString>,

    /// OTHER is the text of a table, as postmap reads it
    #[arg(short, long, conflicts_with = "aliases")]
    pub text: bool,

    /// OTHER is the text of an alias database, as postalias reads it
    #[arg(short, long)]
    pub aliases: bool,

    #[command(flatten)]
    pub rules: KeyArgs,

    /// A NUL at the end makes a difference, too
    #[arg(short, long, conflicts_with_all = ["text", "aliases"])]
    pub exact: bool,

    /// Print one JSON object for each key that differs, on a line of its own
    #[arg(long)]
    pub json: bool,
}
