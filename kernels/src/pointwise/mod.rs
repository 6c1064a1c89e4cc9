//! Sums of products of residues, element by element, with one reduction at the end.
//!
//! Every operation here is Σ_j a_j ⊙ b_j for K right factors at a time: the left factor of a term is
//! loaded once and multiplied into K sums. Products go unreduced into wide accumulators, as many as
//! the modulus leaves room for.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_half;
#[cfg(target_arch = "x86_64")]
mod avx2_word;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_word;
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
mod cut;
mod linear;
mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(test)]
mod tests;

use crate::backend::VectorBackend;
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
use crate::backend::VectorIsa;

/// One term of K sums: a left factor and K right factors.
pub type Term<'a, const K: usize> = (&'a [u64], [&'a [u64]; K]);

/// Terms that are brought into another order, and summed, at a time.
const AT_ONCE: usize = 64;

/// What the sums begin with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing: the outputs are overwritten.
    Zero,
    /// The values in the outputs.
    Output,
}

/// Pointwise arithmetic modulo one q below 2^62. Values are residues in [0, q), in and out: debug
/// builds refuse others on every backend, release builds give some wrong result for them.
#[derive(Clone, Copy, Debug)]
pub struct Pointwise {
    scalar: scalar::Constants,
    class: Class,
}

/// The kernel for a modulus: what it needs to reduce.
#[derive(Clone, Copy, Debug)]
enum Class {
    Scalar,
    #[cfg(target_feature = "simd128")]
    Simd128(simd128::Constants),
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Constants),
    #[cfg(target_arch = "x86_64")]
    Avx2Half(avx2_half::Constants),
    #[cfg(target_arch = "x86_64")]
    Avx2Word(cut::Constants),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Constants),
    #[cfg(target_arch = "x86_64")]
    Avx512Word(avx512_word::Constants),
}

impl Pointwise {
    /// Arithmetic modulo `q` on `backend`.
    ///
    /// # Panics
    /// Unless 2 < q < 2^62.
    pub fn new(backend: VectorBackend, q: u64) -> Self {
        assert!(2 < q && q < 1 << 62, "the modulus {q} is not between 2 and 2^62");
        let class = match backend.isa() {
            #[cfg(target_feature = "simd128")]
            VectorIsa::Simd128 => Class::Simd128(simd128::Constants::new(q)),
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx2 if q < 1 << 30 => Class::Avx2Half(avx2_half::Constants::new(q)),
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx2 if q < 1 << 50 => Class::Avx2(avx2::Constants::new(q)),
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx2 => Class::Avx2Word(cut::Constants::new(q)),
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx512 if q < 1 << 50 => Class::Avx512(avx512::Constants::new(q)),
            #[cfg(target_arch = "x86_64")]
            VectorIsa::Avx512 => Class::Avx512Word(avx512_word::Constants::new(q)),
            _ => Class::Scalar,
        };
        Self { scalar: scalar::Constants::new(q), class }
    }

    /// `out[i] = a[i]·b[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mul(&self, out: &mut [u64], a: &[u64], b: &[u64]) {
        self.sums_of(&mut [out], &[(a, [b])], Start::Zero);
    }

    /// `out[i] += a[i]·b[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mul_add(&self, out: &mut [u64], a: &[u64], b: &[u64]) {
        self.sums_of(&mut [out], &[(a, [b])], Start::Output);
    }

    /// `out[i] = Σ_j a_j[i]·b_j[i]` over the pairs `(a_j, b_j)`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn inner_product(&self, out: &mut [u64], pairs: &[(&[u64], &[u64])]) {
        let term = |j: usize| (pairs[j].0, [pairs[j].1]);
        self.sums([out], pairs.len(), term);
    }

    /// `out[k][i] = Σ_j a_j[i]·b_j[k][i]` over the terms `(a_j, b_j)`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn inner_products<const K: usize>(&self, out: [&mut [u64]; K], terms: &[Term<'_, K>]) {
        self.sums(out, terms.len(), |j| terms[j]);
    }

    /// The sums of terms 0 … `count` − 1.
    fn sums<'a, const K: usize>(
        &self,
        mut out: [&mut [u64]; K],
        count: usize,
        term: impl Fn(usize) -> Term<'a, K>,
    ) {
        let mut terms: [Term<'_, K>; AT_ONCE] = [(&[], [&[]; K]); AT_ONCE];
        let mut start = Start::Zero;
        for from in (0..count.max(1)).step_by(AT_ONCE) {
            let len = AT_ONCE.min(count - from);
            for (place, j) in terms.iter_mut().zip(scattered(len)) {
                *place = term(from + j);
            }
            self.sums_of(&mut out, &terms[..len], start);
            start = Start::Output;
        }
    }

    fn sums_of<const K: usize>(
        &self,
        out: &mut [&mut [u64]; K],
        terms: &[Term<'_, K>],
        start: Start,
    ) {
        let Some(len) = out.first().map(|out| out.len()) else { return };
        assert!(out.iter().all(|out| out.len() == len), "outputs of different lengths");
        for (a, b) in terms {
            assert_eq!(a.len(), len, "a left factor of another length than the output");
            assert!(b.iter().all(|b| b.len() == len), "a right factor of another length");
            debug_assert!(
                self.reduced(a) && b.iter().all(|b| self.reduced(b)),
                "unreduced factors"
            );
        }
        let unused = start == Start::Zero;
        debug_assert!(unused || out.iter().all(|out| self.reduced(out)), "unreduced sums");
        let done = match &self.class {
            Class::Scalar => 0,
            #[cfg(target_feature = "simd128")]
            // SAFETY: all lengths agree.
            Class::Simd128(c) => unsafe { simd128::sums(c, out, terms, start) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX2 and FMA; all lengths agree.
            Class::Avx2(c) => unsafe { avx2::sums(c, out, terms, start) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Class::Avx2Half(c) => unsafe { avx2_half::sums(c, out, terms, start) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Class::Avx2Word(c) => unsafe { avx2_word::sums(c, out, terms, start) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the class was made for a backend that proves AVX-512 F, DQ and IFMA; all lengths
            // agree.
            Class::Avx512(c) => unsafe { avx512::sums(c, out, terms, start) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Class::Avx512Word(c) => unsafe { avx512_word::sums(c, out, terms, start) },
        };
        scalar::sums(&self.scalar, done, out, terms, start);
    }

    /// Whether all residues are in [0, q), for debug builds.
    fn reduced(&self, x: &[u64]) -> bool {
        x.iter().all(|&x| x < self.scalar.q)
    }
}

/// 0 … `len` − 1 in an order without a constant stride: the triangular numbers modulo a power of two
/// are each number once. Factors often lie at equal distances; where a CPU finds that out, it fetches
/// ahead across them, data the sums do not need yet.
fn scattered(len: usize) -> impl Iterator<Item = usize> {
    let size = len.next_power_of_two();
    (0..size).map(move |i| i * (i + 1) / 2 % size).filter(move |&j| j < len)
}

/// How many products of residues modulo `q` fit below 2^`bits` beside a start below 4q.
fn terms_below(bits: u32, q: u64) -> usize {
    let room = (u128::MAX >> (128 - bits)) - 4 * u128::from(q);
    let square = u128::from(q - 1).pow(2);
    usize::try_from(room / square).unwrap_or(usize::MAX)
}
