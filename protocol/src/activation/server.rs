//! The garbler's side of an activation layer.

use gazelle_garble::{Delta, GateRange, Hash, garble};
use gazelle_kernels::AesBackend;
use gazelle_kernels::prg::Seeds;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{ActivationPlan, Chunk};
use crate::error::Error;
use crate::ot;

/// What the garbler keeps of one layer between the phases; used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Garbling {
    /// The labels of the garbler's own bits come from this seed.
    seed: u128,
    /// S of every instance.
    shares: Vec<u32>,
}

/// A chunk whose transfers are made, ready to be garbled.
pub(crate) struct Pending {
    pub(crate) chunk: Chunk,
    pub(crate) gates: GateRange,
    pub(crate) evaluator: Vec<u128>,
}

impl ActivationPlan {
    /// Makes the transfers of a chunk from the client's message.
    ///
    /// # Errors
    /// If the message has another length.
    pub(crate) fn receive_transfers(
        &self,
        chunk: Chunk,
        gates: GateRange,
        ot: &mut ot::Sender,
        message: &[u8],
    ) -> Result<Pending, Error> {
        let mut evaluator = vec![0; self.labels(&chunk)];
        ot.extend(message, &mut evaluator)?;
        Ok(Pending { chunk, gates, evaluator })
    }

    /// Garbles a chunk: its tables and S of its instances.
    pub(crate) fn garble(
        &self,
        seed: u128,
        pending: Pending,
        hash: &Hash,
        delta: &Delta,
    ) -> (Vec<u8>, Vec<u32>) {
        let Pending { chunk, gates, evaluator } = pending;
        let own = own_labels(seed, &chunk, self.labels(&chunk));
        let n = chunk.instances.len();
        let garbled = garble(self.program(), n, hash, delta, gates, &evaluator, &own)
            .expect("labels and gate numbers are as many as the plan says");
        (garbled.tables, garbled.shares)
    }
}

impl Garbling {
    pub(crate) fn new(seed: u128, shares: Vec<u32>) -> Self {
        Self { seed, shares }
    }

    /// The active labels of the garbler's shares `sums` in one chunk, as bytes.
    pub(crate) fn labels(
        &self,
        plan: &ActivationPlan,
        chunk: &Chunk,
        delta: &Delta,
        sums: &[u32],
    ) -> Vec<u8> {
        let mut labels = own_labels(self.seed, chunk, plan.labels(chunk));
        for (bit, plane) in labels.chunks_exact_mut(chunk.sources.len()).enumerate() {
            for (label, &source) in plane.iter_mut().zip(&chunk.sources) {
                let chosen = u128::from(sums[source as usize] >> bit & 1).wrapping_neg();
                *label ^= chosen & delta.expose();
            }
        }
        let bytes = bytemuck::must_cast_slice(&labels).to_vec();
        labels.zeroize();
        bytes
    }

    /// S of every instance.
    pub(crate) fn shares(&self) -> &[u32] {
        &self.shares
    }
}

/// The zero labels of the garbler's bits of a chunk: a stream of its own for each first instance.
fn own_labels(seed: u128, chunk: &Chunk, count: usize) -> Vec<u128> {
    let mut labels = vec![0; count];
    let seeds = Seeds::new(AesBackend::best(), &[seed]);
    seeds.stream(0, chunk.instances.start as u64, 0, &mut labels);
    labels
}
