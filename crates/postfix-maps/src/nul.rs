//! The NUL rule: whether keys and values are stored with a terminating NUL (postmap specification, section 8.4).

use std::sync::atomic::{AtomicU8, Ordering};

/// Whether a table's keys and values are stored with one NUL after them, as C strings.
///
/// Tables that Postfix makes of the types `hash` and `btree` have it; other programs' tables may not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terminators {
    /// Always: `postmap -N`.
    With,
    /// Never: `postmap -n`.
    Without,
    /// Look up both forms until one is found, then only that; store as is usual for the type of the table.
    #[default]
    Either,
}

impl Terminators {
    /// Whether a table whose type usually has terminators is to be written with them.
    pub(crate) fn to_write(self, usual: bool) -> bool {
        match self {
            Terminators::With => true,
            Terminators::Without => false,
            Terminators::Either => usual,
        }
    }
}

/// What is known of an open table: the form in which a key has been found settles the form of all.
#[derive(Debug)]
pub(crate) struct NulState(AtomicU8);

const WITH: u8 = 1;
const WITHOUT: u8 = 2;

impl NulState {
    pub fn new(terminators: Terminators) -> Self {
        NulState(AtomicU8::new(match terminators {
            Terminators::With => WITH,
            Terminators::Without => WITHOUT,
            Terminators::Either => WITH | WITHOUT,
        }))
    }

    /// The form of the table's keys, with a NUL (`true`) or without, if it is settled.
    pub fn settled(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            WITH => Some(true),
            WITHOUT => Some(false),
            _ => None,
        }
    }

    /// Asks `get` for a key, with a NUL (`true`) or without.
    pub fn lookup<T, E>(
        &self,
        mut get: impl FnMut(bool) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        // Threads that look up at once may both settle the form; the table's keys decide for both alike.
        let possible = self.0.load(Ordering::Relaxed);
        for form in [WITH, WITHOUT] {
            if possible & form != 0
                && let Some(found) = get(form == WITH)?
            {
                self.0.store(form, Ordering::Relaxed);
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The bytes before the first NUL: what C programs see of a stored string.
pub fn before_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks up in a table that has these forms of the key; gives the forms that were asked for.
    fn asked(state: &NulState, stored: &[bool]) -> (Vec<bool>, Option<()>) {
        let mut asked = Vec::new();
        let found = state.lookup(|nul| {
            asked.push(nul);
            Ok::<_, ()>(stored.contains(&nul).then_some(()))
        });
        (asked, found.unwrap())
    }

    #[test]
    fn the_form_that_was_found_settles_it() {
        let state = NulState::new(Terminators::Either);
        assert_eq!(asked(&state, &[]), (vec![true, false], None));
        assert_eq!(state.settled(), None);
        assert_eq!(asked(&state, &[false]), (vec![true, false], Some(())));
        assert_eq!(asked(&state, &[true]), (vec![false], None), "settled: without");
        assert_eq!(state.settled(), Some(false));
        let state = NulState::new(Terminators::Either);
        assert_eq!(asked(&state, &[true, false]), (vec![true], Some(())));
        assert_eq!(asked(&state, &[false]), (vec![true], None), "settled: with");
    }

    #[test]
    fn options_allow_one_form_only() {
        assert_eq!(asked(&NulState::new(Terminators::With), &[false]), (vec![true], None));
        assert_eq!(asked(&NulState::new(Terminators::Without), &[true]), (vec![false], None));
    }
}
