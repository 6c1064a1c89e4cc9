//! Linear layers and sum pooling in Z_{2^k}, on values of either party: the server's online work,
//! and the oracle.
//!
//! Values are `u32` below 2^k, tensors are `channels × height × width`, row-major.

use crate::parallel::prelude::*;
use gazelle_kernels::VectorBackend;
use gazelle_kernels::ring::{self, Prepared};

use super::geometry::Convolution;
use crate::model::{self, LinearMap, Ring, Shape, Window};

/// Output channels per parallel task: as many rows as the kernels take at once.
const CHANNELS_PER_TASK: usize = 8;

/// Rows of a matrix per parallel task.
const ROWS_PER_TASK: usize = 64;

/// y = M·x + bias in Z_{2^k}.
///
/// # Panics
/// If a slice's length does not fit the layer, or the layer's geometry is impossible.
pub fn apply(
    linear: impl Into<LinearMap>,
    input: Shape,
    weights: &[i16],
    bias: &[i32],
    x: &[u32],
    ring_bits: u32,
) -> Vec<u32> {
    let linear = linear.into();
    let conv = Convolution::new(&linear, input).expect("the layer's geometry is possible");
    assert_eq!(x.len(), input.len(), "input length");
    assert_eq!(weights.len(), conv.weights_len(), "weights length");
    assert_eq!(bias.len(), conv.outputs, "bias length");
    let map = conv.rows.output * conv.columns.output;
    let mut y = Vec::with_capacity(conv.output_len());
    bias.iter().for_each(|&b| y.extend(std::iter::repeat_n(b as u32, map)));
    add_product(&linear, input, weights, x, &mut y);
    Ring::new(ring_bits).reduce_all(&mut y);
    y
}

/// Adds M·x to `y`, modulo 2^32.
///
/// # Panics
/// If a slice's length does not fit the layer, or the layer's geometry is impossible.
pub(crate) fn add_product(
    linear: &LinearMap,
    input: Shape,
    weights: &[i16],
    x: &[u32],
    y: &mut [u32],
) {
    match linear {
        LinearMap::Dense { .. } => multiply(weights, x, y, ring::matvec),
        LinearMap::Convolution(map) => convolve(&Prepared::new(map.geometry(input), x), weights, y),
    }
}

/// As [`add_product`], for signed values of 16 bits: in half the time of others.
///
/// # Panics
/// As [`add_product`].
pub(crate) fn add_narrow_product(
    linear: &LinearMap,
    input: Shape,
    weights: &[i16],
    x: &[i16],
    y: &mut [u32],
) {
    match linear {
        LinearMap::Dense { .. } => multiply(weights, x, y, ring::matvec_narrow),
        LinearMap::Convolution(map) => {
            convolve(&Prepared::narrow(map.geometry(input), x), weights, y);
        }
    }
}

/// Adds a matrix–vector product.
fn multiply<T: Sync>(
    weights: &[i16],
    x: &[T],
    y: &mut [u32],
    matvec: impl Fn(VectorBackend, &[i16], &[T], &mut [u32]) + Sync,
) {
    let backend = VectorBackend::best();
    let rows = weights.par_chunks(ROWS_PER_TASK * x.len());
    let tasks = rows.zip(y.par_chunks_mut(ROWS_PER_TASK));
    tasks.for_each(|(rows, y)| matvec(backend, rows, x, y));
}

/// Adds a convolution.
fn convolve(input: &Prepared, weights: &[i16], y: &mut [u32]) {
    let backend = VectorBackend::best();
    let channels = input.geometry().outputs;
    let (row, outputs) = (weights.len() / channels, y.len() / channels);
    let weights = weights.par_chunks(CHANNELS_PER_TASK * row);
    let tasks = weights.zip(y.par_chunks_mut(CHANNELS_PER_TASK * outputs)).enumerate();
    tasks.for_each(|(task, (weights, y))| {
        input.convolve(backend, weights, task * CHANNELS_PER_TASK, y);
    });
}

/// The sum of each window of each map in Z_{2^k}; padded cells count as 0. Returns the pooled
/// tensor; its shape is [`pooled`]'s.
///
/// # Panics
/// If `x` does not have the shape's length or no window fits.
pub fn sum_pool(window: &Window, input: Shape, x: &[u32], ring_bits: u32) -> Vec<u32> {
    assert_eq!(x.len(), input.len(), "input length");
    let mut out = model::clear::pool(window, x, input, 0, u32::wrapping_add);
    Ring::new(ring_bits).reduce_all(&mut out);
    out
}

/// The shape of what [`sum_pool`] returns; `None` if no window fits.
pub fn pooled(window: &Window, input: Shape) -> Option<Shape> {
    window.slide(input)
}

/// The shape of a layer's result; `None` if its geometry is impossible.
pub fn output_shape(linear: impl Into<LinearMap>, input: Shape) -> Option<Shape> {
    let conv = Convolution::new(&linear.into(), input)?;
    Some(Shape { channels: conv.outputs, height: conv.rows.output, width: conv.columns.output })
}
