//! The keys of a session: one pair for each linear map, and never one for two.
//!
//! *Why.* A server that deviates may answer one map's query with a function of another's, if both lie
//! under one key: so it would see, a few messages later, one mask through another. With a key for
//! each map its view is simulated backwards. Let key s lead to key s' if an activation that is fed by
//! decryptions under s puts out a tensor whose mask is encrypted under s'. Nodes read tensors with
//! smaller numbers only, so there is no circle. In the reverse of that order: the decryptions under a
//! key that leads nowhere stay with the client, so its queries are as good as encryptions of zero;
//! once that holds for every key under which a tensor's mask is encrypted, what the client sends of
//! the tensor, x − r, is uniform; so the decryptions that fed it are out of the view; and so on to
//! the image. A mask with several readers is encrypted anew under each one's key, and the terms of
//! one node have a key each: their queries are hidden one after another. (Keys of a map serve all its
//! queries of a session: those are hidden all at once.)

use rand::CryptoRng;

use super::CoefficientPlan;
use crate::error::PeerFault;
use crate::he::{PublicKey, SecretKey};

/// The client's secret keys.
pub struct ClientKeys(Vec<SecretKey>);

impl ClientKeys {
    /// A fresh key for each of `plans`, and the message that tells the server the public ones.
    pub fn generate<'a>(
        plans: impl IntoIterator<Item = &'a CoefficientPlan>,
        rng: &mut impl CryptoRng,
    ) -> (Self, Vec<u8>) {
        let pairs = plans.into_iter().map(|plan| {
            #[cfg(test)]
            if one_key::is_taken() {
                return one_key::pair(plan);
            }
            SecretKey::generate(plan.parameters(), rng)
        });
        let (secret, public): (Vec<_>, Vec<_>) = pairs.unzip();
        let message = public.iter().map(PublicKey::as_bytes).collect::<Vec<_>>().concat();
        (Self(secret), message)
    }

    /// The key of block number `block`.
    ///
    /// # Panics
    /// If there is no such block.
    pub fn of(&self, block: usize) -> &SecretKey {
        &self.0[block]
    }
}

/// The client's public keys, as the server received them.
pub struct ServerKeys(Vec<PublicKey>);

impl ServerKeys {
    /// Bytes of the message for `plans`.
    pub fn encoded_len<'a>(plans: impl IntoIterator<Item = &'a CoefficientPlan>) -> usize {
        plans.into_iter().map(|plan| PublicKey::encoded_len(plan.parameters())).sum()
    }

    /// Parses what [`ClientKeys::generate`] wrote for the same plans.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Residue`] if it is something else.
    pub fn from_bytes<'a>(
        plans: impl IntoIterator<Item = &'a CoefficientPlan> + Clone,
        bytes: &[u8],
    ) -> Result<Self, PeerFault> {
        PeerFault::check_length("public keys", bytes, Self::encoded_len(plans.clone()))?;
        let mut rest = bytes;
        let parse = |plan: &CoefficientPlan| {
            let (head, tail) = rest.split_at(PublicKey::encoded_len(plan.parameters()));
            rest = tail;
            PublicKey::unchecked(plan.parameters(), head)
        };
        // What lasts as long as the session stands together: it leaves no gaps in the heap.
        let keys: Vec<_> = plans.into_iter().map(parse).collect();
        keys.iter().try_for_each(PublicKey::check)?;
        Ok(Self(keys))
    }

    /// Takes as little memory as they can until they are used again.
    pub(crate) fn shrink(&mut self) {
        self.0.iter_mut().for_each(PublicKey::shrink);
    }

    /// The key of block number `block`.
    ///
    /// # Panics
    /// If there is no such block.
    pub fn of(&self, block: usize) -> &PublicKey {
        &self.0[block]
    }
}

/// The defence switched off, for tests that show what it is for: all blocks have one secret key.
#[cfg(test)]
pub(crate) mod one_key {
    use std::cell::Cell;

    use rand::{SeedableRng, rngs::ChaCha20Rng};

    use super::{CoefficientPlan, PublicKey, SecretKey};

    thread_local!(static TAKEN: Cell<bool> = const { Cell::new(false) });

    /// Whether clients of this thread take one key for all blocks.
    pub(super) fn is_taken() -> bool {
        TAKEN.get()
    }

    /// From now on they do, or do not.
    pub(crate) fn take(taken: bool) {
        TAKEN.set(taken);
    }

    /// The one key, as a plan's.
    pub(super) fn pair(plan: &CoefficientPlan) -> (SecretKey, PublicKey) {
        SecretKey::generate(plan.parameters(), &mut ChaCha20Rng::seed_from_u64(1))
    }
}
