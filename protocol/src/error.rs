//! What can go wrong, split by who is at fault.

/// The error of this crate.
///
/// After [`Error::Peer`] or a transport error the session is over: its correlations, labels and
/// masks must not be used again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The other party sent something that an honest one never sends.
    #[error("the peer broke the protocol: {0}; end this session and start a new one")]
    Peer(#[from] PeerFault),
    /// This program called the crate in a way that can never work.
    #[error("{0}")]
    Misuse(#[from] Misuse),
}

/// What an honest peer never sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// A message is longer or shorter than this step of the protocol allows.
    #[error("its {message} has {got} bytes instead of {expected}")]
    Length {
        /// Which message.
        message: &'static str,
        /// The only length that this step allows, in bytes.
        expected: usize,
        /// The length that came.
        got: usize,
    },
    /// A group element is not the canonical encoding of a Ristretto point, or is the identity.
    #[error("its {message} carries an invalid curve point (number {index})")]
    Point {
        /// Which message.
        message: &'static str,
        /// The position of the point in the message.
        index: usize,
    },
}

impl PeerFault {
    /// Checks that `bytes` has exactly `expected` bytes.
    pub(crate) fn check_length(
        message: &'static str,
        bytes: &[u8],
        expected: usize,
    ) -> Result<(), Self> {
        match bytes.len() {
            got if got == expected => Ok(()),
            got => Err(Self::Length { message, expected, got }),
        }
    }
}

/// A call that can never work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The session ended with an earlier error and its secrets are gone.
    #[error("this session ended with an earlier error; start a new one")]
    SessionEnded,
    /// K of the oblivious-transfer extension is not one that exists.
    #[error("the OT extension's field bits are {0}; choose 1, 2, 4 or 8")]
    FieldBits(u8),
}
