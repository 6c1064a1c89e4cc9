//! The plaintext evaluation of a network: simple, and exact because no sum leaves its ring.

use alloc::vec::Vec;
use core::ops::AddAssign;

use crate::{Activation, Axis, Layer, Linear, ModelError, Network, Shape, Window};

/// What one block computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The tensor that the linear map reads: the block's input after the window sums.
    pub pooled: Vec<u32>,
    /// The linear map's result, bias included.
    pub sums: Vec<i32>,
    /// The activation's result; empty in the last block, whose result is in [`Trace`].
    pub output: Vec<u8>,
}

/// Every tensor of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// One for each block.
    pub steps: Vec<Step>,
}

impl Trace {
    /// The last block's sums.
    pub fn logits(&self) -> &[i32] {
        self.steps.last().map_or(&[], |step| &step.sums)
    }

    /// The lowest index of the largest logit.
    pub fn label(&self) -> usize {
        let logits = self.logits();
        (0..logits.len()).rev().max_by_key(|&i| logits[i]).unwrap_or(0)
    }
}

impl Network {
    /// Every tensor of the evaluation of `image`, which holds the pixels in the order of the card's
    /// input shape.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn forward(&self, image: &[u8]) -> Result<Trace, ModelError> {
        let layers = self.card().layers()?;
        let expected = self.card().input.len();
        if image.len() != expected {
            return Err(ModelError::ImageLen { expected, got: image.len() });
        }
        let mut steps: Vec<Step> = Vec::with_capacity(layers.len());
        for (layer, block) in layers.iter().zip(self.blocks()) {
            let input = steps.last().map_or(image, |step| &step.output);
            let pooled = sum_pool(layer, input);
            let sums = linear(layer, &block.weights, &block.bias, &pooled, dot);
            let output = activation(layer, &sums);
            steps.push(Step { pooled, sums, output });
        }
        Ok(Trace { steps })
    }
}

fn sum_pool(layer: &Layer, input: &[u8]) -> Vec<u32> {
    let values: Vec<u32> = input.iter().map(|&x| x.into()).collect();
    match &layer.block.sum_pool {
        None => values,
        Some(window) => pool(window, &values, layer.input, |a, b| a + b),
    }
}

fn activation(layer: &Layer, sums: &[i32]) -> Vec<u8> {
    let Activation::Relu { shift, max_pool } = layer.block.activation else { return Vec::new() };
    let clamped: Vec<u8> = sums.iter().map(|&y| (y.max(0) >> shift).min(255) as u8).collect();
    match &max_pool {
        None => clamped,
        Some(window) => pool(window, &clamped, layer.sums, u8::max),
    }
}

/// Folds `join` over the cells of each window of each map, from `T::default()`: 0 for a sum, and
/// for a maximum of values that are not negative.
///
/// # Panics
///
/// If the window does not fit maps of `input`.
pub fn pool<T: Copy + Default>(
    window: &Window,
    values: &[T],
    input: Shape,
    join: impl Fn(T, T) -> T,
) -> Vec<T> {
    let [rows, columns] = window.axes(input).expect("a checked window fits its map");
    let mut pooled = Vec::with_capacity(input.channels * rows.output * columns.output);
    for map in values.chunks_exact(input.map_len()) {
        for i in 0..rows.output {
            for j in 0..columns.output {
                let row = |r: usize| &map[r * input.width..][columns.cells(j)];
                pooled.push(rows.cells(i).flat_map(row).copied().fold(T::default(), &join));
            }
        }
    }
    pooled
}

/// The linear map of a layer: `dot` is Σ w·x over the shorter length.
///
/// # Panics
///
/// If `weights`, `bias` or `x` are shorter than the layer needs.
pub fn linear<W, X, Y: Copy + AddAssign>(
    layer: &Layer,
    weights: &[W],
    bias: &[Y],
    x: &[X],
    dot: impl Fn(&[W], &[X]) -> Y,
) -> Vec<Y> {
    let rows = weights.chunks_exact(layer.row_len()).zip(bias);
    let mut sums = Vec::with_capacity(layer.sums.len());
    match layer.block.linear {
        Linear::Dense { .. } => rows.for_each(|(row, &bias)| {
            let mut sum = bias;
            sum += dot(row, x);
            sums.push(sum);
        }),
        Linear::Convolution { kernel, stride, padding, groups, .. } => {
            let window = Window::new(kernel, stride, padding);
            let axes = window.axes(layer.pooled).expect("a checked kernel fits its map");
            let (depth, share) = (layer.pooled.channels / groups, layer.sums.channels / groups);
            let values = depth * layer.pooled.map_len();
            for (o, (taps, &bias)) in rows.enumerate() {
                let maps = &x[o / share * values..][..values];
                convolve(&axes, taps, bias, maps, &dot, &mut sums);
            }
        }
    }
    sums
}

/// Appends one output map of a convolution that reads `maps`.
fn convolve<W, X, Y: Copy + AddAssign>(
    [rows, columns]: &[Axis; 2],
    taps: &[W],
    bias: Y,
    maps: &[X],
    dot: impl Fn(&[W], &[X]) -> Y,
    sums: &mut Vec<Y>,
) {
    let kernels = || taps.chunks_exact(rows.kernel * columns.kernel);
    let pairs = || kernels().zip(maps.chunks_exact(rows.input * columns.input));
    for i in 0..rows.output {
        for j in 0..columns.output {
            let (cells, first) = (columns.cells(j), columns.first_tap(j));
            let mut sum = bias;
            // A window that lies in the padding alone covers nothing.
            for (taps, map) in pairs().filter(|_| !cells.is_empty()) {
                for (row, u) in rows.cells(i).zip(rows.first_tap(i)..) {
                    let taps = &taps[u * columns.kernel + first..];
                    sum += dot(taps, &map[row * columns.input..][cells.clone()]);
                }
            }
            sums.push(sum);
        }
    }
}

/// Σ w·x over the shorter length. No partial sum leaves ±2^31: they are part of Σ|w|·x_max + |b|.
fn dot(weights: &[i16], x: &[u32]) -> i32 {
    weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * x as i32).sum()
}
