//! Linear layers on shares: homomorphic before the input exists, in the clear after.
//!
//! Offline the client encrypts a uniform [`Mask`] r of the layer's input ([`CoefficientPlan::encrypt`]).
//! The server multiplies it by M, keeps one component of the result and returns the other,
//! re-randomised ([`CoefficientPlan::apply`]); the client decrypts that ([`CoefficientPlan::decrypt`]). Each
//! then holds a *half* of M·r with a guard bit, and one oblivious transfer a result makes exact
//! shares of them: a for the client, t for the server, a + t = M·r in Z_{2^k} ([`guard`]). Online the
//! server receives x − r, evaluates M·(x − r) + bias with [`clear::apply`] and adds t: the two shares
//! add up to M·x + bias. (Delphi, USENIX Security 2020, moved the homomorphic half offline.)
//!
//! Every layer is brought to one shape, a stride-1 convolution over channels (`geometry`), laid
//! out in polynomials (`packing`), priced and chosen ([`CoefficientPlan`]).

pub mod clear;
mod client;
#[cfg(test)]
pub(crate) mod forged;
mod geometry;
pub mod guard;
pub mod hint;
mod keys;
pub(crate) mod messages;
mod packing;
mod plan;
mod server;
mod share;

#[cfg(test)]
pub(crate) use keys::one_key;
pub use keys::{ClientKeys, ServerKeys};
pub(crate) use plan::Map;
pub use plan::{CoefficientPlan, Cost};
pub use server::EncodedWeights;
pub use share::{Mask, ServerShare};

#[cfg(test)]
mod tests;
