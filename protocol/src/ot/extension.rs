//! SoftSpoken extension: as many correlated transfers as a session needs from 128 base transfers.
//!
//! Roy, "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt Model"
//! (CRYPTO 2022), its semi-honest form: the adversary follows the protocol. Secure if SHA-256 in
//! the seed trees is a random oracle and AES a pseudorandom permutation: choices are hidden by the
//! one leaf of each tree that the sender misses (128 bits), Δ by the base transfers. A receiver that deviates can learn bits of Δ: there is no
//! consistency check here.
//!
//! The sender knows Δ (128 bits, the garbling's free-XOR offset); the receiver has choices c. For
//! a group of K bits of Δ, read as a number δ < 2^K, the receiver knows 2^K pseudorandom rows r_x
//! and the sender all but r_δ (`tree`). With u = ⊕ r_x and v_b the sum of the rows whose x
//! has bit b, the sender can sum v_b ⊕ δ_b·u, where r_δ does not occur. The receiver sends
//! d = u ⊕ c, and the sender's q_b = v_b ⊕ δ_b·u ⊕ δ_b·d = v_b ⊕ δ_b·c. The rows of all groups,
//! transposed, are t (receiver) and q (sender): t = q ⊕ c·Δ for each transfer.
//!
//! d costs 128/K bits for each transfer, and expansion 2^K/K times more work than a bit of the
//! result. K = 1 is the extension of Ishai, Kilian, Nissim and Petrank (CRYPTO 2003).
//!
//! Transfers are made 128 at a time: a request for n uses up ⌈n/128⌉·128 indices of the session's
//! one 64-bit index, which never goes back. Neither party's state can be copied or stored.

use gazelle_kernels::{AesBackend, VectorBackend};
use rand::CryptoRng;
use rayon::prelude::*;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base::{self, LinkKey};
use super::choices::Choices;
use super::rows::{Backends, CHUNK, Rows, Scratch};
use super::tree;
use crate::error::{Error, Misuse, PeerFault};

const CORRECTIONS: &str = "OT-extension corrections";
const MESSAGE: &str = "OT-extension message";

/// K, the bits of Δ that one small field holds: how many bytes are traded for how much work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldBits {
    /// K = 1, the extension of 2003: 16 bytes for each transfer.
    One = 1,
    /// K = 2: 8 bytes for each transfer, at the work of K = 1.
    Two = 2,
    /// K = 4: 4 bytes for each transfer, twice the work.
    #[default]
    Four = 4,
    /// K = 8: 2 bytes for each transfer, sixteen times the work.
    Eight = 8,
}

impl FieldBits {
    /// Every choice, smallest first.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    /// The cheapest K for a link of so many bits a second.
    ///
    /// A transfer sends 128/K bits and costs each party, on one thread with AES-NI, about 6, 6.5,
    /// 10 and 52 ns for K = 1, 2, 4 and 8 (bench `ot`). Going from 4 to 8 saves 16 bits for 42 ns,
    /// which pays on links slower than 0.4 Gb/s; going from 2 to 4 saves 32 bits for 4 ns, which
    /// pays below 8 Gb/s; K = 1 is never the best. With VAES the extra work costs less, but the
    /// other party may lack it, and transfers are a tenth of what an activation sends.
    pub const fn for_link(bits_per_second: u64) -> Self {
        match bits_per_second {
            0..400_000_000 => Self::Eight,
            400_000_000..8_000_000_000 => Self::Four,
            _ => Self::Two,
        }
    }

    /// K itself.
    pub const fn bits(self) -> usize {
        self as usize
    }

    /// Length in bytes of the message for `count` transfers: 16/K bytes for each, rounded up to
    /// whole blocks of 128 transfers.
    pub const fn message_len(self, count: usize) -> usize {
        count.div_ceil(128) * self.groups() * 16
    }

    /// Length in bytes of the message of [`ReceiverSetup::finish`].
    pub fn corrections_len(self) -> usize {
        tree::corrections_len(self)
    }

    /// 2^K, the leaves of a tree.
    pub(super) const fn size(self) -> usize {
        1 << self.bits()
    }

    /// 128/K, the trees.
    pub(super) const fn groups(self) -> usize {
        128 / self.bits()
    }
}

impl TryFrom<u8> for FieldBits {
    type Error = Misuse;

    /// K from its number.
    ///
    /// # Errors
    ///
    /// [`Misuse::FieldBits`] unless K ∈ {1, 2, 4, 8}.
    fn try_from(k: u8) -> Result<Self, Misuse> {
        Self::ALL.into_iter().find(|f| f.bits() == k.into()).ok_or(Misuse::FieldBits(k))
    }
}

/// The extension's receiver before the base transfers end.
pub struct ReceiverSetup {
    base: base::Sender,
    field: FieldBits,
    backends: Backends,
}

impl ReceiverSetup {
    /// Begins, and returns the message for [`SenderSetup::new`].
    pub fn new(field: FieldBits, rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let (base, offer) = base::Sender::new(rng);
        (Self { base, field, backends: Backends::best() }, offer)
    }

    /// Uses these instructions instead of the best ones; no byte of a message depends on them.
    pub fn with_backends(mut self, aes: AesBackend, vector: VectorBackend) -> Self {
        self.backends = Backends { aes, vector };
        self
    }

    /// Takes the sender's reply and returns the message for [`SenderSetup::finish`] and the key
    /// that both parties have.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `reply` is not what [`SenderSetup::new`] makes.
    pub fn finish(
        self,
        session: &[u8; 32],
        reply: &[u8],
    ) -> Result<(Receiver, Vec<u8>, LinkKey), Error> {
        let (keys, link) = self.base.finish(session, reply)?;
        let (leaves, corrections) = tree::grow(session, self.field, &keys);
        let rows = Rows::new(self.field, session, &leaves, self.backends);
        Ok((Receiver { rows, next: 0 }, corrections, link))
    }
}

/// The extension's sender before it has the receiver's corrections.
#[derive(ZeroizeOnDrop)]
pub struct SenderSetup {
    session: [u8; 32],
    #[zeroize(skip)]
    field: FieldBits,
    #[zeroize(skip)]
    backends: Backends,
    delta: u128,
    keys: base::ReceiverKeys,
}

impl SenderSetup {
    /// Takes the receiver's first message and returns the reply for [`ReceiverSetup::finish`] and
    /// the key that both parties have.
    ///
    /// `delta` is the offset of all correlations; a garbler gives its free-XOR offset.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `offer` is not what [`ReceiverSetup::new`] makes.
    pub fn new(
        field: FieldBits,
        session: &[u8; 32],
        delta: u128,
        offer: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<u8>, LinkKey), Error> {
        let (reply, keys, link) = base::receive(session, delta, offer, rng)?;
        let backends = Backends::best();
        Ok((Self { session: *session, field, backends, delta, keys }, reply, link))
    }

    /// Uses these instructions instead of the best ones; no byte of a message depends on them.
    pub fn with_backends(mut self, aes: AesBackend, vector: VectorBackend) -> Self {
        self.backends = Backends { aes, vector };
        self
    }

    /// Takes the receiver's corrections and ends the set-up.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `corrections` has not the length of those of [`ReceiverSetup::finish`].
    pub fn finish(self, corrections: &[u8]) -> Result<Sender, Error> {
        let expected = tree::corrections_len(self.field);
        PeerFault::check_length(CORRECTIONS, corrections, expected)?;
        let leaves =
            tree::grow_punctured(&self.session, self.field, self.delta, &self.keys, corrections);
        // The missing leaf is number 0 and so in no plane: the sender's sums do not use it.
        let rows = Rows::new(self.field, &self.session, &leaves, self.backends);
        Ok(Sender { rows: Some(rows), delta: self.delta, next: 0 })
    }
}

/// The party with choices: the evaluator.
///
/// One state makes each transfer once, so there is no way to copy it:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>() {}
/// copy::<gazelle_protocol::ot::Receiver>();
/// ```
pub struct Receiver {
    rows: Rows,
    next: u64,
}

impl Receiver {
    /// Makes `choices.len()` transfers: writes t for each to `labels` and returns the message for
    /// [`Sender::extend`], [`FieldBits::message_len`] bytes.
    ///
    /// Uses rayon's current thread pool; the result does not depend on its size.
    ///
    /// # Panics
    ///
    /// Panics if `labels` is not as long as `choices`.
    pub fn extend(&mut self, choices: &Choices, labels: &mut [u128]) -> Vec<u8> {
        assert_eq!(labels.len(), choices.len(), "one label for each choice");
        let field = self.rows.field();
        let first = take_blocks(&mut self.next, labels.len());
        let mut message = vec![0; field.message_len(labels.len())];
        labels
            .par_chunks_mut(CHUNK)
            .zip(message.par_chunks_mut(field.message_len(CHUNK)))
            .zip(choices.blocks().par_chunks(CHUNK / 128))
            .enumerate()
            .with_min_len(MIN_CHUNKS)
            .for_each_init(Scratch::new, |scratch, (i, ((labels, message), choices))| {
                let first = first + (i * CHUNK / 128) as u64;
                let mut corrections = message.chunks_exact_mut(16 * choices.len());
                self.rows.expand(scratch, first, choices.len(), |sum, _| {
                    let row = corrections.next().expect("one row for each group");
                    for ((d, u), c) in row.chunks_exact_mut(16).zip(sum).zip(choices) {
                        d.copy_from_slice(&(u ^ c).to_le_bytes());
                    }
                });
                self.rows.transpose(scratch, choices.len(), labels);
            });
        message
    }
}

/// The party with Δ: the garbler.
///
/// One state makes each transfer once, so there is no way to copy it:
///
/// ```compile_fail,E0277
/// fn copy<T: Clone>() {}
/// copy::<gazelle_protocol::ot::Sender>();
/// ```
pub struct Sender {
    /// None once the session has failed.
    rows: Option<Rows>,
    delta: u128,
    next: u64,
}

impl Sender {
    /// Makes `zero_labels.len()` transfers from the receiver's message: writes q for each.
    ///
    /// Uses rayon's current thread pool; the result does not depend on its size.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] if `message` has not [`FieldBits::message_len`] bytes for as many
    /// transfers. The base transfers are then wiped, and every later call fails with
    /// [`Misuse::SessionEnded`].
    pub fn extend(&mut self, message: &[u8], zero_labels: &mut [u128]) -> Result<(), Error> {
        let rows = self.rows.as_ref().ok_or(Misuse::SessionEnded)?;
        let field = rows.field();
        let expected = field.message_len(zero_labels.len());
        if let Err(fault) = PeerFault::check_length(MESSAGE, message, expected) {
            self.rows = None;
            self.delta.zeroize();
            return Err(fault.into());
        }
        let first = take_blocks(&mut self.next, zero_labels.len());
        let delta = self.delta;
        zero_labels
            .par_chunks_mut(CHUNK)
            .zip(message.par_chunks(field.message_len(CHUNK)))
            .enumerate()
            .with_min_len(MIN_CHUNKS)
            .for_each_init(Scratch::new, |scratch, (i, (labels, message))| {
                let first = first + (i * CHUNK / 128) as u64;
                let width = labels.len().div_ceil(128);
                let mut corrections = message.chunks_exact(16 * width);
                let mut delta = delta;
                rows.expand(scratch, first, width, |_, planes| {
                    let row = corrections.next().expect("one row for each group");
                    for plane in planes.chunks_exact_mut(width) {
                        add_if(plane, row, Choice::from(delta as u8 & 1));
                        delta >>= 1;
                    }
                });
                rows.transpose(scratch, width, labels);
            });
        Ok(())
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.delta.zeroize();
    }
}

/// Fewer chunks than this are not worth another thread.
const MIN_CHUNKS: usize = 4;

/// Takes the blocks of 128 indices that `count` transfers need; returns the first block.
fn take_blocks(next: &mut u64, count: usize) -> u64 {
    let first = *next;
    let blocks = count.div_ceil(128) as u64;
    *next = first.checked_add(blocks).expect("2^64 blocks would take thousands of years");
    first
}

/// Adds `bit`·`row` to `plane`, which has as many blocks. Of a mask made by arithmetic alone the
/// compiler knows that it is 0 or −1, and branches on it; of a [`Choice`] it knows nothing.
fn add_if(plane: &mut [u128], row: &[u8], bit: Choice) {
    let mask = u128::conditional_select(&0, &u128::MAX, bit);
    for (p, d) in plane.iter_mut().zip(row.chunks_exact(16)) {
        *p ^= u128::from_le_bytes(d.try_into().expect("chunks of 16 bytes")) & mask;
    }
}
