//! One shape for every linear layer: a stride-1 convolution over phases of channels.
//!
//! A dense layer is a 1×1 convolution of as many channels as it has inputs, on a 1×1 map. A
//! convolution with stride σ reads, at output y and tap u, the input row σ·y + u − before. Write
//! u − before = σ·α + a with 0 ≤ a < σ: then that is row y + α of *phase* a, the map of the rows
//! a, σ + a, 2σ + a, …. So the strided layer is a stride-1 convolution with taps α over the phases,
//! with a dense result: no computed coefficient is thrown away, and phases that no tap reads (1×1
//! kernels) are never encrypted.

use gazelle_kernels::ring;

use crate::model::{Axis, Linear, Shape, Window};

/// More values than any tensor or weight array may have.
const MAX_VALUES: usize = 1 << 28;

/// The phases of one dimension of a sliding window.
pub(super) trait Phases {
    /// Tap `u` as (phase a, tap α).
    fn phase_tap(&self, u: usize) -> (usize, isize);
    /// The smallest and the largest α.
    fn taps(&self) -> (isize, isize);
    /// The phases that some tap reads: all of them, or as many as there are taps.
    fn phases(&self) -> Vec<usize>;
    /// Cells of a phase that some output reads; at least 1.
    fn phase_len(&self) -> usize;
}

impl Phases for Axis {
    fn phase_tap(&self, u: usize) -> (usize, isize) {
        let t = u as isize - self.before as isize;
        let stride = self.stride as isize;
        (t.rem_euclid(stride) as usize, t.div_euclid(stride))
    }

    fn taps(&self) -> (isize, isize) {
        (self.phase_tap(0).1, self.phase_tap(self.kernel - 1).1)
    }

    fn phases(&self) -> Vec<usize> {
        let mut phases: Vec<_> =
            (0..self.kernel.min(self.stride)).map(|u| self.phase_tap(u).0).collect();
        phases.sort_unstable();
        phases
    }

    fn phase_len(&self) -> usize {
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
    pub(super) fn new(linear: &Linear, input: Shape) -> Option<Self> {
        let len = input.channels.checked_mul(input.height)?.checked_mul(input.width)?;
        let conv = match *linear {
            Linear::Dense { outputs } => {
                let (rows, columns) = (Axis::UNIT, Axis::UNIT);
                Self { group_channels: len, groups: 1, outputs, rows, columns }
            }
            Linear::Convolution { outputs, kernel, stride, padding, groups } => {
                if groups == 0
                    || !input.channels.is_multiple_of(groups)
                    || !outputs.is_multiple_of(groups)
                {
                    return None;
                }
                let [rows, columns] = Window::new(kernel, stride, padding).axes(input)?;
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

    /// The same layer for the ring kernels.
    pub(super) fn ring_geometry(&self) -> ring::Convolution {
        let (rows, columns) = (&self.rows, &self.columns);
        ring::Convolution {
            input: [self.channels(), rows.input, columns.input],
            outputs: self.outputs,
            kernel: [rows.kernel, columns.kernel],
            stride: [rows.stride, columns.stride],
            dilation: [1; 2],
            padding: [rows.before, columns.before, rows.after, columns.after],
            groups: self.groups,
        }
    }
}
