//! The server: it has the network and learns nothing.

use std::iter;

use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::name::{Opening, SessionName};
use super::transfers::Transfers;
use super::{MAX_BUNDLES, Service, Shares, renew};
use crate::activation::Delivery;
use crate::activation::garbled::{Garbler, GarblerSetup};
use crate::activation::masks::{Evaluation, MasksPlan};
use crate::bundle::{Gates, ServerActivation, ServerBundle};
use crate::error::{Error, PeerFault};
use crate::exchange::{BlockMail, Exchange, FrameKeys, Mailbox};
use crate::linear::guard::ServerHalf;
use crate::linear::{CoefficientPlan, ServerKeys, ServerShare, clear};
use crate::model::{Node, Ring};
use crate::ot::LinkKey;
use crate::plan::{ActivationPlan, LinearPlan, NetworkPlan};
use crate::wire::{
    ClientSetUp, Corrections, Greeting, MaskOffline, MaskOnline, Masked, Request, ServerSetUp,
};
use gazelle_garble::Delta;

/// A query takes about so many times its bytes while it is multiplied.
const QUERY_MEMORY: u64 = 3;

/// A server whose session with one client is set up.
pub struct ServerParty<'a> {
    service: &'a Service,
    rng: ChaCha20Rng,
    session: SessionName,
    /// What both parties know and nobody else.
    link: LinkKey,
    keys: ServerKeys,
    garbler: Garbler,
    /// For activations by masks, if there are any.
    transfers: Option<Transfers>,
    /// Bundles prepared so far.
    prepared: u64,
}

/// The server's share of a linear node's result: the node, the shares of the tensors before it, and
/// t of each term.
type LinearShare<'a> =
    fn(&ServerParty<'a>, usize, &[Vec<u32>], &mut [Option<ServerShare>]) -> Vec<u32>;

/// What a session did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Inferences that ended.
    pub inferences: u64,
}

impl<'a> ServerParty<'a> {
    /// Greets a client and sets a session up. All of the server's randomness comes from `rng`, which
    /// the operating system seeds outside tests.
    pub fn accept(service: &'a Service, rng: ChaCha20Rng) -> Exchange<'a, Self> {
        Exchange::new(|mail| Self::set_up(service, mail, rng))
    }

    async fn set_up(
        service: &'a Service,
        mail: Mailbox,
        mut rng: ChaCha20Rng,
    ) -> Result<Self, Error> {
        let ours = Greeting::new(&mut rng);
        let theirs = mail.receive(Greeting::LEN).await;
        // Greet in any case: a client of another version learns which one this is.
        mail.send(ours.clone()).await;
        let theirs: Greeting = theirs?;
        let plan = &service.plan;
        let announcement = plan.announcement();
        mail.send(announcement.clone()).await;

        let keys_len = ServerKeys::encoded_len(plan.coefficient());
        let setup: ClientSetUp = mail.receive(ClientSetUp::len(keys_len)).await?;
        let opening =
            Opening { client: &theirs, server: &ours, announcement: &announcement, setup: &setup };
        let session = SessionName::new(&opening);
        let ClientSetUp { offer, keys } = setup;
        let (field, delta) = (plan.settings().field, Delta::random(&mut rng));
        let (garbler, reply, link) =
            GarblerSetup::new(field, session.as_bytes(), delta, &offer, &mut rng)?;
        let [received, sent] = session.frame_keys(&link);
        mail.seal(FrameKeys { sent, received, opened: false }).await;
        mail.send(ServerSetUp(reply)).await;
        let mut receiver = None;
        if plan.uses_masks() {
            let (setup, offer) = Transfers::offer(field, &mut rng);
            mail.send(offer).await;
            receiver = Some(setup);
        }
        let keys = ServerKeys::from_bytes(plan.coefficient(), &keys)?;
        let Corrections(corrections) = mail.receive(field.corrections_len()).await?;
        let garbler = garbler.finish(&corrections)?;
        let transfers = match receiver {
            Some(receiver) => {
                let name = session.as_bytes();
                Some(Transfers::of_server(field, name, receiver, &mail, &mut rng).await?)
            }
            None => None,
        };
        Ok(Self { service, rng, session, link, keys, garbler, transfers, prepared: 0 })
    }

    /// Waits for what the client wants next.
    pub fn request(self) -> Exchange<'a, (Self, Request)> {
        Exchange::new(|mail| async move {
            let request = Request::decode(mail.take(Request::expected()).await)?;
            Ok((self, request))
        })
    }

    /// Checks that `count` inferences may be prepared at once for a client for whom `waiting` are
    /// already, if at most `most` may wait.
    ///
    /// # Errors
    /// [`PeerFault::Bundles`] if there would be none, more than `most`, or more than [`MAX_BUNDLES`] at
    /// once.
    pub fn check_count(count: usize, waiting: usize, most: usize) -> Result<(), PeerFault> {
        match waiting.saturating_add(count) {
            wanted if wanted > most => Err(PeerFault::Bundles { wanted, most }),
            _ if !(1..=MAX_BUNDLES).contains(&count) => {
                Err(PeerFault::Bundles { wanted: count, most: MAX_BUNDLES })
            }
            _ => Ok(()),
        }
    }

    /// Prepares `count` inferences, block by block. Queries that are multiplied together take `room`
    /// bytes of memory, or one query's.
    pub fn offline(self, count: usize, room: u64) -> Exchange<'a, (Self, Vec<ServerBundle>)> {
        Exchange::new(move |mail| self.prepare(mail, count, room))
    }

    /// The bytes of memory that queries take in an offline phase.
    pub fn query_memory(plan: &NetworkPlan, count: usize, room: u64) -> u64 {
        let memory = |plan: &CoefficientPlan| {
            at_once(plan, count, room) as u64 * QUERY_MEMORY * plan.cost().query_bytes as u64
        };
        plan.coefficient().map(memory).max().unwrap_or(0)
    }

    async fn prepare(
        mut self,
        mail: Mailbox,
        count: usize,
        room: u64,
    ) -> Result<(Self, Vec<ServerBundle>), Error> {
        renew(&mut self.rng);
        let mail = &mail;
        let mut bundles = Vec::with_capacity(count);
        let mut gates = Vec::with_capacity(count);
        for _ in 0..count {
            let (bundle, numbers) = self.empty_bundle();
            bundles.push(bundle);
            gates.push(numbers);
        }
        let halves = self.answer_queries(count, room, mail).await?;
        self.convert(halves, &mut bundles, &mut gates, mail).await?;
        self.request_transfers(count, mail).await?;
        for (block, plan) in self.service.plan.activations().iter().enumerate() {
            for (bundle, gates) in bundles.iter_mut().zip(&mut gates) {
                bundle.activations.push(match plan {
                    ActivationPlan::Garbled(plan) => match plan.delivery() {
                        Delivery::Ahead => {
                            let mail = mail.of(block);
                            let garbling = self.garbler.garble(plan, gates, mail, &mut self.rng);
                            ServerActivation::Garbled(garbling.await?)
                        }
                        Delivery::Streamed => ServerActivation::Streamed,
                    },
                    ActivationPlan::Masks(plan) => {
                        let transfers = self.transfers.as_mut().expect("set up for the plan");
                        let (mail, rng) = (mail.of(block), &mut self.rng);
                        let mut preparation = transfers.prepare_server(plan, mail, rng).await?;
                        let MaskOffline(bytes) = mail.receive(plan.offline_len(0)).await?;
                        preparation.receive(plan, 0, &bytes)?;
                        mail.send(MaskOffline(preparation.send(plan, 1))).await;
                        ServerActivation::Preparing(preparation)
                    }
                });
            }
        }
        self.prepare_masks(&mut bundles, mail).await?;
        Ok((self, bundles))
    }

    /// Asks for the transfers of all activations by masks that the client sends.
    async fn request_transfers(&mut self, count: usize, mail: &Mailbox) -> Result<(), Error> {
        for (_, plan) in self.service.plan.masks_with(0) {
            let transfers = self.transfers.as_mut().expect("set up for the plan");
            for _ in 0..count {
                mail.send(transfers.request_of_server(plan, &mut self.rng)?).await;
            }
        }
        Ok(())
    }

    /// The rest of the preparation of activations by masks: message after message of all of them.
    async fn prepare_masks(
        &self,
        bundles: &mut [ServerBundle],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let plan = &self.service.plan;
        for index in 2..plan.mask_messages() {
            for (block, plan) in plan.masks_with(index) {
                for bundle in &mut *bundles {
                    let preparation = bundle.activations[block].preparing();
                    if index % 2 == 1 {
                        mail.send(MaskOffline(preparation.send(plan, index))).await;
                    } else {
                        let len = plan.offline_len(index);
                        let MaskOffline(bytes) = mail.of(block).receive(len).await?;
                        preparation.receive(plan, index, &bytes)?;
                    }
                }
            }
        }
        for bundle in bundles {
            let prepared = std::mem::take(&mut bundle.activations).into_iter();
            let prepared = prepared.zip(plan.activations());
            bundle.activations = prepared.map(|(a, plan)| a.finish(plan)).collect();
        }
        Ok(())
    }

    fn empty_bundle(&mut self) -> (ServerBundle, Gates) {
        let name = self.session.bundle(&self.link, self.prepared);
        let hash_key = self.session.hash_key(self.prepared);
        self.prepared += 1;
        let gates = Gates::new(self.service.plan.settings().hash, hash_key);
        let (network, delta) = (self.service.digest, self.garbler.delta());
        let bundle =
            ServerBundle { network, name, hash_key, delta, shares: vec![], activations: vec![] };
        (bundle, gates)
    }

    /// Answers `count` queries for every block: the server's halves of the results, block after block
    /// and bundle after bundle.
    async fn answer_queries(
        &mut self,
        count: usize,
        room: u64,
        mail: &Mailbox,
    ) -> Result<Vec<ServerHalf>, Error> {
        let Service { plan, weights, .. } = self.service;
        let mut halves = Vec::new();
        for (block, (plan, weights)) in plan.linear().iter().zip(weights).enumerate() {
            match plan {
                LinearPlan::Coefficient(plan) => {
                    let (key, batch) = (self.keys.of(block), (count, at_once(plan, count, room)));
                    let mail = mail.of(block);
                    let answered = plan.answer_queries(weights, key, batch, mail, &mut self.rng);
                    halves.extend(answered.await?);
                }
            }
        }
        Ok(halves)
    }

    /// Makes exact shares of the server's halves.
    async fn convert(
        &mut self,
        halves: Vec<ServerHalf>,
        bundles: &mut [ServerBundle],
        gates: &mut [Gates],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let mut halves = halves.into_iter();
        let field = self.service.plan.settings().field;
        for (block, plan) in self.service.plan.coefficient().enumerate() {
            let waiting = bundles.iter_mut().zip(&mut *gates).zip(halves.by_ref());
            for ((bundle, gates), half) in waiting {
                let numbers = gates.take(half.len() as u64);
                let (ot, mail) = (self.garbler.transfers(), mail.of(block));
                let share = half.exchange(plan.guard_len(field), ot, gates.hash(), numbers, mail);
                bundle.shares.push(share.await?);
            }
        }
        Ok(())
    }

    /// Classifies an image with a bundle, which may come from another session with the same client.
    /// Gives the server's shares, for tests; they are wiped when dropped.
    pub fn online(mut self, bundle: ServerBundle) -> Exchange<'a, (Self, Shares)> {
        Exchange::new(|mail| async move {
            renew(&mut self.rng);
            let shares = self.walk(bundle, &mail, Self::linear).await?;
            Ok((self, shares))
        })
    }

    /// Walks the graph; `linear` gives the server's shares of the linear nodes' results.
    async fn walk(
        &mut self,
        bundle: ServerBundle,
        mail: &Mailbox,
        linear: LinearShare<'a>,
    ) -> Result<Shares, Error> {
        let plan = &self.service.plan;
        let places = &plan.places;
        let mut gates = Gates::new(plan.settings().hash, bundle.hash_key);
        plan.skip_guard_bits(&mut gates);
        let mut shares = Shares { tensors: vec![Vec::new(); places.tensors.len()] };
        let mut corrections: Vec<_> = bundle.shares.into_iter().map(Some).collect();
        let mut activations = bundle.activations.into_iter();
        // What is kept of what the level before yielded; nothing of the image.
        let (mut sources, mut kept) = (0..1, vec![Kept::Share(Zeroizing::new(Vec::new()))]);
        for level in &places.levels {
            for (source, kept) in sources.zip(kept.drain(..)) {
                let tensor = places.source(source);
                let x = &mut shares.tensors[tensor];
                x.resize(places.tensors[tensor].shape.len(), 0);
                let ring_bits = places.tensors[tensor].ring_bits;
                kept.receive(ring_bits, plan.masked_len(source), x, mail.of(source)).await?;
            }
            self.advance(&mut shares.tensors, &mut corrections, linear);
            for (index, activation) in level.clone().zip(activations.by_ref()) {
                let share = &shares.tensors[places.read_by(plan.card(), index)];
                let mail = mail.of(index);
                kept.push(match (&plan.activations()[index], activation) {
                    (ActivationPlan::Garbled(plan), ServerActivation::Garbled(garbling)) => {
                        let sums = plan.garblers_sums(share);
                        let labels = garbling.send_labels(plan, &bundle.delta, &sums, mail);
                        Kept::Share(Zeroizing::new(labels.await))
                    }
                    (ActivationPlan::Garbled(plan), ServerActivation::Streamed) => {
                        let (sums, rng) = (plan.garblers_sums(share), &mut self.rng);
                        let kept = self.garbler.stream(plan, &sums, &mut gates, mail, rng);
                        Kept::Share(Zeroizing::new(kept.await?))
                    }
                    (ActivationPlan::Masks(plan), ServerActivation::Masks(prepared)) => {
                        let sums = Zeroizing::new(share.clone());
                        let mut evaluation = prepared.evaluate(plan, sums);
                        mail.send(MaskOnline(evaluation.send(plan, 0))).await;
                        Kept::Masks(plan, evaluation)
                    }
                    _ => unreachable!("a bundle has the plan's engines"),
                });
            }
            Kept::exchange(&mut kept, level.start, mail).await?;
            sources = level.start + 1..level.end + 1;
        }
        Ok(shares)
    }

    /// The server's shares of all tensors that follow from those that it has, up to activations.
    fn advance(
        &self,
        tensors: &mut [Vec<u32>],
        corrections: &mut [Option<ServerShare>],
        linear: LinearShare<'a>,
    ) {
        let plan = &self.service.plan;
        for (i, node) in plan.card().nodes.iter().enumerate() {
            let ready = node.inputs().all(|tensor| !tensors[tensor].is_empty());
            if !ready || !tensors[i + 1].is_empty() {
                continue;
            }
            tensors[i + 1] = match node {
                Node::Activation(_) => continue,
                Node::Linear(_) => linear(self, i + 1, tensors, corrections),
                node => plan.places.local(node, i + 1, tensors),
            };
        }
    }

    /// The server's share of a linear node's result: Σ M·(x − r) + t over its terms, and the bias.
    fn linear(
        &self,
        node: usize,
        tensors: &[Vec<u32>],
        corrections: &mut [Option<ServerShare>],
    ) -> Vec<u32> {
        let Service { plan, network, .. } = self.service;
        let (places, len) = (&plan.places, plan.places.tensors[node].shape.len());
        let mut y = Vec::new();
        let terms = places.terms.iter().zip(&places.maps).zip(corrections);
        for ((term, map), correction) in terms.filter(|((term, _), _)| term.node == node) {
            if y.is_empty() {
                let bias = term.bias(network);
                let copies = len / bias.len();
                y = bias.iter().flat_map(|&b| iter::repeat_n(b as u32, copies)).collect();
            }
            let x = &tensors[term.input];
            clear::add_product(&map.linear, map.input, term.weights(network), x, &mut y);
            correction.take().expect("a node is computed once").add_to(&mut y);
        }
        places.ring(node).reduce_all(&mut y);
        y
    }
}

/// What the server keeps of an activation until the client answers.
enum Kept<'a> {
    /// S.
    Share(Zeroizing<Vec<u32>>),
    /// An activation by masks.
    Masks(&'a MasksPlan, Evaluation),
}

impl Kept<'_> {
    /// The messages between the first and the last of all activations of a level that are by masks.
    async fn exchange(level: &mut [Self], first: usize, mail: &Mailbox) -> Result<(), Error> {
        for (index, kept) in level.iter_mut().enumerate() {
            if let Self::Masks(plan, evaluation) = kept {
                let len = plan.online_len(1);
                let MaskOnline(bytes) = mail.of(first + index).receive(len).await?;
                evaluation.receive(plan, 1, &bytes)?;
            }
        }
        for kept in level {
            if let Self::Masks(plan, evaluation) = kept {
                mail.send(MaskOnline(evaluation.send(plan, 2))).await;
            }
        }
        Ok(())
    }

    /// The result less the client's mask, from its answer, to `x`.
    async fn receive(
        self,
        ring_bits: u32,
        masked_len: usize,
        x: &mut Vec<u32>,
        mail: BlockMail<'_>,
    ) -> Result<(), Error> {
        match self {
            Self::Share(share) => {
                let masked: Masked = mail.receive(masked_len).await?;
                masked.read(ring_bits, x)?;
                // Nothing is kept of the image.
                if !share.is_empty() {
                    Ring::new(ring_bits).sub_all(x, &share);
                }
            }
            Self::Masks(plan, mut evaluation) => {
                let MaskOnline(bytes) = mail.receive(plan.online_len(3)).await?;
                evaluation.receive(plan, 3, &bytes)?;
                *x = evaluation.finish(plan);
            }
        }
        Ok(())
    }
}

/// Queries of a block that are multiplied together.
fn at_once(plan: &CoefficientPlan, count: usize, room: u64) -> usize {
    let query = QUERY_MEMORY * plan.cost().query_bytes as u64;
    (room / query).clamp(1, count.max(1) as u64) as usize
}

#[cfg(test)]
mod deviating;
