//! A network, planned: what both parties derive from its card before anything is sent.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::engine::framed;
use super::graph::Places;
use super::{ActivationEngine, ActivationPlan, EngineCost, LinearPlan, Settings};
use crate::activation::Delivery;
use crate::activation::masks::{MasksPlan, Side};
use crate::bundle::Gates;
use crate::digest::PlanDigest;
use crate::domain;
use crate::error::{Error, Misuse};
use crate::he::{Parameters, noise};
use crate::linear::{self, CoefficientPlan, ServerKeys};
use crate::model::{Card, CardHash, Layer, ModelError, Tensor};
use crate::wire::{
    Announcement, Begin, ClientSetUp, FRAME_LEN, Greeting, HEADER_LEN, Masked, Prepare, Traffic,
};
use crate::{ot, party};

/// The most bytes of a linear map's messages, each of which is one frame.
const MAX_MESSAGE: usize = 1 << 30;

/// A network, planned: a function of the public card and the settings alone.
pub struct NetworkPlan {
    pub(crate) settings: Settings,
    pub(crate) card: Card,
    /// The card as the server has it, encoded.
    card_bytes: Vec<u8>,
    card_hash: CardHash,
    name: OnceLock<[u8; 32]>,
    layers: Vec<Layer>,
    pub(crate) places: Places,
    pub(crate) linear: Vec<LinearPlan>,
    pub(crate) activations: Vec<ActivationPlan>,
}

/// What the i-th linear map, the i-th activation and the i-th masked tensor cost in one inference:
/// those of block i of a chain. To the byte, frames' headers and tags included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// If the card is not valid, its head not what the policy takes, a layer would not be exact, or take a message of more than 1 GiB.
    pub fn new(card: Card, settings: &Settings) -> Result<Self, Error> {
        card.check().map_err(ModelError::from)?;
        let card_bytes = card.to_bytes().map_err(ModelError::from)?;
        let card_hash = card.hash().map_err(ModelError::from)?;
        let card = settings.policy.apply(card)?;
        card.check().map_err(ModelError::from)?;
        let layers = match card.chain() {
            Some(chain) => chain.layers().map_err(ModelError::from)?,
            None => Vec::new(),
        };
        let places = Places::new(&card)?;
        let linear = places.linear(settings)?;
        linear
            .iter()
            .try_for_each(|LinearPlan::Coefficient(plan)| check_messages(plan, settings))?;
        let activations = places.activations(&card, settings);
        let (settings, name) = (*settings, OnceLock::new());
        Ok(Self {
            settings,
            card,
            card_bytes,
            card_hash,
            name,
            layers,
            places,
            linear,
            activations,
        })
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

    /// The card as it runs: its head says what the client learns, by the settings' policy.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The hash of the server's card, whatever the policy.
    pub fn card_hash(&self) -> CardHash {
        self.card_hash
    }

    /// Every block of a chain in its place; none of another graph.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The plans of the linear maps: one for each term of each linear node.
    pub fn linear(&self) -> &[LinearPlan] {
        &self.linear
    }

    /// Every plan that linear map number `map` could have, the cheapest first.
    ///
    /// # Panics
    /// If there is no such map.
    pub fn alternatives(&self, map: usize) -> Vec<CoefficientPlan> {
        CoefficientPlan::alternatives_of(&self.places.maps[map], &self.settings.link)
            .expect("the map was planned")
    }

    /// The plans of the activations, level after level, the head's last.
    pub fn activations(&self) -> &[ActivationPlan] {
        &self.activations
    }

    /// The name of the engine that computes a tensor; None if each party does by itself.
    pub fn engine(&self, tensor: usize) -> Option<&'static str> {
        let term = self.places.terms.iter().position(|term| term.node == tensor);
        let activation = self.places.order.iter().position(|&number| number == tensor);
        let linear = term.map(|term| self.linear[term].engine().name());
        linear.or_else(|| activation.map(|index| self.activations[index].engine().name()))
    }

    /// Whether there are activations by masks, and so transfers in both directions.
    pub(crate) fn uses_masks(&self) -> bool {
        self.activations.iter().any(|plan| plan.engine() == ActivationEngine::Masks)
    }

    /// The most messages that an activation by masks is prepared with.
    pub(crate) fn mask_messages(&self) -> usize {
        self.masks_with(0).map(|(_, plan)| plan.offline_messages()).max().unwrap_or(0)
    }

    /// The activations by masks that have message `index` in their offline phase.
    pub(crate) fn masks_with(&self, index: usize) -> impl Iterator<Item = (usize, &MasksPlan)> {
        self.activations.iter().enumerate().filter_map(move |(number, plan)| match plan {
            ActivationPlan::Masks(plan) if index < plan.offline_messages() => {
                Some((number, plan.as_ref()))
            }
            _ => None,
        })
    }

    /// The linear maps of the coefficient engine.
    pub(crate) fn coefficient(&self) -> impl Iterator<Item = &CoefficientPlan> + Clone {
        self.linear.iter().map(|LinearPlan::Coefficient(plan)| plan)
    }

    /// What each block costs.
    pub fn costs(&self) -> Vec<BlockCost> {
        (0..self.parts()).map(|part| self.cost(part)).collect()
    }

    /// What the client sends and receives to set a session up, once.
    pub fn setup(&self) -> Traffic {
        let field = self.settings.field;
        let keys = ServerKeys::encoded_len(self.coefficient());
        let up = [Greeting::LEN, ClientSetUp::len(keys), field.corrections_len()];
        let announcement = Announcement::len(self.card_bytes.len());
        let down = [Greeting::LEN, announcement, ot::base::REPLY_LEN];
        // Of the three frames of a direction, the last one bears a tag.
        let tagged =
            |frames: [usize; 3]| (2 * HEADER_LEN + FRAME_LEN + frames.iter().sum::<usize>()) as u64;
        let mut traffic = Traffic { sent: tagged(up), received: tagged(down), rounds: 2 };
        if self.uses_masks() {
            let [up, down] = party::setup_lens(field).map(|lens| framed(lens.iter().sum(), 3));
            traffic.sent += up;
            traffic.received += down;
            traffic.rounds += 1;
        }
        traffic
    }

    /// What the client sends and receives in one offline phase that prepares `count` inferences.
    pub fn offline(&self, count: usize) -> Traffic {
        let costs = self.costs();
        let sum = |part: fn(&BlockCost) -> u64| count as u64 * costs.iter().map(part).sum::<u64>();
        let request = (FRAME_LEN + Prepare::LEN) as u64;
        Traffic {
            sent: request + sum(|c| c.offline_up),
            received: sum(|c| c.offline_down),
            rounds: self.offline_rounds(),
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

    /// Leaves out the numbers of the guard bits' transfers, which were made offline.
    pub(crate) fn skip_guard_bits(&self, gates: &mut Gates) {
        self.linear.iter().for_each(|plan| gates.skip(plan.output_len() as u64));
    }

    /// The larger number of linear maps and of activations: the blocks of a chain.
    pub(crate) fn parts(&self) -> usize {
        self.linear.len().max(self.activations.len())
    }

    /// All linear maps share their round trips, and so do all activations.
    fn offline_rounds(&self) -> u64 {
        let field = self.settings.field;
        let linear = self.linear.iter().map(|plan| plan.cost(field).offline.rounds);
        let activations = self.activations.iter().map(|plan| plan.cost(field).offline.rounds);
        linear.max().unwrap_or(0) + activations.max().unwrap_or(0)
    }

    fn cost(&self, part: usize) -> BlockCost {
        let field = self.settings.field;
        let mut cost = BlockCost::default();
        if let Some(linear) = self.linear.get(part) {
            let Traffic { sent, received, .. } = linear.cost(field).offline;
            cost.offline_up += sent;
            cost.offline_down += received;
        }
        if let Some(activation) = self.activations.get(part) {
            let EngineCost { offline, online } = activation.cost(field);
            cost.ands = activation.ands(field);
            cost.offline_up += offline.sent;
            cost.offline_down += offline.received;
            cost.online_up = self.masked_before(part) + online.sent - activation.masked();
            cost.online_down = online.received;
            cost.rounds = self.rounds_from(part);
        }
        cost
    }

    /// What the client sends for source number `part`: the image, or what the activation before it
    /// yields.
    fn masked_before(&self, part: usize) -> u64 {
        match part.checked_sub(1) {
            None => framed(self.masked_len(0), 1),
            Some(before) => self.activations[before].masked(),
        }
    }

    /// Online round trips of the level that begins with activation number `part`; 0 if none does.
    pub(super) fn rounds_from(&self, part: usize) -> u64 {
        let rounds = |plan: &ActivationPlan| plan.cost(self.settings.field).online.rounds;
        let Some(level) = self.places.levels.iter().find(|level| level.start == part) else {
            return 0;
        };
        let level = &self.activations[level.clone()];
        let is_masks = |plan: &ActivationPlan| plan.engine() == ActivationEngine::Masks;
        match self.settings.tables {
            Delivery::Ahead => level.iter().map(rounds).max().unwrap_or(0),
            // Streamed tables come one activation after the other. The first messages under masks come
            // between them, and take a round trip of their own if nothing was streamed before.
            Delivery::Streamed => {
                let streamed: u64 = level.iter().filter(|plan| !is_masks(plan)).map(rounds).sum();
                let first = level.first().is_some_and(is_masks);
                streamed + u64::from(first) + u64::from(level.iter().any(is_masks))
            }
        }
    }

    /// At most how many bytes of memory a client needs for `count` inferences prepared together:
    /// masks, shares, labels and tables, and the messages that wait to be sent meanwhile.
    pub fn client_memory(&self, count: usize) -> u64 {
        let field = self.settings.field;
        // While halves become shares, each has 8 bytes more and the label of its transfer.
        let linear = self
            .coefficient()
            .map(|plan| 24 * plan.output_len() + plan.cost().query_bytes + plan.guard_len(field));
        let activations = self.activations.iter().map(|plan| match plan {
            ActivationPlan::Garbled(plan) => plan.client_bytes(field),
            ActivationPlan::Masks(plan) => plan.client_bytes(field),
        });
        let masks = self.masks().map(|(len, _)| 4 * len);
        let bytes: usize = linear.chain(activations).chain(masks).sum();
        let tables = |plan: &ActivationPlan| match plan {
            ActivationPlan::Garbled(plan) if plan.delivery() == Delivery::Ahead => {
                plan.cost(field).table_bytes
            }
            _ => 0,
        };
        let tables: usize = self.activations.iter().map(tables).sum();
        // Of streamed layers, and of transfers that are not hashed yet, there is one at a time.
        let window = self
            .activations
            .iter()
            .map(|plan| match plan {
                ActivationPlan::Garbled(plan) => plan.window_bytes(field),
                ActivationPlan::Masks(plan) => plan.window_bytes(),
            })
            .max();
        // A share of every tensor is there until the tables come.
        let bytes = bytes + self.tensor_bytes().saturating_sub(tables);
        count as u64 * bytes as u64 + window.unwrap_or(0) as u64
    }

    /// At most how many bytes of memory a server needs for an inference between its phases: shares,
    /// the halves that they are made of, and seeds.
    pub fn server_memory(&self) -> u64 {
        let linear = self.linear.iter().map(|plan| 12 * plan.output_len());
        let activations = self.activations.iter().map(|plan| match plan {
            ActivationPlan::Garbled(plan) => 64 + 4 * plan.instances(),
            ActivationPlan::Masks(plan) => plan.prepared_bytes(Side::Server),
        });
        linear.chain(activations).sum::<usize>() as u64
    }

    /// Bytes of a share of every tensor.
    fn tensor_bytes(&self) -> usize {
        self.places.tensors.iter().map(|tensor| 4 * tensor.shape.len()).sum()
    }

    /// The digest of what both parties derive from the card and the settings: how every message is
    /// laid out, and what every circuit computes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = PlanDigest::new();
        let field = self.settings.field;
        let policy = self.settings.policy.byte();
        digest.numbers(&[self.activations.len(), field.bits(), policy.into()]);
        for part in 0..self.parts() {
            if let Some(linear) = self.linear.get(part) {
                linear.digest(&mut digest, field);
            }
            if let Some(activation) = self.activations.get(part) {
                activation.digest(&mut digest, field);
                let source = self.tensor(self.places.source(part)).shape.len();
                let sums = self.tensor(self.places.read_by(&self.card, part)).shape.len();
                digest.numbers(&[self.masked_len(part), source, sums]);
            }
        }
        digest.finish()
    }

    fn tensor(&self, number: usize) -> &Tensor {
        &self.places.tensors[number]
    }

    /// Bytes of masked tensor number `source`: the image, or what the activation before it yields.
    pub(crate) fn masked_len(&self, source: usize) -> usize {
        let tensor = self.tensor(self.places.source(source));
        Masked::len(tensor.shape.len(), tensor.ring_bits)
    }

    /// Values and ring bits of each mask: the image's, then those of the activations in their order.
    pub(crate) fn masks(&self) -> impl Iterator<Item = (usize, u32)> {
        (0..self.activations.len()).map(|source| {
            let tensor = self.tensor(self.places.source(source));
            (tensor.shape.len(), tensor.ring_bits)
        })
    }
}

fn check_messages(plan: &CoefficientPlan, settings: &Settings) -> Result<(), Misuse> {
    let linear::Cost { query_bytes, answer_bytes, .. } = *plan.cost();
    let guard_bytes = plan.guard_len(settings.field);
    match query_bytes.max(answer_bytes).max(guard_bytes) {
        ..=MAX_MESSAGE => Ok(()),
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
