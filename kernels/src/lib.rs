//! The SIMD kernels under Gazelle, and the only crate of the workspace with `unsafe`.
//!
//! Every kernel exists as a scalar twin, which is the specification, and as vector twins that are
//! chosen at run time. A value of a backend type is the proof that the CPU has what it names, so
//! every function here is safe to call with any arguments.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(target_arch = "x86_64")]
mod aes;
pub mod backend;
pub mod gf128;
pub mod half_gates;
pub mod hash;
pub mod label;
pub mod ntt;
pub mod pointwise;
pub mod prg;
pub mod ring;
pub mod transpose;

pub use backend::{AesBackend, VectorBackend};
