//! What may come next.

use std::ops::RangeInclusive;

use super::{Kind, Message};
use crate::error::PeerFault;

/// What a party waits for: the kinds of message that may come, each with its possible lengths. Known
/// before anything is read, so that nothing need be allocated for a peer that is out of step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    messages: Vec<(Kind, RangeInclusive<usize>)>,
    block: Option<usize>,
}

impl Expected {
    /// One kind, of exactly `len` bytes.
    pub fn exactly(kind: Kind, len: usize) -> Self {
        Self::any_of(&[(kind, len)])
    }

    /// One kind, of at most `len` bytes.
    pub fn at_most(kind: Kind, len: usize) -> Self {
        Self { messages: vec![(kind, 0..=len)], block: None }
    }

    /// One of several kinds, each of exactly its length.
    pub fn any_of(messages: &[(Kind, usize)]) -> Self {
        let messages = messages.iter().map(|&(kind, len)| (kind, len..=len)).collect();
        Self { messages, block: None }
    }

    /// The same, or one of this kind, of so many bytes.
    #[must_use]
    pub fn or(mut self, kind: Kind, lengths: RangeInclusive<usize>) -> Self {
        self.messages.push((kind, lengths));
        self
    }

    /// The same, on behalf of a block of the network.
    pub fn for_block(self, block: usize) -> Self {
        Self { block: Some(block), ..self }
    }

    /// The block whose step this is, for who measures.
    pub fn block(&self) -> Option<usize> {
        self.block
    }

    /// The first kind that may come.
    ///
    /// # Panics
    /// Never: there is always one.
    pub fn kind(&self) -> Kind {
        self.messages[0].0
    }

    /// Each kind with its greatest length.
    pub fn longest(&self) -> Vec<(Kind, usize)> {
        self.messages.iter().map(|(kind, lengths)| (*kind, *lengths.end())).collect()
    }

    /// Checks a message that came.
    ///
    /// # Errors
    /// [`PeerFault::Kind`] or [`PeerFault::Length`]; of a greeting, [`PeerFault::NotGazelle`].
    pub fn check(&self, message: &Message) -> Result<(), PeerFault> {
        let kind = message.kind;
        let lengths = self.messages.iter().find(|(k, _)| *k == kind).map(|(_, lengths)| lengths);
        let fault = match lengths {
            None => PeerFault::Kind { expected: self.kind().name(), got: kind as u8 },
            Some(lengths) if lengths.contains(&message.payload.len()) => return Ok(()),
            Some(lengths) => PeerFault::Length {
                message: kind.name(),
                expected: *lengths.end(),
                got: message.payload.len(),
            },
        };
        Err(self.explain(fault))
    }

    /// What a fault of framing means here: who does not even greet speaks something else.
    pub fn explain(&self, fault: PeerFault) -> PeerFault {
        match fault {
            PeerFault::Kind { .. } | PeerFault::Length { .. } if self.kind() == Kind::Hello => {
                PeerFault::NotGazelle
            }
            fault => fault,
        }
    }
}
