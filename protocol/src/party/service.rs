//! What all sessions of a server share.

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use super::published;
use crate::bundle::{BundleFault, ServerBundle};
use crate::domain;
use crate::error::{Error, Misuse};
use crate::he::hint::{Hint, HintSecret, Term};
use crate::linear::EncodedWeights;
use crate::model::Network;
use crate::plan::{NetworkPlan, Settings};

/// Bytes of encoded weights that a server keeps; what does not fit is encoded for every batch anew.
const WEIGHT_MEMORY: usize = 256 << 20;

/// A network ready to serve any number of sessions; shared between their threads.
pub struct Service {
    pub(super) network: Network,
    pub(super) plan: NetworkPlan,
    /// Of the maps of the coefficient engine.
    pub(super) weights: Vec<EncodedWeights>,
    /// What is published, and what blinds it, if a map needs it.
    pub(super) hint: Option<(Hint, HintSecret)>,
    /// Of plan, weights and biases; secret, since it would confirm a guess of them.
    pub(super) digest: [u8; 32],
}

impl Service {
    /// Plans the network and encodes its weights. If linear maps need a hint, it is made with randomness of
    /// `rng`, which the operating system seeds outside tests.
    ///
    /// # Errors
    /// If the network cannot be computed privately; the message says which layer and why.
    pub fn new(
        network: Network,
        settings: &Settings,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        Self::prepare(network, settings, |plan, network| match plan.uses_hint() {
            true => build_hint(plan, network, rng).map(Some),
            false => Ok(None),
        })
    }

    /// As [`Service::new`], with a hint that was made ahead and its [`Service::hint_key`].
    ///
    /// # Errors
    /// Those of [`Service::new`]; [`Misuse::HintFile`] if the hint is of other weights or settings, or the
    /// key of another hint.
    pub fn with_hint(
        network: Network,
        settings: &Settings,
        hint: Vec<u8>,
        key: &[u8],
    ) -> Result<Self, Error> {
        Self::prepare(network, settings, |plan, network| {
            Ok(Some(published::read(plan, network, hint, key).map_err(Misuse::HintFile)?))
        })
    }

    fn prepare(
        network: Network,
        settings: &Settings,
        hint: impl FnOnce(&NetworkPlan, &Network) -> Result<Option<(Hint, HintSecret)>, Error>,
    ) -> Result<Self, Error> {
        let plan = NetworkPlan::new(network.card().clone(), settings)?;
        let mut memory = WEIGHT_MEMORY;
        let mut weights = Vec::with_capacity(network.blocks().len());
        for (plan, term) in plan.linear().iter().zip(&plan.places.terms) {
            let Some(plan) = plan.coefficient() else { continue };
            let encoded = plan.prepare_within(term.weights(&network), memory)?;
            memory = memory.saturating_sub(encoded.bytes());
            weights.push(encoded);
        }
        let hint = hint(&plan, &network)?;
        let digest = digest(&plan, &network);
        Ok(Self { network, plan, weights, hint, digest })
    }

    /// The hint that is published, if a linear map needs one.
    pub fn hint(&self) -> Option<&Hint> {
        self.hint.as_ref().map(|(hint, _)| hint)
    }

    /// The plan of the network.
    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// A digest of the plan and of all weights. It is to be kept secret: it would confirm a guess of
    /// them.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Reads a stored bundle of this network.
    ///
    /// # Errors
    /// [`BundleFault`] if the bytes are none, or one that was made for other weights.
    pub fn bundle_from_bytes(&self, bytes: &[u8]) -> Result<ServerBundle, BundleFault> {
        ServerBundle::from_bytes(&self.plan, &self.digest, bytes)
    }
}

/// A new hint of the network's weights.
fn build_hint(
    plan: &NetworkPlan,
    network: &Network,
    rng: &mut impl CryptoRng,
) -> Result<(Hint, HintSecret), Error> {
    let maps: Vec<_> = plan.hints().collect();
    let weights = |map: usize| plan.places.terms[map].weights(network);
    maps.iter().try_for_each(|&(map, plan)| plan.check_weights(weights(map)))?;
    let write = |layer: usize, output: usize, input: usize, out: &mut Vec<Term>| {
        let (map, plan) = maps[layer];
        plan.weight_terms(weights(map), (output, input), out);
    };
    Ok(Hint::build(plan.hint_layers(), &plan.hint_digest(), write, rng)?)
}

fn digest(plan: &NetworkPlan, network: &Network) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(domain::NETWORK).chain_update(plan.name());
    for block in network.blocks() {
        block.weights.iter().for_each(|weight| hash.update(weight.to_le_bytes()));
        block.bias.iter().for_each(|bias| hash.update(bias.to_le_bytes()));
    }
    hash.finalize().into()
}
