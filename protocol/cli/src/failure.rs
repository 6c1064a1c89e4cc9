//! What ends the program early: one line that says what happened and what to do.

use gazelle_protocol::{Error, transport::TransportFault};
use std::{fmt, io::ErrorKind};

/// What the command and its parts give.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why something did not work.
#[derive(Debug)]
pub enum Failure {
    /// One line for the user.
    Line(Cause, String),
    /// Whoever read the output has read enough, as `head` does: nobody is told.
    ReaderLeft,
}

/// What a program that has called this one may do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// Something else than this.
    Other,
    /// A command line that cannot be run.
    Usage,
    /// A file, a model or an image is not what it must be: give another.
    Input,
    /// The server is not the one that was expected, or broke the protocol.
    Peer,
    /// It would cost more than this program may spend.
    Limit,
    /// The server refuses: come back when it says, or ask its operator.
    Refused,
    /// The server refuses for the moment: try again.
    Busy,
    /// The server cannot be reached, or the connection failed: try again.
    Connection,
}

impl Cause {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Other | Self::Input | Self::Peer | Self::Limit => 1,
            Self::Usage => 2,
            Self::Refused | Self::Busy => 3,
            Self::Connection => 4,
        }
    }
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        match error {
            Error::Refused(_) if error.asks_for_another_try() => Self::Busy,
            Error::Refused(_) => Self::Refused,
            Error::Transport(fault) => fault.into(),
            Error::Peer(_) => Self::Peer,
            Error::Limit(_) => Self::Limit,
            Error::Model(_) => Self::Input,
            _ => Self::Other,
        }
    }
}

impl From<&TransportFault> for Cause {
    fn from(fault: &TransportFault) -> Self {
        match fault {
            // What TLS says of credentials, after the handshake: another try changes nothing.
            TransportFault::Io(error) if error.kind() == ErrorKind::InvalidData => Self::Other,
            _ => Self::Connection,
        }
    }
}

impl From<&gazelle_service::Error> for Cause {
    fn from(error: &gazelle_service::Error) -> Self {
        match error {
            gazelle_service::Error::Transport(fault) => fault.into(),
            gazelle_service::Error::TurnedAway(error) => error.into(),
            gazelle_service::Error::File { .. } | gazelle_service::Error::Content { .. } => {
                Self::Input
            }
            _ => Self::Other,
        }
    }
}

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self::Line(Cause::Other, line.into())
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Line(cause, _) => cause.code(),
            Self::ReaderLeft => 0,
        }
    }

    /// What may be done about it.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Line(cause, _) => *cause,
            Self::ReaderLeft => Cause::Other,
        }
    }

    /// Whether another try may go well.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.cause(), Cause::Busy | Cause::Connection)
    }

    /// An error with something before it.
    pub(crate) fn at<E>(place: &str, error: &E) -> Self
    where
        E: fmt::Display,
        for<'a> Cause: From<&'a E>,
    {
        Self::Line(error.into(), format!("{place}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(_, line) => f.write_str(line),
            Self::ReaderLeft => f.write_str("the output's reader has left"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Line((&error).into(), error.to_string())
    }
}

impl From<gazelle_service::Error> for Failure {
    fn from(error: gazelle_service::Error) -> Self {
        Self::Line((&error).into(), error.to_string())
    }
}

impl From<gazelle_import::Error> for Failure {
    fn from(error: gazelle_import::Error) -> Self {
        Self::Line(Cause::Input, error.to_string())
    }
}

/// Names what was being done when an error came.
pub(crate) trait While<T> {
    fn when(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> While<T> for std::result::Result<T, E> {
    fn when(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", doing())))
    }
}
