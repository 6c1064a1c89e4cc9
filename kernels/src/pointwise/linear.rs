//! Sums, differences and negatives: the scalar loop, which the compiler vectorises for each
//! instruction set it is compiled for.

use super::{Class, Pointwise};
use crate::ntt::scalar::reduce_once;

/// What becomes of two residues below q: a function that the loop takes in.
trait Operation {
    fn apply(a: u64, b: u64, q: u64) -> u64;
}

struct Add;
struct Sub;

impl Operation for Add {
    #[inline(always)]
    fn apply(a: u64, b: u64, q: u64) -> u64 {
        reduce_once(a + b, q)
    }
}

impl Operation for Sub {
    #[inline(always)]
    fn apply(a: u64, b: u64, q: u64) -> u64 {
        reduce_once(a + q - b, q)
    }
}

impl Pointwise {
    /// `a[i] += b[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn add_assign(&self, a: &mut [u64], b: &[u64]) {
        self.apply::<Add>(a, b);
    }

    /// `a[i] −= b[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn sub_assign(&self, a: &mut [u64], b: &[u64]) {
        self.apply::<Sub>(a, b);
    }

    fn apply<O: Operation>(&self, a: &mut [u64], b: &[u64]) {
        assert_eq!(a.len(), b.len());
        debug_assert!(self.reduced(a) && self.reduced(b), "unreduced terms");
        let q = self.scalar.q;
        match self.class {
            Class::Scalar => run::<O>(q, a, b),
            #[cfg(target_feature = "simd128")]
            Class::Simd128(_) => run::<O>(q, a, b),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2.
            Class::Avx2(_) | Class::Avx2Half(_) | Class::Avx2Word(_) => unsafe {
                avx2::<O>(q, a, b)
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX-512 F.
            Class::Avx512(_) | Class::Avx512Word(_) => unsafe { avx512::<O>(q, a, b) },
        }
    }
}

#[inline(always)]
fn run<O: Operation>(q: u64, a: &mut [u64], b: &[u64]) {
    a.iter_mut().zip(b).for_each(|(a, &b)| *a = O::apply(*a, b, q));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<O: Operation>(q: u64, a: &mut [u64], b: &[u64]) {
    run::<O>(q, a, b);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<O: Operation>(q: u64, a: &mut [u64], b: &[u64]) {
    run::<O>(q, a, b);
}
