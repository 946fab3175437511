//! Why a walk through a file that tells a caller what it finds ends early.

use std::io;
use std::ops::ControlFlow;

use crate::error::{Error, ErrorKind, Result};

/// Why a walk ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The caller has seen enough.
    Asked,
    Error(Error),
}

impl Stop {
    /// Goes on unless the caller has seen enough.
    pub fn unless(answer: ControlFlow<()>) -> Result<(), Stop> {
        match answer {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Asked),
        }
    }

    /// Whether a walk came to its end.
    pub fn is_complete(end: Result<(), Stop>) -> Result<bool> {
        match end {
            Ok(()) => Ok(true),
            Err(Stop::Asked) => Ok(false),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Error(error)
    }
}

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Stop::Error(kind.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Error(error.into())
    }
}
