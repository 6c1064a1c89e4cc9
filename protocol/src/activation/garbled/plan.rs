//! An activation layer, planned: a function of public facts alone, so both parties make the same.

use std::ops::Range;

use gazelle_garble::{Program, Tally};

use crate::digest::PlanDigest;
use crate::error::Misuse;
use crate::model::{ActivationNode, Function, Head, HeadNode, Shape, Shift, Tensor, Window};
use crate::ot::FieldBits;

/// Sums that one chunk takes, unless a single instance has more: wires of 8 KiB, so that the two
/// inputs of a chunk stay in the L2 cache.
const CHUNK_SUMS: usize = 512;

/// An activation layer.
pub struct ActivationPlan {
    program: Program,
    /// Instances: values of the output, 1 for an argmax.
    instances: usize,
    /// Where sum p of instance i stands in the linear map's result: at place p·instances + i.
    sources: Vec<u32>,
    /// Instances of a chunk; the last one may have fewer.
    step: usize,
    /// What a whole chunk costs, and what one of the instances that are left over does.
    tallies: [Tally; 2],
}

/// A part of a layer's instances that is garbled and evaluated in one go.
pub struct Chunk {
    /// The instances.
    pub instances: Range<usize>,
    /// Where each lane's sum stands in the linear map's result.
    pub sources: Vec<u32>,
}

/// Round trips of the engine's offline and online parts.
pub(crate) const ROUNDS: [u64; 2] = [1, 1];

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

impl ActivationPlan {
    /// An activation that reads tensor `input` and yields tensor `output`.
    ///
    /// # Errors
    /// [`Misuse::Graph`] for a function that this engine does not garble.
    pub fn of_node(node: &ActivationNode, input: Tensor, output: Tensor) -> Result<Self, Misuse> {
        let (ring_bits, out_ring_bits) = (node.sum_bits + 1, output.ring_bits);
        let Shift::Tensor(shift) = node.shift else {
            return Err(Misuse::Graph("an activation with a shift for each channel"));
        };
        let shift = shift.into();
        let (window, sources) = match node.max_pool {
            None => (1, (0..input.shape.len() as u32).collect()),
            Some(window) => windows(&window, input.shape, output.shape),
        };
        let program = match node.function {
            Function::RELU => Program::Relu { ring_bits, shift, window, out_ring_bits },
            Function::Clamp { least, most } => {
                let (least, most) = (least.into(), most.into());
                Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits }
            }
            Function::Leaky { ref slopes, slope_shift, least, most } => {
                let [slope] = slopes[..] else {
                    return Err(Misuse::Graph("a leaky ReLU with a slope for each channel"));
                };
                let (slope, least, most) = (slope.into(), least.into(), most.into());
                Program::Leaky {
                    ring_bits,
                    shift,
                    window,
                    slope,
                    slope_shift,
                    least,
                    most,
                    out_ring_bits,
                }
            }
            Function::ReluMinusTable { ref table, step } => {
                let index_shift = shift.wrapping_add_signed(step.into());
                let table = table.clone();
                Program::ReluMinusTable { ring_bits, shift, index_shift, table, out_ring_bits }
            }
            Function::Odd { ref table, centre } => {
                let (table, centre) = (table.clone(), centre.into());
                Program::Odd { ring_bits, shift, table, centre, out_ring_bits }
            }
        };
        Ok(Self::of_program(program, output.shape.len(), sources))
    }

    /// The head, which reads tensor `input`.
    ///
    /// # Errors
    /// [`Misuse::Graph`] for a head that this engine does not have.
    pub fn of_head(head: &HeadNode, input: Tensor) -> Result<Self, Misuse> {
        let (ring_bits, values) = (head.sum_bits + 1, input.shape.len());
        let all = (0..values as u32).collect();
        match head.head {
            Head::Class => {
                Ok(Self::of_program(Program::Argmax { ring_bits, classes: values }, 1, all))
            }
            Head::Values => Ok(Self::of_program(Program::Reveal { ring_bits }, values, all)),
            Head::Top(_) => Err(Misuse::Graph("a head of the largest classes")),
            Head::Thresholds(_) => Err(Misuse::Graph("a head of thresholds")),
            Head::Confidence(_) => Err(Misuse::Graph("a head with a confidence")),
        }
    }

    fn of_program(program: Program, instances: usize, sources: Vec<u32>) -> Self {
        let step = (CHUNK_SUMS / program.sums()).max(1);
        let tallies = [step, instances % step].map(|instances| program.tally(instances));
        Self { program, instances, sources, step, tallies }
    }

    /// The program that every instance runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// How many instances there are.
    pub fn instances(&self) -> usize {
        self.instances
    }

    /// What a chunk costs; all but the last are alike.
    fn tally(&self, chunk: &Chunk) -> &Tally {
        &self.tallies[usize::from(chunk.instances.len() != self.step)]
    }

    /// The chunks, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        (0..self.instances).step_by(self.step).map(move |first| {
            let instances = first..(first + self.step).min(self.instances);
            let places = (0..self.program.sums())
                .flat_map(|p| &self.sources[p * self.instances..][instances.clone()]);
            Chunk { sources: places.copied().collect(), instances }
        })
    }

    /// Labels that each party has in a chunk.
    pub(super) fn labels(&self, chunk: &Chunk) -> usize {
        chunk.instances.len() * self.program.labels()
    }

    /// Bytes of the labels that the garbler sends for a chunk.
    pub(crate) fn label_bytes(&self, chunk: &Chunk) -> usize {
        16 * self.labels(chunk)
    }

    /// Gate numbers of a chunk.
    pub(super) fn gates(&self, chunk: &Chunk) -> u64 {
        self.tally(chunk).gates
    }

    /// Bytes of the garbled tables of a chunk.
    pub(crate) fn table_bytes(&self, chunk: &Chunk) -> usize {
        self.tally(chunk).table_bytes
    }

    /// Bits of S, the garbler's share of a result; None if the client sees the results.
    pub(super) fn share_bits(&self) -> Option<u32> {
        match self.program {
            Program::Relu { out_ring_bits, .. }
            | Program::Clamp { out_ring_bits, .. }
            | Program::Leaky { out_ring_bits, .. }
            | Program::ReluMinusTable { out_ring_bits, .. }
            | Program::Odd { out_ring_bits, .. } => Some(out_ring_bits),
            _ => None,
        }
    }

    /// Bytes of the OT-extension message for a chunk.
    pub(crate) fn transfer_bytes(&self, chunk: &Chunk, field: FieldBits) -> usize {
        field.message_len(self.labels(chunk))
    }

    /// Puts the circuits' sizes, the chunks and every sum's place into a plan's digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest, field: FieldBits) {
        let Cost { ands, transfer_bytes, table_bytes, label_bytes, chunks } = self.cost(field);
        let gates = self.tallies[0].gates;
        digest.words([ands, gates].into_iter());
        digest.numbers(&[self.instances, self.step, chunks]);
        digest.numbers(&[transfer_bytes, table_bytes, label_bytes]);
        digest.words(self.sources.iter().map(|&source| source.into()));
    }

    /// What the layer costs with an OT extension of `field` bits.
    pub fn cost(&self, field: FieldBits) -> Cost {
        // All chunks but the last are alike.
        let step = self.step;
        let kinds = [(self.instances / step, step), (1, self.instances % step)];
        let kinds = kinds.iter().zip(&self.tallies).filter(|((_, instances), _)| *instances > 0);
        kinds.fold(Cost::default(), |cost, (&(chunks, instances), tally)| {
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

/// The size of a pooling window and its sums' places, window position after window position. Where
/// padding clips a window, one of its own sums stands in for each missing one: a maximum does not
/// change when a value is repeated.
fn windows(window: &Window, input: Shape, output: Shape) -> (usize, Vec<u32>) {
    let Window { kernel, stride, padding } = *window;
    // The cell of the map at step `i` and position `u`, moved into the map if it is outside: the
    // window touches the map, so the moved cell belongs to it.
    let cell = |i: usize, u: usize, stride: usize, before: usize, size: usize| {
        (i * stride + u).saturating_sub(before).min(size - 1)
    };
    let mut sources = Vec::with_capacity(kernel.height * kernel.width * output.len());
    for u in 0..kernel.height {
        for v in 0..kernel.width {
            for c in 0..output.channels {
                for i in 0..output.height {
                    let row = cell(i, u, stride.height, padding.top, input.height);
                    for j in 0..output.width {
                        let column = cell(j, v, stride.width, padding.left, input.width);
                        sources.push(((c * input.height + row) * input.width + column) as u32);
                    }
                }
            }
        }
    }
    (kernel.height * kernel.width, sources)
}
