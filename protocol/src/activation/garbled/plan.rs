//! An activation layer, planned: a function of public facts alone, so both parties make the same.

use std::ops::Range;

use gazelle_garble::{Program, Tally};
use zeroize::Zeroizing;

use super::streamed;
use crate::digest::PlanDigest;
use crate::model::Ring;
use crate::ot::FieldBits;

/// Sums that one chunk takes, unless a single instance has more: wires of 8 KiB, so that the two
/// inputs of a chunk stay in the L2 cache.
const CHUNK_SUMS: usize = 512;

/// When garbled tables come to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In the offline phase; the client keeps them.
    #[default]
    Ahead,
    /// In the online phase, as they are used; nobody keeps them.
    Streamed,
}

/// An activation layer.
pub struct GarbledPlan {
    batches: Vec<Batch>,
    lanes: Lanes,
    delivery: Delivery,
}

/// The values that a layer reads and yields. Instances are numbered batch by batch.
pub(super) struct Lanes {
    /// Where sum p of instance i stands in the tensor that is read: at place p·instances + i.
    pub sources: Vec<u32>,
    /// Where each result stands in what the layer yields.
    pub places: Vec<u32>,
    /// What the garbler adds to its share of each value of the tensor that is read.
    pub offsets: Vec<u32>,
}

/// Instances of one program. The programs of a layer have the same ring and as many sums.
struct Batch {
    program: Program,
    instances: Range<usize>,
    /// Instances of a chunk; the last one may have fewer.
    step: usize,
    /// What a whole chunk costs, and what one of the instances that are left over does.
    tallies: [Tally; 2],
}

/// A part of a batch's instances that is garbled and evaluated in one go.
pub struct Chunk<'a> {
    /// What each of them runs.
    pub program: &'a Program,
    /// The instances.
    pub instances: Range<usize>,
    /// Where each lane's sum stands in the tensor that is read.
    pub sources: Vec<u32>,
    tally: &'a Tally,
}

/// What an activation layer costs, frames' headers not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// AND gates.
    pub ands: u64,
    /// Offline, client to server: OT extension.
    pub transfer_bytes: usize,
    /// Offline, server to client: garbled tables.
    pub table_bytes: usize,
    /// Online, server to client: labels.
    pub label_bytes: usize,
    /// Frames each of the three needs.
    pub chunks: usize,
}

impl GarbledPlan {
    /// Of at least one program, each with its instances.
    pub(super) fn new(programs: Vec<(Program, Range<usize>)>, lanes: Lanes) -> Self {
        let batch = |(program, instances)| Batch::new(program, instances);
        let batches = programs.into_iter().map(batch).collect();
        Self { batches, lanes, delivery: Delivery::Ahead }
    }

    /// The same with tables that come so.
    pub fn with_delivery(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    /// The programs, each with how many instances run it.
    pub fn programs(&self) -> impl Iterator<Item = (&Program, usize)> {
        self.batches.iter().map(|batch| (&batch.program, batch.instances.len()))
    }

    /// When its tables come.
    pub fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// Values of the tensor that is read.
    pub(super) fn values(&self) -> usize {
        self.lanes.offsets.len()
    }

    /// At most how many bytes the client holds of the layer between the phases, messages that wait to
    /// be sent included.
    pub(crate) fn client_bytes(&self, field: FieldBits) -> usize {
        let Cost { transfer_bytes, table_bytes, label_bytes, .. } = self.cost(field);
        match self.delivery {
            Delivery::Ahead => label_bytes + table_bytes + transfer_bytes,
            Delivery::Streamed => 4 * self.values(),
        }
    }

    /// At most how many more it holds while the layer is evaluated.
    pub(crate) fn window_bytes(&self, field: FieldBits) -> usize {
        match self.delivery {
            Delivery::Ahead => 0,
            Delivery::Streamed => streamed::window_bytes(&self.cost(field)),
        }
    }

    /// How many instances there are.
    pub fn instances(&self) -> usize {
        self.batches.last().map_or(0, |batch| batch.instances.end)
    }

    /// k, the bits of the ring that the shares of the sums are read in.
    pub fn ring_bits(&self) -> u32 {
        self.batches[0].program.ring_bits()
    }

    /// The garbler's shares of the sums as its labels encode them, in Z_{2^k}; `share` is of the
    /// tensor that is read, whose ring may be wider.
    pub(crate) fn garblers_sums(&self, share: &[u32]) -> Zeroizing<Vec<u32>> {
        let ring = Ring::new(self.ring_bits());
        let sums = share.iter().zip(&self.lanes.offsets).map(|(&y, &offset)| ring.add(y, offset));
        Zeroizing::new(sums.collect())
    }

    /// The results of all instances, brought into the order of what the layer yields.
    pub(super) fn in_place(&self, results: &[u32]) -> Vec<u32> {
        let mut placed = vec![0; results.len()];
        for (&result, &place) in results.iter().zip(&self.lanes.places) {
            placed[place as usize] = result;
        }
        placed
    }

    /// The chunks, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> + '_ {
        self.batches.iter().flat_map(|batch| batch.chunks(&self.lanes.sources, self.instances()))
    }

    /// Bits of S, the garbler's share of a result; None if the client sees the results.
    pub(crate) fn share_bits(&self) -> Option<u32> {
        self.batches[0].program.out_ring_bits()
    }

    /// Puts the circuits' sizes, the chunks and every sum's place into a plan's digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest, field: FieldBits) {
        for Batch { instances, step, tallies: [whole, rest], .. } in &self.batches {
            digest.numbers(&[instances.len(), *step, whole.table_bytes, rest.table_bytes]);
            digest.words([whole.ands, whole.gates, rest.ands, rest.gates].into_iter());
        }
        let Cost { ands, transfer_bytes, table_bytes, label_bytes, chunks } = self.cost(field);
        digest.words([ands].into_iter());
        digest.numbers(&[chunks, transfer_bytes, table_bytes, label_bytes, self.delivery as usize]);
        for places in [&self.lanes.sources, &self.lanes.places] {
            digest.words(places.iter().map(|&place| place.into()));
        }
    }

    /// What the layer costs with an OT extension of `field` bits.
    pub fn cost(&self, field: FieldBits) -> Cost {
        self.batches.iter().fold(Cost::default(), |cost, batch| batch.add_cost(field, cost))
    }
}

impl Batch {
    fn new(program: Program, instances: Range<usize>) -> Self {
        let step = (CHUNK_SUMS / program.sums()).max(1);
        let tallies = [step, instances.len() % step].map(|instances| program.tally(instances));
        Self { program, instances, step, tallies }
    }

    /// The chunks, for the sources of all the layer's instances, `total`.
    fn chunks<'a>(
        &'a self,
        sources: &'a [u32],
        total: usize,
    ) -> impl Iterator<Item = Chunk<'a>> + 'a {
        self.instances.clone().step_by(self.step).map(move |first| {
            let instances = first..(first + self.step).min(self.instances.end);
            let places =
                (0..self.program.sums()).flat_map(|p| &sources[p * total..][instances.clone()]);
            let tally = &self.tallies[usize::from(instances.len() != self.step)];
            Chunk { program: &self.program, sources: places.copied().collect(), instances, tally }
        })
    }

    fn add_cost(&self, field: FieldBits, cost: Cost) -> Cost {
        // All chunks but the last are alike.
        let (len, step) = (self.instances.len(), self.step);
        let kinds = [(len / step, step), (1, len % step)];
        let kinds = kinds.iter().zip(&self.tallies).filter(|((_, instances), _)| *instances > 0);
        kinds.fold(cost, |cost, (&(chunks, instances), tally)| {
            let labels = instances * self.program.labels();
            Cost {
                ands: cost.ands + chunks as u64 * tally.ands,
                transfer_bytes: cost.transfer_bytes + chunks * field.message_len(labels),
                table_bytes: cost.table_bytes + chunks * tally.table_bytes,
                label_bytes: cost.label_bytes + chunks * 16 * labels,
                chunks: cost.chunks + chunks,
            }
        })
    }
}

impl Chunk<'_> {
    /// Labels that each party has.
    pub(super) fn labels(&self) -> usize {
        self.instances.len() * self.program.labels()
    }

    /// Bytes of the labels that the garbler sends.
    pub(super) fn label_bytes(&self) -> usize {
        16 * self.labels()
    }

    /// Gate numbers.
    pub(crate) fn gates(&self) -> u64 {
        self.tally.gates
    }

    /// Bytes of the garbled tables.
    pub(super) fn table_bytes(&self) -> usize {
        self.tally.table_bytes
    }

    /// Bytes of the OT-extension message.
    pub(super) fn transfer_bytes(&self, field: FieldBits) -> usize {
        field.message_len(self.labels())
    }
}
