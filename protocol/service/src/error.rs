//! What can go wrong around a session.

use std::io;
use std::path::{Path, PathBuf};

use gazelle_protocol::transport::TransportFault;

/// The error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A database fails.
    #[error("the database of bundles: {0}")]
    Database(String),
    /// The parties cannot set TLS up.
    #[error("{0}")]
    Tls(String),
    /// There is no WebSocket.
    #[error("{0}")]
    WebSocket(String),
    /// The server turns the connection away, and says why.
    #[error(transparent)]
    TurnedAway(gazelle_protocol::Error),
    /// There is no WebSocket, because a browser asked for this file of the server's page and got it.
    #[error("gave {0} to a browser")]
    Page(&'static str),
    /// The connection fails.
    #[error(transparent)]
    Transport(#[from] TransportFault),
}

impl Error {
    /// What a server says that turns a connection away.
    pub(crate) fn turned_away(words: String) -> Self {
        Self::TurnedAway(gazelle_protocol::Error::Refused(words))
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::File { path: path.into(), source }
    }

    pub(crate) fn content(path: &Path, problem: impl ToString) -> Self {
        Self::Content { path: path.into(), problem: problem.to_string() }
    }
}
