//! Activation layers: which program runs on which sums, in which chunks.
//!
//! The boundary of this module is "additive shares of the sums in, additive shares of the activation
//! out" (or the result itself, for the client, in the last block); garbling stays behind it.

mod client;
mod plan;
mod server;

pub use client::Evaluation;
pub use plan::{ActivationPlan, Chunk, Cost};
pub use server::Garbling;
pub(crate) use server::OwnLabels;
