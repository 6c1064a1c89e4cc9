//! Oblivious transfer: the evaluator's input labels, straight from a correlation.
//!
//! [`base`] makes 128 oblivious transfers with public-key cryptography; [`extension`] turns them
//! into as many as a session needs with symmetric cryptography alone. Both are sans-IO: messages
//! come in and go out as bytes, and the caller carries them. [`transfers`] gives either party random
//! transfers with keys, from an extension in each direction or from [`silent`] ones.
//!
//! The extension's sender is the garbler and its correlation offset is the garbling's free-XOR
//! offset Δ. For a choice bit c the receiver gets t and the sender q with t = q ⊕ c·Δ: with q as a
//! wire's zero label, t *is* the label of c. Sharing Δ is what free XOR asks for and costs no
//! security: everything that the receiver sees of Δ are labels and garbled rows under one hash
//! that is circular correlation robust for Δ, and the extension sends it nothing that depends on
//! Δ (its messages go the other way; the base transfers hide Δ as their choices). What a receiver
//! that deviates can learn is whether the checks pass, which is no more than a guess of bits of Δ.
//!
//! ```
//! use gazelle_protocol::ot::{Choices, FieldBits, ReceiverSetup, SenderSetup};
//! use rand::rngs::{ChaCha20Rng, SysRng};
//! use rand::SeedableRng;
//!
//! let rng = &mut ChaCha20Rng::try_from_rng(&mut SysRng)?;
//! let (session, delta, field) = (&[7; 32], 0x1234_5679, FieldBits::default());
//!
//! let (receiver, offer) = ReceiverSetup::new(field, rng);
//! let (sender, reply, link) = SenderSetup::new(field, session, delta, &offer, rng)?;
//! let (mut receiver, corrections, same_link) = receiver.finish(session, &reply)?;
//! let mut sender = sender.finish(&corrections)?;
//!
//! let (mut labels, mut zero_labels) = ([0; 3], [0; 3]);
//! let message = receiver.extend(&Choices::from_bits(&[false, true, true]), &mut labels);
//! sender.extend(&message, &mut zero_labels)?;
//! assert_eq!(labels, [zero_labels[0], zero_labels[1] ^ delta, zero_labels[2] ^ delta]);
//! assert_eq!(link, same_link);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod base;
mod check;
mod choices;
#[cfg(test)]
pub(crate) mod deviating;
pub mod extension;
mod field;
mod rows;
pub mod silent;
#[cfg(test)]
mod tests;
pub mod transfers;
mod tree;

pub use base::LinkKey;
pub use choices::Choices;
pub use extension::{Receiver, ReceiverSetup, Sender, SenderSetup};
pub use field::FieldBits;
pub(crate) use rows::LABELS;
