//! Negacyclic number-theoretic transforms, one whole transform per call, all in the order of
//! [`scalar::transpose_blocks`].

#[cfg(target_arch = "x86_64")]
mod avx2_blocks;
#[cfg(target_arch = "x86_64")]
mod avx2_f64;
#[cfg(target_arch = "x86_64")]
mod avx2_half;
#[cfg(target_arch = "x86_64")]
mod avx2_word;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
mod blocks;
pub mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;

#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
use alloc::boxed::Box;
use alloc::vec::Vec;
use scalar::Factor;

use crate::backend::VectorBackend;
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
use crate::backend::VectorIsa;

/// The tables of one transform, with the kernel that a backend and a modulus call for.
///
/// Transforms take residues in [0, q). Debug builds refuse others on every backend; release builds
/// give some wrong result for them.
#[derive(Clone, Debug)]
pub struct Transform {
    q: u64,
    roots: Vec<Factor>,
    inverse_roots: Vec<Factor>,
    n_inverse: Factor,
    class: Class,
}

/// The kernel and what it needs beside the scalar tables.
#[derive(Clone, Debug)]
enum Class {
    Scalar,
    #[cfg(target_feature = "simd128")]
    Simd128(Box<simd128::Tables>),
    #[cfg(target_arch = "x86_64")]
    Avx2F64(avx2_f64::Tables),
    #[cfg(target_arch = "x86_64")]
    Avx2Half(avx2_half::Tables),
    #[cfg(target_arch = "x86_64")]
    Avx2Word(avx2_word::Tables),
    #[cfg(target_arch = "x86_64")]
    Avx512(Box<avx512::Tables>),
}

impl Transform {
    /// The transform of size n = `roots.len()` modulo `q`: `roots[i]` is ψ^bitrev(i) for a primitive
    /// 2n-th root of unity ψ, `inverse_roots[i]` its inverse, `n_inverse` is 1/n.
    ///
    /// # Panics
    /// If n is not a power of two from 8, the tables differ in length, or q is not below 2^62.
    pub fn new(
        backend: VectorBackend,
        q: u64,
        roots: Vec<Factor>,
        inverse_roots: Vec<Factor>,
        n_inverse: Factor,
    ) -> Self {
        assert!(roots.len().is_power_of_two() && roots.len() >= 8);
        assert!(roots.len() == inverse_roots.len() && q < 1 << 62);
        #[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
        let n = roots.len();
        let class = match backend.isa() {
            #[cfg(target_feature = "simd128")]
            VectorIsa::Simd128 if simd128::Tables::support(n, q) => {
                Class::Simd128(Box::new(simd128::Tables::new(q, &roots, &inverse_roots, n_inverse)))
            }
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx512 if avx512::Tables::support(n, q) => {
                Class::Avx512(Box::new(avx512::Tables::new(q, &roots, &inverse_roots, n_inverse)))
            }
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx2 | VectorIsa::Avx512 if avx2_half::Tables::support(n, q) => {
                Class::Avx2Half(avx2_half::Tables::new(q, &roots, &inverse_roots, n_inverse))
            }
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx2 | VectorIsa::Avx512 if avx2_f64::Tables::support(n, q) => {
                Class::Avx2F64(avx2_f64::Tables::new(q, &roots, &inverse_roots, n_inverse))
            }
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx2 | VectorIsa::Avx512 if avx2_word::Tables::support(n, q) => {
                Class::Avx2Word(avx2_word::Tables::new(q, &roots, &inverse_roots, n_inverse))
            }
            _ => Class::Scalar,
        };
        Self { q, roots, inverse_roots, n_inverse, class }
    }

    /// Transforms one polynomial in place; residues in [0, q) in and out.
    ///
    /// # Panics
    /// If `a` does not have n coefficients.
    pub fn forward(&self, a: &mut [u64]) {
        self.forward_to::<false>(a);
    }

    /// As [`Transform::forward`], but residues in [0, 2q) out: which of the two depends on the kernel.
    ///
    /// # Panics
    /// If `a` does not have n coefficients.
    pub fn forward_lazy(&self, a: &mut [u64]) {
        self.forward_to::<true>(a);
    }

    /// Transforms one polynomial back in place, 1/n included; residues in [0, q) in and out.
    ///
    /// # Panics
    /// If `a` does not have n values.
    pub fn inverse(&self, a: &mut [u64]) {
        self.inverse_to::<false>(a);
    }

    /// As [`Transform::inverse`], but residues in [0, 2q) out: which of the two depends on the kernel.
    ///
    /// # Panics
    /// If `a` does not have n values.
    pub fn inverse_lazy(&self, a: &mut [u64]) {
        self.inverse_to::<true>(a);
    }

    fn forward_to<const LAZY: bool>(&self, a: &mut [u64]) {
        assert_eq!(a.len(), self.roots.len());
        debug_assert!(a.iter().all(|&x| x < self.q), "unreduced residues");
        match &self.class {
            Class::Scalar => scalar::forward::<LAZY>(a, &self.roots, self.q),
            #[cfg(target_feature = "simd128")]
            Class::Simd128(tables) => simd128::forward::<LAZY>(tables, a),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2 and FMA.
            Class::Avx2F64(tables) => unsafe { avx2_f64::forward(tables, a) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2.
            Class::Avx2Half(tables) => unsafe { avx2_half::forward::<LAZY>(tables, a) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2.
            Class::Avx2Word(tables) => unsafe { avx2_word::forward::<LAZY>(tables, a) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX-512 F, DQ and IFMA.
            Class::Avx512(tables) => unsafe { avx512::forward::<LAZY>(tables, a) },
        }
        debug_assert!(a.iter().all(|&x| x < if LAZY { 2 * self.q } else { self.q }));
    }

    fn inverse_to<const LAZY: bool>(&self, a: &mut [u64]) {
        assert_eq!(a.len(), self.roots.len());
        debug_assert!(a.iter().all(|&x| x < self.q), "unreduced residues");
        match &self.class {
            Class::Scalar => {
                scalar::inverse::<LAZY>(a, &self.inverse_roots, self.n_inverse, self.q);
            }
            #[cfg(target_feature = "simd128")]
            Class::Simd128(tables) => simd128::inverse::<LAZY>(tables, a),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2 and FMA.
            Class::Avx2F64(tables) => unsafe { avx2_f64::inverse(tables, a) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2.
            Class::Avx2Half(tables) => unsafe { avx2_half::inverse::<LAZY>(tables, a) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2.
            Class::Avx2Word(tables) => unsafe { avx2_word::inverse::<LAZY>(tables, a) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX-512 F, DQ and IFMA.
            Class::Avx512(tables) => unsafe { avx512::inverse::<LAZY>(tables, a) },
        }
        debug_assert!(a.iter().all(|&x| x < if LAZY { 2 * self.q } else { self.q }));
    }
}
