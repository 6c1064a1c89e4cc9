//! The hint engine: linear maps whose answers need no ciphertext back.
//!
//! The server published a hint of its weights ([`crate::he::hint`]). For an image the client sends, for
//! each tile of a map's input, half a ciphertext under a secret that it uses once: a key and, of every
//! coefficient that some result reads, 14 to 18 bits and, where the value is not free, its top k. From
//! the hint and the secret it has its halves of the results; the server has its own from a convolution
//! of the tile as it came (`convolution`) and the secret that blinds the hint. `linear::guard` makes
//! shares of them, as for the coefficient engine. `docs/hint.md` has the proofs.
//!
//! As a rule each output has a polynomial of its own, so that a result reads nothing but its taps: what the
//! server computes is a convolution, and what the noise depends on is one row of weights. For clients with
//! few images several outputs share a polynomial (`products`), which makes the hint smaller and messages
//! larger.

mod client;
mod convolution;
#[cfg(test)]
mod forged;
mod messages;
mod plan;
mod products;
mod results;
mod server;
mod tops;

pub(crate) use plan::HintUse;
pub use plan::{HintCost, HintPlan};
