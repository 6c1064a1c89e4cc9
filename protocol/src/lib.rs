//! Two-party private neural-network inference.

#![forbid(unsafe_code)]

mod domain;
pub mod error;
pub mod he;
pub mod linear;
pub mod model;
pub mod ot;

pub use error::Error;
