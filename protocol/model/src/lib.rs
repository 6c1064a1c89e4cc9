#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod caps;
mod card;
mod chain;
pub mod clear;
mod fault;
mod file;
mod function;
mod geometry;
mod hash;
mod linear_map;
mod network;
mod node;
mod node_shape;
mod preprocessing;
mod range;
mod ring;
mod tensor;
#[cfg(test)]
mod tests;
mod wire;

pub use caps::{
    ACTIVATION_MAX, CLAMP_MAX, MAX_ACTIVATION_SUMS, MAX_BLOCKS, MAX_CLASSES, MAX_INPUTS, MAX_MAPS,
    MAX_NAME, MAX_NODES, MAX_PADDED, MAX_POOLED, MAX_PRODUCTS, MAX_TOP, MAX_VALUES, MAX_WEIGHTS,
    MAX_WINDOW,
};
pub use card::Card;
pub use chain::{Activation, BlockCard, Chain, Layer, Linear};
pub use clear::{Step, Trace};
pub use fault::{CardFault, ModelError, Place, Reach};
pub use file::MAX_FILE_BYTES;
pub use function::{Function, Shift};
pub use geometry::{Axis, Extent, MAX_CHANNELS, MAX_SIDE, MAX_TENSOR, Padding, Shape, Window};
pub use hash::{CardHash, MODEL_CARD, NotACardHash};
pub use linear_map::{Convolution, LinearMap};
pub use network::{Block, Network};
pub use node::{
    ActivationNode, Bias, Head, HeadNode, LinearNode, Node, Scaled, Select, SumPool, Term, Upsample,
};
pub use preprocessing::{Colours, Normalisation, PixelUnit, Preprocessing, Resize};
pub use range::Interval;
pub use ring::Ring;
pub use tensor::Tensor;
pub use wire::MAX_CARD_BYTES;
