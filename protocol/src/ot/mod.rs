//! Oblivious transfer: the evaluator's input labels, straight from a correlation.
//!
//! [`base`] makes 128 oblivious transfers with public-key cryptography; [`extension`] turns them
//! into as many as a session needs with symmetric cryptography alone. Both are sans-IO: messages
//! come in and go out as bytes, and the caller carries them.
//!
//! The extension's sender is the garbler and its correlation offset is the garbling's free-XOR
//! offset Δ. For a choice bit c the receiver gets t and the sender q with t = q ⊕ c·Δ: with q as a
//! wire's zero label, t *is* the label of c.

pub mod base;
mod choices;
pub mod extension;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

pub use choices::Choices;
pub use extension::{FieldBits, Receiver, ReceiverSetup, Sender, SenderSetup};
