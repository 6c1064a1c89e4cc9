//! The evaluator's side of an activation layer: the client's.

use std::borrow::Cow;

use gazelle_garble::{ActiveLabels, GateRange, Hash, Program, evaluate};
use gazelle_ntt::pack;
use rand::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::{Chunk, Delivery, GarbledPlan};
use crate::bundle::Gates;
use crate::error::{Error, PeerFault};
use crate::exchange::BlockMail;
use crate::ot::{self, Choices, FieldBits, LinkKey};
use crate::parallel::Jobs;
use crate::wire::{Labels, Tables, Transfers};

/// The evaluator while a session is set up.
pub(crate) struct EvaluatorSetup(ot::ReceiverSetup);

impl EvaluatorSetup {
    /// Begins, and returns the base OTs' offer.
    pub(crate) fn new(field: FieldBits, rng: &mut impl CryptoRng) -> (Self, Vec<u8>) {
        let (ot, offer) = ot::ReceiverSetup::new(field, rng);
        (Self(ot), offer)
    }

    /// Takes the garbler's reply; returns the corrections to send and the key that both parties have.
    ///
    /// # Errors
    /// If the reply is not one.
    pub(crate) fn finish(
        self,
        session: &[u8; 32],
        reply: &[u8],
    ) -> Result<(Evaluator, Vec<u8>, LinkKey), Error> {
        let (ot, corrections, link) = self.0.finish(session, reply)?;
        Ok((Evaluator(ot), corrections, link))
    }
}

/// The evaluator of a session.
pub(crate) struct Evaluator(ot::Receiver);

impl Evaluator {
    /// The session's transfers, for who needs some besides the labels.
    pub(crate) fn transfers(&mut self) -> &mut ot::Receiver {
        &mut self.0
    }

    /// Chooses a layer's labels by the low bits of the client's shares `sums`, chunk by chunk: the
    /// garbler works on one while the next is made.
    pub(crate) async fn choose(
        &mut self,
        plan: &GarbledPlan,
        sums: &[u32],
        mail: BlockMail<'_>,
    ) -> Evaluation {
        let mut chunks = Vec::new();
        for chunk in plan.chunks() {
            let (labels, message) = self.choose_chunk(&chunk, sums);
            mail.send(message).await;
            chunks.push(Stored { labels, tables: Vec::new() });
        }
        Evaluation::Prepared(chunks)
    }

    /// The labels of one chunk, and the message that chooses them.
    pub(crate) fn choose_chunk(
        &mut self,
        chunk: &Chunk<'_>,
        sums: &[u32],
    ) -> (ActiveLabels<'static>, Transfers) {
        let mut lanes: Vec<u32> =
            chunk.sources.iter().map(|&source| sums[source as usize]).collect();
        let choices = Choices::from_bit_planes(&lanes, chunk.program.ring_bits());
        lanes.zeroize();
        let mut labels = vec![0; chunk.labels()];
        let message = self.0.extend(&choices, &mut labels);
        (ActiveLabels::from_correlation(labels), Transfers(message))
    }
}

/// What the evaluator keeps of one layer between the phases; used once.
pub enum Evaluation {
    /// Its labels and the layer's tables.
    Prepared(Vec<Stored>),
    /// Its shares of the sums: nothing has been garbled yet.
    Streamed(Zeroizing<Vec<u32>>),
}

/// What is left of an evaluation. Wiping and giving back so much memory takes as long as evaluating
/// a layer, so it is done after the answer.
#[derive(Default)]
pub struct Spent {
    _chunks: Vec<Stored>,
}

/// One chunk: what the transfers and the garbler gave for it.
pub struct Stored {
    pub(super) labels: ActiveLabels<'static>,
    pub(super) tables: Vec<u8>,
}

impl Evaluation {
    /// Of a layer that is garbled when it is used, from the client's shares of its sums.
    pub(crate) fn streamed(sums: Zeroizing<Vec<u32>>) -> Self {
        Self::Streamed(sums)
    }

    /// Receives the tables of all chunks, if they come before the image.
    ///
    /// # Errors
    /// If they have another length.
    pub(crate) async fn receive_tables(
        &mut self,
        plan: &GarbledPlan,
        mail: BlockMail<'_>,
    ) -> Result<(), Error> {
        let Self::Prepared(chunks) = self else { return Ok(()) };
        for (stored, chunk) in chunks.iter_mut().zip(plan.chunks()) {
            let Tables(tables) = mail.receive(chunk.table_bytes()).await?;
            stored.tables = tables;
        }
        Ok(())
    }

    /// Bytes that wait for the online phase.
    pub fn bytes(&self) -> usize {
        let stored = |stored: &Stored| 16 * stored.labels.len() + stored.tables.len();
        match self {
            Self::Prepared(chunks) => chunks.iter().map(stored).sum(),
            Self::Streamed(sums) => 4 * sums.len(),
        }
    }

    /// Evaluates the layer: f(y) + S of what it yields, or the results that the client sees, and what
    /// is left, to be dropped when nobody waits.
    ///
    /// # Errors
    /// If the labels or the tables do not fit the program.
    pub(crate) async fn evaluate(
        self,
        plan: &GarbledPlan,
        evaluator: &mut Evaluator,
        gates: &mut Gates,
        mail: BlockMail<'_>,
    ) -> Result<(Vec<u32>, Spent), Error> {
        match self {
            Self::Prepared(chunks) => Self::evaluate_prepared(chunks, plan, gates, mail).await,
            Self::Streamed(sums) => {
                Ok((evaluator.stream(plan, &sums, gates, mail).await?, Spent::default()))
            }
        }
    }

    /// Chunk by chunk, while the garbler's labels of the next are under way.
    async fn evaluate_prepared(
        chunks: Vec<Stored>,
        plan: &GarbledPlan,
        gates: &mut Gates,
        mail: BlockMail<'_>,
    ) -> Result<(Vec<u32>, Spent), Error> {
        let mut jobs = Jobs::new();
        for (stored, chunk) in chunks.into_iter().zip(plan.chunks()) {
            let labels: Labels = mail.receive(chunk.label_bytes()).await?;
            let (program, instances) = (chunk.program.clone(), chunk.instances.len());
            let (range, hash) = (gates.take(chunk.gates()), gates.hash().clone());
            jobs.start(move || {
                (stored.evaluate(&program, instances, &hash, range, &labels), stored)
            });
        }
        let (results, chunks): (Vec<_>, _) = jobs.finish().into_iter().unzip();
        let results = results.into_iter().collect::<Result<Vec<_>, _>>()?;
        let results = Zeroizing::new(results.concat());
        Ok((plan.in_place(&results), Spent { _chunks: chunks }))
    }

    /// Bytes of the encoding, for an activation of this plan.
    pub(crate) fn encoded_len(plan: &GarbledPlan) -> usize {
        match plan.delivery() {
            Delivery::Ahead => {
                plan.chunks().map(|chunk| chunk.label_bytes() + chunk.table_bytes()).sum()
            }
            Delivery::Streamed => pack::packed_len(plan.values(), plan.ring_bits()),
        }
    }

    /// Appends the labels and the tables of each chunk, or the shares, packed.
    pub(crate) fn encode(&self, plan: &GarbledPlan, out: &mut Vec<u8>) {
        match self {
            Self::Prepared(chunks) => {
                for Stored { labels, tables } in chunks {
                    labels.iter().for_each(|label| out.extend_from_slice(&label.to_le_bytes()));
                    out.extend_from_slice(tables);
                }
            }
            Self::Streamed(sums) => pack::pack_u32(sums, plan.ring_bits(), out),
        }
    }

    /// Reads the same off the front of `bytes`; None if that is not an encoding.
    pub(crate) fn decode(plan: &GarbledPlan, bytes: &mut &[u8]) -> Option<Self> {
        if plan.delivery() == Delivery::Streamed {
            let packed = bytes.split_off(..Self::encoded_len(plan))?;
            let mut sums = Zeroizing::new(vec![0; plan.values()]);
            pack::unpack_u32(packed, plan.ring_bits(), &mut sums).ok()?;
            return Some(Self::Streamed(sums));
        }
        let decode = |chunk: Chunk<'_>| {
            let labels = ActiveLabels::new(read_labels(bytes.split_off(..chunk.label_bytes())?));
            let tables = bytes.split_off(..chunk.table_bytes())?.to_vec();
            Some(Stored { labels, tables })
        };
        Some(Self::Prepared(plan.chunks().map(decode).collect::<Option<_>>()?))
    }
}

impl Stored {
    pub(super) fn evaluate(
        &self,
        program: &Program,
        instances: usize,
        hash: &Hash,
        gates: GateRange,
        Labels(labels): &Labels,
    ) -> Result<Vec<u32>, PeerFault> {
        let labels = ActiveLabels::new(labels_in(labels));
        evaluate(program, instances, hash, gates, &self.tables, &self.labels, &labels)
            .map_err(PeerFault::Tables)
    }
}

/// The labels of a message: its bytes where they can be read as labels in place.
fn labels_in(bytes: &[u8]) -> Cow<'_, [u128]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(labels) if cfg!(target_endian = "little") => Cow::Borrowed(labels),
        _ => Cow::Owned(read_labels(bytes)),
    }
}

fn read_labels(bytes: &[u8]) -> Vec<u128> {
    bytes.as_chunks().0.iter().map(|b| u128::from_le_bytes(*b)).collect()
}

#[cfg(test)]
impl Evaluator {
    /// The evaluator over the receiver of an extension.
    pub(crate) fn from_receiver(ot: ot::Receiver) -> Self {
        Self(ot)
    }
}
