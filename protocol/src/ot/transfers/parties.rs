//! The two parties of a direction: set-up, refills, and what waits to be used.

use gazelle_kernels::hash::Hash;
use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use super::batch::{Pool, Received, Sent};
use super::{Direction, Source, key_hash};
use crate::error::{Error, PeerFault};
use crate::ot::choices::Choices;
use crate::ot::extension;
use crate::ot::field::FieldBits;

const REQUEST: &str = "request for transfers";

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
    /// [`FieldBits::corrections_len`] bytes.
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
        Ok((Receiver { extension, pool: Pool::new(), hash: key_hash(&name) }, corrections))
    }
}

/// The sender of a direction before it has the receiver's corrections.
pub struct SenderSetup {
    extension: extension::SenderSetup,
    delta: Zeroizing<u128>,
    field: FieldBits,
    hash: Hash,
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
        Ok((Self { extension, delta, field, hash: key_hash(&name) }, reply))
    }

    /// Takes the receiver's corrections and ends the set-up.
    ///
    /// # Errors
    ///
    /// [`Error::Peer`] if `corrections` are not those of [`ReceiverSetup::finish`].
    pub fn finish(self, corrections: &[u8]) -> Result<Sender, Error> {
        let extension = self.extension.finish(corrections)?;
        let Self { delta, field, hash, .. } = self;
        Ok(Sender { extension, delta, field, pool: Pool::new(), hash })
    }
}

/// The party of a direction that has choices.
pub struct Receiver {
    extension: extension::Receiver,
    pool: Pool,
    hash: Hash,
}

impl Receiver {
    /// How many transfers wait to be taken.
    pub fn available(&self) -> usize {
        self.pool.len()
    }

    /// Makes `count` transfers available and returns the message for [`Sender::answer`]; no bytes
    /// if as many wait already.
    pub fn request(&mut self, count: usize, rng: &mut impl CryptoRng) -> Vec<u8> {
        let missing = count.saturating_sub(self.available());
        if missing == 0 {
            return Vec::new();
        }
        let choices = Choices::random(missing, rng);
        let blocks = self.pool.grow(missing);
        let message = self.extension.extend(&choices, blocks);
        choices.set_lowest_bits(blocks);
        message
    }

    /// Takes the first `count` of those that wait.
    ///
    /// # Panics
    ///
    /// Panics if fewer wait.
    pub fn take(&mut self, count: usize) -> Received {
        Received::take_from(&mut self.pool, count, &self.hash)
    }
}

/// The party of a direction that has Δ.
pub struct Sender {
    extension: extension::Sender,
    delta: Zeroizing<u128>,
    field: FieldBits,
    pool: Pool,
    hash: Hash,
}

impl Sender {
    /// How many transfers wait to be taken.
    pub fn available(&self) -> usize {
        self.pool.len()
    }

    /// Length in bytes of the request that makes `count` transfers available.
    pub fn request_len(&self, count: usize) -> usize {
        match count.saturating_sub(self.available()) {
            0 => 0,
            missing => self.field.message_len(missing),
        }
    }

    /// Takes the receiver's request; `count` transfers are then available.
    ///
    /// # Errors
    ///
    /// [`PeerFault::Length`] unless `request` has [`request_len`](Self::request_len) bytes,
    /// [`PeerFault::Consistency`] if it is none that [`Receiver::request`] makes here; no transfer
    /// of it is then available, and every later request fails.
    pub fn answer(&mut self, count: usize, request: &[u8]) -> Result<(), Error> {
        let expected = self.request_len(count);
        PeerFault::check_length(REQUEST, request, expected)?;
        let missing = count.saturating_sub(self.available());
        if missing == 0 {
            return Ok(());
        }
        let mut blocks = Zeroizing::new(vec![0; missing]);
        self.extension.extend(request, &mut blocks)?;
        let new = self.pool.grow(missing);
        new.iter_mut().zip(blocks.iter()).for_each(|(to, from)| *to = from & !1);
        Ok(())
    }

    /// Takes the first `count` of those that wait.
    ///
    /// # Panics
    ///
    /// Panics if fewer wait.
    pub fn take(&mut self, count: usize) -> Sent {
        Sent::take_from(&mut self.pool, count, *self.delta, &self.hash)
    }
}
