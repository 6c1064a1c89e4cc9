//! The garbler's side of an activation layer.

use gazelle_garble::{Delta, GateRange, Hash, garble};
use gazelle_kernels::AesBackend;
use gazelle_kernels::prg::Seeds;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{ActivationPlan, Chunk};
use crate::domain;
use crate::error::Error;
use crate::ot;

/// What the garbler keeps of one layer between the phases; used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Garbling {
    own: OwnLabels,
    /// S of every instance.
    shares: Vec<u32>,
}

/// Where the zero labels of the garbler's own bits of a layer come from; see [`crate::domain`].
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct OwnLabels {
    seed: u128,
    nonce: u64,
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
        own: &OwnLabels,
        pending: Pending,
        hash: &Hash,
        delta: &Delta,
    ) -> (Vec<u8>, Vec<u32>) {
        let Pending { chunk, gates, evaluator } = pending;
        let own = own.of(self, &chunk);
        let n = chunk.instances.len();
        let garbled = garble(self.program(), n, hash, delta, gates, &evaluator, &own)
            .expect("labels and gate numbers are as many as the plan says");
        (garbled.tables, garbled.shares)
    }
}

impl Garbling {
    pub(crate) fn new(own: OwnLabels, shares: Vec<u32>) -> Self {
        Self { own, shares }
    }

    /// The active labels of the garbler's shares `sums` in one chunk, as bytes.
    pub(crate) fn labels(
        &self,
        plan: &ActivationPlan,
        chunk: &Chunk,
        delta: &Delta,
        sums: &[u32],
    ) -> Vec<u8> {
        let mut labels = self.own.of(plan, chunk);
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

impl OwnLabels {
    /// Of a layer whose first gate has this number in its session; `seed` is fresh.
    pub(crate) fn new(seed: u128, session: &[u8; 32], first_gate: u64) -> Self {
        Self { seed, nonce: domain::nonce(session).wrapping_add(first_gate) }
    }

    /// Those of a chunk, a stretch of the layer's one stream.
    fn of(&self, plan: &ActivationPlan, chunk: &Chunk) -> Vec<u128> {
        let mut labels = vec![0; plan.labels(chunk)];
        let first = chunk.instances.start * plan.program().labels();
        let seeds = Seeds::new(AesBackend::best(), &[self.seed]);
        seeds.stream(0, self.nonce, first as u64, &mut labels);
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, BlockCard, Card, Linear, Shape};

    /// A ReLU of 1200 values: three chunks.
    fn plan() -> ActivationPlan {
        let block = |outputs, activation| BlockCard {
            sum_pool: None,
            linear: Linear::Dense { outputs },
            weight_bits: 2,
            sum_bits: 12,
            activation,
        };
        let card = Card {
            name: "dense".into(),
            input: Shape::flat(4),
            blocks: vec![
                block(1200, Activation::Relu { shift: 3, max_pool: None }),
                block(2, Activation::Argmax),
            ],
            classes: vec!["a".into(), "b".into()],
        };
        ActivationPlan::new(&card.layers().expect("a valid card")[0])
    }

    #[test]
    fn no_label_of_a_layer_comes_twice() {
        let plan = plan();
        let own = OwnLabels::new(5, &[7; 32], 9);
        let mut labels: Vec<u128> = plan.chunks().flat_map(|chunk| own.of(&plan, &chunk)).collect();
        assert_eq!(labels.len(), 1200 * plan.program().labels());
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), 1200 * plan.program().labels());
    }

    /// One seed in two sessions, or in two layers of one, gives other labels.
    #[test]
    fn labels_are_bound_to_session_and_gates() {
        let plan = plan();
        let chunk = plan.chunks().next().expect("a chunk");
        let of = |session, gate| OwnLabels::new(5, &[session; 32], gate).of(&plan, &chunk)[0];
        let labels = [of(1, 0), of(1, 1), of(2, 0), of(2, 1 << 40)];
        for (i, a) in labels.iter().enumerate() {
            assert!(labels[i + 1..].iter().all(|b| a != b));
        }
    }
}
