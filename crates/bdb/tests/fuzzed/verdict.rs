//! Verify and salvage end on any file, and what verify accepts can be read by every other way.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bdb_file::{
    AccessMethod, BtreeDb, Error, ErrorKind, Fault, HashDb, Problem, Salvage, Severity, Verdict,
    access_method, database_names, salvage, verify,
};

use super::database::Database;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

pub fn check(file: &[u8]) {
    let (verdict, problems) = problems(file);
    let salvaged = salvaged(file);
    if let Ok(verdict) = verdict
        && verdict.is_sound()
    {
        let (count, pairs) = read_all(file).expect("what verify accepts can be read");
        let (_, certain) = salvaged.expect("what verify accepts can be salvaged");
        let keys =
            |pairs: &Pairs| pairs.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>();
        if problems.iter().any(|found| found.fault == Fault::KeyTwice) {
            // A note, since libdb accepts it: a key's second data are listed, but not found, and so
            // not certain.
            assert!(count < verdict.keys, "{problems:?}");
            assert!(certain.iter().all(|pair| pairs.contains(pair)), "{problems:?}");
            assert!(keys(&certain) == keys(&pairs), "{problems:?}");
        } else {
            assert_eq!(count, verdict.keys, "{problems:?}");
            assert!(sorted(certain) == sorted(pairs), "not all is certain: {problems:?}");
        }
    }
}

fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort_unstable();
    pairs
}

/// All problems of a file.
pub fn problems(file: &[u8]) -> (Result<Verdict, Error>, Vec<Problem>) {
    let mut problems = Vec::new();
    let verdict = verify(file, |problem| {
        problems.push(problem);
        ControlFlow::Continue(())
    });
    if let Ok(verdict) = &verdict {
        let damage = problems.iter().filter(|found| found.severity() == Severity::Damage).count();
        let counts = (damage as u64, (problems.len() - damage) as u64);
        assert_eq!((verdict.damage, verdict.notes, verdict.complete), (counts.0, counts.1, true));
    }
    (verdict, problems)
}

/// What salvage says, and the pairs that it is certain of.
fn salvaged(file: &[u8]) -> Result<(Salvage, Pairs), Error> {
    let mut certain = Vec::new();
    let mut doubtful = 0;
    let summary = salvage(file, |pair| {
        assert!(pair.data.len() <= file.len());
        if pair.is_certain() {
            let key = pair.key.expect("a certain pair has a key");
            certain.push((key.into_owned(), pair.data.into_owned()));
        } else {
            doubtful += 1;
        }
        ControlFlow::Continue(())
    })?;
    let counts = (summary.certain, summary.doubtful, summary.complete);
    assert_eq!(counts, (certain.len() as u64, doubtful, true));
    Ok((summary, certain))
}

/// The number of different keys, and all pairs, of all databases of a file; each key is looked up,
/// too.
fn read_all(file: &[u8]) -> Result<(u64, Pairs), Error> {
    let mut pairs = Vec::new();
    let count = match access_method(file, None) {
        Ok(AccessMethod::Btree) => read(BtreeDb::open(file)?, &mut pairs)?,
        Ok(_) => read(HashDb::open(file)?, &mut pairs)?,
        Err(error) if matches!(error.kind(), ErrorKind::SeveralDatabases) => {
            let mut count = 0;
            for name in database_names(file)? {
                count += match access_method(file, Some(&name))? {
                    AccessMethod::Btree => read(BtreeDb::open_named(file, &name)?, &mut pairs)?,
                    _ => read(HashDb::open_named(file, &name)?, &mut pairs)?,
                };
            }
            count
        }
        Err(error) => return Err(error),
    };
    Ok((count, pairs))
}

/// Adds the pairs of a database, each of whose keys is looked up, too; returns the number of keys.
fn read<'f, D: Database<&'f [u8]>>(database: D, pairs: &mut Pairs) -> Result<u64, Error> {
    let mut keys = BTreeSet::new();
    for pair in database.iter() {
        let (key, data) = pair?;
        pairs.push((key.to_vec(), data.into_owned()));
        keys.insert(key);
    }
    for key in &keys {
        let first = database.get(key)?;
        let all = database.get_all(key)?.collect::<Result<Vec<_>, _>>()?;
        assert!(first.is_some() && first.as_ref() == all.first(), "{}", key.escape_ascii());
    }
    Ok(keys.len() as u64)
}
