//! Ring-LWE with a hint: the part of every answer that does not depend on the client, published once.
//!
//! R = Z\[X\]/(Xⁿ + 1), q = 2^λ, messages modulo 2^k, Δ = q/2^k = 2^(λ−k). For a linear map with weight
//! polynomials w_{o,i} (`docs/hint.md` has the proofs, and who learns what):
//!
//! 1. *Hint, once per model.* The server draws a public seed, which expands to a_pk and aᵢ, secret
//!    ternary u_o and errors e′_o, and publishes h_o = ⌊(Σᵢ aᵢ·w_{o,i} + a_pk·u_o + e′_o)/2^(λ−κ)⌉. To
//!    whoever does not know u_o that is ring-LWE: pseudo-random. ĉ_o is 2^(λ−κ)·h_o.
//! 2. *Message, once per image.* The client draws a ternary s and sends b = −a_pk·s + e_pk and
//!    cᵢ = −aᵢ·s + eᵢ + Δ·mᵢ, without their lowest bits: half of a ciphertext whose other half, aᵢ, is
//!    known before.
//! 3. *No answer.* A = Σᵢ w_{o,i}·cᵢ + b·u_o at the server and B = ĉ_o·s at the client add up to
//!    Δ·Σᵢ w_{o,i}·mᵢ and a noise that [`noise`] bounds. Each rounds its part to k + 1 bits; the two
//!    halves are those that [`crate::linear::guard`] makes exact shares of.
//!
//! What is here makes and reads hints, and bounds their noise; [`crate::linear::hint`] computes with them.
//!
//! A secret s serves one tile of one map's input in one image, and is consumed by value. Where the
//! client may choose m, it takes mᵢ = −top(−aᵢ·s + eᵢ), which is uniform: then the top k bits of cᵢ are
//! zero and need not be sent.

mod blinding;
mod file;
mod modular;
pub mod noise;
mod parameters;
mod publish;
mod secret;

pub use blinding::{HintSecret, LayerFormat, Place, TileKey};
pub use file::{Hint, HintFault, HintName, LayerHint};
pub use modular::Term;
pub(crate) use modular::{Product, Room, Transformed};
pub use noise::{Exactness, Format, Row};
pub use parameters::HintParameters;
pub use secret::OneTimeSecret;
pub(crate) use secret::correlate;
#[cfg(test)]
pub(crate) use secret::one_secret;

#[cfg(test)]
mod tests;
