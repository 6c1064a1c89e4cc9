//! Two-party private neural-network inference.

#![forbid(unsafe_code)]

pub mod activation;
#[cfg(test)]
mod constant_time;
mod digest;
mod domain;
pub mod error;
pub mod he;
pub mod linear;
mod link;
pub mod ot;
pub mod session;
mod text;
pub mod transport;

pub use error::Error;
pub use gazelle_model as model;
pub use link::Link;
pub use text::printable;
