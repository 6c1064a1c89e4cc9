//! A network, planned: what both parties derive from its card before anything is sent.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::Settings;
use crate::activation::{self, ActivationPlan, garbled};
use crate::digest::PlanDigest;
use crate::domain;
use crate::error::{Error, Misuse};
use crate::he::{Parameters, noise};
use crate::linear::{self, LinearPlan, ServerKeys};
use crate::model::{Card, Layer, ModelError};
use crate::ot;
use crate::wire::{
    Announcement, Begin, ClientSetUp, FRAME_LEN, Greeting, HEADER_LEN, Masked, Prepare, Traffic,
};

/// The most bytes of a linear map's messages, each of which is one frame.
const MAX_MESSAGE: usize = 1 << 30;

/// A network, planned: a function of the public card and the settings alone.
pub struct NetworkPlan {
    pub(crate) settings: Settings,
    pub(crate) card: Card,
    card_bytes: Vec<u8>,
    name: OnceLock<[u8; 32]>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) linear: Vec<LinearPlan>,
    pub(crate) activations: Vec<ActivationPlan>,
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
    /// If the card is not valid or no chain, or a layer would not be exact, or take a message of more
    /// than 1 GiB.
    pub fn new(card: Card, settings: &Settings) -> Result<Self, Error> {
        card.check().map_err(ModelError::from)?;
        let layers = card.chain().ok_or(Misuse::Graph)?.layers().map_err(ModelError::from)?;
        let card_bytes = card.to_bytes().map_err(ModelError::from)?;
        let linear =
            layers.iter().map(|layer| linear_plan(layer, settings)).collect::<Result<_, _>>()?;
        let activations = layers.iter().map(ActivationPlan::new).collect();
        let (settings, name) = (*settings, OnceLock::new());
        Ok(Self { settings, card, card_bytes, name, layers, linear, activations })
    }

    /// What the server says of the network.
    pub(crate) fn announcement(&self) -> Announcement {
        Announcement::new(&self.settings, &self.digest(), &self.card_bytes)
    }

    /// The hash of the announcement: what bundles belong to.
    pub fn name(&self) -> &[u8; 32] {
        self.name.get_or_init(|| {
            let hash = Sha256::new().chain_update(domain::ANNOUNCEMENT);
            hash.chain_update(self.announcement().as_bytes()).finalize().into()
        })
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
        let up = [Greeting::LEN, ClientSetUp::len(keys), field.corrections_len()];
        let announcement = Announcement::len(self.card_bytes.len());
        let down = [Greeting::LEN, announcement, ot::base::REPLY_LEN];
        // Of the three frames of a direction, the last one bears a tag.
        let framed =
            |frames: [usize; 3]| (2 * HEADER_LEN + FRAME_LEN + frames.iter().sum::<usize>()) as u64;
        Traffic { sent: framed(up), received: framed(down), rounds: 2 }
    }

    /// What the client sends and receives in one offline phase that prepares `count` inferences.
    pub fn offline(&self, count: usize) -> Traffic {
        let costs = self.costs();
        let sum = |part: fn(&BlockCost) -> u64| count as u64 * costs.iter().map(part).sum::<u64>();
        let request = (FRAME_LEN + Prepare::LEN) as u64;
        Traffic {
            sent: request + sum(|c| c.offline_up),
            received: sum(|c| c.offline_down),
            rounds: linear::messages::ROUNDS + garbled::ROUNDS[0],
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
        let request = (FRAME_LEN + Begin::LEN) as u64;
        Traffic {
            sent: request + sum(|c| c.online_up),
            received: sum(|c| c.online_down),
            rounds: sum(|c| c.rounds),
        }
    }

    fn cost(&self, block: usize) -> BlockCost {
        let (linear, field) = (&self.linear[block], self.settings.field);
        let linear::Cost { query_bytes, answer_bytes, .. } = *linear.cost();
        let activation::Cost { ands, transfer_bytes, table_bytes, label_bytes, chunks } =
            self.activations[block].cost(field);
        let (guard_bytes, correction_bytes) = (linear.guard_len(field), linear.corrections_len());
        let framed = |bytes: usize, frames: usize| (bytes + FRAME_LEN * frames) as u64;
        BlockCost {
            ands,
            offline_up: framed(query_bytes + guard_bytes + transfer_bytes, 2 + chunks),
            offline_down: framed(answer_bytes + correction_bytes + table_bytes, 2 + chunks),
            online_up: framed(self.masked_len(block), 1),
            online_down: framed(label_bytes, chunks),
            rounds: garbled::ROUNDS[1],
        }
    }

    /// At most how many bytes of memory a client needs for `count` inferences prepared together:
    /// masks, shares, labels and tables, and the messages that wait to be sent meanwhile.
    pub fn client_memory(&self, count: usize) -> u64 {
        let block = |(i, layer): (usize, &Layer)| {
            let field = self.settings.field;
            let linear = self.linear[i].cost();
            let activation = self.activations[i].cost(field);
            // While halves become shares, each has 8 bytes more and the label of its transfer.
            let values = 4 * layer.input.len() + 28 * layer.sums.len();
            let messages =
                linear.query_bytes + self.linear[i].guard_len(field) + activation.transfer_bytes;
            (values + activation.label_bytes + activation.table_bytes + messages) as u64
        };
        count as u64 * self.layers.iter().enumerate().map(block).sum::<u64>()
    }

    /// At most how many bytes of memory a server needs for an inference between its phases: shares,
    /// the halves that they are made of, and seeds.
    pub fn server_memory(&self) -> u64 {
        let blocks = self.layers.iter().zip(&self.activations);
        let bytes = |(layer, plan): (&Layer, &ActivationPlan)| {
            64 + (12 * layer.sums.len() + 4 * plan.instances()) as u64
        };
        blocks.map(bytes).sum()
    }

    /// The digest of what both parties derive from the card and the settings: how every message is
    /// laid out, and what every circuit computes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = PlanDigest::new();
        let field = self.settings.field;
        digest.numbers(&[self.layers.len(), field.bits()]);
        for (i, layer) in self.layers.iter().enumerate() {
            let linear = &self.linear[i];
            linear.digest(&mut digest);
            self.activations[i].digest(&mut digest, field);
            digest.numbers(&[self.masked_len(i), layer.input.len(), layer.sums.len()]);
            digest.numbers(&[linear.guard_len(field), linear.corrections_len()]);
        }
        digest.finish()
    }

    /// Bytes of the masked tensor that reaches a block.
    pub(crate) fn masked_len(&self, block: usize) -> usize {
        let layer = &self.layers[block];
        Masked::len(layer.input.len(), layer.block.ring_bits())
    }

    /// Values and ring bits of the mask of each block's input.
    pub(crate) fn masks(&self) -> impl Iterator<Item = (usize, u32)> {
        self.layers.iter().map(|layer| (layer.input.len(), layer.block.ring_bits()))
    }

    /// The tensor that the linear map of a block reads, from (a share of) the block's input.
    pub(crate) fn pool(&self, block: usize, input: &[u32]) -> Vec<u32> {
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
    let guard_bytes = plan.guard_len(settings.field);
    match query_bytes.max(answer_bytes).max(guard_bytes) {
        ..=MAX_MESSAGE => Ok(plan),
        bytes => Err(Misuse::Layer(format!(
            "a message would have {bytes} bytes, and {MAX_MESSAGE} are the most"
        ))),
    }
}

/// The hash of everything that both parties must have in common beside settings and card.
pub(crate) fn parameters() -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(domain::PARAMETERS);
    for set in Parameters::ladder() {
        hash.update((set.n() as u64).to_le_bytes());
        hash.update((set.limbs() as u64).to_le_bytes());
        set.primes().for_each(|q| hash.update(q.to_le_bytes()));
    }
    hash.finalize().into()
}
