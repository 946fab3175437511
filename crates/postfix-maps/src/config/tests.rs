use std::path::Path;

use proptest::prelude::*;

use super::*;

fn parse(text: &[u8]) -> Result<Config, ConfigError> {
    Config::parse(Path::new("DIR"), text)
}

/// What `postmap` prints about a file: its warnings, and its last words if it gives up.
fn printed(text: &[u8]) -> Vec<String> {
    let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match parse(text) {
        Ok(config) => config.warnings().iter().map(|warning| string(warning)).collect(),
        Err(error) => {
            let warnings = error.warnings().iter().map(|warning| string(warning));
            warnings.chain([format!("fatal: {error}")]).collect()
        }
    }
}

#[test]
fn messages() {
    let long_x = "x".repeat(31);
    let excerpt = format!(
        "DIR/main.cf: logical line must not start with whitespace: \" {}...\"",
        &long_x[..29]
    );
    let indented = format!(" {long_x}");
    #[rustfmt::skip]
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("#c\n\na = 1\n  2\n\n  # c\n  3\n", &[]),
        ("a=1\na=1\n", &[]),
        ("a=1\n", &[]),
        ("a=1\na=2\na=3\n", &[
            "DIR/main.cf, line 2: overriding earlier entry: a=1", "DIR/main.cf, line 3: overriding earlier entry: a=2"]),
        ("a=1\n  2\nb=1\na=3\n", &["DIR/main.cf, line 4: overriding earlier entry: a=1  2"]),
        ("config_directory=x", &["DIR/main.cf, line 1: overriding earlier entry: config_directory=DIR"]),
        (" a=1\nb=2\n", &["DIR/main.cf: logical line must not start with whitespace: \" a=1\""]),
        ("\x0b=1\n", &["DIR/main.cf: logical line must not start with whitespace: \"\x0b=1\""]),
        (&indented, &[&excerpt]),
        ("junk line\n", &["fatal: DIR/main.cf, line 1: missing '=' after attribute name: \"junk line\""]),
        ("#\na b=c\n", &["fatal: DIR/main.cf, line 2: missing '=' after attribute name: \"a b=c\""]),
        ("a\0=1\n", &["fatal: DIR/main.cf, line 1: missing '=' after attribute name: \"a\""]),
        ("=x\n", &["fatal: DIR/main.cf, line 1: missing attribute name: \"=x\""]),
        ("\0\n", &["fatal: DIR/main.cf, line 1: missing attribute name: \"\""]),
        ("a=1\na=2\nb\n", &[
            "DIR/main.cf, line 2: overriding earlier entry: a=1",
            "fatal: DIR/main.cf, line 3: missing '=' after attribute name: \"b\""]),
        ("a=1\na=2\nsyslog_name=$\n", &[
            "DIR/main.cf, line 2: overriding earlier entry: a=1", "empty macro name: \"$\"",
            "fatal: dictionary mail_dict: macro processing error"]),
        ("unused = $\n", &[]),
        ("syslog_name = ${{9999999999999999999}=={5$.5}}", &[
            "empty macro name: \"5$.5\"", "fatal: mac_exp_eval: bad conversion: 9999999999999999999"]),
        ("compatibility_level=3.6.1.2", &["fatal: malformed compatibility level syntax: \"3.6.1.2\""]),
        ("compatibility_level=", &["fatal: malformed compatibility level syntax: \"\""]),
        ("smtputf8_enable = YES", &[]),
        ("smtputf8_enable = maybe", &["fatal: bad boolean configuration: smtputf8_enable = maybe"]),
        ("smtputf8_enable =", &["fatal: bad boolean configuration: smtputf8_enable = "]),
        ("default_database_type =", &["fatal: bad string length 0 < 1: default_database_type = "]),
        ("default_database_type = $nothing", &["fatal: bad string length 0 < 1: default_database_type = "]),
        ("myhostname =", &["fatal: bad string length 0 < 1: myhostname = "]),
        ("mydomain =", &["fatal: bad string length 0 < 1: mydomain = "]),
        ("syslog_name =", &["fatal: bad string length 0 < 1: syslog_name = "]),
        ("multi_instance_name =", &[]),
        ("syslog_facility = local7", &[]),
        ("syslog_facility = MAIL", &["fatal: file DIR/main.cf: parameter syslog_facility: unrecognized value: MAIL"]),
        ("syslog_facility =", &["fatal: bad string length 0 < 1: syslog_facility = "]),
        ("lmdb_map_size = 9223372036854775807", &[]),
        ("lmdb_map_size = 9223372036854775808", &["fatal: bad numerical configuration: lmdb_map_size = 9223372036854775808"]),
        ("header_size_limit = 2147483647", &[]),
        ("header_size_limit = 2147483648", &["fatal: bad numerical configuration: header_size_limit = 2147483648"]),
        ("header_size_limit = -2147483649", &["fatal: bad numerical configuration: header_size_limit = -2147483649"]),
        ("berkeley_db_read_buffer_size = 0", &["fatal: invalid berkeley_db_read_buffer_size parameter value 0 < 1"]),
        ("berkeley_db_create_buffer_size = -1", &["fatal: invalid berkeley_db_create_buffer_size parameter value -1 < 1"]),
        ("berkeley_db_create_buffer_size = +010", &[]),
        ("mime_nesting_limit = $nothing 5", &[]),
        ("mime_nesting_limit = 5k", &["fatal: bad numerical configuration: mime_nesting_limit = 5k"]),
        ("mime_boundary_length_limit =", &["fatal: bad numerical configuration: mime_boundary_length_limit = "]),
        ("import_environment = A=1, {B = 2 3} C {D} }E A={1 2}", &[]),
        ("import_environment = {x", &["fatal: import_environment: missing '}' in \"{x\""]),
        ("import_environment = {A=1}{B=2} C", &["fatal: import_environment: syntax error after '}' in \"{A=1}{B=2}\""]),
        ("import_environment = A = 1", &["fatal: update_env: missing attribute name in: ="]),
        ("import_environment = {A x=1}", &["fatal: update_env: missing '=' after attribute name in: A x=1"]),
        ("maillog_file = /var/log/mail.log", &[]),
        ("maillog_file = /x", &["fatal: maillog_file value '/x' does not match any prefix in maillog_file_prefixes"]),
        ("maillog_file = /xy\nmaillog_file_prefixes = /a,\t,/x", &[]),
        ("maillog_file_prefixes =", &["fatal: bad string length 0 < 1: maillog_file_prefixes = "]),
        // Of several mistakes the one that Postfix comes to first.
        ("syslog_facility = x\nmaillog_file_prefixes =", &["fatal: bad string length 0 < 1: maillog_file_prefixes = "]),
        ("syslog_facility = x\nsmtputf8_enable = x", &["fatal: file DIR/main.cf: parameter syslog_facility: unrecognized value: x"]),
        ("import_environment = =1 {x", &["fatal: import_environment: missing '}' in \"{x\""]),
        ("maillog_file = /x\nimport_environment = {x\nlmdb_map_size = y", &["fatal: bad numerical configuration: lmdb_map_size = y"]),
        ("maillog_file = /x\nimport_environment = {x", &["fatal: import_environment: missing '}' in \"{x\""]),
    ];
    for (text, messages) in cases {
        assert_eq!(printed(text.as_bytes()), *messages, "{text:?}");
    }
}

#[test]
fn values() {
    let domain = "compatibility_level=1\nmydomain=b.example\n";
    #[rustfmt::skip]
    let cases = [
        ("a = b = c \t\r\n", "a", Some("b = c")),
        ("a=1\0 2\n", "a", Some("1")),
        ("a=1\na=2\n", "a", Some("2")),
        ("a=$b\nb=x\n", "a", Some("x")),
        ("", "a", None),
        ("", "config_directory", Some("DIR")),
        ("", "smtputf8_enable", Some("no")),
        ("compatibility_level=0.9", "smtputf8_enable", Some("no")),
        ("compatibility_level=1", "smtputf8_enable", Some("yes")),
        ("", "syslog_name", Some("postfix")),
        ("multi_instance_name=x", "syslog_name", Some("x")),
        ("", "lmdb_map_size", Some("16777216")),
        (domain, "mydomain", Some("b.example")),
        ("myhostname=a.b.example", "mydomain", Some("b.example")),
        ("myhostname=a", "mydomain", Some("localdomain")),
        // A default is not there before it is needed.
        ("default_database_type=<$smtputf8_enable>", "default_database_type", Some("<no>")),
    ];
    for (text, name, value) in cases {
        let got = parse(text.as_bytes()).unwrap().get(name).unwrap();
        assert_eq!(got.as_deref(), value.map(str::as_bytes), "{name} of {text:?}");
    }
    assert!(parse(b"a = $\n").unwrap().get("a").is_err());
}

#[test]
fn limits_of_messages() {
    let text = b"header_size_limit = 5\nmime_nesting_limit = 6\nmime_boundary_length_limit = 7\n";
    let limits = MimeLimits { header_size: 5, nesting: 6, boundary_length: 7 };
    assert_eq!(parse(text).unwrap().mime_limits(), limits);
    assert_eq!(parse(b"").unwrap().mime_limits(), MimeLimits::default());
}

#[test]
fn the_environment_to_import() {
    #[rustfmt::skip]
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[("LANG", "C")]),
        ("import_environment =", &[]),
        ("import_environment = A B", &[]),
        ("import_environment = A=1,B=2\tA=3", &[("A", "1"), ("B", "2"), ("A", "3")]),
        ("import_environment = A= B=b=c", &[("A", ""), ("B", "b=c")]),
        ("import_environment = { A = 1 2 } B={1 2} }C=1 {{D=1}}", &[("A", "1 2"), ("B", "{1 2}"), ("}C", "1"), ("{D", "1}")]),
        ("import_environment = A=$$x B=$compatibility_level", &[("A", "$x"), ("B", "0")]),
    ];
    for (text, assignments) in cases {
        let expected = assignments
            .iter()
            .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let config = parse(text.as_bytes()).unwrap();
        assert_eq!(config.import_environment(), expected.collect::<Vec<_>>(), "{text:?}");
    }
}

#[test]
fn the_host_name_has_a_domain() {
    let name = |text: &[u8]| parse(text).unwrap().myhostname().to_vec();
    assert_eq!(name(b"myhostname=a"), b"a");
    let system = rustix::system::uname().nodename().to_bytes().to_vec();
    let with = |domain: &[u8]| match system.contains(&b'.') {
        true => system.clone(),
        false => [&*system, b".", domain].concat(),
    };
    assert_eq!(name(b""), with(b"localdomain"));
    assert_eq!(name(b"mydomain=b.$c\nc=example"), with(b"b.example"));
    assert_eq!(Config::default().myhostname(), with(b"localdomain"));
}

#[test]
fn utf8_mode_counts_from_where_it_is_known() {
    let known = |text: &str| parse(text.as_bytes()).unwrap_err().smtputf8_enable();
    assert!(!known("compatibility_level=1\nsyslog_facility=x"));
    assert!(!known("compatibility_level=1\nsmtputf8_enable=x"));
    assert!(known("compatibility_level=1\nlmdb_map_size=x"));
    assert!(!known("lmdb_map_size=x"));
}

#[test]
fn files_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let fatal = |dir: &str| Config::load(Path::new(dir)).unwrap_err().to_string();
    assert_eq!(fatal(path), format!("open {path}/main.cf: No such file or directory"));
    assert_eq!(
        fatal(&format!("{path}/")),
        format!("open {path}//main.cf: No such file or directory")
    );
    std::fs::create_dir(dir.path().join("main.cf")).unwrap();
    assert_eq!(fatal(path), format!("read {path}/main.cf: Is a directory"));
}

proptest! {
    #[test]
    fn any_file_ends_in_a_configuration_or_an_error(
        lines in prop::collection::vec((prop::sample::select(vec![
            "a", "compatibility_level", "import_environment", "maillog_file", "lmdb_map_size", " x", "",
        ]), "[ =a${}\\PC]{0,20}"), 0..8),
    ) {
        let text: String = lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        if let Ok(config) = parse(text.as_bytes()) {
            prop_assert!(!config.default_database_type().is_empty());
        }
    }

    #[test]
    fn any_bytes_end_in_a_configuration_or_an_error(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&text);
    }
}
