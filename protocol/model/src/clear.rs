//! The plaintext evaluation of a network: simple, and exact because no sum leaves its ring.

use alloc::vec::Vec;
use core::ops::{AddAssign, Range};

use super::{Activation, Layer, Linear, ModelError, Network, Shape, Window};

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
    /// The card's fault, or an image of another size.
    ///
    /// # Panics
    ///
    /// If the blocks were changed since [`Network::try_new`] and no longer match the card.
    pub fn forward(&self, image: &[u8]) -> Result<Trace, ModelError> {
        let layers = self.card.layers()?;
        let expected = self.card.input.len();
        if image.len() != expected {
            return Err(ModelError::ImageLen { expected, got: image.len() });
        }
        let mut steps: Vec<Step> = Vec::with_capacity(layers.len());
        for (layer, block) in layers.iter().zip(&self.blocks) {
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
        Some(window) => pool(window, &values, layer.input, layer.pooled, |a, b| a + b),
    }
}

fn activation(layer: &Layer, sums: &[i32]) -> Vec<u8> {
    let Activation::Relu { shift, max_pool } = layer.block.activation else { return Vec::new() };
    let clamped: Vec<u8> = sums.iter().map(|&y| (y.max(0) >> shift).min(255) as u8).collect();
    match &max_pool {
        None => clamped,
        Some(window) => pool(window, &clamped, layer.sums, layer.output, u8::max),
    }
}

/// Folds `join` over each window of each map.
pub fn pool<T: Copy>(
    window: &Window,
    values: &[T],
    input: Shape,
    output: Shape,
    join: impl Fn(T, T) -> T,
) -> Vec<T> {
    let mut pooled = Vec::with_capacity(output.len());
    for map in values.chunks_exact(input.height * input.width) {
        for y in 0..output.height {
            for x in 0..output.width {
                let (rows, columns) = covered(window, input, y, x);
                let row = |r: usize| &map[r * input.width..][columns.clone()];
                let cells = rows.flat_map(row).copied();
                pooled.push(cells.reduce(&join).expect("a checked window touches its map"));
            }
        }
    }
    pooled
}

/// The linear map of a layer: `dot` is Σ w·x over the shorter length.
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
            let window = Window { kernel, stride, padding };
            let (depth, share) = (layer.pooled.channels / groups, layer.sums.channels / groups);
            let map = layer.pooled.height * layer.pooled.width;
            for (o, (taps, &bias)) in rows.enumerate() {
                let maps = &x[o / share * depth * map..][..depth * map];
                convolve(layer, &window, taps, bias, maps, &dot, &mut sums);
            }
        }
    }
    sums
}

/// Appends one output map of a convolution that reads `maps`.
fn convolve<W, X, Y: Copy + AddAssign>(
    layer: &Layer,
    window: &Window,
    taps: &[W],
    bias: Y,
    maps: &[X],
    dot: impl Fn(&[W], &[X]) -> Y,
    sums: &mut Vec<Y>,
) {
    let (input, output) = (layer.pooled, layer.sums);
    let Window { kernel, stride, padding } = *window;
    for i in 0..output.height {
        for j in 0..output.width {
            let (rows, columns) = covered(window, input, i, j);
            let mut sum = bias;
            for d in 0..maps.len() / (input.height * input.width) {
                // A window that lies in the padding alone covers nothing.
                for row in rows.clone().filter(|_| !columns.is_empty()) {
                    // The kernel's tap that meets the first covered cell of the row.
                    let v = columns.start + padding.left - j * stride.width;
                    let u = row + padding.top - i * stride.height;
                    let cells = &maps[(d * input.height + row) * input.width..][columns.clone()];
                    sum += dot(&taps[(d * kernel.height + u) * kernel.width + v..], cells);
                }
            }
            sums.push(sum);
        }
    }
}

/// The rows and columns of a map that the window at output `(i, j)` covers.
fn covered(window: &Window, input: Shape, i: usize, j: usize) -> (Range<usize>, Range<usize>) {
    let Window { kernel, stride, padding } = *window;
    let range = |start: usize, kernel: usize, before: usize, size: usize| {
        let end = (start + kernel).saturating_sub(before).min(size);
        start.saturating_sub(before).min(end)..end
    };
    (
        range(i * stride.height, kernel.height, padding.top, input.height),
        range(j * stride.width, kernel.width, padding.left, input.width),
    )
}

/// Σ w·x over the shorter length. No partial sum leaves ±2^31: they are part of Σ|w|·x_max + |b|.
fn dot(weights: &[i16], x: &[u32]) -> i32 {
    weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * x as i32).sum()
}
