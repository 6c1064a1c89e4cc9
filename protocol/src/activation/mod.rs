//! Activation layers, behind one boundary: additive shares of the sums in, additive shares of the
//! activation out (or the result itself, for the client, in the last block).
//!
//! An engine has an offline part, which takes the client's shares, and an online part, which takes
//! the server's; either may send any number of messages. What engine computes an activation, and
//! what it costs in bytes and rounds, is the plan's affair. There is one engine today: [`garbled`]
//! circuits.

pub mod garbled;

pub use garbled::{ActivationPlan, Chunk, Cost};
