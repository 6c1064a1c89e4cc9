//! Negacyclic number-theoretic transforms over Z_q[X]/(X^n + 1), and the ring arithmetic around
//! them.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod automorphism;
mod error;
mod modulus;
pub mod pack;
mod plan;
pub mod prg;
pub mod prime;
pub mod sample;
mod scale;

pub use error::Error;
pub use gazelle_kernels::{VectorBackend, pointwise::Term};
pub use modulus::Modulus;
pub use plan::Plan;
pub use scale::Scale;
