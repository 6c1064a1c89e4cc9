//! The messages about a server's hint.

use super::phases::exact;
use super::{Kind, Payload};
use crate::error::PeerFault;
use crate::he::hint::HintName;

/// Server, after its announcement, if a linear map needs a hint: `name of the hint (32)`.
#[derive(Clone)]
pub struct PublishedHint(pub HintName);

impl PublishedHint {
    /// Bytes of the message.
    pub const LEN: usize = 32;
}

impl Payload for PublishedHint {
    const KIND: Kind = Kind::PublishedHint;

    fn encode(self) -> Vec<u8> {
        self.0.0.to_vec()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        Ok(Self(HintName(exact(Self::KIND, &payload)?)))
    }
}

/// Client, between phases, at most once in a session: asks for the hint. Empty.
pub struct FetchHint;

impl Payload for FetchHint {
    const KIND: Kind = Kind::FetchHint;

    fn encode(self) -> Vec<u8> {
        Vec::new()
    }

    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
        exact(Self::KIND, &payload).map(|[]: [u8; 0]| Self)
    }
}

bytes_of_an_engine! {
    /// Server: the next [`HintPart::MAX_LEN`] bytes of its hint, or all that are left.
    HintPart, HintPart;
}

impl HintPart {
    /// The most bytes of one part.
    pub const MAX_LEN: usize = 1 << 22;

    /// The lengths of the parts of a hint of `len` bytes.
    pub fn lens(len: usize) -> impl Iterator<Item = usize> {
        (0..len).step_by(Self::MAX_LEN).map(move |start| (len - start).min(Self::MAX_LEN))
    }
}
