//! The SIMD kernels under Gazelle, and the only crate of the workspace with `unsafe`.
//!
//! Every kernel exists as a scalar twin, which is the specification, and as vector twins that are
//! chosen at run time. A value of a backend type is the proof that the CPU has what it names, so
//! every function here is safe to call with any arguments.

//!
//! Each module is a family of kernels, but for [`memory`], which only needs `unsafe` as they do. A
//! backend is a value, made once and passed along:
//!
//! ```text
//!  ntt  pointwise  ring  transpose     half_gates  hash  label  prg  gf128  ggm  lpn
//!   └──────┬────────┴───────┘              └───────┬──────┴─────┴──────┴─────┴────┘
//!    VectorBackend                            AesBackend
//!    scalar · simd128 · avx2 · avx512         portable · simd128 · aesni · vaes256 · vaes512
//! ```
//!
//! ```
//! use gazelle_kernels::{VectorBackend, ring};
//!
//! // y += a·x modulo 2^32, the same on every backend.
//! let (a, x) = ([1, -2, 3, 4], [10, 20]);
//! for backend in VectorBackend::available() {
//!     let mut y = [5, 6];
//!     ring::matvec(backend, &a, &x, &mut y);
//!     assert_eq!(y, [10 - 40 + 5, 30 + 80 + 6].map(|y: i32| y as u32));
//! }
//! ```

#![cfg_attr(not(feature = "std"), no_std)]
// Calls of a twin stand in `unsafe` blocks; where the only twin is the scalar one, nothing in them is.
#![cfg_attr(not(target_arch = "x86_64"), allow(unused_unsafe))]

extern crate alloc;

#[cfg(target_arch = "x86_64")]
mod aes;
pub mod backend;
#[cfg(target_feature = "simd128")]
mod bitsliced;
mod dispatch;
pub mod gf128;
pub mod ggm;
pub mod half_gates;
pub mod hash;
pub mod label;
pub mod lpn;
pub mod memory;
pub mod ntt;
pub mod pointwise;
pub mod prg;
pub mod ring;
pub mod transpose;
#[cfg(target_feature = "simd128")]
mod words;

pub use backend::{AesBackend, VectorBackend};
