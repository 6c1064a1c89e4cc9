//! The model card: everything about a network that both parties know.
//!
//! A network is a chain of blocks. A block takes a tensor of unsigned integers, optionally sums
//! windows of it (average pooling without its divisor), applies a linear map with secret weights,
//! and ends in an activation. Tensors are `channels × height × width`, row-major.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Extent, Padding, Ring, Shape, Window};

/// The geometry of a linear map; its weights are the server's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Linear {
    /// A convolution (cross-correlation, as neural networks call it). Weights are
    /// `outputs × (channels / groups) × kernel.height × kernel.width`, row-major.
    Convolution {
        /// Output channels.
        outputs: usize,
        /// Size of the kernel.
        kernel: Extent,
        /// Step between output positions.
        stride: Extent,
        /// Zeros around each input map.
        padding: Padding,
        /// Channel groups; divides input and output channels.
        groups: usize,
    },
    /// A matrix–vector product with the flattened input. Weights are `outputs × inputs`, row-major.
    Dense {
        /// Output values.
        outputs: usize,
    },
}

impl Linear {
    /// A convolution whose kernel is `window`'s.
    pub const fn convolution(outputs: usize, window: Window) -> Self {
        Self::grouped(outputs, window, 1)
    }

    /// A convolution of channel groups; as many groups as channels make it depthwise.
    pub const fn grouped(outputs: usize, window: Window, groups: usize) -> Self {
        let Window { kernel, stride, padding } = window;
        Self::Convolution { outputs, kernel, stride, padding, groups }
    }

    /// The shape of the result on a tensor of shape `input`; `None` if the map does not fit it or a
    /// size is over a cap.
    pub fn output(&self, input: Shape) -> Option<Shape> {
        match *self {
            Self::Dense { outputs } => Shape::flat(outputs).checked(),
            Self::Convolution { outputs, kernel, stride, padding, groups } => {
                let divides = |n: usize| groups != 0 && n.is_multiple_of(groups);
                let window = Window::new(kernel, stride, padding);
                let Shape { height, width, .. } = window.slide(input)?;
                let fits = divides(input.channels) && divides(outputs);
                Shape::new(outputs, height, width).checked().filter(|_| fits)
            }
        }
    }
}

/// What follows the linear map, computed on secret shares in a garbled circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Activation {
    /// `min(max(y, 0) >> shift, 255)`, then the maximum over each window if there is one.
    Relu {
        /// Bits dropped, rounding down (rounding to nearest is folded into the bias).
        shift: u32,
        /// Max pooling, fused with the clamp.
        max_pool: Option<Window>,
    },
    /// The index of the largest value (the lowest such index): the last block's only. The client
    /// learns nothing else.
    Argmax,
    /// The values themselves, for the client: the last block's only, if the server's policy allows.
    Logits,
}

impl Activation {
    /// ReLU without pooling.
    pub const fn relu(shift: u32) -> Self {
        Self::Relu { shift, max_pool: None }
    }
}

/// The public part of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockCard {
    /// Summed windows of the block's input, before the linear map.
    pub sum_pool: Option<Window>,
    /// The linear map's geometry.
    pub linear: Linear,
    /// Every weight `w` has `|w| < 2^(weight_bits − 1)`; 2 to 12.
    pub weight_bits: u32,
    /// ℓ: every output `y` of the linear map, bias included, has `|y| < 2^ℓ` for any input the
    /// network can produce. Shares of this block's input and of `y` live in Z_{2^k}, k = ℓ + 1.
    pub sum_bits: u32,
    /// What follows.
    pub activation: Activation,
}

impl BlockCard {
    /// A block of 8-bit weights, without window sums, and with the widest sums there are:
    /// [`crate::Network::with_least_sum_bits`] narrows them to what the weights need.
    pub const fn new(linear: Linear, activation: Activation) -> Self {
        Self { sum_pool: None, linear, weight_bits: 8, sum_bits: 31, activation }
    }

    /// The ring of this block's shares.
    ///
    /// # Panics
    ///
    /// If the sum bits are over 31, which no checked card has.
    pub const fn ring(&self) -> Ring {
        Ring::new(self.ring_bits())
    }

    /// k: the ring of this block's shares is Z_{2^k}.
    pub const fn ring_bits(&self) -> u32 {
        self.sum_bits + 1
    }
}

/// Everything about a network that both parties know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Card {
    /// The network's name.
    pub name: String,
    /// The shape of the image; its values are 8-bit pixels as stored in the file.
    pub input: Shape,
    /// The chain of blocks; at least one.
    pub blocks: Vec<BlockCard>,
    /// The names of the classes; as many as the last block has outputs.
    pub classes: Vec<String>,
}
