//! Linear maps in floating point: convolutions as products of matrices.

use std::iter::Sum;
use std::ops::AddAssign;

use gazelle_model::{Axis, Convolution, LinearMap, Shape};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar};

/// The most values of a matrix of patches.
const PATCHES: usize = 1 << 20;

/// f32 or f64.
pub(crate) trait Real: LinalgScalar + AddAssign + Sum {}

impl Real for f32 {}
impl Real for f64 {}

/// Adds the map's result on `x` to `sums`.
pub(crate) fn linear_map<T: Real>(
    map: &LinearMap,
    input: Shape,
    weights: &[T],
    x: &[T],
    sums: &mut [T],
) {
    match map {
        LinearMap::Dense { .. } => {
            for (sum, row) in sums.iter_mut().zip(weights.chunks_exact(x.len())) {
                *sum += dot(row, x);
            }
        }
        LinearMap::Convolution(map) => convolve(map, input, weights, x, sums),
    }
}

/// Σ w·x in eight lanes, which the compiler keeps in one register.
fn dot<T: Real>(w: &[T], x: &[T]) -> T {
    let (w, x) = (w.as_chunks::<8>(), x.as_chunks::<8>());
    let mut lanes = [T::zero(); 8];
    for (w, x) in w.0.iter().zip(x.0) {
        (0..8).for_each(|i| lanes[i] += w[i] * x[i]);
    }
    let rest: T = w.1.iter().zip(x.1).map(|(&w, &x)| w * x).sum();
    lanes.iter().copied().sum::<T>() + rest
}

/// What a map adds to a bias when every value of channel c stands for itself and `shift[c]` (or one
/// shift for each value): the map of the shifts inside the input, 0 outside.
pub(crate) fn bias_map(map: &LinearMap, input: Shape, weights: &[f32], shift: &[f32]) -> Vec<f32> {
    let output = map.output(input).map_or(0, |shape| shape.len());
    let cells = input.len() / shift.len();
    let x: Vec<f32> = shift.iter().flat_map(|&s| std::iter::repeat_n(s, cells)).collect();
    let mut sums = vec![0.0; output];
    linear_map(map, input, weights, &x, &mut sums);
    sums
}

/// The two axes of a dilated convolution, as windows of what it reaches.
fn axes(map: &Convolution, input: Shape) -> [Axis; 2] {
    let mut window = map.window;
    let reach = |taps: usize, step: usize| (taps - 1) * step + 1;
    window.kernel.height = reach(window.kernel.height, map.dilation.height);
    window.kernel.width = reach(window.kernel.width, map.dilation.width);
    window.axes(input).expect("a checked kernel fits its map")
}

fn convolve<T: Real>(map: &Convolution, input: Shape, weights: &[T], x: &[T], sums: &mut [T]) {
    let [rows, columns] = axes(map, input);
    let (depth, outputs) = (input.channels / map.groups, map.outputs / map.groups);
    let row_len = depth * map.window.kernel.cells();
    let cells = rows.output * columns.output;
    let step = (PATCHES / (row_len * columns.output)).clamp(1, rows.output);
    let mut patches = Vec::new();
    for group in 0..map.groups {
        let x = &x[group * depth * input.map_len()..][..depth * input.map_len()];
        let w = &weights[group * outputs * row_len..][..outputs * row_len];
        let sums = &mut sums[group * outputs * cells..][..outputs * cells];
        if depth == 1 && outputs == 1 {
            depthwise(map, &[rows, columns], w, x, sums);
            continue;
        }
        let w = ArrayView2::from_shape((outputs, row_len), w).expect("the group's weights");
        let mut sums = ArrayViewMut2::from_shape((outputs, cells), sums).expect("its sums");
        if is_pointwise(map, &[rows, columns]) {
            let x = ArrayView2::from_shape((depth, cells), x).expect("the group's maps");
            general_mat_mul(T::one(), &w, &x, T::one(), &mut sums);
            continue;
        }
        for first in (0..rows.output).step_by(step) {
            let some = first..(first + step).min(rows.output);
            let width = some.len() * columns.output;
            patches.clear();
            patches.resize(row_len * width, T::zero());
            fill(map, &[rows, columns], some.clone(), x, &mut patches);
            let patches = ArrayView2::from_shape((row_len, width), &patches).expect("filled");
            let at = first * columns.output;
            let mut part = sums.slice_axis_mut(ndarray::Axis(1), (at..at + width).into());
            general_mat_mul(T::one(), &w, &patches, T::one(), &mut part);
        }
    }
}

/// Whether the patches are the input as it lies.
fn is_pointwise(map: &Convolution, axes: &[Axis; 2]) -> bool {
    // With steps of 1, a single tap and no padding are what keeps the map's size.
    map.window.kernel.cells() == 1 && axes.iter().all(|a| a.stride == 1 && a.output == a.input)
}

/// The output positions along an axis whose tap number `tap` lies in the map.
fn positions(axis: &Axis, tap: usize, dilation: usize) -> std::ops::Range<usize> {
    let offset = tap * dilation;
    let first = axis.before.saturating_sub(offset).div_ceil(axis.stride);
    // The last i with i·stride + offset − before < input.
    let end = (axis.input + axis.before).saturating_sub(offset).div_ceil(axis.stride);
    first.min(axis.output)..end.min(axis.output).max(first.min(axis.output))
}

/// A line from the first value that the output positions `at` read, `offset` after their windows'
/// first.
fn from<'a, T>(
    columns: &Axis,
    at: &std::ops::Range<usize>,
    offset: usize,
    line: &'a [T],
) -> &'a [T] {
    match at.is_empty() {
        true => &[],
        false => &line[at.start * columns.stride + offset - columns.before..],
    }
}

/// One row for each weight of an output channel: what it multiplies at each output position.
fn fill<T: Real>(
    map: &Convolution,
    [rows, columns]: &[Axis; 2],
    some: std::ops::Range<usize>,
    x: &[T],
    patches: &mut [T],
) {
    let kernel = map.window.kernel;
    let width = some.len() * columns.output;
    for (r, patch) in patches.chunks_exact_mut(width).enumerate() {
        let (c, u, v) = (r / kernel.cells(), r % kernel.cells() / kernel.width, r % kernel.width);
        let plane = &x[c * rows.input * columns.input..][..rows.input * columns.input];
        let (vertical, horizontal) =
            (positions(rows, u, map.dilation.height), positions(columns, v, map.dilation.width));
        for i in vertical.start.max(some.start)..vertical.end.min(some.end) {
            let y = i * rows.stride + u * map.dilation.height - rows.before;
            let out = &mut patch[(i - some.start) * columns.output..][horizontal.clone()];
            let line = &plane[y * columns.input..][..columns.input];
            let read = from(columns, &horizontal, v * map.dilation.width, line);
            match columns.stride {
                1 => out.copy_from_slice(&read[..out.len()]),
                step => out.iter_mut().zip(read.iter().step_by(step)).for_each(|(o, &x)| *o = x),
            }
        }
    }
}

fn depthwise<T: Real>(
    map: &Convolution,
    [rows, columns]: &[Axis; 2],
    weights: &[T],
    x: &[T],
    sums: &mut [T],
) {
    let kernel = map.window.kernel;
    for (r, &w) in weights.iter().enumerate() {
        let (u, v) = (r / kernel.width, r % kernel.width);
        let horizontal = positions(columns, v, map.dilation.width);
        for i in positions(rows, u, map.dilation.height) {
            let y = i * rows.stride + u * map.dilation.height - rows.before;
            let out = &mut sums[i * columns.output..][horizontal.clone()];
            let line = &x[y * columns.input..][..columns.input];
            let read = from(columns, &horizontal, v * map.dilation.width, line);
            match columns.stride {
                1 => out.iter_mut().zip(read).for_each(|(sum, &x)| *sum += w * x),
                step => {
                    out.iter_mut().zip(read.iter().step_by(step)).for_each(|(o, &x)| *o += w * x);
                }
            }
        }
    }
}
