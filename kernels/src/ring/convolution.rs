//! Convolution without a copy for each kernel cell.

use alloc::vec;
use alloc::vec::Vec;

use super::{ROWS, Views};
use crate::backend::VectorBackend;

/// The geometry of a convolution (cross-correlation) over `channels × height × width` inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Channels, height and width of the input.
    pub input: [usize; 3],
    /// Output channels.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns between output positions.
    pub stride: [usize; 2],
    /// Rows and columns from one kernel cell to the next: 1 for a kernel without holes.
    pub dilation: [usize; 2],
    /// Zeros above, to the left, below and to the right of each map.
    pub padding: [usize; 4],
    /// Channel groups; divides the input and output channels.
    pub groups: usize,
}

impl Convolution {
    /// Height and width of an output map.
    ///
    /// # Panics
    /// If the padded map is smaller than the kernel, or a kernel, stride or dilation is 0.
    pub fn output(&self) -> [usize; 2] {
        let [_, height, width] = self.input;
        let [top, left, bottom, right] = self.padding;
        let cells = [top + height + bottom, left + width + right];
        [0, 1].map(|i| {
            let (kernel, stride, dilation) = (self.kernel[i], self.stride[i], self.dilation[i]);
            assert!(kernel > 0 && stride > 0 && dilation > 0, "no kernel, stride, dilation is 0");
            let reach = (kernel - 1) * dilation + 1;
            cells[i].checked_sub(reach).expect("the kernel fits in the padded map") / stride + 1
        })
    }

    /// Weights of one output channel: channels of a group × kernel cells.
    pub(super) fn depth(&self) -> usize {
        self.input[0] / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// Rows and columns of one phase of a padded map, see [`Prepared`].
    fn phase(&self) -> [usize; 2] {
        let [height, width] = self.output();
        let reach = |i: usize| (self.kernel[i] - 1) * self.dilation[i] / self.stride[i];
        [height + reach(0), width + reach(1)]
    }

    /// Words from one phase to the next: a whole odd number of cache lines, because views that
    /// lie a power of two apart would share the sets of the first-level cache.
    fn pitch(&self) -> usize {
        let [rows, columns] = self.phase();
        (rows * columns).div_ceil(16) / 2 * 32 + 16
    }
}

/// An input laid out so that each kernel cell sees it as one contiguous view.
///
/// With stride (s, t) a padded map falls into s·t phases, phase (a, b) holding the cells
/// (s·i + a, t·j + b). The kernel cell at row u and column v, its dilation counted, reads phase
/// (u mod s, v mod t) at (i + u / s, j + v / t) for output position (i, j). So with outputs laid out
/// in rows as long as a phase's rows, each kernel cell adds its weight times the phase, shifted by a
/// constant. The outputs past the end of a row are of no use and dropped.
pub struct Prepared {
    geometry: Convolution,
    phases: Vec<u32>,
    /// Where the view of each kernel cell begins, for one input channel after another: group g's
    /// are the g-th part, in the order of its weights.
    offsets: Vec<usize>,
}

impl Prepared {
    /// Pads `input` (`channels × height × width`) and cuts it into phases.
    ///
    /// # Panics
    /// If `input` does not have the length of the geometry, the kernel or the stride is 0 in
    /// some direction, the padded map is smaller than the kernel, or `groups` does not divide the
    /// channels.
    pub fn new(geometry: Convolution, input: &[u32]) -> Self {
        let [channels, height, width] = geometry.input;
        assert_eq!(input.len(), channels * height * width, "channels × height × width values");
        assert!(geometry.groups > 0, "at least one group");
        assert!(channels.is_multiple_of(geometry.groups), "groups divide the input channels");
        assert!(geometry.outputs.is_multiple_of(geometry.groups), "groups divide the outputs");
        let [s, t] = geometry.stride;
        let [top, left, ..] = geometry.padding;
        let ([rows, columns], pitch) = (geometry.phase(), geometry.pitch());
        let mut phases = vec![0; channels * s * t * pitch];
        for (c, map) in input.chunks_exact((height * width).max(1)).enumerate() {
            for (y, row) in map.chunks_exact(width).enumerate() {
                let (i, a) = ((y + top) / s, (y + top) % s);
                for b in (0..t).filter(|_| i < rows) {
                    // The first column of this phase at or after the padding.
                    let j = left.saturating_sub(b).div_ceil(t);
                    let from = row.iter().skip(t * j + b - left).step_by(t);
                    let start = ((c * s + a) * t + b) * pitch + i * columns;
                    let to = phases[start..][..columns].iter_mut().skip(j);
                    to.zip(from).for_each(|(to, &from)| *to = from);
                }
            }
        }
        Self { geometry, phases, offsets: offsets(&geometry) }
    }

    /// Adds the output channels from `first` on to `output`, which has a map for each of them;
    /// `weights` are theirs alone (`outputs × channels of a group × kernel`, row-major).
    ///
    /// # Panics
    /// If `output` is not whole maps, or `weights` not theirs.
    pub fn convolve(
        &self,
        backend: VectorBackend,
        weights: &[i16],
        first: usize,
        output: &mut [u32],
    ) {
        let geometry = &self.geometry;
        let ([height, width], depth) = (geometry.output(), geometry.depth());
        let [_, columns] = geometry.phase();
        let count = output.len() / (height * width);
        assert_eq!(output.len(), count * height * width, "whole output maps");
        assert_eq!(weights.len(), count * depth, "the weights of these output channels");
        assert!(first + count <= geometry.outputs, "output channels that exist");
        if depth == 0 {
            return;
        }
        let per_group = geometry.outputs / geometry.groups;
        let len = (height - 1) * columns + width;
        let mut sums = vec![0; ROWS * len];
        let mut done = 0;
        while done < count {
            let (group, place) = ((first + done) / per_group, (first + done) % per_group);
            let rows = (per_group - place).min(count - done);
            let offsets = &self.offsets[group * depth..][..depth];
            let views = Views { input: &self.phases, offsets, len };
            let maps = &mut output[done * height * width..][..rows * height * width];
            let weights = &weights[done * depth..][..rows * depth];
            for (maps, weights) in
                maps.chunks_mut(ROWS * height * width).zip(weights.chunks(ROWS * depth))
            {
                let sums = &mut sums[..weights.len() / depth * len];
                sums.fill(0);
                views.multiply_add(backend, weights, sums);
                for (map, sums) in maps.chunks_exact_mut(height * width).zip(sums.chunks(len)) {
                    for (row, sums) in map.chunks_exact_mut(width).zip(sums.chunks(columns)) {
                        row.iter_mut().zip(sums).for_each(|(y, s)| *y = y.wrapping_add(*s));
                    }
                }
            }
            done += rows;
        }
    }
}

/// See [`Prepared::offsets`].
fn offsets(geometry: &Convolution) -> Vec<usize> {
    let ([h, w], [s, t], [d, e]) = (geometry.kernel, geometry.stride, geometry.dilation);
    let ([_, columns], pitch) = (geometry.phase(), geometry.pitch());
    let cell = |c: usize, u: usize, v: usize| {
        ((c * s + u % s) * t + v % t) * pitch + u / s * columns + v / t
    };
    (0..geometry.input[0])
        .flat_map(|c| (0..h).flat_map(move |u| (0..w).map(move |v| cell(c, d * u, e * v))))
        .collect()
}

/// Adds a whole convolution of `input` (`channels × height × width`) to `output` (`outputs ×`
/// [`Convolution::output`]); `weights` are `outputs × (channels / groups) × kernel`, row-major.
///
/// To share the work between threads, make one [`Prepared`] and give each thread some output
/// channels.
///
/// # Panics
/// If a slice does not have the length of the geometry, or the geometry makes no sense (see
/// [`Prepared::new`]).
pub fn convolve(
    backend: VectorBackend,
    geometry: Convolution,
    weights: &[i16],
    input: &[u32],
    output: &mut [u32],
) {
    let [height, width] = geometry.output();
    assert_eq!(output.len(), geometry.outputs * height * width, "outputs × height × width");
    Prepared::new(geometry, input).convolve(backend, weights, 0, output);
}
