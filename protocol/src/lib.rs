//! Two-party private neural-network inference.

#![forbid(unsafe_code)]

pub mod activation;
#[cfg(test)]
mod constant_time;
mod domain;
pub mod error;
pub mod he;
pub mod linear;
mod link;
pub mod ot;
pub mod session;
pub mod transport;

pub use error::Error;
pub use gazelle_model as model;
pub use link::Link;
