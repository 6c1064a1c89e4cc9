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
//! *Down* are transfers that the server sends. Requests and answers are one for each layer of each
//! inference, challenge and proof one for all; those of no bytes are not sent
//! ([`crate::ot::transfers`] has the steps of one direction). So a refill takes no round trip of its own,
//! and each party has checked all that the other sent for it before its first payload: the client
//! before its message 0, the server before its message 1.
//!
//! Transfers are cut to what a layer takes as soon as they exist, so a party never holds more whole
//! ones than a layer's and an iteration's.

use std::collections::VecDeque;

use rand::CryptoRng;

use crate::activation::masks::NodePlan;
use crate::error::Error;
use crate::exchange::Mailbox;
use crate::ot::transfers::{
    Direction, Lengths, Received, Receiver, Sender, Sent, Source, Stock, Unproven,
};
use crate::wire::MaskTransfers;

/// An activation by masks, by its number.
pub(super) type Layer<'a> = (usize, &'a NodePlan);

/// A direction at the party that sends its transfers: a `T` for each layer.
pub(super) struct Sending<T> {
    direction: Direction,
    sender: Sender,
    cut: fn(&NodePlan, Sent) -> T,
    ready: VecDeque<T>,
}

/// A direction at the party that receives its transfers.
pub(super) struct Receiving<T> {
    direction: Direction,
    receiver: Receiver,
    cut: fn(&NodePlan, Received) -> T,
    unproven: VecDeque<Unproven<T>>,
    ready: VecDeque<T>,
    /// For the answers that came.
    challenge: Vec<u8>,
}

impl<T> Sending<T> {
    pub(super) fn new(direction: Direction, sender: Sender, cut: fn(&NodePlan, Sent) -> T) -> Self {
        Self { direction, sender, cut, ready: VecDeque::new() }
    }

    pub(super) fn stock(&self) -> Stock {
        self.sender.stock()
    }

    /// Takes as little memory as it can until it is used again; what waits stays.
    pub(super) fn shrink(&mut self) {
        self.sender.shrink();
        self.ready.shrink_to_fit();
    }

    /// Receives the requests for all layers.
    pub(super) async fn receive(
        &self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let lens = lengths(self.direction, self.sender.source(), self.stock(), layers);
        receive_all(lens.map(|lengths| lengths.request), layers, mail).await
    }

    /// Answers the requests.
    pub(super) async fn answer(
        &mut self,
        layers: &[Layer<'_>],
        requests: Vec<Vec<u8>>,
        mail: &Mailbox,
    ) -> Result<(), Error> {
        for ((_, plan), request) in layers.iter().zip(requests) {
            let count = plan.transfers()[self.direction as usize];
            send(self.sender.answer(count, &request)?, mail).await;
            self.ready.push_back((self.cut)(plan, self.sender.take(count)));
        }
        Ok(())
    }

    /// Takes the receiver's challenge and proves what was sent, if there was anything.
    pub(super) async fn prove(&mut self, mail: &Mailbox) -> Result<Vec<u8>, Error> {
        let len = self.sender.challenge_len();
        let challenge = if len == 0 { Vec::new() } else { receive(len, mail).await? };
        self.sender.prove(&challenge)
    }

    /// The next layer's.
    pub(super) fn next(&mut self) -> T {
        self.ready.pop_front().expect("one for each layer")
    }
}

impl<T> Receiving<T> {
    pub(super) fn new(
        direction: Direction,
        receiver: Receiver,
        cut: fn(&NodePlan, Received) -> T,
    ) -> Self {
        let (unproven, ready) = (VecDeque::new(), VecDeque::new());
        Self { direction, receiver, cut, unproven, ready, challenge: Vec::new() }
    }

    pub(super) fn stock(&self) -> Stock {
        self.receiver.stock()
    }

    /// Takes as little memory as it can until it is used again; what waits stays.
    pub(super) fn shrink(&mut self) {
        self.receiver.shrink();
        self.unproven.shrink_to_fit();
        self.ready.shrink_to_fit();
    }

    /// Requests the transfers of all layers.
    pub(super) async fn request(
        &mut self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        for (_, plan) in layers {
            let count = plan.transfers()[self.direction as usize];
            send(self.receiver.request(count, rng)?, mail).await;
            if !self.receiver.source().is_silent() {
                self.take(plan, count);
            }
        }
        Ok(())
    }

    /// Receives the answers for all layers.
    pub(super) async fn receive(
        &self,
        layers: &[Layer<'_>],
        mail: &Mailbox,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let lens = lengths(self.direction, self.receiver.source(), self.stock(), layers);
        receive_all(lens.map(|lengths| lengths.answer), layers, mail).await
    }

    /// Makes silent transfers of the answers, and challenges the sender if there are any.
    pub(super) async fn challenge(
        &mut self,
        layers: &[Layer<'_>],
        answers: Vec<Vec<u8>>,
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let silent = self.receiver.source().is_silent();
        for ((_, plan), answer) in layers.iter().zip(answers).filter(|_| silent) {
            let count = plan.transfers()[self.direction as usize];
            self.challenge.extend(self.receiver.challenge(count, &answer)?);
            self.take(plan, count);
        }
        send(std::mem::take(&mut self.challenge), mail).await;
        Ok(())
    }

    /// Checks the sender's proof: the transfers may be used.
    pub(super) async fn finish(&mut self, mail: &Mailbox) -> Result<(), Error> {
        let len = self.receiver.proof_len();
        let proof = if len == 0 { Vec::new() } else { receive(len, mail).await? };
        self.receiver.finish(&proof)?;
        let proven = self.unproven.drain(..).map(|layer| self.receiver.release(layer));
        self.ready.extend(proven);
        Ok(())
    }

    /// The next layer's.
    pub(super) fn next(&mut self) -> T {
        self.ready.pop_front().expect("one for each layer")
    }

    fn take(&mut self, plan: &NodePlan, count: usize) {
        let taken = self.receiver.take_unproven(count);
        self.unproven.push_back(taken.map(|taken| (self.cut)(plan, taken)));
    }
}

/// The lengths of a refill for one layer after the other, from what waits.
fn lengths<'a>(
    direction: Direction,
    source: Source,
    mut stock: Stock,
    layers: &'a [Layer<'_>],
) -> impl Iterator<Item = Lengths> + 'a {
    layers.iter().map(move |(_, plan)| stock.take(source, plan.transfers()[direction as usize]))
}

/// Receives a message for each layer, those that are sent.
async fn receive_all(
    lens: impl Iterator<Item = usize>,
    layers: &[Layer<'_>],
    mail: &Mailbox,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut messages = Vec::new();
    for (len, (index, _)) in lens.zip(layers) {
        messages.push(match len {
            0 => Vec::new(),
            _ => {
                let MaskTransfers(bytes) = mail.of(*index).receive(len).await?;
                bytes
            }
        });
    }
    Ok(messages)
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
