//! A network with its secret weights, and the checks that no sum leaves its ring.

use alloc::vec::Vec;

use super::{Activation, Card, Layer, ModelError};

/// The secret part of one block.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// Weights in the layout that [`super::Linear`] states.
    pub weights: Vec<i16>,
    /// One per output channel; holds the rounding constant of the activation's shift.
    pub bias: Vec<i32>,
}

/// A network: the public card and the server's secret weights, which are those that the card
/// promises.
#[derive(Clone, PartialEq, Eq)]
pub struct Network {
    card: Card,
    blocks: Vec<Block>,
}

impl Block {
    /// The largest |y| of each output channel when every input lies in `0..=input_max`:
    /// Σ|w|·x_max + |b|.
    ///
    /// At most 2^28 weights, each under 2^15, and inputs under 2^32: a `u128` never overflows; the
    /// result saturates at `u64::MAX`.
    pub fn reach(&self, row_len: usize, input_max: u32) -> impl Iterator<Item = u64> {
        self.weights.chunks_exact(row_len.max(1)).zip(&self.bias).map(move |(row, bias)| {
            let weights: u64 = row.iter().map(|w| u64::from(w.unsigned_abs())).sum();
            let reach =
                u128::from(weights) * u128::from(input_max) + u128::from(bias.unsigned_abs());
            u64::try_from(reach).unwrap_or(u64::MAX)
        })
    }
}

impl Network {
    /// A network whose weights are those that the card promises.
    ///
    /// # Errors
    ///
    /// The card's fault; a number of blocks, weights or biases that is not the card's; a weight
    /// with |w| ≥ 2^(weight bits − 1); an output that some input brings to |y| ≥ 2^ℓ.
    pub fn try_new(card: Card, blocks: Vec<Block>) -> Result<Self, ModelError> {
        let layers = card.layers()?;
        let (expected, got) = (layers.len(), blocks.len());
        if got != expected {
            return Err(ModelError::Blocks { expected, got });
        }
        for (i, (layer, block)) in layers.iter().zip(&blocks).enumerate() {
            check(i, layer, block)?;
        }
        Ok(Self { card, blocks })
    }

    /// A network whose card gets the least sum bits ℓ that the weights allow: at least the bits of
    /// a pooled input and 8 more than the shift.
    ///
    /// The card's own sum bits are not used.
    ///
    /// # Errors
    ///
    /// Those of [`Network::try_new`]; [`ModelError::Sum`] if an output needs more than 31 bits.
    pub fn with_least_sum_bits(mut card: Card, blocks: Vec<Block>) -> Result<Self, ModelError> {
        card.blocks.iter_mut().for_each(|block| block.sum_bits = 31);
        let layers = card.layers()?;
        for ((layer, block), card) in layers.iter().zip(&blocks).zip(&mut card.blocks) {
            let reach = block.reach(layer.row_len(), layer.pooled_max).max().unwrap_or(0);
            let shift = match card.activation {
                Activation::Relu { shift, .. } => shift,
                _ => 0,
            };
            let least = u64::from(layer.pooled_max).max(1 << (shift + 7)).max(reach);
            card.sum_bits = (u64::BITS - least.leading_zeros()).min(31);
        }
        Self::try_new(card, blocks)
    }

    /// The public part.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The secret part, a block for each of the card's.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Both parts, to be changed and checked again by [`Network::try_new`].
    pub fn into_parts(self) -> (Card, Vec<Block>) {
        (self.card, self.blocks)
    }

    /// The same network, whose client learns the values of all classes, or the best class alone.
    #[must_use]
    pub fn with_logits(mut self, shown: bool) -> Self {
        if let Some(last) = self.card.blocks.last_mut() {
            last.activation = if shown { Activation::Logits } else { Activation::Argmax };
        }
        self
    }
}

impl Layer {
    /// Checks that there are as many weights and biases as the layer needs, which is block number
    /// `block`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Count`].
    pub fn check_counts(
        &self,
        block: usize,
        weights: usize,
        biases: usize,
    ) -> Result<(), ModelError> {
        count(block, "weights", self.weights_len(), weights)?;
        count(block, "biases", self.bias_len(), biases)
    }
}

fn check(i: usize, layer: &Layer, block: &Block) -> Result<(), ModelError> {
    layer.check_counts(i, block.weights.len(), block.bias.len())?;
    let bits = layer.block.weight_bits;
    let wide = |w: &i16| w.unsigned_abs() >> (bits - 1) != 0;
    if let Some(index) = block.weights.iter().position(wide) {
        return Err(ModelError::Weight { block: i, index, value: block.weights[index], bits });
    }
    let bits = layer.block.sum_bits;
    for (channel, reach) in block.reach(layer.row_len(), layer.pooled_max).enumerate() {
        if reach >> bits != 0 {
            return Err(ModelError::Sum { block: i, channel, reach, bits });
        }
    }
    Ok(())
}

fn count(block: usize, what: &'static str, expected: usize, got: usize) -> Result<(), ModelError> {
    match got == expected {
        true => Ok(()),
        false => Err(ModelError::Count { block, what, expected, got }),
    }
}
