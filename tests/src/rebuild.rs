//! Tables that are rebuilt again and again: each rebuild has a number, which is in all of its values,
//! so that a table of two numbers is torn.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use postfix_maps::Table;

/// Keys that each table has.
pub const FIXED: usize = 300;

/// How long writers write: `MAP_TESTS_SECONDS`, or else so many seconds.
///
/// # Panics
/// When that is no number.
pub fn duration(seconds: u64) -> Duration {
    let given = env::var("MAP_TESTS_SECONDS").map(|text| text.parse().expect("a number"));
    Duration::from_secs(given.unwrap_or(seconds))
}

/// The value of all keys of a rebuild.
pub fn value(rebuild: usize) -> String {
    format!("{rebuild}{}", "-".repeat(rebuild % 60))
}

/// The number of keys of a rebuild.
pub fn keys(rebuild: usize) -> usize {
    FIXED + rebuild % 5 * 200
}

/// Puts the text of a rebuild at `path`, where nobody sees half of it.
///
/// # Errors
/// What the system said.
pub fn put_text(rebuild: usize, path: &Path, by: usize) -> io::Result<()> {
    let value = value(rebuild);
    let text: String = (0..keys(rebuild)).map(|key| format!("k{key} {value}\n")).collect();
    let new = path.with_extension(by.to_string());
    fs::write(&new, text)?;
    fs::rename(new, path)
}

/// The number of the rebuild that a value is of.
///
/// # Errors
/// What is wrong with it.
pub fn number(value: &[u8]) -> Result<usize, String> {
    let text = str::from_utf8(value).map_err(words)?;
    let rebuild = text.trim_end_matches('-').parse().map_err(words)?;
    if text == self::value(rebuild) { Ok(rebuild) } else { Err(format!("value {text:?}")) }
}

/// The number of the rebuild that a whole table is of, by all of its values.
///
/// # Errors
/// What is wrong with it, or with reading it.
pub fn whole<E: Display>(
    values: impl Iterator<Item = Result<Vec<u8>, E>>,
) -> Result<usize, String> {
    let values: Vec<_> = values.collect::<Result<_, _>>().map_err(words)?;
    let rebuild = number(values.first().ok_or("the table is empty")?)?;
    if values.iter().any(|value| *value != values[0]) {
        return Err("a table of two rebuilds".into());
    }
    match values.len() == keys(rebuild) {
        true => Ok(rebuild),
        false => Err(format!("{} keys in rebuild {rebuild}", values.len())),
    }
}

/// Looks a key up, and at the whole table.
///
/// # Errors
/// What is wrong with it, or with reading it.
pub fn look(table: &Table, key: &str) -> Result<usize, String> {
    let value = table.get(key.as_bytes()).map_err(words)?;
    number(&value.ok_or_else(|| format!("{key} is not found"))?)?;
    whole(table.iter().map(|pair| pair.map(|(_, value)| value.into_owned())))
}

/// An error in words.
pub fn words(error: impl Display) -> String {
    error.to_string()
}
