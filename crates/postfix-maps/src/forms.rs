//! The NUL rule: whether keys and values are stored with a terminating NUL (postmap specification,
//! section 8.4).

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};

use postfix_map_text::before_nul;

/// Whether a table's keys and values are stored with one NUL after them, as C strings.
///
/// Tables that Postfix makes of the types `hash` and `btree` have it; other programs' tables may
/// not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terminators {
    /// Always: `postmap -N`.
    With,
    /// Never: `postmap -n`.
    Without,
    /// Look up both forms until one is found, then only that; store as is usual for the type of the
    /// table.
    #[default]
    Either,
}

/// The forms in which a key is looked for: with a terminating NUL, without, or with and then
/// without.
///
/// [`Table`](crate::Table) knows which; this is for lookups with the crates of the formats.
///
/// ```
/// use postfix_maps::{Forms, Terminators};
///
/// let forms = Forms::from(Terminators::Either);
/// let (value, form) = forms.find(|nul| Ok::<_, ()>((!nul).then_some("value")))?.unwrap();
/// assert_eq!((value, form), ("value", Forms::from(Terminators::Without)));
/// # Ok::<(), ()>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forms(u8);

impl From<Terminators> for Forms {
    fn from(terminators: Terminators) -> Self {
        match terminators {
            Terminators::With => Self::WITH,
            Terminators::Without => Self::WITHOUT,
            Terminators::Either => Forms(Self::WITH.0 | Self::WITHOUT.0),
        }
    }
}

impl Forms {
    const WITH: Forms = Forms(1);
    const WITHOUT: Forms = Forms(2);

    /// With a NUL (`true`) or without.
    pub(crate) fn one(nul: bool) -> Self {
        if nul { Self::WITH } else { Self::WITHOUT }
    }

    /// With a NUL (`true`) or without, if it is only one form.
    pub(crate) fn settled(self) -> Option<bool> {
        match self {
            Self::WITH => Some(true),
            Self::WITHOUT => Some(false),
            _ => None,
        }
    }

    /// Asks `get` for a key with a NUL (`true`) or without, in each of the forms until it is found.
    /// Returns what was found, and in which form.
    ///
    /// # Errors
    /// What `get` gave.
    #[inline]
    pub fn find<T, E>(
        self,
        mut get: impl FnMut(bool) -> Result<Option<T>, E>,
    ) -> Result<Option<(T, Forms)>, E> {
        for form in [Self::WITH, Self::WITHOUT] {
            if self.0 & form.0 != 0
                && let Some(found) = get(form == Self::WITH)?
            {
                return Ok(Some((found, form)));
            }
        }
        Ok(None)
    }
}

/// What is known of an open table: the form in which a key has been found settles the form of all.
#[derive(Debug)]
pub(crate) struct KnownForms(AtomicU8);

impl KnownForms {
    pub fn new(terminators: Terminators) -> Self {
        KnownForms(AtomicU8::new(Forms::from(terminators).0))
    }

    #[inline]
    pub fn get(&self) -> Forms {
        Forms(self.0.load(Ordering::Relaxed))
    }

    /// Takes note of the forms that a key which was looked for in the forms `asked` has been found
    /// in.
    ///
    /// Threads that look up at once may all settle the form; the table's keys decide for all alike.
    #[inline]
    pub fn settle(&self, asked: Forms, found: Forms) {
        // Nothing is stored where nothing changes: that would take the cache line away from other
        // processors.
        if found != asked {
            self.0.store(found.0, Ordering::Relaxed);
        }
    }
}

/// As [`before_nul`], without copying what is a copy already.
pub(crate) fn cut_at_nul(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(before_nul(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(before_nul(&bytes).len());
            Cow::Owned(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks up in a table that has these forms of the key; returns the forms that were asked for.
    fn asked(known: &KnownForms, stored: &[bool]) -> (Vec<bool>, Option<()>) {
        let mut asked = Vec::new();
        let forms = known.get();
        let found = forms.find(|nul| {
            asked.push(nul);
            Ok::<_, ()>(stored.contains(&nul).then_some(()))
        });
        let found = found.unwrap().map(|(found, form)| {
            known.settle(forms, form);
            found
        });
        (asked, found)
    }

    #[test]
    fn the_form_that_was_found_settles_it() {
        let known = KnownForms::new(Terminators::Either);
        assert_eq!(asked(&known, &[]), (vec![true, false], None));
        assert_eq!(known.get().settled(), None);
        assert_eq!(asked(&known, &[false]), (vec![true, false], Some(())));
        assert_eq!(asked(&known, &[true]), (vec![false], None), "settled: without");
        assert_eq!(known.get().settled(), Some(false));
        let known = KnownForms::new(Terminators::Either);
        assert_eq!(asked(&known, &[true, false]), (vec![true], Some(())));
        assert_eq!(asked(&known, &[false]), (vec![true], None), "settled: with");
    }

    #[test]
    fn options_allow_one_form_only() {
        assert_eq!(asked(&KnownForms::new(Terminators::With), &[false]), (vec![true], None));
        assert_eq!(asked(&KnownForms::new(Terminators::Without), &[true]), (vec![false], None));
    }
}
