//! The parameters of `main.cf` that matter to lookup tables ([postmap specification, section 13]).
//!
//! [postmap specification, section 13]: crate::specification::postmap#13-maincf

mod environment;
mod error;
mod expand;
mod level;
mod logging;
mod parameters;
pub(crate) mod scan;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

pub use error::{ConfigError, ConfigProblem};
pub use level::CompatibilityLevel;
pub use logging::{LogService, Logging};

use crate::types::DEFAULT;
use environment::{Assignment, assignments};
use expand::expand;
use parameters::Parameters;
use scan::{split_list, whole_integer};

/// Where Postfix looks for `main.cf` when nobody says otherwise.
pub const DEFAULT_CONFIG_DIR: &str = "/etc/postfix";

/// What `main.cf` says, as far as it concerns lookup tables.
///
/// Everything is read and checked when the value is made, in the order in which `postmap` does it,
/// so that of several mistakes the same one is reported. Parameters that have nothing to do with
/// tables are not checked, and have no default here: a reference to one that the file does not set
/// expands to nothing.
///
/// ```
/// use std::path::Path;
/// use postfix_maps::config::Config;
///
/// let text = b"compatibility_level = 3.6\nmyhostname = mail.$mydomain\nmydomain = example.com\n";
/// let config = Config::parse(Path::new("/etc/postfix"), text)?;
/// assert!(config.smtputf8_enable());
/// assert_eq!(config.default_database_type(), b"hash");
/// assert_eq!(config.get("myhostname")?.unwrap(), b"mail.example.com");
/// # Ok::<(), postfix_maps::config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    parameters: Parameters,
    warnings: Vec<Vec<u8>>,
    compatibility_level: CompatibilityLevel,
    smtputf8_enable: bool,
    default_database_type: Vec<u8>,
    myhostname: Vec<u8>,
    import_environment: Vec<Assignment>,
    mime_limits: MimeLimits,
    logging: Logging,
}

/// How far messages are followed into their parts: `postmap -q -` with `-h` and `-m`.
///
/// By default what Postfix has by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MimeLimits {
    /// `header_size_limit`: to a header of that many bytes no line is added.
    pub header_size: usize,
    /// `mime_nesting_limit`: how deep multiparts are looked into.
    pub nesting: usize,
    /// `mime_boundary_length_limit`: how many bytes of a boundary matter.
    pub boundary_length: usize,
}

impl Default for MimeLimits {
    fn default() -> MimeLimits {
        MimeLimits { header_size: 102_400, nesting: 100, boundary_length: 2_048 }
    }
}

const INT: RangeInclusive<i64> = i32::MIN as i64..=i32::MAX as i64;
const LONG: RangeInclusive<i64> = i64::MIN..=i64::MAX;

impl Config {
    /// Reads `main.cf` in a directory.
    ///
    /// Unlike Postfix it does not wait for a file that was changed a moment ago to settle.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and as [`Config::parse`].
    pub fn load(dir: &Path) -> Result<Config, ConfigError> {
        let path = main_cf(dir);
        let file = || path.as_bytes().to_vec();
        let failure = |problem| Config::new(dir).failure(problem);
        let mut text = Vec::new();
        File::open(&path)
            .map_err(|source| failure(ConfigProblem::Open { file: file(), source }))?
            .read_to_end(&mut text)
            .map_err(|source| failure(ConfigProblem::Read { file: file(), source }))?;
        Config::parse(dir, &text)
    }

    /// Takes `text` for the contents of `main.cf` in a directory, which is not looked at.
    ///
    /// # Errors
    ///
    /// When a line is not `name = value`, or a parameter that concerns tables is wrong.
    pub fn parse(dir: &Path, text: &[u8]) -> Result<Config, ConfigError> {
        let file = main_cf(dir);
        let mut config = Config::new(dir);
        match config.evaluate(file.as_bytes(), text) {
            Ok(()) => Ok(config),
            Err(problem) => Err(config.failure(problem)),
        }
    }

    /// What is to be warned of in the file, in Postfix's words, with every byte as it is.
    pub fn warnings(&self) -> &[Vec<u8>] {
        &self.warnings
    }

    /// The expanded value of a parameter. None if the file does not set it and it has no default
    /// here.
    ///
    /// # Errors
    ///
    /// When the value does not expand.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ConfigError> {
        let Some(value) = self.parameters.get(name.as_bytes()) else {
            return Ok(None);
        };
        let mut warnings = Vec::new();
        expand(&self.parameters, value, &mut warnings).map(Some).map_err(|problem| ConfigError {
            problem,
            warnings,
            utf8: self.smtputf8_enable,
            logging: Box::new(self.logging.clone()),
        })
    }

    /// `compatibility_level`, by default 0.
    pub fn compatibility_level(&self) -> CompatibilityLevel {
        self.compatibility_level
    }

    /// Returns `true` if keys and values are UTF-8 text: by default when the compatibility level is
    /// 1 or higher.
    pub fn smtputf8_enable(&self) -> bool {
        self.smtputf8_enable
    }

    /// The type of tables that are named without one, by default `hash`. Not empty.
    pub fn default_database_type(&self) -> &[u8] {
        &self.default_database_type
    }

    /// The mail system's own host name, by default that of the machine. Not empty.
    ///
    /// A machine's name without a dot gets `$mydomain` appended, by default `localdomain`.
    pub fn myhostname(&self) -> &[u8] {
        &self.myhostname
    }

    /// The environment variables that `import_environment` sets, and their values, in order.
    pub fn import_environment(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.import_environment
    }

    /// How far messages are followed into their parts.
    pub fn mime_limits(&self) -> MimeLimits {
        self.mime_limits
    }

    /// How messages get into the mail log.
    pub fn logging(&self) -> &Logging {
        &self.logging
    }

    fn new(dir: &Path) -> Config {
        let mut parameters = Parameters::default();
        parameters.set(b"config_directory", dir.as_os_str().as_bytes());
        Config {
            parameters,
            warnings: Vec::new(),
            compatibility_level: CompatibilityLevel::default(),
            smtputf8_enable: false,
            default_database_type: Vec::new(),
            myhostname: Vec::new(),
            import_environment: Vec::new(),
            mime_limits: MimeLimits::default(),
            logging: Logging::default(),
        }
    }

    fn failure(self, problem: ConfigProblem) -> ConfigError {
        let Config { warnings, smtputf8_enable: utf8, logging, .. } = self;
        ConfigError { problem, warnings, utf8, logging: logging.into() }
    }

    /// Reads the file and then the parameters, in Postfix's order: a default counts as set from
    /// when it was first needed.
    fn evaluate(&mut self, file: &[u8], text: &[u8]) -> Result<(), ConfigProblem> {
        let read = self.parameters.read(file, text, &mut self.warnings);
        self.logging.early_warnings = self.warnings.len();
        read?;
        let level = self.value("compatibility_level", b"0")?;
        self.compatibility_level =
            CompatibilityLevel::parse(&level).ok_or(ConfigProblem::CompatibilityLevel(level))?;
        let facility = self.filled("syslog_facility", b"mail")?;
        self.value("multi_instance_name", b"")?;
        let maillog_file = self.value("maillog_file", b"")?;
        let maillog_prefixes = self.filled("maillog_file_prefixes", b"/var, /dev/stdout")?;
        self.logging.early_warnings = self.warnings.len();
        let Some(number) = logging::facility(&facility) else {
            let (file, value) = (file.to_vec(), facility);
            return Err(ConfigProblem::SyslogFacility { file, value });
        };
        self.logging.facility = number;
        let utf8_default = b"${{$compatibility_level} <level {1} ? {no} : {yes}}";
        self.smtputf8_enable = self.boolean("smtputf8_enable", utf8_default)?;
        let hostname = self.system_hostname()?;
        self.myhostname = self.filled("myhostname", &hostname)?;
        let domain = self.myhostname.splitn(2, |byte| *byte == b'.').nth(1);
        let domain = domain.unwrap_or(b"localdomain").to_vec();
        self.filled("mydomain", &domain)?;
        let syslog_name = b"${multi_instance_name?{$multi_instance_name}:{postfix}}";
        let syslog_name = self.filled("syslog_name", syslog_name)?;
        let postlog_service = self.filled("postlog_service_name", b"postlog")?;
        let queue_directory = self.filled("queue_directory", b"/var/spool/postfix")?;
        self.default_database_type =
            self.filled("default_database_type", DEFAULT.name.as_bytes())?;
        let import = b"MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C \
                       POSTLOG_SERVICE POSTLOG_HOSTNAME";
        let import = self.value("import_environment", import)?;
        self.number("berkeley_db_create_buffer_size", 16_777_216, INT)?;
        self.number("berkeley_db_read_buffer_size", 131_072, INT)?;
        let MimeLimits { header_size, nesting, boundary_length } = MimeLimits::default();
        self.mime_limits = MimeLimits {
            header_size: self.number("header_size_limit", header_size, INT)?,
            nesting: self.number("mime_nesting_limit", nesting, INT)?,
            boundary_length: self.number("mime_boundary_length_limit", boundary_length, INT)?,
        };
        self.number("lmdb_map_size", 16_777_216, LONG)?;
        self.import_environment = assignments(&import)?;
        // Postfix puts its name into the environment before it imports what main.cf asks for.
        self.logging.name = self.imported(b"MAIL_LOGTAG").or(Some(syslog_name));
        self.logging.time_zone = self.imported(b"TZ");
        let mut prefixes = split_list(&maillog_prefixes);
        if !maillog_file.is_empty() && !prefixes.any(|prefix| maillog_file.starts_with(prefix)) {
            return Err(ConfigProblem::MaillogFile(maillog_file));
        }
        self.logging.service = match maillog_file.is_empty() {
            true => LogService::Syslog,
            false => LogService::Postlog(logging::socket(&queue_directory, &postlog_service)),
        };
        Ok(())
    }

    /// What `import_environment` sets a variable to.
    fn imported(&self, name: &[u8]) -> Option<Vec<u8>> {
        let found = self.import_environment.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// The expanded value of a parameter, or of its default, which it has from now on.
    fn value(&mut self, name: &str, default: &[u8]) -> Result<Vec<u8>, ConfigProblem> {
        let name = name.as_bytes();
        match self.parameters.get(name) {
            Some(value) => expand(&self.parameters, value, &mut self.warnings),
            None => {
                let value = expand(&self.parameters, default, &mut self.warnings)?;
                self.parameters.set(name, &value);
                Ok(value)
            }
        }
    }

    fn filled(&mut self, name: &'static str, default: &[u8]) -> Result<Vec<u8>, ConfigProblem> {
        let value = self.value(name, default)?;
        if value.is_empty() {
            return Err(ConfigProblem::Empty { name });
        }
        Ok(value)
    }

    fn boolean(&mut self, name: &'static str, default: &[u8]) -> Result<bool, ConfigProblem> {
        let value = self.value(name, default)?;
        match value.to_ascii_lowercase().as_slice() {
            b"yes" => Ok(true),
            b"no" => Ok(false),
            _ => Err(ConfigProblem::Boolean { name, value }),
        }
    }

    /// A number that is at least 1 and in the range of its type.
    fn number(
        &mut self,
        name: &'static str,
        default: usize,
        range: RangeInclusive<i64>,
    ) -> Result<usize, ConfigProblem> {
        let value = self.value(name, default.to_string().as_bytes())?;
        match whole_integer(&value).filter(|number| range.contains(number)) {
            Some(value) if value < 1 => Err(ConfigProblem::TooSmall { name, value }),
            // What does not fit into memory limits nothing in it.
            Some(number) => Ok(number.try_into().unwrap_or(usize::MAX)),
            None => Err(ConfigProblem::Number { name, value }),
        }
    }

    /// The machine's name, with a domain.
    fn system_hostname(&mut self) -> Result<Vec<u8>, ConfigProblem> {
        let uname = rustix::system::uname();
        let name = uname.nodename().to_bytes();
        if name.contains(&b'.') || self.parameters.get(b"myhostname").is_some() {
            return Ok(name.to_vec());
        }
        let domain = match self.parameters.get(b"mydomain") {
            Some(domain) => expand(&self.parameters, domain, &mut self.warnings)?,
            None => b"localdomain".to_vec(),
        };
        Ok([name, b".", &domain].concat())
    }
}

impl Default for Config {
    /// Postfix's defaults, those that hold with an empty `main.cf`. UTF-8 mode is off.
    fn default() -> Config {
        Config::parse(Path::new(DEFAULT_CONFIG_DIR), b"").expect("Postfix's defaults are valid")
    }
}

/// Postfix joins the names as text: the directory `etc/` gives `etc//main.cf`, an empty one
/// `/main.cf`.
fn main_cf(dir: &Path) -> OsString {
    let mut path = dir.as_os_str().to_owned();
    path.push("/main.cf");
    path
}

#[cfg(test)]
mod tests;
