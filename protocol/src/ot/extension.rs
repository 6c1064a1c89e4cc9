//! SoftSpoken extension: as many correlated transfers as a session needs from 128 base transfers.
//!
//! Roy, "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt Model"
//! (CRYPTO 2022), its malicious form. Secure if SHA-256 is a random oracle and AES a pseudorandom
//! permutation: choices are hidden by the one leaf of each tree that the sender misses (128 bits)
//! and by the masked sums of the check, Δ by the base transfers. Either party may deviate: a sender
//! sends nothing after the base transfers, and a receiver that deviates must guess bits of Δ or end
//! the session (`check`; for the trees `tree`).
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
//! Transfers are made 128 at a time, and each message makes 128 more for its check: a request for n
//! uses up (⌈n/128⌉ + 1)·128 indices of the session's one 64-bit index, which never goes back.
//! Neither party's state can be copied or stored.

use std::slice;

use crate::parallel::prelude::*;
use gazelle_kernels::prg::Seeds;
use gazelle_kernels::{AesBackend, VectorBackend};
use rand::{CryptoRng, RngExt};
use subtle::{Choice, ConditionallySelectable};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::base::{self, LinkKey};
use super::check;
use super::choices::Choices;
use super::field::{FieldBits, blocks};
use super::rows::{Backends, CHUNK, MIN_CHUNKS, Matrix, Outputs, Rows};
use super::tree;
use crate::error::{Error, Misuse, PeerFault};

const CORRECTIONS: &str = "OT-extension corrections";
const MESSAGE: &str = "OT-extension message";

/// The extension's receiver before the base transfers end.
pub struct ReceiverSetup {
    base: base::Sender,
    field: FieldBits,
    backends: Backends,
    /// Where the choices that hide x come from.
    masks: Zeroizing<[u128; 1]>,
}

impl ReceiverSetup {
    /// Begins, and returns the message for [`SenderSetup::new`].
    pub fn new(field: FieldBits, rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let (base, offer) = base::Sender::new(rng);
        let masks = Zeroizing::new([rng.random()]);
        (Self { base, field, backends: Backends::best(), masks }, offer)
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
        let (trees, leaves, corrections) = tree::grow(session, self.field, &keys);
        let rows = Rows::new(self.field, session, (trees, leaves), self.backends);
        let masks = Seeds::new(self.backends.aes, &*self.masks);
        Ok((Receiver { rows, masks, matrix: Matrix::default(), next: 0 }, corrections, link))
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
    /// [`Error::Peer`] if `corrections` are not those of [`ReceiverSetup::finish`].
    pub fn finish(self, corrections: &[u8]) -> Result<Sender, Error> {
        let expected = tree::corrections_len(self.field);
        PeerFault::check_length(CORRECTIONS, corrections, expected)?;
        let grown =
            tree::grow_punctured(&self.session, self.field, self.delta, &self.keys, corrections)
                .ok_or(PeerFault::Consistency { message: CORRECTIONS })?;
        // The missing leaf is number 0 and so in no plane: the sender's sums do not use it.
        let rows = Rows::new(self.field, &self.session, grown, self.backends);
        let correlation = Correlation { rows, delta: self.delta, matrix: Matrix::default() };
        Ok(Sender { correlation: Some(Box::new(correlation)), next: 0 })
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
    pub(super) rows: Rows,
    masks: Seeds,
    pub(super) matrix: Matrix,
    next: u64,
}

impl Receiver {
    /// Takes as little memory as it can until it is used again.
    pub(crate) fn shrink(&mut self) {
        self.rows.shrink();
        self.matrix = Matrix::default();
    }

    /// Makes `choices.len()` transfers: writes t for each to `labels` and returns the message for
    /// [`Sender::extend`], [`FieldBits::message_len`] bytes.
    ///
    /// Uses rayon's current thread pool; the result does not depend on its size.
    ///
    /// # Panics
    ///
    /// Panics if `labels` is not as long as `choices`.
    pub fn extend(&mut self, choices: &Choices, labels: &mut [u128]) -> Vec<u8> {
        let message = self.request(choices, labels.len());
        self.labels(labels);
        message
    }

    /// The same where labels are used at once: hands them to `take` in chunks, see [`Rows::hand_out`], whose
    /// first output has a value for each.
    pub(crate) fn extend_with<A: Send, B: Send>(
        &mut self,
        choices: &Choices,
        outputs: Outputs<'_, A, B>,
        take: impl Fn(usize, &mut [u128], &mut [A], &mut [B]) + Sync,
    ) -> Vec<u8> {
        let message = self.request(choices, outputs.0.len());
        let matrix = self.matrix.of_blocks(blocks(choices.len()));
        self.rows.hand_out(matrix, outputs, take);
        message
    }

    /// The same with each choice in the lowest bit of its label.
    pub(super) fn extend_coloured(&mut self, choices: &Choices, labels: &mut [u128]) -> Vec<u8> {
        let message = self.request(choices, labels.len());
        self.matrix.set_lowest(blocks(labels.len()), choices.blocks());
        self.labels(labels);
        message
    }

    /// Makes the rows of t for so many labels, and the message.
    fn request(&mut self, choices: &Choices, labels: usize) -> Vec<u8> {
        assert_eq!(labels, choices.len(), "one label for each choice");
        let (first, choices) = self.begin(choices);
        let mut message = self.correct(first, &choices);
        let challenge = self.rows.challenge(first, &message);
        let digest = challenge.digest(&challenge.sums(self.matrix.of_blocks(choices.len())));
        message.extend_from_slice(&challenge.sum(&choices).to_le_bytes());
        message.extend_from_slice(&digest);
        message
    }

    /// Writes t.
    fn labels(&mut self, labels: &mut [u128]) {
        self.rows.transpose(self.matrix.of_blocks(blocks(labels.len())), labels);
    }

    /// The first block of a message, and the choices of all its blocks: those of the last are
    /// random.
    pub(super) fn begin(&mut self, choices: &Choices) -> (u64, Zeroizing<Vec<u128>>) {
        let blocks = blocks(choices.len());
        let first = take_blocks(&mut self.next, blocks);
        let mut all = Zeroizing::new(vec![0; blocks]);
        let (last, given) = all.split_last_mut().expect("a last block");
        given.copy_from_slice(choices.blocks());
        self.masks.stream(0, self.rows.nonce(), first, slice::from_mut(last));
        (first, all)
    }

    /// Makes the rows of t for choices of whole blocks, from block `first` on, and returns the rows
    /// d; there is room for the check behind them.
    pub(super) fn correct(&mut self, first: u64, choices: &[u128]) -> Vec<u8> {
        let block_len = self.rows.block_len();
        let mut message = Vec::with_capacity(choices.len() * block_len + check::LEN);
        message.resize(choices.len() * block_len, 0);
        self.matrix
            .of_blocks(choices.len())
            .par_chunks_mut(128 * CHUNK)
            .zip(message.par_chunks_mut(CHUNK * block_len))
            .zip(choices.par_chunks(CHUNK))
            .enumerate()
            .with_min_len(MIN_CHUNKS)
            .for_each(|(i, ((rows, message), choices))| {
                let mut corrections = message.chunks_exact_mut(16 * choices.len());
                self.rows.expand(first + (i * CHUNK) as u64, rows, |sum, _| {
                    let row = corrections.next().expect("one row for each group");
                    for ((d, u), c) in row.chunks_exact_mut(16).zip(sum).zip(choices) {
                        d.copy_from_slice(&(u ^ c).to_le_bytes());
                    }
                });
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
    pub(super) correlation: Option<Box<Correlation>>,
    next: u64,
}

/// What the sender knows; wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub(super) struct Correlation {
    #[zeroize(skip)]
    rows: Rows,
    delta: u128,
    #[zeroize(skip)]
    matrix: Matrix,
}

impl Sender {
    /// Takes as little memory as it can until it is used again.
    pub(crate) fn shrink(&mut self) {
        if let Some(correlation) = &mut self.correlation {
            correlation.rows.shrink();
            correlation.matrix = Matrix::default();
        }
    }

    /// Makes `zero_labels.len()` transfers from the receiver's message: writes q for each.
    ///
    /// Uses rayon's current thread pool; the result does not depend on its size.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] if `message` has not [`FieldBits::message_len`] bytes for as many
    /// transfers, [`PeerFault::Consistency`] if it is none that [`Receiver::extend`] makes here. No
    /// label is then written, the base transfers and Δ are wiped, and every later call fails with
    /// [`Misuse::SessionEnded`].
    pub fn extend(&mut self, message: &[u8], zero_labels: &mut [u128]) -> Result<(), Error> {
        self.check(message, zero_labels.len())?.labels(zero_labels);
        Ok(())
    }

    /// The same where labels are used at once: hands them to `take` in chunks, as
    /// [`Receiver::extend_with`] does.
    pub(crate) fn extend_with<A: Send, B: Send>(
        &mut self,
        message: &[u8],
        outputs: Outputs<'_, A, B>,
        take: impl Fn(usize, &mut [u128], &mut [A], &mut [B]) + Sync,
    ) -> Result<(), Error> {
        let count = outputs.0.len();
        let correlation = self.check(message, count)?;
        let matrix = correlation.matrix.of_blocks(blocks(count));
        correlation.rows.hand_out(matrix, outputs, take);
        Ok(())
    }

    /// The same with 0 in the lowest bit of each label.
    pub(super) fn extend_coloured(
        &mut self,
        message: &[u8],
        zero_labels: &mut [u128],
    ) -> Result<(), Error> {
        let correlation = self.check(message, zero_labels.len())?;
        let blocks = blocks(zero_labels.len());
        correlation.matrix.set_lowest(blocks, &vec![0; blocks]);
        correlation.labels(zero_labels);
        Ok(())
    }

    /// Makes the rows of q for `count` transfers, if the message passes.
    fn check(&mut self, message: &[u8], count: usize) -> Result<&mut Correlation, Error> {
        // It comes back if the message passes; else it is dropped, and so wiped.
        let mut correlation = self.correlation.take().ok_or(Misuse::SessionEnded)?;
        let expected = correlation.rows.field().message_len(count);
        PeerFault::check_length(MESSAGE, message, expected)?;
        let first = take_blocks(&mut self.next, blocks(count));
        let (corrections, check) = message.split_at(expected - check::LEN);
        correlation.correct(first, corrections);
        let passes = correlation.passes(first, corrections, check);
        // Tests show what the check is for.
        #[cfg(test)]
        let passes = passes || super::deviating::is_unchecked();
        if !passes {
            return Err(PeerFault::Consistency { message: MESSAGE }.into());
        }
        Ok(self.correlation.insert(correlation))
    }
}

impl Correlation {
    /// Makes the rows of q from the rows d of a message, from block `first` on.
    pub(super) fn correct(&mut self, first: u64, corrections: &[u8]) {
        let block_len = self.rows.block_len();
        self.matrix
            .of_blocks(corrections.len() / block_len)
            .par_chunks_mut(128 * CHUNK)
            .zip(corrections.par_chunks(CHUNK * block_len))
            .enumerate()
            .with_min_len(MIN_CHUNKS)
            .for_each(|(i, (rows, corrections))| {
                let width = rows.len() / 128;
                let mut corrections = corrections.chunks_exact(16 * width);
                let mut delta = self.delta;
                self.rows.expand(first + (i * CHUNK) as u64, rows, |_, planes| {
                    let row = corrections.next().expect("one row for each group");
                    for plane in planes.chunks_exact_mut(width) {
                        add_if(plane, row, Choice::from(delta as u8 & 1));
                        delta >>= 1;
                    }
                });
            });
    }

    /// Whether the rows of q agree with x and the digest of a message's `check`.
    pub(super) fn passes(&mut self, first: u64, corrections: &[u8], check: &[u8]) -> bool {
        let challenge = self.rows.challenge(first, corrections);
        let blocks = corrections.len() / self.rows.block_len();
        let mut sums = challenge.sums(self.matrix.of_blocks(blocks));
        let (x, digest) = check.split_at(16);
        for (b, sum) in sums.iter_mut().enumerate() {
            add_if(slice::from_mut(sum), x, Choice::from((self.delta >> b) as u8 & 1));
        }
        check::equal(&challenge.digest(&sums), digest)
    }

    /// Writes q, which nobody sees before the message has passed.
    pub(super) fn labels(&mut self, zero_labels: &mut [u128]) {
        self.rows.transpose(self.matrix.of_blocks(blocks(zero_labels.len())), zero_labels);
    }
}

/// Takes so many blocks of 128 indices; returns the first.
fn take_blocks(next: &mut u64, blocks: usize) -> u64 {
    let first = *next;
    *next = first.checked_add(blocks as u64).expect("2^64 blocks would take thousands of years");
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
