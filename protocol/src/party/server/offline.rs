//! The server's offline phase: bundles, before their images are known.

use super::ServerParty;
use crate::activation::Delivery;
use crate::bundle::{Gates, ServerActivation, ServerBundle};
use crate::error::{Error, PeerFault};
use crate::exchange::{Exchange, Mailbox};
use crate::linear::CoefficientPlan;
use crate::linear::guard::ServerHalf;
use crate::party::refill::{self, Layer};
use crate::party::transfers::ServerTransfers;
use crate::party::{MAX_BUNDLES, Service, renew};
use crate::plan::{ActivationPlan, LinearPlan, NetworkPlan};
use crate::wire::{Kept, MaskOffline, Message, Payload};

/// A query takes about so many times its bytes while it is multiplied.
const QUERY_MEMORY: u64 = 3;

impl<'a> ServerParty<'a> {
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
    /// bytes of memory, or one query's. The client waits for [`ServerParty::kept`], which is to be sent
    /// when the bundles are where they wait.
    pub fn offline(self, count: usize, room: u64) -> Exchange<'a, (Self, Vec<ServerBundle>)> {
        Exchange::new(move |mail| self.prepare(mail, count, room))
    }

    /// What tells the client that the bundles of an offline phase are kept.
    pub fn kept() -> Message {
        Kept.into_message()
    }

    /// The bytes of memory that queries take in an offline phase.
    pub fn query_memory(plan: &NetworkPlan, count: usize, room: u64) -> u64 {
        let memory = |plan: &LinearPlan| match plan {
            LinearPlan::Coefficient(plan) => {
                at_once(plan, count, room) as u64 * QUERY_MEMORY * plan.cost().query_bytes as u64
            }
            LinearPlan::Hint(plan) => plan.apply_memory(),
        };
        plan.linear().iter().map(memory).max().unwrap_or(0)
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
        let layers: Vec<Layer<'_>> = self.service.plan.mask_layers(count).collect();
        self.refill(&layers, mail).await?;
        self.convert(halves, &mut bundles, &mut gates, mail).await?;
        self.finish_refill(&layers, mail).await?;
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
                        let mut preparation = transfers.prepare(plan, &mut self.rng);
                        let mail = mail.of(block);
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

    /// Asks for the transfers of activations by masks that the client sends, and makes the others.
    async fn refill(&mut self, layers: &[Layer<'_>], mail: &Mailbox) -> Result<(), Error> {
        if let Some(ServerTransfers { up, down }) = &mut self.transfers {
            up.request(layers, mail, &mut self.rng).await?;
            down.receive(layers, mail).await?;
            down.answer(layers, mail).await?;
        }
        Ok(())
    }

    /// Makes the transfers that the client sends, and checks them after it has proven its own.
    async fn finish_refill(&mut self, layers: &[Layer<'_>], mail: &Mailbox) -> Result<(), Error> {
        if let Some(ServerTransfers { up, down }) = &mut self.transfers {
            up.receive(layers, mail).await?;
            up.challenge(layers, mail).await?;
            refill::send(down.prove(mail).await?, mail).await;
            up.finish(mail).await?;
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

    pub(super) fn empty_bundle(&mut self) -> (ServerBundle, Gates) {
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
        let Service { plan, weights, hint, network, .. } = self.service;
        let mut halves = Vec::new();
        for (map, linear) in plan.linear().iter().enumerate() {
            let (place, mail) = (plan.place(map), mail.of(map));
            halves.extend(match linear {
                LinearPlan::Coefficient(linear) => {
                    let batch = (count, at_once(linear, count, room));
                    let (weights, key) = (&weights[place], self.keys.of(place));
                    linear.answer_queries(weights, key, batch, mail, &mut self.rng).await?
                }
                LinearPlan::Hint(linear) => {
                    let (_, secret) = hint.as_ref().expect("built for the plan");
                    let weights = plan.places.terms[map].weights(network);
                    linear.receive_halves(count, weights, (secret, place), mail).await?
                }
            });
        }
        Ok(halves)
    }

    /// Makes exact shares of the server's halves.
    pub(super) async fn convert(
        &mut self,
        halves: Vec<ServerHalf>,
        bundles: &mut [ServerBundle],
        gates: &mut [Gates],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let mut halves = halves.into_iter();
        let field = self.service.plan.settings().field;
        for (block, plan) in self.service.plan.linear().iter().enumerate() {
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
}

/// Queries of a block that are multiplied together.
fn at_once(plan: &CoefficientPlan, count: usize, room: u64) -> usize {
    let query = QUERY_MEMORY * plan.cost().query_bytes as u64;
    (room / query).clamp(1, count.max(1) as u64) as usize
}
