//! Lists what is in the database of RPM, as scanners of images do: the file `Packages` of older
//! distributions, a Berkeley DB hash table. Its keys are the numbers of packages, four bytes in the
//! order of the machine that made the file, and its data are their headers; number 0 is a counter.
//!
//! ```sh
//! cargo run -p bdb-file --example rpm_packages -- image/var/lib/rpm/Packages
//! cargo run -p bdb-file --example rpm_packages -- image/var/lib/rpm/Packages 7
//! ```
//!
//! Says all that is wrong with a damaged file, and lists packages up to the first place that cannot
//! be read; the exit status is 1 then. (`bdb_file::salvage` reads on behind it.)

use std::error::Error;
use std::ops::ControlFlow;
use std::{env, process::ExitCode};

use bdb_file::{ByteOrder, FileSource, HashDb, Severity, verify};

type Packages = HashDb<FileSource>;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let usage = "usage: rpm_packages FILE [NUMBER]";
    let packages = HashDb::open_path(arguments.next().ok_or(usage)?)?;
    if let Some(number) = arguments.next() {
        let name = get(&packages, number.to_string_lossy().parse()?)?;
        println!("{}", name.ok_or("no such package")?);
        return Ok(ExitCode::SUCCESS);
    }
    let damage = damage(&packages)?;
    damage.iter().for_each(|problem| eprintln!("damaged: {problem}"));
    for package in list(&packages) {
        let (number, name) = package?;
        println!("{number}: {name}");
    }
    Ok(ExitCode::from(u8::from(!damage.is_empty())))
}

/// Numbers and names of all packages, in the order of the file. After an error it ends.
fn list(packages: &Packages) -> impl Iterator<Item = bdb_file::Result<(u32, String)>> {
    let little = packages.byte_order() == ByteOrder::Little;
    packages.iter().filter_map(move |pair| {
        let package = pair.map(|(key, header)| {
            let key = (*key).try_into().ok()?;
            let number = if little { u32::from_le_bytes(key) } else { u32::from_be_bytes(key) };
            Some((number, name(&header)?)) // what the counter has is no header
        });
        package.transpose()
    })
}

/// The name of one package.
fn get(packages: &Packages, number: u32) -> bdb_file::Result<Option<String>> {
    let little = packages.byte_order() == ByteOrder::Little;
    let key = if little { number.to_le_bytes() } else { number.to_be_bytes() };
    Ok(packages.get(&key)?.and_then(|header| name(&header)))
}

/// All that is wrong with the file.
fn damage(packages: &Packages) -> bdb_file::Result<Vec<String>> {
    let mut damage = Vec::new();
    verify(packages.source(), |problem| {
        if problem.severity() == Severity::Damage {
            damage.push(problem.to_string());
        }
        ControlFlow::Continue(())
    })?;
    Ok(damage)
}

/// `name-version-release`. A header is the number of its entries, the length of its data, entries
/// of tag, type, offset and count, and the data.
fn name(header: &[u8]) -> Option<String> {
    let number = |bytes: &[u8]| Some(u32::from_be_bytes(*bytes.first_chunk()?) as usize);
    let (entries, data) = header.get(8..)?.split_at_checked(number(header)?.checked_mul(16)?)?;
    let text = |tag| {
        let entry = entries.chunks_exact(16).find(|entry| number(entry) == Some(tag))?;
        let text = data.get(number(&entry[8..])?..)?.split(|&byte| byte == 0).next()?;
        Some(text.escape_ascii().to_string())
    };
    Some([text(1000)?, text(1001)?, text(1002)?].join("-"))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs};

    use super::*;

    const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/Packages");

    #[test]
    fn a_file_of_libdb_is_listed_and_damage_to_it_told() {
        let packages = HashDb::open_path(GOLDEN).unwrap();
        assert!(damage(&packages).unwrap().is_empty());
        let listed: BTreeMap<_, _> = list(&packages).collect::<Result<_, _>>().unwrap();
        let names = ["bash-5.1.8-9.el9", "glibc-2.34-100.el9", "postfix-3.5.25-1.el9"];
        assert!(listed.into_iter().eq([1, 2, 7].into_iter().zip(names.map(String::from))));
        assert_eq!(get(&packages, 7).unwrap().as_deref(), Some(names[2]));
        assert_eq!(get(&packages, 3).unwrap(), None);

        let mut file = fs::read(GOLDEN).unwrap();
        let at = file.windows(20).rposition(|bytes| bytes == b"glibc is a package. ").unwrap();
        file[at / 4096 * 4096..][..4096].fill(0); // the last of its pages
        let path = tempfile::NamedTempFile::new().unwrap();
        fs::write(&path, file).unwrap();
        let packages = HashDb::open_path(&path).unwrap();
        assert!(!damage(&packages).unwrap().is_empty() && list(&packages).any(|one| one.is_err()));
        get(&packages, 2).unwrap_err();
        assert_eq!(get(&packages, 7).unwrap().as_deref(), Some(names[2]));
    }
}
