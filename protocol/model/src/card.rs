//! The model card: everything about a network that both parties know.
//!
//! A network is a chain of blocks. A block takes a tensor of unsigned integers, optionally sums
//! windows of it (average pooling without its divisor), applies a linear map with secret weights,
//! and ends in an activation. Tensors are `channels × height × width`, row-major.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

/// The shape of a tensor: `channels × height × width`, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Feature maps.
    pub channels: usize,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
}

impl Shape {
    /// The shape of a flat vector of `len` values.
    pub const fn flat(len: usize) -> Self {
        Self { channels: len, height: 1, width: 1 }
    }

    /// How many values a tensor of this shape has.
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether the tensor has no values.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// Rows and columns of a kernel, a window or a stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Extent {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Rows and columns added around a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Columns to the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the right.
    pub right: usize,
}

/// A sliding window over each map: a pooling geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Size of the window.
    pub kernel: Extent,
    /// Step between windows.
    pub stride: Extent,
    /// Added around the map; a padded cell is 0 for a sum and absent for a maximum.
    pub padding: Padding,
}

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
