//! The integer network: its public card, its secret weights, and how both are made and stored.

mod card;
mod network;

pub use card::{Activation, BlockCard, Card, Extent, Linear, Padding, Shape, Window};
pub use network::{Block, Network};
