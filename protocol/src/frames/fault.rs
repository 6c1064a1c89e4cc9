//! What can go wrong with a connection.

use std::io;

/// A failure of the connection itself: nobody need be at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportFault {
    /// Nothing answers at the address.
    #[error("cannot reach {address}: {source}; check that a Gazelle server listens there")]
    Unreachable {
        /// The address as it was given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The peer ended the connection.
    #[error("the peer closed the connection before the protocol ended; start a new session")]
    Closed,
    /// The peer is silent, too slow, or does not read what it is sent.
    #[error("the peer was silent or too slow for the time limit; start a new session")]
    TimedOut,
    /// A frame does not carry the tag that the peer gave it.
    #[error(
        "what came is not what the peer sent, or the parties do not agree on the session; start a \
         new one, over TLS where others can reach the connection"
    )]
    Altered,
    /// The system reports something else.
    #[error("the connection failed: {0}; start a new session")]
    Io(io::Error),
}

impl From<io::Error> for TransportFault {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::UnexpectedEof
            | Kind::BrokenPipe
            | Kind::ConnectionReset
            | Kind::ConnectionAborted => Self::Closed,
            Kind::TimedOut | Kind::WouldBlock => Self::TimedOut,
            _ => Self::Io(error),
        }
    }
}
