//! Two-party private neural-network inference.

#![forbid(unsafe_code)]

pub mod model;
