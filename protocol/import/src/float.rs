//! A network in floating point, as it was trained: what quantisation starts from and is measured
//! against.

use gazelle_model::clear::{linear, pool};
use gazelle_model::{Activation, Card, Layer, ModelError};

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
    card: Card,
    blocks: Vec<FloatBlock>,
}

impl FloatNetwork {
    /// A network whose weights fit the card's geometry.
    ///
    /// # Errors
    ///
    /// The card's fault, another number of blocks, weights or biases, and
    /// [`Error::NotFinite`] for a weight that is no number.
    pub fn try_new(card: Card, blocks: Vec<FloatBlock>) -> Result<Self, Error> {
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
    pub fn card(&self) -> &Card {
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
            .map(|window| pool(window, input, layer.input, |a, b| a + b));
        let input = pooled.as_deref().unwrap_or(input);
        let mut sums = linear(layer, &self.weights, &self.bias, input, dot);
        let Activation::Relu { max_pool, .. } = layer.block.activation else { return sums };
        let most = self.most.unwrap_or(f32::INFINITY);
        sums.iter_mut().for_each(|y| *y = y.max(0.0).min(most));
        match &max_pool {
            None => sums,
            Some(window) => pool(window, &sums, layer.sums, f32::max),
        }
    }
}

/// Σ w·x over the shorter length.
fn dot(weights: &[f32], x: &[f32]) -> f32 {
    weights.iter().zip(x).map(|(w, x)| w * x).sum()
}
