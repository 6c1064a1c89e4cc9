//! A hint that was made ahead: the file that is published, and the key that its server keeps.
//!
//! ```text
//! key    magic (16) ‖ name of the hint (32) ‖ digest of the weights (32) ‖ what u and e′ are drawn from (24)
//! ```
//!
//! Whoever has the key reads the weights off the hint. It names the weights, since the results of others
//! would be wrong by what u and e′ are, and clients would see that.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Service;
use crate::domain;
use crate::he::hint::{Hint, HintFault, HintName, HintSecret};
use crate::model::Network;
use crate::plan::NetworkPlan;

const MAGIC: &[u8; 16] = b"gazelle hintkey\n";

/// Bytes of a key.
const LEN: usize = 16 + 32 + 32 + HintSecret::LEN;

impl Service {
    /// The key of its hint, if it has one: with both, [`Service::with_hint`] makes the same service again.
    /// It is as secret as the weights.
    pub fn hint_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        let (hint, secret) = self.hint.as_ref()?;
        let mut key = Zeroizing::new(Vec::with_capacity(LEN));
        key.extend_from_slice(MAGIC);
        key.extend_from_slice(&hint.name().0);
        key.extend_from_slice(&weights_digest(&self.network));
        key.extend_from_slice(&*secret.to_bytes());
        Some(key)
    }
}

/// The hint and the secret of two files.
///
/// # Errors
/// [`HintFault`] if they are not those of this plan and these weights, or not of one hint.
pub(super) fn read(
    plan: &NetworkPlan,
    network: &Network,
    hint: Vec<u8>,
    key: &[u8],
) -> Result<(Hint, HintSecret), HintFault> {
    let key: &[u8; LEN] = key.try_into().map_err(|_| HintFault::Key)?;
    let (magic, rest) = key.split_at(16);
    let (name, rest) = rest.split_at(32);
    let (weights, secret) = rest.split_at(32);
    if magic != MAGIC {
        return Err(HintFault::Key);
    }
    let name = HintName(name.try_into().expect("32 bytes"));
    let hint = match Hint::decode(plan.hint_layers(), &plan.hint_digest(), &name, hint) {
        Err(HintFault::Name { .. }) => return Err(HintFault::Key),
        decoded => decoded?,
    };
    if !bool::from(weights_digest(network).ct_eq(weights)) {
        return Err(HintFault::Weights);
    }
    Ok((hint, HintSecret::from_bytes(secret.try_into().expect("the rest of a key"))))
}

/// To be kept secret: it would confirm a guess of the weights.
fn weights_digest(network: &Network) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(domain::HINT_WEIGHTS);
    for block in network.blocks() {
        block.weights.iter().for_each(|weight| hash.update(weight.to_le_bytes()));
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use gazelle_import::zoo;
    use rand::{SeedableRng, rngs::ChaCha20Rng};

    use super::*;
    use crate::error::{Error, Misuse};
    use crate::plan::{LinearChoice, Settings};

    fn settings() -> Settings {
        Settings { linear: LinearChoice::Hint, ..Settings::default() }
    }

    fn network() -> Network {
        zoo::network("c").expect("a network of the benches")
    }

    fn with(
        network: Network,
        settings: &Settings,
        hint: &[u8],
        key: &[u8],
    ) -> Result<Service, HintFault> {
        match Service::with_hint(network, settings, hint.to_vec(), key) {
            Err(Error::Misuse(Misuse::HintFile(fault))) => Err(fault),
            other => Ok(other.unwrap()),
        }
    }

    #[test]
    fn a_hint_made_ahead_serves_its_weights_and_no_others() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let made = Service::new(network(), &settings(), &mut rng).unwrap();
        let (hint, key) = (made.hint().unwrap().as_bytes(), made.hint_key().unwrap());
        let again = with(network(), &settings(), hint, &key).unwrap();
        assert_eq!(again.hint().unwrap().name(), made.hint().unwrap().name());
        assert_eq!(again.hint_key().unwrap(), key);

        let fault = |network, settings: &Settings, hint: &[u8], key: &[u8]| {
            with(network, settings, hint, key).err().unwrap()
        };
        let mut blocks = network().blocks().to_vec();
        blocks[1].weights[3] ^= 1;
        let changed = Network::try_new(network().card().clone(), blocks).unwrap();
        assert_eq!(fault(changed, &settings(), hint, &key), HintFault::Weights);
        let other = Service::new(network(), &settings(), &mut rng).unwrap();
        for key in [&other.hint_key().unwrap()[..], &key[1..], &[0; LEN], &[]] {
            assert_eq!(fault(network(), &settings(), hint, key), HintFault::Key);
        }
        assert_eq!(fault(network(), &Settings::default(), hint, &key), HintFault::Plan);
        let another = zoo::network("d").unwrap();
        assert_eq!(fault(another, &settings(), hint, &key), HintFault::Plan);
        let cut = &hint[..hint.len() - 1];
        assert!(matches!(fault(network(), &settings(), cut, &key), HintFault::Length { .. }));
    }
}
