//! The client's offline phase: bundles, before their images are known.

use std::collections::{BTreeMap, VecDeque};

use zeroize::Zeroizing;

use super::ClientParty;
use crate::activation::{Delivery, garbled};
use crate::bundle::{ClientActivation, ClientBundle, Gates};
use crate::error::{Error, Misuse};
use crate::exchange::{Exchange, Mailbox};
use crate::linear::Mask;
use crate::linear::guard::{ClientHalf, Conversion};
use crate::linear::hint::HintPlan;
use crate::model::{Node, Ring};
use crate::party::refill::{self, Layer};
use crate::party::transfers::ClientTransfers;
use crate::party::{MAX_BUNDLES, renew};
use crate::plan::{ActivationPlan, LinearPlan};
use crate::wire::{Guard, Kept, MaskOffline, Message, Payload, Prepare, Query};

/// Messages and halves of maps by the hint, made when the tensors were drawn whose masks they give.
type Drafts = BTreeMap<usize, (Vec<u8>, ClientHalf)>;

impl ClientParty {
    /// Checks that so many inferences can be prepared at once.
    ///
    /// # Errors
    /// [`Misuse::Bundles`] unless `count` is 1 to [`MAX_BUNDLES`], [`crate::error::Limit`] if it takes
    /// more memory than the terms allow.
    pub fn check_count(&self, count: usize) -> Result<(), Error> {
        if !(1..=MAX_BUNDLES).contains(&count) {
            return Err(Misuse::Bundles(count).into());
        }
        Ok(self.terms.check(&self.plan, count)?)
    }

    /// Prepares `count` inferences before their images are known; the server visits its weights once
    /// for all of them, and has kept its halves when this ends.
    pub fn offline(self, count: usize) -> Exchange<'static, (Self, Vec<ClientBundle>)> {
        Exchange::new(|mail| self.prepare(mail, count))
    }

    async fn prepare(
        mut self,
        mail: Mailbox,
        count: usize,
    ) -> Result<(Self, Vec<ClientBundle>), Error> {
        self.check_count(count)?;
        if self.needed_hint().is_some() {
            return Err(Misuse::Hint.into());
        }
        renew(&mut self.rng);
        mail.send(Prepare { count: count as u32 }).await;
        let mut bundles: Vec<_> = (0..count).map(|_| self.empty_bundle()).collect();
        let mut halves = self.send_queries(&mut bundles, &mail).await?;
        let plan = self.plan.clone();
        let layers: Vec<Layer<'_>> = plan.mask_layers(count).collect();
        if let Some(transfers) = &mut self.transfers {
            transfers.down.request(&layers, &mail, &mut self.rng).await?;
        }
        // A party sends what it has for all blocks before it waits: three round trips.
        let (conversions, messages) = self.receive_answers(&bundles, &mut halves, &mail).await?;
        self.refill(&layers, messages, &mail).await?;
        self.receive_corrections(&mut bundles, conversions, &mail).await?;
        self.finish_refill(&mail).await?;
        self.begin_activations(&mut bundles, &mail).await?;
        if !self.keeps_shares {
            bundles.iter_mut().for_each(|bundle| bundle.tensors = Vec::new());
        }
        for (block, plan) in self.plan.activations().iter().enumerate() {
            for bundle in &mut bundles {
                match (plan, &mut bundle.activations[block]) {
                    (ActivationPlan::Garbled(plan), ClientActivation::Garbled(evaluation)) => {
                        evaluation.receive_tables(plan, mail.of(block)).await?;
                    }
                    (ActivationPlan::Masks(plan), preparing) => {
                        let MaskOffline(bytes) =
                            mail.of(block).receive(plan.offline_len(1)).await?;
                        preparing.preparing().receive(plan, 1, &bytes)?;
                    }
                    _ => unreachable!("an evaluation for each garbled activation"),
                }
            }
        }
        self.prepare_masks(&mut bundles, &mail).await?;
        // A half whose partner the server does not have is worth nothing: none is given out.
        let Kept = mail.receive(0).await?;
        Ok((self, bundles))
    }

    /// The rest of the preparation of activations by masks: message after message of all of them.
    async fn prepare_masks(
        &self,
        bundles: &mut [ClientBundle],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        for index in 2..self.plan.mask_messages() {
            for (block, plan) in self.plan.masks_with(index) {
                for bundle in &mut *bundles {
                    let preparation = bundle.activations[block].preparing();
                    if index % 2 == 0 {
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
            let prepared = prepared.zip(self.plan.activations());
            bundle.activations = prepared.map(|(a, plan)| a.finish(plan)).collect();
        }
        Ok(())
    }

    fn empty_bundle(&mut self) -> ClientBundle {
        let name = self.session.bundle(&self.link, self.prepared);
        let hash_key = self.session.hash_key(self.prepared);
        self.prepared += 1;
        let plan = *self.plan.name();
        ClientBundle { plan, name, hash_key, masks: vec![], tensors: vec![], activations: vec![] }
    }

    /// Draws r for the image and every activation's output, and sends what the linear maps read of
    /// them, encrypted under each map's own key. Returns the halves of the maps by hints, map after map
    /// and bundle after bundle.
    async fn send_queries(
        &mut self,
        bundles: &mut [ClientBundle],
        mail: &Mailbox,
    ) -> Result<VecDeque<ClientHalf>, Error> {
        let plan = self.plan.clone();
        let mut halves = VecDeque::new();
        let mut drafts: Vec<Drafts> = bundles.iter().map(|_| Drafts::new()).collect();
        for (map, (linear, term)) in plan.linear().iter().zip(&plan.places.terms).enumerate() {
            let ring = plan.places.ring(term.node);
            for (bundle, drafts) in bundles.iter_mut().zip(&mut drafts) {
                self.draw(bundle, term.node, drafts)?;
                let mut read = bundle.tensors[term.input].clone();
                ring.reduce_all(&mut read);
                match linear {
                    LinearPlan::Coefficient(linear) => {
                        let key = self.keys.of(plan.place(map));
                        linear.send_query(&read, key, mail.of(map), &mut self.rng).await?;
                    }
                    LinearPlan::Hint(linear) => {
                        let draft = match drafts.remove(&map) {
                            Some(draft) => draft,
                            None => self.encrypt(map, linear, &mut read)?,
                        };
                        mail.of(map).send(Query(draft.0)).await;
                        halves.push_back(draft.1);
                    }
                }
            }
        }
        for (bundle, drafts) in bundles.iter_mut().zip(&mut drafts) {
            self.draw(bundle, plan.places.tensors.len(), drafts)?;
        }
        for bundle in bundles {
            // Masks were drawn in the order of the nodes.
            let sources = (0..plan.activations().len()).map(|i| plan.places.source(i));
            bundle.masks = sources
                .zip(plan.masks())
                .map(|(source, (_, bits))| Mask::of(&bundle.tensors[source], bits))
                .collect();
        }
        Ok(halves)
    }

    /// The message and the halves of a map by the hint, for what it reads.
    fn encrypt(
        &mut self,
        map: usize,
        linear: &HintPlan,
        read: &mut [u32],
    ) -> Result<(Vec<u8>, ClientHalf), Error> {
        let hint = self.hint.as_ref().ok_or(Misuse::Hint)?;
        let layer = hint.layer(self.plan.place(map));
        Ok(linear.encrypt(read, layer, &mut self.rng)?)
    }

    /// The client's shares of the tensors below number `end`, as far as they do not depend on a
    /// linear map; the others stay empty. What maps that give masks will send goes to `drafts`.
    fn draw(
        &mut self,
        bundle: &mut ClientBundle,
        end: usize,
        drafts: &mut Drafts,
    ) -> Result<(), Error> {
        let plan = &self.plan.clone();
        for number in bundle.tensors.len()..end {
            let tensor = plan.places.tensors[number];
            let node = number.checked_sub(1).map(|i| &plan.card().nodes[i]);
            let share = match node {
                None | Some(Node::Activation(_)) => {
                    let mask = Mask::random(tensor.shape.len(), tensor.ring_bits, &mut self.rng);
                    let mut mask = mask.into_values();
                    if let Some((map, linear)) = plan.giver(number) {
                        drafts.insert(map, self.encrypt(map, linear, &mut mask)?);
                    }
                    std::mem::take(&mut *mask)
                }
                Some(node) if known(node, &bundle.tensors) && node.is_local() => {
                    plan.places.local(node, number, &bundle.tensors)
                }
                Some(_) => Vec::new(),
            };
            bundle.tensors.push(Zeroizing::new(share));
        }
        Ok(())
    }

    /// Decrypts the client's halves of every block's sums and makes the transfers of their guard
    /// bits: what is converted, block after block and bundle after bundle, and the messages.
    async fn receive_answers(
        &mut self,
        bundles: &[ClientBundle],
        halves: &mut VecDeque<ClientHalf>,
        mail: &Mailbox,
    ) -> Result<(Vec<Conversion>, Vec<Message>), Error> {
        let kind = self.plan.settings().hash;
        let mut gates: Vec<Gates> = bundles.iter().map(|bundle| bundle.gates(kind)).collect();
        let (mut conversions, mut messages) = (Vec::new(), Vec::new());
        for (map, linear) in self.plan.linear().iter().enumerate() {
            for gates in &mut gates {
                let half = match linear {
                    LinearPlan::Coefficient(linear) => {
                        let key = self.keys.of(self.plan.place(map));
                        linear.receive_half(key, mail.of(map)).await?
                    }
                    LinearPlan::Hint(_) => halves.pop_front().expect("one for each message"),
                };
                let numbers = gates.take(half.len() as u64);
                let (conversion, message) =
                    half.transfer(self.evaluator.transfers(), gates.hash(), numbers);
                conversions.push(conversion);
                messages.push(Guard(message).into_message());
            }
        }
        Ok((conversions, messages))
    }

    /// Corrects the client's shares of every block's sums.
    async fn receive_corrections(
        &mut self,
        bundles: &mut [ClientBundle],
        conversions: Vec<Conversion>,
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let plan = self.plan.clone();
        let mut conversions = conversions.into_iter();
        for (map, term) in plan.places.terms.iter().enumerate() {
            for (bundle, conversion) in bundles.iter_mut().zip(conversions.by_ref()) {
                let sums = conversion.receive(mail.of(map)).await?;
                let share = &mut bundle.tensors[term.node];
                share.resize(sums.len(), 0);
                plan.places.ring(term.node).add_all(share, &sums);
            }
        }
        for bundle in &mut *bundles {
            for (i, node) in plan.card().nodes.iter().enumerate() {
                if bundle.tensors[i + 1].is_empty() {
                    *bundle.tensors[i + 1] = plan.places.local(node, i + 1, &bundle.tensors);
                }
            }
        }
        Ok(())
    }

    /// Sends what is said of guard bits, and makes the transfers of activations by masks but for the
    /// proofs.
    async fn refill(
        &mut self,
        layers: &[Layer<'_>],
        guards: Vec<Message>,
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let Some(ClientTransfers { up, down }) = &mut self.transfers else {
            send_all(guards, mail).await;
            return Ok(());
        };
        up.receive(layers, mail).await?;
        down.receive(layers, mail).await?;
        send_all(guards, mail).await;
        up.answer(layers, mail).await?;
        down.challenge(layers, mail).await
    }

    /// Proves what the client sent of transfers, after it has checked the server's proof.
    async fn finish_refill(&mut self, mail: &Mailbox) -> Result<(), Error> {
        if let Some(ClientTransfers { up, down }) = &mut self.transfers {
            let proof = up.prove(mail).await?;
            down.finish(mail).await?;
            refill::send(proof, mail).await;
        }
        Ok(())
    }

    /// Chooses the labels of the client's shares of every activation's sums, or begins to prepare the
    /// activation by masks.
    async fn begin_activations(
        &mut self,
        bundles: &mut [ClientBundle],
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let plan = self.plan.clone();
        for (index, activation) in plan.activations().iter().enumerate() {
            let read = plan.places.read_by(plan.card(), index);
            let yielded = plan.places.source(index + 1);
            for bundle in &mut *bundles {
                let mut sums = bundle.tensors[read].clone();
                Ring::new(activation.ring_bits()).reduce_all(&mut sums);
                bundle.activations.push(match activation {
                    ActivationPlan::Garbled(plan) => {
                        ClientActivation::Garbled(match plan.delivery() {
                            Delivery::Ahead => {
                                self.evaluator.choose(plan, &sums, mail.of(index)).await
                            }
                            Delivery::Streamed => garbled::Evaluation::streamed(sums),
                        })
                    }
                    ActivationPlan::Masks(plan) => {
                        let transfers = self.transfers.as_mut().expect("set up for the plan");
                        let shares = [sums.as_slice(), &bundle.tensors[yielded]];
                        let mut preparation = transfers.prepare(plan, shares, &mut self.rng);
                        mail.send(MaskOffline(preparation.send(plan, 0))).await;
                        ClientActivation::Preparing(preparation)
                    }
                });
            }
        }
        Ok(())
    }
}

/// Whether the client has its shares of all that a node reads.
fn known(node: &Node, tensors: &[Zeroizing<Vec<u32>>]) -> bool {
    node.inputs().all(|tensor| !tensors[tensor].is_empty())
}

/// Sends messages that no answer was waited for with.
async fn send_all(messages: Vec<Message>, mail: &Mailbox) {
    for message in messages {
        mail.send_message(message).await;
    }
}
