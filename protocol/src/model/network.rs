//! A network with its secret weights, and its plaintext evaluation: the oracle that private
//! inference must equal bit for bit.

use super::Card;

/// The secret part of one block.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// Weights in the layout that [`super::Linear`] states.
    pub weights: Vec<i16>,
    /// One per output channel; holds the rounding constant of the activation's shift.
    pub bias: Vec<i32>,
}

/// A network: the public card and the server's secret weights.
#[derive(Clone, PartialEq, Eq)]
pub struct Network {
    /// The public part.
    pub card: Card,
    /// The secret part, a block for each of the card's.
    pub blocks: Vec<Block>,
}
