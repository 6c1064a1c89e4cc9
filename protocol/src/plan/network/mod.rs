//! A network, planned: what both parties derive from its card before anything is sent. What it costs
//! is in `costs` and, of transfers made for many activations at once, in `refill`.

mod costs;
mod refill;

pub use costs::BlockCost;
pub(super) use costs::level_rounds;
pub use refill::Stocks;

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::graph::Places;
use super::{ActivationEngine, ActivationPlan, LinearPlan, Settings};
use crate::activation::Delivery;
use crate::activation::masks::NodePlan;
use crate::bundle::Gates;
use crate::digest::PlanDigest;
use crate::domain;
use crate::error::{Error, Misuse};
use crate::he::Parameters;
use crate::linear::CoefficientPlan;
use crate::model::{Card, CardHash, Layer, ModelError, Tensor};
use crate::ot::FieldBits;
use crate::ot::transfers::Source;
use crate::wire::{Announcement, Masked};

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
    sources: [Source; 2],
}

impl NetworkPlan {
    /// Plans the network of a card.
    ///
    /// # Errors
    /// If the card is not valid, its head not what the policy takes, a layer would not be exact, or take a message of more than 1 GiB.
    pub fn new(card: Card, settings: &Settings) -> Result<Self, Error> {
        Self::within(card, settings, u64::MAX)
    }

    /// The same; ends as soon as the linear maps alone would take a client more than `memory` bytes, since a
    /// card of a few bytes can name maps that take long to plan.
    ///
    /// # Errors
    /// Those of [`NetworkPlan::new`], [`crate::error::Limit::Memory`].
    pub(super) fn within(card: Card, settings: &Settings, memory: u64) -> Result<Self, Error> {
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
        let linear = places.linear(&card, settings, memory)?;
        let sources = places.sources(&card, settings);
        let activations = places.activations(&card, settings, sources);
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
            sources,
        })
    }

    /// Takes the field of the OT extension with which an inference is expected to take the least time, and
    /// tables that come so.
    pub(super) fn refit(&mut self, tables: Delivery) {
        let fits = |field: &FieldBits| {
            let settings = Settings { field: *field, ..self.settings };
            self.linear.iter().all(|plan| check_messages(plan, &settings).is_ok())
        };
        let fields = [FieldBits::Two, FieldBits::Four, FieldBits::Eight];
        let fields: Vec<_> = fields.into_iter().filter(fits).collect();
        let price = |field: &FieldBits| {
            self.replan(*field, tables);
            self.price().weighed(self.settings.offline_percent)
        };
        if let Some(field) = fields.into_iter().min_by_key(price) {
            self.replan(field, tables);
        }
    }

    fn replan(&mut self, field: FieldBits, tables: Delivery) {
        self.settings = Settings { field, tables, ..self.settings };
        self.sources = self.places.sources(&self.card, &self.settings);
        self.activations = self.places.activations(&self.card, &self.settings, self.sources);
        self.name = OnceLock::new();
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

    /// Every plan that linear map number `map` could have by the coefficient engine, the cheapest first;
    /// none where that engine is not exact.
    ///
    /// # Panics
    /// If there is no such map.
    pub fn alternatives(&self, map: usize) -> Vec<CoefficientPlan> {
        CoefficientPlan::alternatives_of(&self.places.maps[map], &self.settings.link)
            .unwrap_or_default()
    }

    /// The plans of the activations, level after level, the head's last.
    pub fn activations(&self) -> &[ActivationPlan] {
        &self.activations
    }

    /// Every plan that activation number `index` could have.
    ///
    /// # Panics
    /// If there is no such activation.
    pub fn activation_alternatives(&self, index: usize) -> Vec<ActivationPlan> {
        self.places.alternatives(&self.card, index, &self.settings, self.sources)
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
    pub(crate) fn masks_with(&self, index: usize) -> impl Iterator<Item = (usize, &NodePlan)> {
        self.activations.iter().enumerate().filter_map(move |(number, plan)| match plan {
            ActivationPlan::Masks(plan) if index < plan.offline_messages() => {
                Some((number, plan.as_ref()))
            }
            _ => None,
        })
    }

    /// The linear maps of the coefficient engine.
    pub(crate) fn coefficient(&self) -> impl Iterator<Item = &CoefficientPlan> + Clone {
        self.linear.iter().filter_map(LinearPlan::coefficient)
    }

    /// Leaves out the numbers of the guard bits' transfers, which were made offline.
    pub(crate) fn skip_guard_bits(&self, gates: &mut Gates) {
        self.linear.iter().for_each(|plan| gates.skip(plan.output_len() as u64));
    }

    /// The larger number of linear maps and of activations: the blocks of a chain.
    pub(crate) fn parts(&self) -> usize {
        self.linear.len().max(self.activations.len())
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

pub(super) fn check_messages(plan: &LinearPlan, settings: &Settings) -> Result<(), Misuse> {
    let [sent, received] = plan.message_lens();
    match sent.max(received).max(plan.guard_len(settings.field)) {
        ..=MAX_MESSAGE => Ok(()),
        bytes => Err(Misuse::Layer(format!(
            "a message would have {bytes} bytes, and {MAX_MESSAGE} are the most"
        ))),
    }
}

/// The hash of everything that both parties must have in common besides settings and card.
pub(crate) fn parameters() -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(domain::PARAMETERS);
    for set in Parameters::ladder() {
        hash.update((set.n() as u64).to_le_bytes());
        hash.update((set.limbs() as u64).to_le_bytes());
        set.primes().for_each(|q| hash.update(q.to_le_bytes()));
    }
    hash.finalize().into()
}
