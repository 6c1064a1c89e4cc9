//! Activation layers, behind one boundary: additive shares of the sums in, additive shares of the
//! activation out (or the result itself, for the client, in the last block).
//!
//! There are two engines, [`garbled`] circuits and alternating [`masks`]; [`crate::plan`] says what an
//! engine is.

pub mod garbled;
pub mod masks;

pub use garbled::Delivery;
