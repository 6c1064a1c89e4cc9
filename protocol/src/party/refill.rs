//! The transfers of an offline phase: all that its activations by masks take, in both directions in
//! lockstep, while the linear maps are prepared.
//!
//! ```text
//!            client                                            server
//!            queries; requests down         ──▶
//!                                           ◀──     answers to queries; requests up; answers down
//!            guard bits; answers up;        ──▶
//!            challenge down                 ◀──     corrections; challenge up; proof down
//!            proof up; the first message    ──▶
//!            of each activation
//! ```
//!
//! *Down* are transfers that the server sends. Requests and answers are one for each part of each layer
//! of each inference, challenge and proof one for all; those of no bytes are not sent
//! ([`crate::ot::transfers`] has the steps of one direction). So a refill takes no round trip of its own,
//! and each party has checked all that the other sent for it before its first payload: the client
//! before its message 0, the server before its message 1.
//!
//! Transfers are cut to what a layer takes as soon as they exist, so a party never holds more whole
//! ones than a part's and an iteration's, however large the layers are.

use std::collections::VecDeque;

use rand::CryptoRng;

use crate::activation::masks::{NodePlan, Part};
use crate::error::Error;
use crate::exchange::Mailbox;
use crate::ot::transfers::{Direction, Received, Receiver, Sender, Sent, Stock, Unproven};
use crate::wire::MaskTransfers;

/// An activation by masks, by its number.
pub(super) type Layer<'a> = (usize, &'a NodePlan);

/// A direction at the party that sends its transfers: a `T` for each chunk.
pub(super) struct Sending<T> {
    direction: Direction,
    sender: Sender,
    cut: fn(&Part<'_>, Sent<'_>) -> Vec<T>,
    /// For silent transfers, while it waits to be answered.
    request: Vec<u8>,
    ready: VecDeque<T>,
}

/// A direction at the party that receives its transfers.
pub(super) struct Receiving<T> {
    direction: Direction,
    receiver: Receiver,
    cut: fn(&Part<'_>, Received<'_>) -> Vec<T>,
    unproven: Vec<Unproven<Vec<T>>>,
    ready: VecDeque<T>,
    /// One for each part, while they wait to be used.
    answers: Vec<Vec<u8>>,
}

impl<T> Sending<T> {
    pub(super) fn new(
        direction: Direction,
        sender: Sender,
        cut: fn(&Part<'_>, Sent<'_>) -> Vec<T>,
    ) -> Self {
        Self { direction, sender, cut, request: Vec::new(), ready: VecDeque::new() }
    }

    pub(super) fn stock(&self) -> Stock {
        self.sender.stock()
    }

    /// Takes as little memory as it can until it is used again; what waits stays.
    pub(super) fn shrink(&mut self) {
        self.sender.shrink();
        self.ready.shrink_to_fit();
    }

    /// Receives the requests for all layers, and makes the transfers unless they are silent.
    pub(super) async fn receive(
        &mut self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        for (index, part) in parts(layers) {
            let count = part.transfers()[self.direction as usize];
            let request = receive_for(index, self.sender.request_len(count), mail).await?;
            if self.sender.source().is_silent() {
                // There is one request, before the first transfers.
                self.request = request;
                break;
            }
            self.make(&part, count, &request)?;
        }
        Ok(())
    }

    /// Makes silent transfers for all layers, and sends the answers.
    pub(super) async fn answer(
        &mut self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let silent = self.sender.source().is_silent();
        for (_, part) in parts(layers).filter(|_| silent) {
            let count = part.transfers()[self.direction as usize];
            let request = std::mem::take(&mut self.request);
            send(self.make(&part, count, &request)?, mail).await;
        }
        Ok(())
    }

    /// Makes the transfers of a part: the answer to their receiver.
    fn make(&mut self, part: &Part<'_>, count: usize, request: &[u8]) -> Result<Vec<u8>, Error> {
        let answer = self.sender.answer(count, request)?;
        self.ready.extend((self.cut)(part, self.sender.take(count)));
        Ok(answer)
    }

    /// Takes the receiver's challenge and proves what was sent, if there was anything.
    pub(super) async fn prove(&mut self, mail: &Mailbox) -> Result<Vec<u8>, Error> {
        let len = self.sender.challenge_len();
        let challenge = if len == 0 { Vec::new() } else { receive(len, mail).await? };
        self.sender.prove(&challenge)
    }

    /// Those of chunks, in order; what is taken is gone.
    pub(super) fn take(&mut self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.ready.pop_front())
    }
}

impl<T> Receiving<T> {
    pub(super) fn new(
        direction: Direction,
        receiver: Receiver,
        cut: fn(&Part<'_>, Received<'_>) -> Vec<T>,
    ) -> Self {
        let (unproven, ready) = (Vec::new(), VecDeque::new());
        Self { direction, receiver, cut, unproven, ready, answers: Vec::new() }
    }

    pub(super) fn stock(&self) -> Stock {
        self.receiver.stock()
    }

    /// Takes as little memory as it can until it is used again; what waits stays.
    pub(super) fn shrink(&mut self) {
        self.receiver.shrink();
        self.ready.shrink_to_fit();
        self.unproven.shrink_to_fit();
    }

    /// Requests the transfers of all layers.
    pub(super) async fn request(
        &mut self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        let silent = self.receiver.source().is_silent();
        for (_, part) in parts(layers) {
            let count = part.transfers()[self.direction as usize];
            send(self.receiver.request(count, rng)?, mail).await;
            if silent {
                // There is one request, before the first transfers.
                break;
            }
            self.cut_part(&part, count);
        }
        Ok(())
    }

    /// Receives the answers for all layers, if transfers are silent.
    pub(super) async fn receive(
        &mut self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let (source, mut stock) = (self.receiver.source(), self.stock());
        for (index, part) in parts(layers).filter(|_| source.is_silent()) {
            let count = part.transfers()[self.direction as usize];
            let len = stock.take(source, count).answer;
            self.answers.push(receive_for(index, len, mail).await?);
        }
        Ok(())
    }

    /// Makes silent transfers of the answers, and challenges the sender if there are any.
    pub(super) async fn challenge(
        &mut self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let mut challenge = Vec::new();
        let answers = std::mem::take(&mut self.answers);
        for ((_, part), answer) in parts(layers).zip(answers) {
            let count = part.transfers()[self.direction as usize];
            challenge.extend(self.receiver.challenge(count, &answer)?);
            self.cut_part(&part, count);
        }
        send(challenge, mail).await;
        Ok(())
    }

    /// Checks the sender's proof: the transfers may be used.
    pub(super) async fn finish(&mut self, mail: &Mailbox) -> Result<(), Error> {
        let len = self.receiver.proof_len();
        let proof = if len == 0 { Vec::new() } else { receive(len, mail).await? };
        self.receiver.finish(&proof)?;
        let proven = self.unproven.drain(..).flat_map(|part| self.receiver.release(part));
        self.ready.extend(proven);
        Ok(())
    }

    /// Those of chunks, in order; what is taken is gone.
    pub(super) fn take(&mut self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.ready.pop_front())
    }

    fn cut_part(&mut self, part: &Part<'_>, count: usize) {
        let taken = self.receiver.take_unproven(count);
        self.unproven.push(taken.map(|taken| (self.cut)(part, taken)));
    }
}

/// The parts of all layers, each with the number of its activation.
fn parts<'a>(layers: &[Layer<'a>]) -> impl Iterator<Item = (usize, Part<'a>)> {
    layers.iter().flat_map(|&(index, plan)| plan.parts().map(move |part| (index, part)))
}

/// Receives a message for an activation, unless it is one of no bytes, which is not sent.
async fn receive_for(index: usize, len: usize, mail: &Mailbox) -> Result<Vec<u8>, Error> {
    if len == 0 {
        return Ok(Vec::new());
    }
    let MaskTransfers(bytes) = mail.of(index).receive(len).await?;
    Ok(bytes)
}

async fn receive(len: usize, mail: &Mailbox) -> Result<Vec<u8>, Error> {
    let MaskTransfers(bytes) = mail.receive(len).await?;
    Ok(bytes)
}

/// Sends a message of some bytes.
pub(super) async fn send(bytes: Vec<u8>, mail: &Mailbox) {
    if !bytes.is_empty() {
        mail.send(MaskTransfers(bytes)).await;
    }
}
