//! What can go wrong, split by who is at fault.

mod misuse;

use crate::bundle::{BundleFault, BundleName, Denied};
use crate::frames::TransportFault;
use crate::he::hint::HintFault;
use crate::model::{CardFault, CardHash, ModelError};

pub use misuse::Misuse;

/// How a bundle's refusal ends.
const PREPARE_ANEW: &str = "; prepare a new one";
/// How a refusal ends that may pass.
const TRY_LATER: &str = "try again later";

/// The error of this crate.
///
/// After [`Error::Peer`] or a transport error the session is over: its correlations, labels and
/// masks must not be used again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The other party sent something that an honest one never sends.
    #[error("{}", .0.told())]
    Peer(#[from] PeerFault),
    /// The other party ended the session and said why, in its own words.
    #[error("the peer refused: {0}")]
    Refused(String),
    /// What is asked is more than this party has room for.
    #[error("{0}")]
    Limit(#[from] Limit),
    /// The connection failed.
    #[error("{0}")]
    Transport(#[from] TransportFault),
    /// This program called the crate in a way that can never work.
    #[error("{0}")]
    Misuse(#[from] Misuse),
    /// A model, its file or an image for it is not what it must be.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A stored bundle cannot be used.
    #[error("{0}")]
    Bundle(#[from] BundleFault),
    /// The store of bundles refuses what the client asks for.
    #[error("refused: {0}")]
    Denied(#[from] Denied),
    /// The store of bundles fails.
    #[error("the store of bundles fails: {0}; check that its disk is writable and not full")]
    Store(#[source] std::io::Error),
}

impl Error {
    /// Whether the server refuses the bundle that it was asked for, and would perhaps take another.
    pub fn refuses_bundle(&self) -> bool {
        matches!(self, Self::Refused(words) if words.ends_with(PREPARE_ANEW))
    }

    /// Whether the peer refuses for the moment alone, because it is full or ends: another try may help.
    pub fn asks_for_another_try(&self) -> bool {
        matches!(self, Self::Refused(words) if words.ends_with(TRY_LATER))
    }
}

/// What a [store](crate::bundle::BundleStore) says.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let error = match error.downcast::<BundleFault>() {
            Ok(fault) => return fault.into(),
            Err(error) => error,
        };
        error.downcast::<Denied>().map_or_else(Self::Store, Self::Denied)
    }
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
    /// A message fails the check that its own parts agree.
    #[error("its {message} fails the check against deviating from the protocol")]
    Consistency {
        /// Which message.
        message: &'static str,
    },
    /// Bits after a message's last value are not zero.
    #[error("its {message} is padded with bits that are not zero")]
    Padding {
        /// Which message.
        message: &'static str,
    },
    /// A residue is not below its prime.
    #[error("its {message} carries a residue that is not canonical")]
    Residue {
        /// Which message.
        message: &'static str,
    },
    /// The model card is not one that any network has.
    #[error("its model card is not valid: {0}")]
    Card(#[source] CardFault),
    /// A message of another kind than this step of the protocol has.
    #[error("it sent a message of kind {got} instead of its {expected}")]
    Kind {
        /// What could have come.
        expected: &'static str,
        /// The kind that came.
        got: u8,
    },
    /// The peer speaks something else.
    #[error("it does not speak Gazelle's protocol; check the address")]
    NotGazelle,
    /// The peer has another version of the protocol.
    #[error("it has version {theirs} of the protocol, this program {ours}; update the older one")]
    Version {
        /// This program's version.
        ours: u32,
        /// The peer's version.
        theirs: u32,
    },
    /// The peer has other cryptographic parameters.
    #[error("it uses other cryptographic parameters; run the same release on both sides")]
    Parameters,
    /// The server's settings are none that exist.
    #[error("its settings are not understood; run the same release on both sides")]
    Settings,
    /// The server derives another plan from the same card and settings.
    #[error("it plans the same network differently; run the same release on both sides")]
    Plan,
    /// The server has another model than the one that the client expects.
    #[error(
        "it has the model card {got}, and {expected} was expected; ask its owner which is right"
    )]
    OtherCard {
        /// The hash that the client was given.
        expected: CardHash,
        /// The hash of the server's card.
        got: CardHash,
    },
    /// The server's hint is not the one that it announced.
    #[error("{0}")]
    Hint(HintFault),
    /// A client asks for a hint that it was sent before, or that there is none of.
    #[error("it asked for a hint that there is none of or that it was sent before")]
    NoHint,
    /// An online phase names a bundle that was never prepared or is spent.
    #[error("it asked for bundle {0}, which does not exist or is spent")]
    Bundle(BundleName),
    /// An online phase has more images than may go through the network together.
    #[error("it classifies {wanted} images together; at most {most} may")]
    Images {
        /// How many there are.
        wanted: usize,
        /// How many may.
        most: usize,
    },
    /// The peer prepares nothing, or more than may wait.
    #[error("it prepares inferences until {wanted} wait; at most {most} may")]
    Bundles {
        /// How many would wait.
        wanted: usize,
        /// How many may.
        most: usize,
    },
    /// The result is a class that the card does not have.
    #[error("its tables give class {label} of {classes}")]
    Class {
        /// The class, counted from 0.
        label: usize,
        /// How many there are.
        classes: usize,
    },
    /// The result names a class twice.
    #[error("its tables rank class {label} twice")]
    Ranking {
        /// The class, counted from 0.
        label: usize,
    },
    /// Garbled tables do not fit their program.
    #[error("its garbled tables do not fit: {0}")]
    Tables(gazelle_garble::Error),
}

impl PeerFault {
    /// Whether the peer is another one than was expected: then it has broken nothing.
    fn is_mismatch(&self) -> bool {
        matches!(
            self,
            Self::NotGazelle
                | Self::Version { .. }
                | Self::Parameters
                | Self::Settings
                | Self::Plan
                | Self::OtherCard { .. }
        )
    }

    /// What the user is told.
    fn told(&self) -> String {
        match self.is_mismatch() {
            true => format!("no session with this peer: {self}"),
            false => {
                format!("the peer broke the protocol: {self}; end this session and start a new one")
            }
        }
    }

    /// What a client is told that did this, as far as it is a client that can do it.
    #[cfg(feature = "os")]
    pub(crate) fn told_to_client(&self) -> String {
        match self {
            Self::Version { ours, theirs } => format!(
                "this server has version {ours} of the protocol, this client {theirs}; update the \
                 older one"
            ),
            Self::Parameters => {
                "this client uses other cryptographic parameters than this server; \
                                 run the same release on both sides"
                    .into()
            }
            Self::Bundle(name) => {
                format!("bundle {name} does not exist or is spent{PREPARE_ANEW}")
            }
            Self::NotGazelle => {
                "this server speaks Gazelle's protocol alone; check the address".into()
            }
            fault => format!("this client broke the protocol: {fault}"),
        }
    }

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

/// A limit that a party has set for itself, and that an honest session would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// What a client would hold between an offline phase and the classifications.
    #[error(
        "{} would take {} of memory, more than the {} allowed",
        inferences(*.count),
        mebibytes(*.needed),
        mebibytes(*.allowed)
    )]
    Memory {
        /// Inferences prepared together.
        count: usize,
        /// The bytes that they need, at least.
        needed: u64,
        /// The bytes that they may have.
        allowed: u64,
    },
    /// What a client would receive for one inference.
    #[error(
        "an inference would receive {}, more than the {} allowed",
        mebibytes(*.needed),
        mebibytes(*.allowed)
    )]
    Download {
        /// The bytes of an inference.
        needed: u64,
        /// The bytes that it may have.
        allowed: u64,
    },
    /// What a client would assume.
    #[error(
        "the server's transfers assume that learning parity with noise is hard, and this client is \
         told not to; allow it, or ask for a server with `--transfers softspoken`"
    )]
    Lpn,
    /// What a server may hold for one client.
    #[error(
        "no more than {} of prepared inferences may wait for one client; prepare fewer at a time, or \
         use those that wait",
        mebibytes(*.allowed)
    )]
    ClientMemory {
        /// The bytes that a client may have.
        allowed: u64,
    },
    /// What a server may hold for all clients.
    #[error("the server has no memory left for more prepared inferences; try again later")]
    ServerMemory,
    /// The sessions that a server has at a time.
    #[error("all seats of this server are taken; try again later")]
    Seats,
    /// The server ends.
    #[error("the server is being shut down; try again later")]
    Closing,
}

/// So many inferences.
fn inferences(count: usize) -> String {
    if count == 1 { "1 inference".into() } else { format!("{count} inferences") }
}

/// So many bytes, as people count them.
fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{bytes} bytes"),
        _ => format!("{:.1} MiB", bytes as f64 / (1u64 << 20) as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_by_their_words() {
        let name = BundleName::from_bytes([7; BundleName::LEN]);
        for words in [
            PeerFault::Bundle(name).told_to_client(),
            BundleFault::OtherNetwork.to_string(),
            BundleFault::Damaged.to_string(),
            BundleFault::Version { got: 1, expected: 2 }.to_string(),
            BundleFault::Length { got: 1, expected: 2 }.to_string(),
        ] {
            assert!(Error::Refused(words).refuses_bundle());
        }
        let limits =
            [Limit::Closing, Limit::Seats, Limit::ServerMemory].map(|limit| limit.to_string());
        assert!(limits.into_iter().all(|words| Error::Refused(words).asks_for_another_try()));
        let lasting = [
            Limit::ClientMemory { allowed: 1 }.to_string(),
            PeerFault::Bundle(name).told_to_client(),
        ];
        assert!(!lasting.into_iter().any(|words| Error::Refused(words).asks_for_another_try()));
        let others = [Limit::Closing.to_string(), PeerFault::NotGazelle.told_to_client()];
        assert!(others.into_iter().all(|words| !Error::Refused(words).refuses_bundle()));
    }
}
