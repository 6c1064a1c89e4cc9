//! What ends the program early: one line that says what happened and what to do.

use std::fmt;

pub(crate) type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug)]
pub(crate) enum Failure {
    /// One line for the user.
    Line(String),
    /// Whoever read the output has read enough, as `head` does: nobody is told.
    ReaderLeft,
}

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self::Line(line.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => f.write_str(line),
            Self::ReaderLeft => f.write_str("the output's reader has left"),
        }
    }
}

impl From<gazelle_protocol::Error> for Failure {
    fn from(error: gazelle_protocol::Error) -> Self {
        Self::Line(error.to_string())
    }
}

impl From<gazelle_service::Error> for Failure {
    fn from(error: gazelle_service::Error) -> Self {
        Self::Line(error.to_string())
    }
}

impl From<gazelle_import::Error> for Failure {
    fn from(error: gazelle_import::Error) -> Self {
        Self::Line(error.to_string())
    }
}

/// Names what was being done when an error came.
pub(crate) trait While<T> {
    fn when(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> While<T> for std::result::Result<T, E> {
    fn when(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::Line(format!("{}: {error}", doing())))
    }
}
