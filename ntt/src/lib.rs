//! Negacyclic number-theoretic transforms over Z_q\[X\]/(X^n + 1), and the ring arithmetic around
//! them.
//!
//! ```text
//!  a, b: coefficients ── forward ──► values at the odd powers of ψ
//!                                        │ pointwise_mul, inner_product
//!  a·b modulo X^n + 1 ◄── inverse ── values of the product
//! ```
//!
//! ```
//! use gazelle_ntt::{Plan, prime};
//!
//! // X · X^(n−1) = −1.
//! let n = 4096;
//! let q = prime::ntt_primes_below(n, 47, 1)[0];
//! let plan = Plan::try_new(n, q)?;
//! let (mut a, mut b, mut product) = (vec![0; n], vec![0; n], vec![0; n]);
//! (a[1], b[n - 1]) = (1, 1);
//! plan.forward(&mut a);
//! plan.forward(&mut b);
//! plan.pointwise_mul(&mut product, &a, &b);
//! plan.inverse(&mut product);
//! assert_eq!(product[0], q - 1);
//! # Ok::<(), gazelle_ntt::Error>(())
//! ```

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
