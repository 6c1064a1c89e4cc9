#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod card;
pub mod clear;
mod fault;
mod file;
mod geometry;
mod hash;
mod layer;
mod network;
mod ring;
#[cfg(test)]
mod tests;
mod wire;

pub use card::{Activation, BlockCard, Card, Linear};
pub use clear::{Step, Trace};
pub use fault::{CardFault, ModelError};
pub use file::MAX_FILE_BYTES;
pub use geometry::{Axis, Extent, MAX_CHANNELS, MAX_SIDE, MAX_TENSOR, Padding, Shape, Window};
pub use hash::{CardHash, MODEL_CARD, NotACardHash};
pub use layer::{
    ACTIVATION_MAX, Layer, MAX_ACTIVATION_SUMS, MAX_BLOCKS, MAX_CLASSES, MAX_NAME, MAX_PRODUCTS,
    MAX_WEIGHTS, MAX_WINDOW,
};
pub use network::{Block, Network};
pub use ring::Ring;
pub use wire::MAX_CARD_BYTES;
