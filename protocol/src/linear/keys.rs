//! The keys of a session: one pair for each parameter set that its layers use, mostly one.

use rand::CryptoRng;

use super::LinearPlan;
use crate::error::PeerFault;
use crate::he::{Parameters, PublicKey, SecretKey};

/// The client's secret keys.
pub struct ClientKeys(Vec<SecretKey>);

impl ClientKeys {
    /// Fresh keys for all of `plans`, and the message that tells the server the public ones.
    pub fn generate(plans: &[LinearPlan], rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let pairs = parameter_sets(plans).into_iter().map(|set| SecretKey::generate(set, rng));
        let (secret, public): (Vec<_>, Vec<_>) = pairs.unzip();
        let message = public.iter().map(PublicKey::as_bytes).collect::<Vec<_>>().concat();
        (Self(secret), message)
    }

    /// The key of a plan.
    ///
    /// # Panics
    /// If the keys were not made for this plan.
    pub fn of(&self, plan: &LinearPlan) -> &SecretKey {
        let mut keys = self.0.iter();
        keys.find(|key| key.parameters() == plan.parameters()).expect("keys of other plans")
    }
}

/// The client's public keys, as the server received them.
pub struct ServerKeys(Vec<PublicKey>);

impl ServerKeys {
    /// Bytes of the message for `plans`.
    pub fn encoded_len(plans: &[LinearPlan]) -> usize {
        parameter_sets(plans).into_iter().map(PublicKey::encoded_len).sum()
    }

    /// Parses what [`ClientKeys::generate`] wrote for the same plans.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Residue`] if it is something else.
    pub fn from_bytes(plans: &[LinearPlan], bytes: &[u8]) -> Result<Self, PeerFault> {
        PeerFault::check_length("public keys", bytes, Self::encoded_len(plans))?;
        let mut rest = bytes;
        let parse = |set| {
            let (head, tail) = rest.split_at(PublicKey::encoded_len(set));
            rest = tail;
            PublicKey::from_bytes(set, head)
        };
        Ok(Self(parameter_sets(plans).into_iter().map(parse).collect::<Result<_, _>>()?))
    }

    /// The key of a plan.
    ///
    /// # Panics
    /// If the keys were not made for this plan.
    pub fn of(&self, plan: &LinearPlan) -> &PublicKey {
        let mut keys = self.0.iter();
        keys.find(|key| key.parameters() == plan.parameters()).expect("keys of other plans")
    }
}

/// The distinct parameter sets of some plans, in the order of their first use.
fn parameter_sets(plans: &[LinearPlan]) -> Vec<&Parameters> {
    let mut sets: Vec<&Parameters> = Vec::new();
    for plan in plans {
        if !sets.contains(&plan.parameters()) {
            sets.push(plan.parameters());
        }
    }
    sets
}
