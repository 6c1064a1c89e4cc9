//! A network, planned: what both parties derive from its card before anything is sent.

use super::greeting;
use super::settings::{Announcement, Settings};
use crate::activation::{self, ActivationPlan};
use crate::digest::PlanDigest;
use crate::error::{Error, Misuse};
use crate::he::noise;
use crate::linear::{self, LinearPlan, ServerKeys, guard};
use crate::model::{Card, Layer, ModelError};
use crate::ot;
use crate::transport::{FRAME_LEN, HEADER_LEN, Traffic};
use gazelle_ntt::pack;

/// The most bytes of a linear map's messages, each of which is one frame.
const MAX_MESSAGE: usize = 1 << 30;

/// A network, planned: a function of the public card and the settings alone.
pub struct NetworkPlan {
    pub(super) settings: Settings,
    pub(super) card: Card,
    card_bytes: usize,
    pub(super) layers: Vec<Layer>,
    pub(super) linear: Vec<LinearPlan>,
    pub(super) activations: Vec<ActivationPlan>,
}

/// What one block costs in one inference, to the byte, frames' headers and tags
/// included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCost {
    /// AND gates of the activation.
    pub ands: u64,
    /// Offline, client to server.
    pub offline_up: u64,
    /// Offline, server to client.
    pub offline_down: u64,
    /// Online, client to server.
    pub online_up: u64,
    /// Online, server to client.
    pub online_down: u64,
    /// Online round trips.
    pub rounds: u64,
}

impl NetworkPlan {
    /// Plans the network of a card.
    ///
    /// # Errors
    /// If the card is not valid, or a layer would not be exact, or take a message of more than 1 GiB.
    pub fn new(card: Card, settings: &Settings) -> Result<Self, Error> {
        let layers = card.layers().map_err(ModelError::from)?;
        let card_bytes = card.to_bytes().map_err(ModelError::from)?.len();
        let linear =
            layers.iter().map(|layer| linear_plan(layer, settings)).collect::<Result<_, _>>()?;
        let activations = layers.iter().map(ActivationPlan::new).collect();
        Ok(Self { settings: *settings, card, card_bytes, layers, linear, activations })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The card.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Every block in its place.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The plans of the linear maps.
    pub fn linear(&self) -> &[LinearPlan] {
        &self.linear
    }

    /// The plans of the activations.
    pub fn activations(&self) -> &[ActivationPlan] {
        &self.activations
    }

    /// What each block costs.
    pub fn costs(&self) -> Vec<BlockCost> {
        (0..self.layers.len()).map(|block| self.cost(block)).collect()
    }

    /// What the client sends and receives to set a session up, once.
    pub fn setup(&self) -> Traffic {
        let field = self.settings.field;
        let keys = ServerKeys::encoded_len(&self.linear);
        let up = [greeting::LEN, ot::base::OFFER_LEN + keys, field.corrections_len()];
        let down = [greeting::LEN, Announcement::LEN + self.card_bytes, ot::base::REPLY_LEN];
        // Of the three frames of a direction, the last one bears a tag.
        let framed =
            |frames: [usize; 3]| (2 * HEADER_LEN + FRAME_LEN + frames.iter().sum::<usize>()) as u64;
        Traffic { sent: framed(up), received: framed(down), rounds: 2 }
    }

    /// What the client sends and receives in one offline phase that prepares `count` inferences.
    pub fn offline(&self, count: usize) -> Traffic {
        let costs = self.costs();
        let sum = |part: fn(&BlockCost) -> u64| count as u64 * costs.iter().map(part).sum::<u64>();
        let request = (FRAME_LEN + size_of::<u32>()) as u64;
        Traffic {
            sent: request + sum(|c| c.offline_up),
            received: sum(|c| c.offline_down),
            rounds: 3,
        }
    }

    /// log2 of the probability that any sum of an inference is wrong, at most: the union over all
    /// results of the linear maps ([`noise`]).
    pub fn failure_log2(&self) -> f64 {
        let results: usize = self.linear.iter().map(LinearPlan::output_len).sum();
        f64::from(noise::FAILURE_LOG2) + (results as f64).log2()
    }

    /// What the client sends and receives in one online phase.
    pub fn online(&self) -> Traffic {
        let sum = |part: fn(&BlockCost) -> u64| self.costs().iter().map(part).sum::<u64>();
        let request = (FRAME_LEN + size_of::<u64>()) as u64;
        Traffic {
            sent: request + sum(|c| c.online_up),
            received: sum(|c| c.online_down),
            rounds: sum(|c| c.rounds),
        }
    }

    fn cost(&self, block: usize) -> BlockCost {
        let linear::Cost { query_bytes, answer_bytes, .. } = *self.linear[block].cost();
        let activation::Cost { ands, transfer_bytes, table_bytes, label_bytes, chunks } =
            self.activations[block].cost(self.settings.field);
        let (guard_bytes, correction_bytes) = (self.guard_len(block), self.corrections_len(block));
        let framed = |bytes: usize, frames: usize| (bytes + FRAME_LEN * frames) as u64;
        BlockCost {
            ands,
            offline_up: framed(query_bytes + guard_bytes + transfer_bytes, 2 + chunks),
            offline_down: framed(answer_bytes + correction_bytes + table_bytes, 2 + chunks),
            online_up: framed(self.masked_len(block), 1),
            online_down: framed(label_bytes, chunks),
            rounds: 1,
        }
    }

    /// Bytes of the client's message for the guard bits of a block.
    pub(super) fn guard_len(&self, block: usize) -> usize {
        guard::transfer_len(self.linear[block].output_len(), self.settings.field)
    }

    /// Bytes of the server's corrections of a block's shares.
    pub(super) fn corrections_len(&self, block: usize) -> usize {
        let plan = &self.linear[block];
        guard::corrections_len(plan.output_len(), plan.ring_bits())
    }

    /// At most how many bytes of memory a client needs for `count` inferences prepared together:
    /// masks, shares, labels and tables, and the messages that wait to be sent meanwhile.
    pub fn client_memory(&self, count: usize) -> u64 {
        let block = |(i, layer): (usize, &Layer)| {
            let linear = self.linear[i].cost();
            let activation = self.activations[i].cost(self.settings.field);
            // While halves become shares, each has 8 bytes more and the label of its transfer.
            let values = 4 * layer.input.len() + 28 * layer.sums.len();
            let messages = linear.query_bytes + self.guard_len(i) + activation.transfer_bytes;
            (values + activation.label_bytes + activation.table_bytes + messages) as u64
        };
        count as u64 * self.layers.iter().enumerate().map(block).sum::<u64>()
    }

    /// At most how many bytes of memory a server needs for an inference between its phases: shares,
    /// the halves that they are made of, and seeds.
    pub(super) fn server_memory(&self) -> u64 {
        let blocks = self.layers.iter().zip(&self.activations);
        let bytes = |(layer, plan): (&Layer, &ActivationPlan)| {
            64 + (12 * layer.sums.len() + 4 * plan.instances()) as u64
        };
        blocks.map(bytes).sum()
    }

    /// The digest of what both parties derive from the card and the settings: how every message is
    /// laid out, and what every circuit computes.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = PlanDigest::new();
        digest.numbers(&[self.layers.len(), self.settings.field.bits()]);
        for (i, layer) in self.layers.iter().enumerate() {
            self.linear[i].digest(&mut digest);
            self.activations[i].digest(&mut digest, self.settings.field);
            digest.numbers(&[self.masked_len(i), layer.input.len(), layer.sums.len()]);
            digest.numbers(&[self.guard_len(i), self.corrections_len(i)]);
        }
        digest.finish()
    }

    /// Bytes of the masked tensor that reaches a block.
    pub(super) fn masked_len(&self, block: usize) -> usize {
        let layer = &self.layers[block];
        pack::packed_len(layer.input.len(), layer.block.ring_bits())
    }

    /// The tensor that the linear map of a block reads, from (a share of) the block's input.
    pub(super) fn pool(&self, block: usize, input: &[u32]) -> Vec<u32> {
        let layer = &self.layers[block];
        match &layer.block.sum_pool {
            None => input.to_vec(),
            Some(window) => {
                linear::clear::sum_pool(window, layer.input, input, layer.block.ring_bits())
            }
        }
    }
}

fn linear_plan(layer: &Layer, settings: &Settings) -> Result<LinearPlan, Misuse> {
    let plan = LinearPlan::choose(&layer.block, layer.pooled, &settings.link)?;
    let linear::Cost { query_bytes, answer_bytes, .. } = *plan.cost();
    let guard_bytes = guard::transfer_len(plan.output_len(), settings.field);
    match query_bytes.max(answer_bytes).max(guard_bytes) {
        ..=MAX_MESSAGE => Ok(plan),
        bytes => Err(Misuse::Layer(format!(
            "a message would have {bytes} bytes, and {MAX_MESSAGE} are the most"
        ))),
    }
}
