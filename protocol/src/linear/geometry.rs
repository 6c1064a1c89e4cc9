//! One shape for every linear layer: a stride-1 convolution over phases of channels.
//!
//! A dense layer is a 1×1 convolution of as many channels as it has inputs, on a 1×1 map. A
//! convolution with stride σ and dilation δ reads, at output y and tap u, the input row
//! σ·y + δ·u − before. Write δ·u − before = σ·α + a with 0 ≤ a < σ: then that is row y + α of *phase*
//! a, the map of the rows a, σ + a, 2σ + a, …. So the strided layer is a stride-1 convolution with
//! taps α over the phases, with a dense result: no computed coefficient is thrown away, and phases
//! that no tap reads (1×1 kernels) are never encrypted. Distinct taps have distinct (a, α); the holes
//! between those of a dilated kernel are coefficients that stay 0.

use std::collections::BTreeSet;

use crate::model::{self, LinearMap, Shape, Window};

/// More values than any tensor or weight array may have.
const MAX_VALUES: usize = 1 << 28;

/// One dimension of a convolution: its rows, or its columns.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Cells of the map.
    pub(super) input: usize,
    /// Cells added before the first.
    pub(super) before: usize,
    /// Taps of the kernel.
    pub(super) kernel: usize,
    /// Cells from one tap to the next.
    pub(super) dilation: usize,
    /// Cells from one output's first tap to that of the next one.
    pub(super) stride: usize,
    /// Outputs.
    pub(super) output: usize,
}

impl Axis {
    const UNIT: Self = Self { input: 1, before: 0, kernel: 1, dilation: 1, stride: 1, output: 1 };

    /// That of a window which covers `kernel` taps.
    fn new(covering: model::Axis, kernel: usize, dilation: usize) -> Self {
        let model::Axis { input, before, stride, output, .. } = covering;
        Self { input, before, kernel, dilation, stride, output }
    }

    /// Tap `u` as (phase a, tap α).
    pub(super) fn phase_tap(&self, u: usize) -> (usize, isize) {
        let t = (u * self.dilation) as isize - self.before as isize;
        let stride = self.stride as isize;
        (t.rem_euclid(stride) as usize, t.div_euclid(stride))
    }

    /// The smallest and the largest α.
    pub(super) fn taps(&self) -> (isize, isize) {
        (self.phase_tap(0).1, self.phase_tap(self.kernel - 1).1)
    }

    /// The phases that some tap reads, ascending.
    pub(super) fn phases(&self) -> Vec<usize> {
        // They repeat after as many taps as the stride has cells.
        let taps = 0..self.kernel.min(self.stride);
        let phases: BTreeSet<_> = taps.map(|u| self.phase_tap(u).0).collect();
        phases.into_iter().collect()
    }

    /// Cells of a phase that some output reads; at least 1.
    pub(super) fn phase_len(&self) -> usize {
        let read = self.output as isize + self.taps().1;
        self.input.div_ceil(self.stride).min(read.max(1) as usize)
    }
}

/// A linear layer as a convolution.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    /// Input channels of each group.
    pub(super) group_channels: usize,
    /// Channel groups.
    pub(super) groups: usize,
    /// Output channels.
    pub(super) outputs: usize,
    /// Rows.
    pub(super) rows: Axis,
    /// Columns.
    pub(super) columns: Axis,
}

impl Convolution {
    /// `None` if the geometry is impossible or larger than [`MAX_VALUES`].
    pub(super) fn new(map: &LinearMap, input: Shape) -> Option<Self> {
        let len = input.channels.checked_mul(input.height)?.checked_mul(input.width)?;
        let conv = match *map {
            LinearMap::Dense { outputs } => {
                let (rows, columns) = (Axis::UNIT, Axis::UNIT);
                Self { group_channels: len, groups: 1, outputs, rows, columns }
            }
            LinearMap::Convolution(map) => {
                let model::Convolution { outputs, window: Window { kernel, .. }, groups, .. } = map;
                let divides = |n: usize| groups > 0 && n.is_multiple_of(groups);
                if !divides(input.channels) || !divides(outputs) {
                    return None;
                }
                let [rows, columns] = map.reach()?.axes(input)?;
                let rows = Axis::new(rows, kernel.height, map.dilation.height);
                let columns = Axis::new(columns, kernel.width, map.dilation.width);
                Self { group_channels: input.channels / groups, groups, outputs, rows, columns }
            }
        };
        let kernel = conv.rows.kernel.checked_mul(conv.columns.kernel)?;
        let weights = conv.outputs.checked_mul(conv.group_channels)?.checked_mul(kernel)?;
        let map = conv.rows.output.checked_mul(conv.columns.output)?;
        let results = conv.outputs.checked_mul(map)?;
        let sizes = [len, weights, results];
        sizes.iter().all(|size| (1..=MAX_VALUES).contains(size)).then_some(conv)
    }

    /// Input channels.
    pub(super) fn channels(&self) -> usize {
        self.groups * self.group_channels
    }

    /// Outputs of each group.
    pub(super) fn group_outputs(&self) -> usize {
        self.outputs / self.groups
    }

    /// Weights of one output.
    pub(super) fn row_len(&self) -> usize {
        self.group_channels * self.rows.kernel * self.columns.kernel
    }

    /// All weights.
    pub(super) fn weights_len(&self) -> usize {
        self.outputs * self.row_len()
    }

    /// Values of the result.
    pub(super) fn output_len(&self) -> usize {
        self.outputs * self.rows.output * self.columns.output
    }

    /// Values of the input.
    pub(super) fn input_len(&self) -> usize {
        self.channels() * self.rows.input * self.columns.input
    }
}
