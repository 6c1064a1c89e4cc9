//! The server's online phase: its side of images, each classified with a bundle.

use std::iter;
use std::ops::Range;

use gazelle_garble::Delta;
use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::ServerParty;
use crate::activation::garbled::Garbler;
use crate::activation::masks::{NodeEvaluation, NodePlan};
use crate::bundle::{Gates, ServerActivation, ServerBundle};
use crate::error::{Error, PeerFault};
use crate::exchange::{BlockMail, Exchange, Mailbox};
use crate::linear::{ServerShare, clear};
use crate::model::{Node, Ring};
use crate::party::masks::{self, Evaluating};
use crate::party::{Service, Shares, renew};
use crate::plan::{ActivationPlan, NetworkPlan};
use crate::wire::{MaskOnline, Masked};

/// The server's share of a linear node's result: the node, the shares of the tensors before it, and
/// t of each term.
pub(super) type LinearShare<'a> =
    fn(&ServerParty<'a>, usize, &[Vec<u32>], &mut [Option<ServerShare>]) -> Vec<u32>;

impl<'a> ServerParty<'a> {
    /// Checks that so many images may go through the network together.
    ///
    /// # Errors
    /// [`PeerFault::Images`] if there are more than [`NetworkPlan::most_together`].
    pub fn check_together(plan: &NetworkPlan, wanted: usize) -> Result<(), PeerFault> {
        match plan.most_together() {
            most if wanted > most => Err(PeerFault::Images { wanted, most }),
            _ => Ok(()),
        }
    }

    /// Classifies images, each with a bundle, which may come from other sessions with the same client. They
    /// go through the network together. Gives the server's shares of each, for tests; they are wiped when
    /// dropped.
    pub fn online(mut self, bundles: Vec<ServerBundle>) -> Exchange<'a, (Self, Vec<Shares>)> {
        Exchange::new(|mail| async move {
            renew(&mut self.rng);
            let shares = self.walk(bundles, &mail, Self::linear).await?;
            Ok((self, shares))
        })
    }

    /// Walks the graph; `linear` gives the server's shares of the linear nodes' results.
    pub(super) async fn walk(
        &mut self,
        bundles: Vec<ServerBundle>,
        mail: &Mailbox,
        linear: LinearShare<'a>,
    ) -> Result<Vec<Shares>, Error> {
        let plan = &self.service.plan;
        let mut images: Vec<Inference<'_>> =
            bundles.into_iter().map(|bundle| Inference::new(plan, bundle)).collect();
        let mut sources = 0..1;
        for level in &plan.places.levels {
            for image in &mut images {
                image.receive(plan, sources.clone(), mail).await?;
                self.advance(&mut image.shares.tensors, &mut image.corrections, linear);
            }
            for image in &mut images {
                for index in level.clone() {
                    image
                        .begin(plan, index, (&mut self.garbler, &mut self.rng), mail.of(index))
                        .await?;
                }
            }
            let by_masks = images.iter_mut().flat_map(|image| image.by_masks(level.start));
            masks::exchange(by_masks.collect(), 0, mail).await?;
            sources = level.start + 1..level.end + 1;
        }
        Ok(images.into_iter().map(|image| image.shares).collect())
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

/// An image on its way through the network.
struct Inference<'a> {
    gates: Gates,
    delta: Delta,
    corrections: Vec<Option<ServerShare>>,
    activations: std::vec::IntoIter<ServerActivation>,
    /// Of what the level before yielded; nothing of the image.
    kept: Vec<Kept<'a>>,
    shares: Shares,
}

impl<'a> Inference<'a> {
    /// Its activations by masks of a level that begins with number `first`.
    fn by_masks(&mut self, first: usize) -> impl Iterator<Item = Evaluating<'_>> {
        self.kept.iter_mut().enumerate().filter_map(move |(i, kept)| match kept {
            Kept::Masks(plan, evaluation) => Some((first + i, *plan, evaluation)),
            _ => None,
        })
    }

    fn new(plan: &NetworkPlan, bundle: ServerBundle) -> Self {
        let mut gates = Gates::new(plan.settings().hash, bundle.hash_key);
        plan.skip_guard_bits(&mut gates);
        Self {
            gates,
            delta: bundle.delta,
            corrections: bundle.shares.into_iter().map(Some).collect(),
            activations: bundle.activations.into_iter(),
            kept: vec![Kept::Share(Zeroizing::new(Vec::new()))],
            shares: Shares { tensors: vec![Vec::new(); plan.places.tensors.len()] },
        }
    }

    /// Receives what the level before these sources yielded, less the client's masks.
    async fn receive(
        &mut self,
        plan: &NetworkPlan,
        sources: Range<usize>,
        mail: &Mailbox,
    ) -> Result<(), Error> {
        let places = &plan.places;
        for (source, kept) in sources.zip(self.kept.drain(..)) {
            let tensor = places.source(source);
            let x = &mut self.shares.tensors[tensor];
            x.resize(places.tensors[tensor].shape.len(), 0);
            let ring_bits = places.tensors[tensor].ring_bits;
            kept.receive(ring_bits, plan.masked_len(source), x, mail.of(source)).await?;
        }
        Ok(())
    }

    /// Sends the first message of the next activation, number `index`.
    async fn begin(
        &mut self,
        plan: &'a NetworkPlan,
        index: usize,
        (garbler, rng): (&mut Garbler, &mut ChaCha20Rng),
        mail: BlockMail<'_>,
    ) -> Result<(), Error> {
        let share = &self.shares.tensors[plan.places.read_by(plan.card(), index)];
        let activation = self.activations.next().expect("a bundle has all activations");
        self.kept.push(match (&plan.activations()[index], activation) {
            (ActivationPlan::Garbled(plan), ServerActivation::Garbled(garbling)) => {
                let sums = plan.garblers_sums(share);
                let labels = garbling.send_labels(plan, &self.delta, &sums, mail);
                Kept::Share(Zeroizing::new(labels.await))
            }
            (ActivationPlan::Garbled(plan), ServerActivation::Streamed) => {
                let sums = plan.garblers_sums(share);
                let kept = garbler.stream(plan, &sums, &mut self.gates, mail, rng);
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
        Ok(())
    }
}

/// What the server keeps of an activation until the client answers.
enum Kept<'a> {
    /// S.
    Share(Zeroizing<Vec<u32>>),
    /// An activation by masks.
    Masks(&'a NodePlan, NodeEvaluation),
}

impl Kept<'_> {
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
                let last = plan.online_messages() - 1;
                let MaskOnline(bytes) = mail.receive(plan.online_len(last)).await?;
                evaluation.receive(plan, last, &bytes)?;
                *x = evaluation.finish(plan);
            }
        }
        Ok(())
    }
}
