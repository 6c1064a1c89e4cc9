//! Transfers both ways: batches of correlated oblivious transfers with random choices, and their
//! keys.
//!
//! A transfer has a sender with an offset Δ and a receiver with a uniform choice bit c. It gives the
//! sender a block q and the receiver q ⊕ c·Δ; hashing makes them *keys* of 128 bits, K⁰ = H(q) and
//! K¹ = H(q ⊕ Δ) for the sender and K^c for the receiver, of which every bit is used at most once.
//! Either party sends in one [`Direction`] and receives in the other. The two directions share
//! nothing: each has a Δ, base transfers, an extension, numbers of transfers and a hash of its own,
//! told apart by a name that is derived from the session's. (The garbled circuits' transfers,
//! [`super::extension`] under the session's own name with chosen choices, are a third family.)
//!
//! Where transfers come from is a [`Source`]. Messages of a direction, R the receiver and S the
//! sender; all lengths are known before, and a message of no bytes is not sent:
//!
//! | step | way | made by | taken by |
//! | --- | --- | --- | --- |
//! | set-up | R → S | [`ReceiverSetup::new`] | [`SenderSetup::new`] |
//! | | S → R | [`SenderSetup::new`] | [`ReceiverSetup::finish`] |
//! | | R → S | [`ReceiverSetup::finish`] | [`SenderSetup::finish`] |
//! | refill | R → S | [`Receiver::request`] | [`Sender::answer`] |
//! | | S → R | [`Sender::answer`] | [`Receiver::challenge`] |
//! | | R → S | [`Receiver::challenge`] | [`Sender::prove`] |
//! | | S → R | [`Sender::prove`] | [`Receiver::finish`] |
//!
//! With [`Source::SoftSpoken`] the request is the only message of a refill; with
//! [`Source::Silent`] there is one in the first refill only, and the other three in all. Several
//! refills may share one challenge and one proof. Either party's messages are checked before the
//! other has a transfer of them to use ([`Unproven`]), so before any payload.
//!
//! ```
//! use gazelle_protocol::ot::FieldBits;
//! use gazelle_protocol::ot::transfers::{Direction, ReceiverSetup, SenderSetup, Source};
//! use rand::rngs::{ChaCha20Rng, SysRng};
//! use rand::SeedableRng;
//!
//! let rng = &mut ChaCha20Rng::try_from_rng(&mut SysRng)?;
//! let (session, source) = (&[7; 32], Source::SoftSpoken(FieldBits::Eight));
//!
//! // The client sends, the server receives.
//! let (server, offer) = ReceiverSetup::new(source, rng);
//! let (client, reply) = SenderSetup::new(source, Direction::Up, session, &offer, rng)?;
//! let (mut server, corrections) = server.finish(Direction::Up, session, &reply)?;
//! let mut client = client.finish(&corrections)?;
//!
//! let request = server.request(1000, rng)?;
//! let answer = client.answer(1000, &request)?;
//! let challenge = server.challenge(1000, &answer)?;
//! server.finish(&client.prove(&challenge)?)?;
//! assert_eq!((answer.len(), challenge.len()), (0, 0));
//!
//! let (sent, received) = (client.take(1000).keys(), server.take(1000).keys());
//! for i in 0..1000 {
//!     let (zero, one) = sent.pair(i);
//!     assert_eq!(received.key(i), if received.choices().bit(i) { one } else { zero });
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod parties;
#[cfg(test)]
mod tests;

pub use batch::{Received, ReceiverKeys, SenderKeys, Sent, Unproven};
pub use parties::{Receiver, ReceiverSetup, Sender, SenderSetup};

use gazelle_kernels::hash::{Hash, HashKind};
use sha2::{Digest, Sha256};

use super::field::FieldBits;
use super::silent::{CHALLENGE_LEN, LpnSet, PROOF_LEN};
use crate::domain;

/// Which party sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The client sends, the server has the choices.
    Up = 0,
    /// The server sends, the client has the choices.
    Down = 1,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Up, Self::Down];

    /// The name of this direction's transfers of a session.
    fn name(self, session: &[u8; 32]) -> [u8; 32] {
        Sha256::new()
            .chain_update(domain::TRANSFERS)
            .chain_update(session)
            .chain_update([self as u8])
            .finalize()
            .into()
    }
}

/// Where transfers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The extension of [`super::extension`]: 16/K bytes for each transfer from the receiver.
    SoftSpoken(FieldBits),
    /// [`super::silent`], from an extension with K = 8: about a bit for each transfer from the
    /// sender, some millions at a time, and no choice of theirs from the receiver. It assumes that
    /// learning parity with noise is hard; the other source assumes AES alone.
    Silent(LpnSet),
}

impl Source {
    /// Silent transfers if they send fewer bytes for so many transfers in one direction than an
    /// extension with this field, and that otherwise.
    pub const fn frugal(transfers: u64, field: FieldBits) -> Self {
        let set = LpnSet::K18;
        let iterations = transfers.div_ceil(set.usable() as u64);
        let silent = set.reserve() as u64 * 2 + iterations * set.corrections_len() as u64;
        if silent < transfers.saturating_mul(16 / field.bits() as u64) {
            return Self::Silent(set);
        }
        Self::SoftSpoken(field)
    }

    /// Bits that a transfer takes about, whoever sends them; not 0.
    pub const fn bits(self) -> usize {
        match self {
            Self::SoftSpoken(field) => 128 / field.bits(),
            Self::Silent(_) => 1,
        }
    }

    /// Whether transfers are silent.
    pub const fn is_silent(self) -> bool {
        matches!(self, Self::Silent(_))
    }

    /// What stands for it in settings and digests.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::SoftSpoken(field) => field.bits() as u8,
            Self::Silent(set) => set.byte(),
        }
    }

    /// K of the extension.
    const fn field(self) -> FieldBits {
        match self {
            Self::SoftSpoken(field) => field,
            Self::Silent(_) => FieldBits::Eight,
        }
    }

    /// Length in bytes of the receiver's second message of the set-up.
    pub const fn corrections_len(self) -> usize {
        self.field().corrections_len()
    }
}

/// The lengths in bytes of the messages of a refill, in order; those of no bytes are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// From the receiver: choices.
    pub request: usize,
    /// From the sender: silent transfers.
    pub answer: usize,
    /// From the receiver: the challenge to these.
    pub challenge: usize,
    /// From the sender: its proof.
    pub proof: usize,
    /// Transfers that the extension makes.
    extended: usize,
    /// Iterations of silent transfers.
    iterations: usize,
}

impl Lengths {
    /// Of a refill by `missing` transfers; `begun` says whether silent transfers have a reserve.
    const fn new(source: Source, begun: bool, missing: usize) -> Self {
        let (extended, iterations, corrections) = match source {
            Source::SoftSpoken(_) => (missing, 0, 0),
            Source::Silent(set) => {
                let extended = if begun || missing == 0 { 0 } else { set.reserve() };
                (extended, missing.div_ceil(set.usable()), set.corrections_len())
            }
        };
        Self {
            request: if extended == 0 { 0 } else { source.field().message_len(extended) },
            answer: iterations * corrections,
            challenge: iterations * CHALLENGE_LEN,
            proof: iterations * PROOF_LEN,
            extended,
            iterations,
        }
    }

    /// Transfers that the refill makes.
    const fn made(&self, source: Source) -> usize {
        match source {
            Source::SoftSpoken(_) => self.extended,
            Source::Silent(set) => self.iterations * set.usable(),
        }
    }
}

/// What a direction has, as far as both parties know it: what the next refill sends follows from it.
/// By default what it has after the set-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Whether silent transfers have a reserve.
    begun: bool,
    /// Transfers that wait to be taken.
    waiting: usize,
}

impl Stock {
    /// The lengths of the messages that make `count` transfers available.
    pub const fn lengths(&self, source: Source, count: usize) -> Lengths {
        Lengths::new(source, self.begun, count.saturating_sub(self.waiting))
    }

    /// Refills to `count` transfers and takes them; returns the lengths of the messages.
    pub const fn take(&mut self, source: Source, count: usize) -> Lengths {
        let lengths = self.lengths(source, count);
        self.begun |= lengths.request > 0 && source.is_silent();
        self.waiting += lengths.made(source);
        self.waiting -= count;
        lengths
    }
}

/// The hash of a direction's transfers: MITCCRH with a key of its own for each transfer, which is
/// its number.
fn key_hash(name: &[u8; 32]) -> Hash {
    let key = Sha256::new().chain_update(domain::TRANSFER_KEYS).chain_update(name).finalize();
    let (key, _) = key.split_first_chunk().expect("SHA-256 gives 32 bytes");
    Hash::new(HashKind::MitccrhStrict, u128::from_le_bytes(*key))
}
