//! The integer network: its public card, its secret weights, and how both are made and stored.

mod card;
mod fault;
mod file;
mod float;
mod forward;
mod image;
mod layer;
mod network;
pub mod onnx;
mod quantise;
#[cfg(test)]
mod tests;
mod wire;
pub mod zoo;

pub use card::{Activation, BlockCard, Card, Extent, Linear, Padding, Shape, Window};
pub use fault::{CardFault, ModelError};
pub use file::MAX_FILE_BYTES;
pub use float::{FloatBlock, FloatNetwork};
pub use forward::{Step, Trace};
pub use image::{MAX_IMAGE_BYTES, Picture, decode_image, read_image};
pub use layer::{
    ACTIVATION_MAX, Layer, MAX_ACTIVATION_SUMS, MAX_BLOCKS, MAX_CHANNELS, MAX_CLASSES, MAX_NAME,
    MAX_PRODUCTS, MAX_SIDE, MAX_TENSOR, MAX_WEIGHTS, MAX_WINDOW,
};
pub use network::{Block, Network};
pub use quantise::quantise;
pub use wire::{CardHash, MAX_CARD_BYTES};
