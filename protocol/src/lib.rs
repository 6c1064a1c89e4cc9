#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod activation;
pub mod bundle;
#[cfg(test)]
mod constant_time;
mod digest;
mod domain;
pub mod error;
pub mod exchange;
pub mod frames;
pub mod he;
pub mod linear;
mod link;
pub mod ot;
mod parallel;
pub mod party;
pub mod plan;
#[cfg(feature = "os")]
pub mod session;
mod text;
#[cfg(feature = "os")]
pub mod transport;
mod wiped;
pub mod wire;

pub use error::Error;
pub use gazelle_model as model;
pub use link::{Link, Way};
pub use text::printable;
