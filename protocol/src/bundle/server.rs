//! The server's half.

use gazelle_garble::Delta;
use zeroize::Zeroizing;

use super::{BundleFault, BundleName, HEADER, read_header, write_header};
use crate::activation::garbled::{ActivationPlan, Garbling};
use crate::linear::{LinearPlan, ServerShare};
use crate::plan::NetworkPlan;

const MAGIC: &[u8; 8] = b"GZBNDL-S";

/// What the server keeps of one prepared inference; good for one image.
pub struct ServerBundle {
    /// The digest of the network, weights included, that it was prepared for.
    pub(crate) network: [u8; 32],
    pub(crate) name: BundleName,
    pub(crate) delta: Delta,
    /// t of every block's sums.
    pub(crate) shares: Vec<ServerShare>,
    pub(crate) garblings: Vec<Garbling>,
}

impl ServerBundle {
    /// Its name.
    pub fn name(&self) -> BundleName {
        self.name
    }

    /// Bytes of the encoding.
    pub fn encoded_len(plan: &NetworkPlan) -> usize {
        let block = |(linear, activation): (&LinearPlan, &ActivationPlan)| {
            ServerShare::encoded_len(linear.output_len(), linear.ring_bits())
                + Garbling::encoded_len(activation)
        };
        HEADER + 16 + plan.linear().iter().zip(plan.activations()).map(block).sum::<usize>()
    }

    /// The bundle as bytes, to be kept secret: `header ‖ Δ (16)`, then for each block `t, packed ‖
    /// seed of its labels (16) ‖ S, packed`.
    pub fn into_bytes(self, plan: &NetworkPlan) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(Self::encoded_len(plan)));
        write_header(MAGIC, &self.network, &self.name, &mut out);
        out.extend_from_slice(&self.delta.expose().to_le_bytes());
        for ((share, garbling), plan) in
            self.shares.iter().zip(&self.garblings).zip(plan.activations())
        {
            share.encode(&mut out);
            garbling.encode(plan, &mut out);
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
        let delta = u128::from_le_bytes(*rest.split_off(..16)?.first_chunk()?);
        let delta = Delta::from_stored(delta)?;
        let (mut shares, mut garblings) = (Vec::new(), Vec::new());
        for (linear, activation) in plan.linear().iter().zip(plan.activations()) {
            shares.push(ServerShare::decode(linear.output_len(), linear.ring_bits(), rest)?);
            garblings.push(Garbling::decode(activation, rest)?);
        }
        Some(Self { network: *network, name, delta, shares, garblings })
    }
}
