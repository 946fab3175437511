//! The NUL rule for what is stored.

use crate::forms::{Forms, KnownForms, Terminators};

impl Terminators {
    /// Returns `true` if a table whose type usually has terminators is to be written with them.
    pub(crate) fn to_write(self, usual: bool) -> bool {
        match self {
            Terminators::With => true,
            Terminators::Without => false,
            Terminators::Either => usual,
        }
    }
}

impl KnownForms {
    /// Returns `true` if a key is to be stored with a NUL: in the form that is settled, or the
    /// usual one, which that settles.
    pub fn to_store(&self, usual: bool) -> bool {
        let asked = self.get();
        asked.settled().unwrap_or_else(|| {
            self.settle(asked, Forms::one(usual));
            usual
        })
    }
}
