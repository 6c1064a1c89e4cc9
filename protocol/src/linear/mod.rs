//! Linear layers on shares: homomorphic before the input exists, in the clear after.
//!
//! Offline the client encrypts a uniform [`Mask`] r of the layer's input ([`LinearPlan::encrypt`]), the
//! server returns an encryption of M·r − t under a fresh share t ([`LinearPlan::apply`]) and the
//! client decrypts its share of the result ([`LinearPlan::decrypt`]). Online the server receives
//! x − r, evaluates M·(x − r) + bias with [`clear::apply`] and adds t: the two shares add up to
//! M·x + bias in Z_{2^k}. (Delphi, USENIX Security 2020, moved the homomorphic half offline.)
//!
//! Every layer is brought to one shape, a stride-1 convolution over channels (`geometry`), laid
//! out in polynomials (`packing`), priced and chosen ([`LinearPlan`]).

pub mod clear;
mod client;
mod geometry;
mod keys;
mod packing;
mod plan;
mod server;
mod share;

pub use keys::{ClientKeys, ServerKeys};
pub use plan::{Cost, LinearPlan};
pub use server::EncodedWeights;
pub use share::{Mask, ServerShare};

#[cfg(test)]
mod tests;
