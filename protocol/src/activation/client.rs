//! The evaluator's side of an activation layer.

use gazelle_garble::{GateRange, Hash, evaluate};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{ActivationPlan, Chunk};
use crate::error::{Error, PeerFault};
use crate::ot::{self, Choices};

/// What the evaluator keeps of one layer between the phases; used once.
#[derive(Default)]
pub struct Evaluation {
    chunks: Vec<Stored>,
}

/// What is left of an evaluation. Wiping and giving back so much memory takes as long as evaluating
/// a layer, so it is done after the answer.
pub(crate) struct Spent {
    _chunks: Vec<Stored>,
}

/// One chunk: what the transfers and the garbler gave for it.
#[derive(ZeroizeOnDrop)]
struct Stored {
    labels: Vec<u128>,
    #[zeroize(skip)]
    tables: Vec<u8>,
    #[zeroize(skip)]
    gates: Option<GateRange>,
}

impl ActivationPlan {
    /// The values of a chunk's lanes.
    fn lanes(chunk: &Chunk, sums: &[u32]) -> Vec<u32> {
        chunk.sources.iter().map(|&source| sums[source as usize]).collect()
    }
}

impl Evaluation {
    /// Chooses the labels of a chunk by the bits of the client's shares `sums`; returns the message.
    pub(crate) fn transfer(
        &mut self,
        plan: &ActivationPlan,
        chunk: &Chunk,
        gates: GateRange,
        ot: &mut ot::Receiver,
        sums: &[u32],
    ) -> Vec<u8> {
        let mut lanes = ActivationPlan::lanes(chunk, sums);
        let choices = Choices::from_bit_planes(&lanes, plan.program().ring_bits());
        lanes.zeroize();
        let mut labels = vec![0; plan.labels(chunk)];
        let message = ot.extend(&choices, &mut labels);
        self.chunks.push(Stored { labels, tables: Vec::new(), gates: Some(gates) });
        message
    }

    /// Keeps the tables of chunk number `index`.
    pub(crate) fn store(&mut self, index: usize, tables: Vec<u8>) {
        self.chunks[index].tables = tables;
    }

    /// Bytes that wait for the online phase.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|stored| 16 * stored.labels.len() + stored.tables.len()).sum()
    }

    /// Evaluates the layer, chunk by chunk, while `receive` waits for the garbler's labels of the
    /// next (it is told how many bytes they have): f(y) + S of the layer's instances, and what is
    /// left, to be dropped when nobody waits.
    ///
    /// # Errors
    /// If the labels do not come, or they or the tables do not fit the program.
    pub(crate) fn evaluate(
        mut self,
        plan: &ActivationPlan,
        hash: &Hash,
        mut receive: impl FnMut(usize) -> Result<Vec<u8>, Error>,
    ) -> Result<(Vec<u32>, Spent), Error> {
        let mut results: Vec<Result<Vec<u32>, Error>> =
            self.chunks.iter().map(|_| Ok(Vec::new())).collect();
        rayon::in_place_scope(|scope| {
            let parts = self.chunks.iter_mut().zip(plan.chunks()).zip(&mut results);
            for ((stored, chunk), result) in parts {
                let labels = receive(plan.label_bytes(&chunk))?;
                scope.spawn(move |_| *result = stored.evaluate(plan, &chunk, hash, &labels));
            }
            Ok::<(), Error>(())
        })?;
        let results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
        // A revealed result has several planes only inside its chunk, so chunks follow each other.
        Ok((results.concat(), Spent { _chunks: self.chunks }))
    }
}

impl Stored {
    fn evaluate(
        &mut self,
        plan: &ActivationPlan,
        chunk: &Chunk,
        hash: &Hash,
        labels: &[u8],
    ) -> Result<Vec<u32>, Error> {
        PeerFault::check_length("labels", labels, plan.label_bytes(chunk))?;
        let gates = self.gates.take().expect("a chunk is evaluated once");
        let labels: Vec<u128> =
            labels.as_chunks().0.iter().map(|b| u128::from_le_bytes(*b)).collect();
        let n = chunk.instances.len();
        evaluate(plan.program(), n, hash, gates, &self.tables, &self.labels, &labels)
            .map_err(|error| PeerFault::Tables(error).into())
    }
}
