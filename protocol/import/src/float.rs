//! A network in floating point, as it was trained: what quantisation starts from and is measured
//! against.

use gazelle_model::clear::pool;
use gazelle_model::{Activation, Axis, Chain, Layer, Linear, ModelError, Window};

use crate::Error;

/// The weights of one block.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatBlock {
    /// Where the block's linear map comes from, for reports.
    pub node: String,
    /// Weights in the layout that [`gazelle_model::Linear`] states.
    pub weights: Vec<f32>,
    /// One per output channel.
    pub bias: Vec<f32>,
    /// The activation's upper bound if it has one, as ReLU6 has.
    pub most: Option<f32>,
}

/// A network in floating point that reads pixels as stored, 0 to 255.
///
/// The card's geometry, names and activations hold; its weight bits, sum bits and shifts do not.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatNetwork {
    card: Chain,
    blocks: Vec<FloatBlock>,
}

impl FloatNetwork {
    /// A network whose weights fit the card's geometry.
    ///
    /// # Errors
    ///
    /// The card's fault, another number of blocks, weights or biases, and
    /// [`Error::NotFinite`] for a weight that is no number.
    pub fn try_new(card: Chain, blocks: Vec<FloatBlock>) -> Result<Self, Error> {
        let layers = card.layers()?;
        let (expected, got) = (layers.len(), blocks.len());
        if got != expected {
            return Err(ModelError::Blocks { expected, got }.into());
        }
        for (i, (layer, block)) in layers.iter().zip(&blocks).enumerate() {
            layer.check_counts(i, block.weights.len(), block.bias.len())?;
            let values = block.weights.iter().chain(&block.bias).chain(&block.most);
            if values.into_iter().any(|v| !v.is_finite()) {
                return Err(Error::NotFinite { node: block.node.clone() });
            }
        }
        Ok(Self { card, blocks })
    }

    /// The card: geometry and names.
    pub fn card(&self) -> &Chain {
        &self.card
    }

    /// The weights, a block for each of the card's.
    pub fn blocks(&self) -> &[FloatBlock] {
        &self.blocks
    }

    /// The outputs of every block for `image`, which holds the pixels in the order of the card's
    /// input shape. The last ones are the logits.
    ///
    /// # Errors
    ///
    /// An image of another size.
    pub fn forward(&self, image: &[u8]) -> Result<Vec<Vec<f32>>, Error> {
        let layers = self.card.layers()?;
        let expected = self.card.input.len();
        if image.len() != expected {
            return Err(ModelError::ImageLen { expected, got: image.len() }.into());
        }
        let pixels: Vec<f32> = image.iter().map(|&pixel| pixel.into()).collect();
        let mut outputs: Vec<Vec<f32>> = Vec::with_capacity(layers.len());
        for (layer, block) in layers.iter().zip(&self.blocks) {
            let output = block.forward(layer, outputs.last().unwrap_or(&pixels));
            outputs.push(output);
        }
        Ok(outputs)
    }

    /// The class of `image`: the lowest index of the largest logit.
    ///
    /// # Errors
    ///
    /// Those of [`FloatNetwork::forward`].
    pub fn label(&self, image: &[u8]) -> Result<usize, Error> {
        let outputs = self.forward(image)?;
        let logits = outputs.last().map_or(&[][..], |logits| logits);
        Ok((0..logits.len()).rev().max_by(|&i, &j| logits[i].total_cmp(&logits[j])).unwrap_or(0))
    }
}

impl FloatBlock {
    fn forward(&self, layer: &Layer, input: &[f32]) -> Vec<f32> {
        let pooled = layer
            .block
            .sum_pool
            .as_ref()
            .map(|window| pool(window, input, layer.input, 0.0, |a, b| a + b));
        let input = pooled.as_deref().unwrap_or(input);
        let mut sums = linear(layer, &self.weights, &self.bias, input);
        let Activation::Relu { max_pool, .. } = layer.block.activation else { return sums };
        let most = self.most.unwrap_or(f32::INFINITY);
        sums.iter_mut().for_each(|y| *y = y.max(0.0).min(most));
        match &max_pool {
            None => sums,
            Some(window) => pool(window, &sums, layer.sums, 0.0, f32::max),
        }
    }
}

/// The linear map of a layer.
fn linear(layer: &Layer, weights: &[f32], bias: &[f32], x: &[f32]) -> Vec<f32> {
    let rows = weights.chunks_exact(layer.row_len()).zip(bias);
    let mut sums = Vec::with_capacity(layer.sums.len());
    match layer.block.linear {
        Linear::Dense { .. } => sums.extend(rows.map(|(row, bias)| bias + dot(row, x))),
        Linear::Convolution { kernel, stride, padding, groups, .. } => {
            let window = Window::new(kernel, stride, padding);
            let axes = window.axes(layer.pooled).expect("a checked kernel fits its map");
            let (depth, share) = (layer.pooled.channels / groups, layer.sums.channels / groups);
            let values = depth * layer.pooled.map_len();
            for (o, (taps, &bias)) in rows.enumerate() {
                let maps = &x[o / share * values..][..values];
                convolve(&axes, taps, bias, maps, &mut sums);
            }
        }
    }
    sums
}

/// Appends one output map of a convolution that reads `maps`.
fn convolve(
    [rows, columns]: &[Axis; 2],
    taps: &[f32],
    bias: f32,
    maps: &[f32],
    sums: &mut Vec<f32>,
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

/// Σ w·x over the shorter length.
fn dot(weights: &[f32], x: &[f32]) -> f32 {
    weights.iter().zip(x).map(|(w, x)| w * x).sum()
}
