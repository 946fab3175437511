//! The command lines of `postmap` and `postalias` (postmap specification, section 1, and postalias
//! specification, section 1).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use postfix_maps::config::DEFAULT_CONFIG_DIR;
use postfix_maps::{Duplicates, Terminators};

use crate::getopt::{Getopt, Opt, OptError};

/// Which of the two programs this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Tables made of `key value` lines.
    Postmap,
    /// Tables made of `name: value` lines.
    Postalias,
}

impl Tool {
    /// The program's options, for [`Getopt`].
    fn letters(self) -> &'static str {
        match self {
            Tool::Postmap => "bc:d:fFhijmnNopq:rsuUvw",
            Tool::Postalias => "c:d:fijnNopq:rsuvw",
        }
    }

    /// What the program prints when it was called wrongly, after `fatal: `.
    pub fn usage(self, program: &[u8]) -> Vec<u8> {
        let flags = match self {
            Tool::Postmap => "bfFhimnNoprsuUvw",
            Tool::Postalias => "Nfinoprsuvw",
        };
        let options = format!(" [-{flags}] [-c config_dir] [-d key] [-q key] [map_type:]file...");
        [b"usage: ", program, options.as_bytes()].concat()
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Make tables from their sources.
    Create,
    /// `-i`: add entries from standard input.
    Update,
    /// `-q`: look keys up.
    Query(Keys),
    /// `-d`: delete keys.
    Delete(Keys),
    /// `-s`: list a table.
    List,
}

/// Which keys to look up or delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The one that was given.
    One(Vec<u8>),
    /// `-`: those that standard input has, one on a line, or as [`MessageKeys`] says.
    Stdin,
}

impl Keys {
    fn new(argument: &[u8]) -> Keys {
        match argument {
            b"-" => Keys::Stdin,
            key => Keys::One(key.to_vec()),
        }
    }
}

/// Which parts of a message on standard input are keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageKeys {
    /// `-b`: the lines of the body.
    pub body: bool,
    /// `-h`: the headers.
    pub headers: bool,
    /// `-m`: headers within the body too.
    pub mime: bool,
    /// `-U`: UTF-8 mode is possible.
    pub utf8: bool,
}

impl MessageKeys {
    /// Returns `true` if standard input is a message.
    pub fn any(self) -> bool {
        self.body || self.headers
    }
}

/// A command line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What is to be done.
    pub mode: Mode,
    /// The directory of `main.cf`: the last `-c`, else `MAIL_CONFIG`, else the default.
    pub config_dir: PathBuf,
    /// Whether case is folded: not with `-f`.
    pub fold: bool,
    /// `-F`: whether values are names of files on the way in, base64 on the way out.
    pub values_are_files: bool,
    /// Which keys a message has: `-b`, `-h`, `-m`, `-U`.
    pub message_keys: MessageKeys,
    /// `-j`: what `-q` and `-s` find is printed as JSON.
    pub json: bool,
    /// Terminating NULs: the last of `-n` and `-N`.
    pub terminators: Terminators,
    /// Entries with the same key: the last of `-r` and `-w`.
    pub duplicates: Duplicates,
    /// Whether root works as the owner of the source: not with `-o`.
    pub as_owner: bool,
    /// Whether a table gets the permissions of its source: not with `-p`.
    pub copy_mode: bool,
    /// Whether UTF-8 mode is possible: not with `-u`. See [`Invocation::utf8`].
    pub allow_utf8: bool,
    /// How many `-v` there are. `MAIL_VERBOSE` counts for one.
    pub verbosity: u32,
    /// The tables, `type:name` or `name`. Postfix looks whether there are any after it has read
    /// `main.cf`.
    pub tables: Vec<Vec<u8>>,
}

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgsError {
    /// An option is unknown or incomplete.
    Option(OptError),
    /// More than one of `-d`, `-q` and `-s`; with Postfix's words for it.
    Conflict(&'static str),
    /// `-b`, `-h` or `-m` without `-q -`.
    MessageKeys,
    /// `-j` without `-q` or `-s`.
    Json,
}

impl ArgsError {
    /// What the option parser says before the program does.
    pub fn getopt_message(&self) -> Option<Vec<u8>> {
        match self {
            ArgsError::Option(error) => Some(error.message()),
            _ => None,
        }
    }

    /// What the program says after `fatal: `.
    pub fn fatal_message(&self, tool: Tool, program: &[u8]) -> Vec<u8> {
        match self {
            ArgsError::Option(_) => tool.usage(program),
            ArgsError::Conflict(words) => words.as_bytes().to_vec(),
            ArgsError::Json => b"option -j requires -q or -s".to_vec(),
            ArgsError::MessageKeys => b"specify -b -h or -m only with \"-q -\"".to_vec(),
        }
    }
}

impl Invocation {
    /// Understands `words`, which do not include the program's name. `environment` looks a variable
    /// up.
    ///
    /// # Errors
    ///
    /// At the first word that is wrong.
    pub fn parse(
        tool: Tool,
        words: &[Vec<u8>],
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Invocation, ArgsError> {
        let config_dir = environment("MAIL_CONFIG").unwrap_or(DEFAULT_CONFIG_DIR.into());
        let mut invocation = Invocation {
            mode: Mode::Create,
            config_dir: config_dir.into(),
            fold: true,
            values_are_files: false,
            message_keys: MessageKeys::default(),
            json: false,
            terminators: Terminators::Either,
            duplicates: Duplicates::Warn,
            as_owner: true,
            copy_mode: true,
            allow_utf8: true,
            verbosity: environment("MAIL_VERBOSE").is_some().into(),
            tables: Vec::new(),
        };
        let mut getopt = Getopt::new(tool.letters(), words);
        for option in getopt.by_ref() {
            invocation.apply(option.map_err(ArgsError::Option)?)?;
        }
        if invocation.json && !matches!(invocation.mode, Mode::Query(_) | Mode::List) {
            return Err(ArgsError::Json);
        }
        invocation.tables = getopt.operands().to_vec();
        Ok(invocation)
    }

    fn apply(&mut self, option: Opt<'_>) -> Result<(), ArgsError> {
        match option {
            Opt::Short(b'b', _) => self.message_keys.body = true,
            Opt::Short(b'c', Some(dir)) => {
                self.config_dir = OsString::from_vec(dir.to_vec()).into();
            }
            Opt::Short(b'd', Some(key)) => self.set_mode(Mode::Delete(Keys::new(key)))?,
            Opt::Short(b'f', _) => self.fold = false,
            Opt::Short(b'F', _) => self.values_are_files = true,
            Opt::Short(b'h', _) => self.message_keys.headers = true,
            // Beside `-d`, `-q` and `-s` it means nothing.
            Opt::Short(b'i', _) if self.mode == Mode::Create => self.mode = Mode::Update,
            Opt::Short(b'i', _) => {}
            Opt::Short(b'j', _) => self.json = true,
            Opt::Short(b'm', _) => self.message_keys.mime = true,
            Opt::Short(b'N', _) => self.terminators = Terminators::With,
            Opt::Short(b'n', _) => self.terminators = Terminators::Without,
            Opt::Short(b'o', _) => self.as_owner = false,
            Opt::Short(b'p', _) => self.copy_mode = false,
            Opt::Short(b'q', Some(key)) => self.set_mode(Mode::Query(Keys::new(key)))?,
            Opt::Short(b'r', _) => self.duplicates = Duplicates::Replace,
            Opt::Short(b's', _) => self.set_mode(Mode::List)?,
            Opt::Short(b'u', _) => self.allow_utf8 = false,
            Opt::Short(b'U', _) => self.message_keys.utf8 = true,
            Opt::Short(b'v', _) => self.verbosity += 1,
            Opt::Short(b'w', _) => self.duplicates = Duplicates::Ignore,
            Opt::Short(..) => unreachable!("not an option of the tools"),
        }
        Ok(())
    }

    fn set_mode(&mut self, mode: Mode) -> Result<(), ArgsError> {
        let message = match (&self.mode, &mode) {
            (Mode::Create | Mode::Update, _) | (Mode::List, Mode::List) => {
                self.mode = mode;
                return Ok(());
            }
            (_, Mode::List) => "specify only one of -s or -q or -d",
            _ => "specify only one of -s -q or -d",
        };
        Err(ArgsError::Conflict(message))
    }

    /// Whether keys and values are UTF-8 text in this run, if `main.cf` says so (postmap
    /// specification, section 9).
    pub fn utf8(&self, smtputf8_enable: bool) -> bool {
        let keys = self.message_keys;
        smtputf8_enable && self.allow_utf8 && (keys.utf8 || !keys.any())
    }

    /// Returns `true` if `-F` concerns the output. It does not when keys come from a message
    /// (postmap specification, section 11).
    pub fn decodes_values(&self) -> bool {
        self.values_are_files && !self.message_keys.any()
    }

    /// Whether the options about messages make sense, and if so, what is to be warned of. Postfix
    /// looks after it has read `main.cf`.
    ///
    /// # Errors
    ///
    /// [`ArgsError::MessageKeys`].
    pub fn check_message_keys(&self) -> Result<Option<&'static str>, ArgsError> {
        let keys = self.message_keys;
        match self.mode {
            _ if !(keys.any() || keys.mime) => Ok(None),
            Mode::Query(Keys::Stdin) if keys.any() => Ok(None),
            Mode::Query(Keys::Stdin) => Ok(Some("ignoring -m option without -b or -h")),
            _ => Err(ArgsError::MessageKeys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn parse(tool: Tool, line: &str) -> Result<Invocation, ArgsError> {
        Invocation::parse(tool, &words(line), |_| None)
    }

    fn postmap(line: &str) -> Invocation {
        parse(Tool::Postmap, line).unwrap()
    }

    /// What a wrong line makes the program say.
    fn complaints(tool: Tool, line: &str) -> (String, String) {
        let error = parse(tool, line).unwrap_err();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let getopt = text(error.getopt_message().unwrap_or_default());
        (getopt, text(error.fatal_message(tool, b"yy")))
    }

    #[test]
    fn options() {
        let change = |change: fn(&mut Invocation)| {
            let mut invocation = postmap("");
            change(&mut invocation);
            invocation
        };
        let query = |key: &str| Mode::Query(Keys::One(key.into()));
        assert_eq!(postmap("").config_dir, PathBuf::from("/etc/postfix"));
        #[rustfmt::skip]
        let cases = [
            ("-b", change(|i| i.message_keys.body = true)),
            ("-c dir", change(|i| i.config_dir = "dir".into())),
            ("-c dir -cother", change(|i| i.config_dir = "other".into())),
            ("-d k", change(|i| i.mode = Mode::Delete(Keys::One(b"k".to_vec())))),
            ("-d -", change(|i| i.mode = Mode::Delete(Keys::Stdin))),
            ("-f", change(|i| i.fold = false)),
            ("-F", change(|i| i.values_are_files = true)),
            ("-h", change(|i| i.message_keys.headers = true)),
            ("-i", change(|i| i.mode = Mode::Update)),
            ("-js", change(|i| (i.json, i.mode) = (true, Mode::List))),
            ("-s -j", change(|i| (i.json, i.mode) = (true, Mode::List))),
            ("-m", change(|i| i.message_keys.mime = true)),
            ("-N", change(|i| i.terminators = Terminators::With)),
            ("-n", change(|i| i.terminators = Terminators::Without)),
            ("-nN", change(|i| i.terminators = Terminators::With)),
            ("-Nn", change(|i| i.terminators = Terminators::Without)),
            ("-o", change(|i| i.as_owner = false)),
            ("-p", change(|i| i.copy_mode = false)),
            ("-q -", change(|i| i.mode = Mode::Query(Keys::Stdin))),
            ("-r", change(|i| i.duplicates = Duplicates::Replace)),
            ("-w", change(|i| i.duplicates = Duplicates::Ignore)),
            ("-rw", change(|i| i.duplicates = Duplicates::Ignore)),
            ("-wr", change(|i| i.duplicates = Duplicates::Replace)),
            ("-s", change(|i| i.mode = Mode::List)),
            ("-s -s", change(|i| i.mode = Mode::List)),
            ("-is", change(|i| i.mode = Mode::List)),
            ("-si", change(|i| i.mode = Mode::List)),
            ("-u", change(|i| i.allow_utf8 = false)),
            ("-U", change(|i| i.message_keys.utf8 = true)),
            ("-v -vv", change(|i| i.verbosity = 3)),
            ("m -q k", change(|i| i.tables = words("m -q k"))),
            ("hash:m -- x:y:z", change(|i| i.tables = words("hash:m -- x:y:z"))),
            ("-- -q", change(|i| i.tables = words("-q"))),
        ];
        for (line, expected) in cases {
            assert_eq!(postmap(line), expected, "{line}");
        }
        for line in ["-q k", "-qk", "-fq k", "-i -q k", "-q k -i", "-w -r -q k"] {
            assert_eq!(postmap(line).mode, query("k"), "{line}");
        }
        assert_eq!(postmap("-q=k").mode, query("=k"));
    }

    #[test]
    fn wrong_options() {
        let map_usage =
            "usage: yy [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...";
        let alias_usage =
            "usage: yy [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...";
        let one = "specify only one of -s -q or -d";
        let or_one = "specify only one of -s or -q or -d";
        #[rustfmt::skip]
        let cases = [
            (Tool::Postmap, "-D hash:m", "invalid option -- 'D'", map_usage),
            (Tool::Postmap, "--foo", "invalid option -- '-'", map_usage),
            (Tool::Postmap, "-j", "", "option -j requires -q or -s"),
            (Tool::Postmap, "-q", "option requires an argument -- 'q'", map_usage),
            (Tool::Postmap, "-c", "option requires an argument -- 'c'", map_usage),
            (Tool::Postmap, "-q k -d", "option requires an argument -- 'd'", map_usage),
            (Tool::Postmap, "-D -q k -s", "invalid option -- 'D'", map_usage),
            (Tool::Postmap, "-q k -d k", "", one),
            (Tool::Postmap, "-d k -q k", "", one),
            (Tool::Postmap, "-q k -q k", "", one),
            (Tool::Postmap, "-d k -d k", "", one),
            (Tool::Postmap, "-s -q k", "", one),
            (Tool::Postmap, "-s -d k", "", one),
            (Tool::Postmap, "-q k -s", "", or_one),
            (Tool::Postmap, "-d k -s -D", "", or_one),
            (Tool::Postalias, "-q k -s", "", or_one),
            (Tool::Postalias, "-b", "invalid option -- 'b'", alias_usage),
            (Tool::Postalias, "-F", "invalid option -- 'F'", alias_usage),
            (Tool::Postalias, "-h", "invalid option -- 'h'", alias_usage),
            (Tool::Postalias, "-m", "invalid option -- 'm'", alias_usage),
            (Tool::Postalias, "-U", "invalid option -- 'U'", alias_usage),
        ];
        for (tool, line, getopt, fatal) in cases {
            assert_eq!(complaints(tool, line), (getopt.to_owned(), fatal.to_owned()), "{line}");
        }
        assert!(parse(Tool::Postalias, "-fijnoprsuvwNn -c dir").is_ok());
    }

    #[test]
    fn the_environment() {
        let parse = |line: &str, name: &str, value: &str| {
            let variable = |asked: &str| (asked == name).then(|| value.into());
            Invocation::parse(Tool::Postmap, &words(line), variable).unwrap()
        };
        assert_eq!(parse("", "MAIL_CONFIG", "dir").config_dir, PathBuf::from("dir"));
        assert_eq!(parse("", "MAIL_CONFIG", "").config_dir, PathBuf::from(""));
        assert_eq!(parse("-c x", "MAIL_CONFIG", "dir").config_dir, PathBuf::from("x"));
        assert_eq!(parse("", "MAIL_VERBOSE", "").verbosity, 1);
        assert_eq!(parse("-v", "MAIL_VERBOSE", "9").verbosity, 2);
    }

    #[test]
    fn utf8_mode() {
        let cases =
            [("", true), ("-u", false), ("-U", true), ("-m", true), ("-b", false), ("-h", false)];
        for (line, on) in cases {
            assert_eq!(postmap(line).utf8(true), on, "{line}");
            assert!(!postmap(line).utf8(false), "{line}");
        }
        assert!(postmap("-bU").utf8(true));
        assert!(!postmap("-hUu").utf8(true));
    }

    #[test]
    fn keys_from_messages() {
        let ignoring = Ok(Some("ignoring -m option without -b or -h"));
        let refused = Err(ArgsError::MessageKeys);
        let cases = [
            ("m", Ok(None)),
            ("-U m", Ok(None)),
            ("-q - m", Ok(None)),
            ("-b -q - m", Ok(None)),
            ("-hm -q - m", Ok(None)),
            ("-m -q - m", ignoring),
            ("-b m", refused.clone()),
            ("-h -q k m", refused.clone()),
            ("-m -d - m", refused.clone()),
            ("-bms m", refused),
        ];
        for (line, expected) in cases {
            assert_eq!(postmap(line).check_message_keys(), expected, "{line}");
        }
    }
}
