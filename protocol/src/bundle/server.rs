//! The server's half.

use gazelle_garble::Delta;
use zeroize::Zeroizing;

use super::{BundleFault, BundleName, HEADER, ServerActivation, read_header, write_header};
use crate::linear::ServerShare;
use crate::plan::NetworkPlan;

const MAGIC: &[u8; 8] = b"GZBNDL-S";

/// What the server keeps of one prepared inference; good for one image.
pub struct ServerBundle {
    /// The digest of the network, weights included, that it was prepared for.
    pub(crate) network: [u8; 32],
    pub(crate) name: BundleName,
    /// Of the hash of its garbled gates.
    pub(crate) hash_key: u128,
    pub(crate) delta: Delta,
    /// t of every linear map's result.
    pub(crate) shares: Vec<ServerShare>,
    /// In the plan's order.
    pub(crate) activations: Vec<ServerActivation>,
}

impl ServerBundle {
    /// Its name.
    pub fn name(&self) -> BundleName {
        self.name
    }

    /// Bytes of the encoding.
    pub fn encoded_len(plan: &NetworkPlan) -> usize {
        let shares = plan
            .linear()
            .iter()
            .map(|linear| ServerShare::encoded_len(linear.output_len(), linear.ring_bits()));
        let activations = plan.activations().iter().map(ServerActivation::encoded_len);
        HEADER + 16 + 16 + shares.chain(activations).sum::<usize>()
    }

    /// The bundle as bytes, to be kept secret: `header ‖ hash key (16) ‖ Δ (16)`, then for
    /// each linear map `t, packed`, then for each activation what its engine keeps: `seed of its
    /// labels (16) ‖ S, packed` where tables came ahead.
    pub fn into_bytes(mut self, plan: &NetworkPlan) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(Self::encoded_len(plan)));
        write_header(MAGIC, &self.network, &self.name, &mut out);
        out.extend_from_slice(&self.hash_key.to_le_bytes());
        out.extend_from_slice(&self.delta.expose().to_le_bytes());
        self.shares.iter().for_each(|share| share.encode(&mut out));
        for (activation, plan) in self.activations.iter_mut().zip(plan.activations()) {
            activation.encode(plan, &mut out);
        }
        out
    }

    /// Reads a bundle that was prepared for a network of this plan and digest.
    ///
    /// # Errors
    /// [`BundleFault`] if the bytes are none.
    pub fn from_bytes(
        plan: &NetworkPlan,
        network: &[u8; 32],
        bytes: &[u8],
    ) -> Result<Self, BundleFault> {
        let (name, mut rest) = read_header(MAGIC, network, Self::encoded_len(plan), bytes)?;
        Self::read(plan, network, name, &mut rest).ok_or(BundleFault::Damaged)
    }

    fn read(
        plan: &NetworkPlan,
        network: &[u8; 32],
        name: BundleName,
        rest: &mut &[u8],
    ) -> Option<Self> {
        let hash_key = u128::from_le_bytes(*rest.split_off(..16)?.first_chunk()?);
        let delta = u128::from_le_bytes(*rest.split_off(..16)?.first_chunk()?);
        let delta = Delta::from_stored(delta)?;
        let (mut shares, mut activations) = (Vec::new(), Vec::new());
        for linear in plan.linear() {
            shares.push(ServerShare::decode(linear.output_len(), linear.ring_bits(), rest)?);
        }
        for planned in plan.activations() {
            activations.push(ServerActivation::decode(planned, rest)?);
        }
        Some(Self { network: *network, name, hash_key, delta, shares, activations })
    }
}
