//! Convolution without a copy for each kernel cell.

use alloc::vec;
use alloc::vec::Vec;

use super::{ROWS, View, Views, high_half, low_half};
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

    /// Channels of a group, two at a time.
    fn pairs(&self) -> usize {
        (self.input[0] / self.groups).div_ceil(2)
    }

    /// Words of a map's phases.
    fn channel_len(&self) -> usize {
        self.stride[0] * self.stride[1] * self.pitch()
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

/// How [`Prepared`] lays out its input.
impl Convolution {
    /// # Panics
    /// If this is not the geometry of an input of `len` values.
    fn check(&self, len: usize) {
        let [channels, height, width] = self.input;
        assert_eq!(len, channels * height * width, "channels × height × width values");
        assert!(self.groups > 0, "at least one group");
        assert!(channels.is_multiple_of(self.groups), "groups divide the input channels");
        assert!(self.outputs.is_multiple_of(self.groups), "groups divide the outputs");
    }

    /// The phases of all channels, two channels of a group in one word, with `half` of each value.
    fn plane<T: Copy>(&self, input: &[T], half: impl Fn(T) -> u16) -> Vec<u32> {
        let [channels, height, width] = self.input;
        let per_group = channels / self.groups;
        let (pairs, len) = (self.pairs(), self.channel_len());
        let mut plane = vec![0; self.groups * pairs * len];
        for (c, map) in input.chunks_exact((height * width).max(1)).enumerate() {
            let (group, place) = (c / per_group, c % per_group);
            let words = &mut plane[(group * pairs + place / 2) * len..][..len];
            let shift = 16 * (place % 2);
            self.scatter(map, words, |word, x| *word |= u32::from(half(x)) << shift);
            if place % 2 == 0 && place + 1 == per_group {
                for i in 1..len {
                    words[i - 1] |= words[i] << 16;
                }
            }
        }
        plane
    }

    /// Hands each value of a map that a result may read to `put`, with its place in the phases.
    fn scatter<T: Copy>(&self, map: &[T], phases: &mut [u32], put: impl Fn(&mut u32, T)) {
        let ([s, t], [top, left, ..]) = (self.stride, self.padding);
        let ([rows, columns], pitch) = (self.phase(), self.pitch());
        for (y, row) in map.chunks_exact(self.input[2]).enumerate() {
            let (i, a) = ((y + top) / s, (y + top) % s);
            for b in (0..t).filter(|_| i < rows) {
                let to = &mut phases[(a * t + b) * pitch + i * columns..][..columns];
                // The first column of this phase at or after the padding.
                let j = left.saturating_sub(b).div_ceil(t);
                let from = row.iter().skip(t * j + b - left).step_by(t);
                match t {
                    // The same, as a loop that the compiler vectorises.
                    1 => to[left..].iter_mut().zip(row).for_each(|(to, &x)| put(to, x)),
                    _ => to.iter_mut().skip(j).zip(from).for_each(|(to, &x)| put(to, x)),
                }
            }
        }
    }

    /// The views of a group.
    fn views(&self) -> Vec<View> {
        let (channels, cells) = (self.input[0] / self.groups, self.cells());
        let channel = |c: usize| (c / 2 * self.channel_len(), c * cells.len());
        let mut views = Vec::new();
        for c in (0..channels / 2).map(|pair| 2 * pair) {
            let (from, weight) = channel(c);
            views.extend(cells.iter().enumerate().map(|(cell, &at)| View {
                offset: from + at,
                low: weight + cell,
                high: Some(weight + cells.len() + cell),
            }));
        }
        if channels % 2 == 1 {
            let (from, weight) = channel(channels - 1);
            let mut sorted: Vec<_> = cells.iter().copied().enumerate().collect();
            sorted.sort_unstable_by_key(|&(_, at)| at);
            let mut rest = sorted.into_iter().peekable();
            while let Some((low, at)) = rest.next() {
                let next = rest.next_if(|&(_, next)| next == at + 1);
                let high = next.map(|(high, _)| weight + high);
                views.push(View { offset: from + at, low: weight + low, high });
            }
        }
        views
    }

    /// Where the views of one channel's kernel cells begin, in the order of the weights.
    fn cells(&self) -> Vec<usize> {
        let ([h, w], [s, t], [d, e]) = (self.kernel, self.stride, self.dilation);
        let ([_, columns], pitch) = (self.phase(), self.pitch());
        let cell = |u: usize, v: usize| (u % s * t + v % t) * pitch + u / s * columns + v / t;
        (0..h).flat_map(|u| (0..w).map(move |v| cell(d * u, e * v))).collect()
    }
}

/// An input laid out so that each kernel cell sees it as one contiguous view.
///
/// With stride (s, t) a padded map falls into s·t phases, phase (a, b) holding the cells
/// (s·i + a, t·j + b). The kernel cell at row u and column v, its dilation counted, reads phase
/// (u mod s, v mod t) at (i + u / s, j + v / t) for output position (i, j). So with outputs laid out
/// in rows as long as a phase's rows, each kernel cell adds its weight times the phase, shifted by a
/// constant. The outputs past the end of a row are of no use and dropped.
///
/// Words have room for two numbers of 16 bits: two channels of a group share their words. A channel
/// that is left over fills the high half with its own next cell, so that two kernel cells side by side
/// share a view.
pub struct Prepared {
    geometry: Convolution,
    /// The high halves of the values, if they have any, and the low halves.
    planes: Vec<Vec<u32>>,
    /// The views of the first group.
    views: Vec<View>,
}

impl Prepared {
    /// Pads `input` (`channels × height × width`) and cuts it into phases.
    ///
    /// # Panics
    /// If `input` does not have the length of the geometry, the kernel or the stride is 0 in
    /// some direction, the padded map is smaller than the kernel, or `groups` does not divide the
    /// channels.
    pub fn new(geometry: Convolution, input: &[u32]) -> Self {
        geometry.check(input.len());
        let planes = vec![geometry.plane(input, high_half), geometry.plane(input, low_half)];
        Self { geometry, planes, views: geometry.views() }
    }

    /// As [`Prepared::new`], for signed values of 16 bits: in half the time of others.
    ///
    /// # Panics
    /// As [`Prepared::new`].
    pub fn narrow(geometry: Convolution, input: &[i16]) -> Self {
        geometry.check(input.len());
        let plane = geometry.plane(input, |x| x as u16);
        Self { geometry, planes: vec![plane], views: geometry.views() }
    }

    /// The geometry.
    pub fn geometry(&self) -> &Convolution {
        &self.geometry
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
        let group_len = geometry.pairs() * geometry.channel_len();
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
            let planes: Vec<_> =
                self.planes.iter().map(|plane| &plane[group * group_len..][..group_len]).collect();
            let views = Views { planes: &planes, views: &self.views, len };
            let maps = &mut output[done * height * width..][..rows * height * width];
            let weights = &weights[done * depth..][..rows * depth];
            for (maps, weights) in
                maps.chunks_mut(ROWS * height * width).zip(weights.chunks(ROWS * depth))
            {
                let sums = &mut sums[..weights.len() / depth * len];
                views.multiply(backend, depth, weights, sums);
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
