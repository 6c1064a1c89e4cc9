//! The two parties of a direction: set-up, refills, and what waits to be used.

use gazelle_kernels::hash::Hash;
use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use super::batch::{Pool, Received, Sent, Unproven};
use super::{Direction, Lengths, Source, Stock, key_hash};
use crate::error::{Error, Misuse, PeerFault};
use crate::ot::choices::Choices;
use crate::ot::extension;
use crate::ot::silent::{self, CHALLENGE_LEN, Claim, PROOF_LEN, Proof};

const REQUEST: &str = "request for transfers";
const ANSWER: &str = "silent transfers";
const CHALLENGE: &str = "challenge to silent transfers";
const PROOF: &str = "proof of silent transfers";

/// The receiver of a direction before the base transfers end.
pub struct ReceiverSetup {
    extension: extension::ReceiverSetup,
    source: Source,
}

impl ReceiverSetup {
    /// Begins, and returns the message for [`SenderSetup::new`],
    /// [`base::OFFER_LEN`](crate::ot::base::OFFER_LEN) bytes.
    pub fn new(source: Source, rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let (extension, offer) = extension::ReceiverSetup::new(source.field(), rng);
        (Self { extension, source }, offer)
    }

    /// Takes the sender's reply and returns the message for [`SenderSetup::finish`],
    /// [`FieldBits::corrections_len`](crate::ot::FieldBits::corrections_len) bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `reply` is not what [`SenderSetup::new`] makes.
    pub fn finish(
        self,
        direction: Direction,
        session: &[u8; 32],
        reply: &[u8],
    ) -> Result<(Receiver, Vec<u8>), Error> {
        let name = direction.name(session);
        let (extension, corrections, _) = self.extension.finish(&name, reply)?;
        let (source, hash) = (self.source, key_hash(&name));
        let state = State { extension, silent: None, pool: Pool::new() };
        let receiver =
            Receiver { source, name, hash, state: Some(Box::new(state)), claims: Vec::new() };
        Ok((receiver, corrections))
    }
}

/// The sender of a direction before it has the receiver's corrections.
pub struct SenderSetup {
    extension: extension::SenderSetup,
    source: Source,
    name: [u8; 32],
    delta: Zeroizing<u128>,
}

impl SenderSetup {
    /// Takes the receiver's first message, draws Δ and returns the reply for
    /// [`ReceiverSetup::finish`], [`base::REPLY_LEN`](crate::ot::base::REPLY_LEN) bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `offer` is not what [`ReceiverSetup::new`] makes.
    pub fn new(
        source: Source,
        direction: Direction,
        session: &[u8; 32],
        offer: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Vec<u8>), Error> {
        let (name, field) = (direction.name(session), source.field());
        // The lowest bit of a receiver's block is its choice.
        let delta = Zeroizing::new(rng.random::<u128>() | 1);
        let (extension, reply, _) = extension::SenderSetup::new(field, &name, *delta, offer, rng)?;
        Ok((Self { extension, source, name, delta }, reply))
    }

    /// Takes the receiver's corrections and ends the set-up.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `corrections` are not those of [`ReceiverSetup::finish`].
    pub fn finish(self, corrections: &[u8]) -> Result<Sender, Error> {
        let extension = self.extension.finish(corrections)?;
        let Self { source, name, delta, .. } = self;
        let (pool, hash) = (Pool::new(), key_hash(&name));
        let (silent, proofs) = (None, Vec::new());
        Ok(Sender { source, name, hash, delta, extension, silent, pool, proofs })
    }
}

/// The party of a direction that has choices.
///
/// A refill is [`request`](Self::request), [`challenge`](Self::challenge) and
/// [`finish`](Self::finish), in this order.
pub struct Receiver {
    source: Source,
    name: [u8; 32],
    hash: Hash,
    /// None once the direction has failed.
    state: Option<Box<State>>,
    /// Of iterations whose proof has not come.
    claims: Vec<Claim>,
}

/// What a receiver forgets when the sender deviates.
struct State {
    extension: extension::Receiver,
    silent: Option<silent::Receiver>,
    pool: Pool,
}

impl Receiver {
    /// How many transfers wait to be taken.
    pub fn available(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.pool.len())
    }

    /// Where its transfers come from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// What it has, as far as the sender knows it.
    pub fn stock(&self) -> Stock {
        let begun = self.state.as_ref().is_some_and(|state| state.silent.is_some());
        Stock { begun, waiting: self.available() }
    }

    /// The lengths of the messages that make `count` transfers available.
    pub fn lengths(&self, count: usize) -> Lengths {
        self.stock().lengths(self.source, count)
    }

    /// Takes as little memory as it can until it is used again; what waits stays.
    pub(crate) fn shrink(&mut self) {
        if let Some(state) = &mut self.state {
            state.extension.shrink();
            state.pool.shrink();
        }
    }

    /// Begins to make `count` transfers available: returns the message for [`Sender::answer`].
    ///
    /// # Errors
    ///
    /// [`Misuse::SessionEnded`] if an earlier message of the sender failed.
    pub fn request(&mut self, count: usize, rng: &mut impl CryptoRng) -> Result<Vec<u8>, Error> {
        let lengths = self.lengths(count);
        let state = self.state.as_mut().ok_or(Misuse::SessionEnded)?;
        if lengths.request == 0 {
            return Ok(Vec::new());
        }
        let choices = Choices::random(lengths.extended, rng);
        let message = match self.source {
            Source::SoftSpoken(_) => {
                let blocks = state.pool.grow(lengths.extended);
                state.extension.extend_coloured(&choices, blocks)
            }
            Source::Silent(set) => {
                let mut reserve = Zeroizing::new(vec![0; lengths.extended]);
                let message = state.extension.extend_coloured(&choices, &mut reserve);
                state.silent = Some(silent::Receiver::new(set, &self.name, reserve));
                message
            }
        };
        debug_assert_eq!(message.len(), lengths.request);
        Ok(message)
    }

    /// Takes the sender's answer to the request for `count` transfers and returns the message for
    /// [`Sender::prove`]; those of several refills in a row may be joined to one.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] if `answer` has not as many bytes as [`lengths`](Self::lengths) says;
    /// then every later call fails.
    pub fn challenge(&mut self, count: usize, answer: &[u8]) -> Result<Vec<u8>, Error> {
        let Lengths { iterations, answer: expected, .. } = self.lengths(count);
        let before = self.claims.len();
        // It comes back if the message is well-formed; else it is dropped, and so wiped.
        let mut state = self.state.take().ok_or(Misuse::SessionEnded)?;
        PeerFault::check_length(ANSWER, answer, expected)?;
        if let (Some(silent), Source::Silent(set)) = (&mut state.silent, self.source) {
            let outputs = state.pool.grow(set.outputs_of(iterations));
            for (i, corrections) in answer.chunks_exact(set.corrections_len()).enumerate() {
                let outputs = &mut outputs[i * set.usable()..][..set.outputs()];
                self.claims.push(silent.iterate(outputs, corrections));
            }
            state.pool.cut(set.spent(iterations));
        }
        self.state = Some(state);
        Ok(self.claims[before..].iter().flat_map(|claim| claim.x.to_le_bytes()).collect())
    }

    /// The length in bytes of the proof of all answers since the last one.
    pub fn proof_len(&self) -> usize {
        self.claims.len() * PROOF_LEN
    }

    /// Takes the sender's proof of all answers since the last one: the transfers may be used.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] if `proof` has not as many bytes as [`lengths`](Self::lengths) said,
    /// [`PeerFault::Consistency`] if it does not hold. All transfers are then wiped, and every later
    /// call fails.
    pub fn finish(&mut self, proof: &[u8]) -> Result<(), Error> {
        let state = self.state.take().ok_or(Misuse::SessionEnded)?;
        let expected = self.proof_len();
        let claims = std::mem::take(&mut self.claims);
        PeerFault::check_length(PROOF, proof, expected)?;
        let mut holds = true;
        for (claim, proof) in claims.into_iter().zip(proof.chunks_exact(PROOF_LEN)) {
            holds &= claim.holds(proof);
        }
        if !holds {
            return Err(PeerFault::Consistency { message: PROOF }.into());
        }
        self.state = Some(state);
        Ok(())
    }

    /// Takes the first `count` of the transfers that wait.
    ///
    /// # Panics
    ///
    /// Panics if fewer wait, in the middle of a refill, or after a failure.
    pub fn take(&mut self, count: usize) -> Received<'_> {
        self.assert_proven();
        self.take_unproven(count).0
    }

    /// The same, in the middle of a refill too.
    ///
    /// # Panics
    ///
    /// Panics if fewer wait, or after a failure.
    pub fn take_unproven(&mut self, count: usize) -> Unproven<Received<'_>> {
        let state = self.state.as_mut().expect("the direction has not failed");
        Unproven(Received::take_from(&mut state.pool, count, &self.hash))
    }

    /// Gives out what was made of transfers of this direction, after the proof.
    ///
    /// # Panics
    ///
    /// Panics in the middle of a refill, or after a failure.
    pub fn release<T>(&self, unproven: Unproven<T>) -> T {
        self.assert_proven();
        unproven.0
    }

    fn assert_proven(&self) {
        assert!(self.claims.is_empty(), "the sender's proof must come first");
        assert!(self.state.is_some(), "the direction has not failed");
    }
}

/// The party of a direction that has Δ.
///
/// A refill is [`answer`](Self::answer) and [`prove`](Self::prove), in this order.
pub struct Sender {
    source: Source,
    name: [u8; 32],
    hash: Hash,
    delta: Zeroizing<u128>,
    extension: extension::Sender,
    silent: Option<silent::Sender>,
    pool: Pool,
    /// Of iterations whose challenge has not come.
    proofs: Vec<Proof>,
}

impl Sender {
    /// How many transfers wait to be taken.
    pub fn available(&self) -> usize {
        self.pool.len()
    }

    /// Where its transfers come from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// What it has, as far as the receiver knows it.
    pub fn stock(&self) -> Stock {
        Stock { begun: self.silent.is_some(), waiting: self.available() }
    }

    /// The lengths of the messages that make `count` transfers available.
    pub fn lengths(&self, count: usize) -> Lengths {
        self.stock().lengths(self.source, count)
    }

    /// Takes as little memory as it can until it is used again; what waits stays.
    pub(crate) fn shrink(&mut self) {
        self.extension.shrink();
        self.pool.shrink();
    }

    /// Length in bytes of the request that makes `count` transfers available.
    pub fn request_len(&self, count: usize) -> usize {
        self.lengths(count).request
    }

    /// Takes the receiver's request and returns the message for [`Receiver::challenge`]; `count`
    /// transfers are then available.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] unless `request` has [`request_len`](Self::request_len) bytes,
    /// [`PeerFault::Consistency`] if it is none that [`Receiver::request`] makes here; no transfer
    /// of it is then available, and no later request that the extension serves succeeds.
    pub fn answer(&mut self, count: usize, request: &[u8]) -> Result<Vec<u8>, Error> {
        let lengths = self.lengths(count);
        PeerFault::check_length(REQUEST, request, self.request_len(count))?;
        if lengths.request > 0 {
            self.extend(lengths.extended, request)?;
        }
        let mut message = Vec::with_capacity(lengths.answer);
        if let (Some(silent), Source::Silent(set)) = (&mut self.silent, self.source) {
            let outputs = self.pool.grow(set.outputs_of(lengths.iterations));
            for i in 0..lengths.iterations {
                let outputs = &mut outputs[i * set.usable()..][..set.outputs()];
                self.proofs.push(silent.iterate(outputs, &mut message));
            }
            self.pool.cut(set.spent(lengths.iterations));
        }
        Ok(message)
    }

    /// Makes `count` transfers by the extension.
    fn extend(&mut self, count: usize, request: &[u8]) -> Result<(), Error> {
        match self.source {
            Source::SoftSpoken(_) => {
                let blocks = self.pool.grow(count);
                let extended = self.extension.extend_coloured(request, blocks);
                if extended.is_err() {
                    self.pool.cut(count);
                }
                extended
            }
            Source::Silent(set) => {
                let mut blocks = Zeroizing::new(vec![0; count]);
                self.extension.extend_coloured(request, &mut blocks)?;
                self.silent = Some(silent::Sender::new(set, &self.name, *self.delta, blocks));
                Ok(())
            }
        }
    }

    /// The length in bytes of the challenge to all answers since the last one.
    pub fn challenge_len(&self) -> usize {
        self.proofs.len() * CHALLENGE_LEN
    }

    /// Takes the receiver's challenge to all answers since the last one and returns the message for
    /// [`Receiver::finish`].
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] if `challenge` has not as many bytes as [`lengths`](Self::lengths) said
    /// before the answers.
    pub fn prove(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Error> {
        let expected = self.challenge_len();
        let proofs = std::mem::take(&mut self.proofs);
        PeerFault::check_length(CHALLENGE, challenge, expected)?;
        let mut message = Vec::with_capacity(proofs.len() * PROOF_LEN);
        for (proof, x) in proofs.into_iter().zip(challenge.as_chunks().0) {
            message.extend(proof.prove(u128::from_le_bytes(*x)));
        }
        Ok(message)
    }

    /// Takes the first `count` of the transfers that wait.
    ///
    /// # Panics
    ///
    /// Panics if fewer wait.
    pub fn take(&mut self, count: usize) -> Sent<'_> {
        Sent::take_from(&mut self.pool, count, &self.delta, &self.hash)
    }
}
