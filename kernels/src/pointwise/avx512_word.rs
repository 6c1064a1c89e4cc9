//! AVX-512 IFMA: eight sums in three accumulators, q below 2^62.
//!
//! With factors cut at bit 52, a = a₀ + 2^52·a₁, a product is a₀·b₀ + 2^52·(a₀·b₁ + a₁·b₀) +
//! 2^104·a₁·b₁. The low and high 52 bits of each part go to the sum of their weight. Only the three
//! words of a finished sum are reduced, one element at a time.

use core::arch::x86_64::*;

use super::{Start, Term};
use crate::ntt::scalar::{Factor, reduce_once};

const LANES: usize = 8;

/// Vectors at a time, so that their chains of additions overlap.
const VECTORS: usize = 4;

/// Terms between reductions: each adds less than 3·2^52 to the middle word, which the start leaves
/// alone, and less than 2^52 to the low word, which starts below 2^62.
const TERMS: usize = 1300;

#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    q: u64,
    /// 1, 2^52 and 2^104 modulo q.
    weights: [Factor; 3],
}

impl Constants {
    pub(super) fn new(q: u64) -> Self {
        let weight = |bits: u32| Factor::new(((1u128 << bits) % u128::from(q)) as u64, q);
        Self { q, weights: [0, 52, 104].map(weight) }
    }

    /// The residue of lo + 2^52·mid + 2^104·hi.
    fn reduce(&self, words: [u64; 3]) -> u64 {
        let [lo, mid, hi] = [0, 1, 2].map(|i| self.weights[i].mul(words[i], self.q));
        reduce_once(reduce_once(lo + mid, self.q) + hi, self.q)
    }
}

/// The sums of as many elements as whole groups of vectors hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let whole = out[0].len() / (VECTORS * LANES) * (VECTORS * LANES);
    for at in (0..whole).step_by(VECTORS * LANES) {
        for (i, terms) in terms.chunks(TERMS).enumerate() {
            let start = if i == 0 { start } else { Start::Output };
            // SAFETY: at + VECTORS·LANES ≤ whole, and the caller promises that all are as long.
            unsafe { group(c, at, out, terms, start) };
        }
        if terms.is_empty() && start == Start::Zero {
            out.iter_mut().for_each(|out| out[at..at + VECTORS * LANES].fill(0));
        }
    }
    whole
}

/// [`VECTORS`] vectors of elements from `at` on.
///
/// # Safety
/// They lie inside every output and factor.
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn group<const K: usize>(
    c: &Constants,
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let zero = _mm512_setzero_si512();
    let mut sums = [[[zero; 3]; K]; VECTORS];
    for (a, b) in terms {
        for (v, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller promises that this vector lies inside all.
            let a = unsafe { load(a, at + v * LANES) };
            let a_high = _mm512_srli_epi64::<52>(a);
            for ([lo, mid, hi], b) in sums.iter_mut().zip(b) {
                // SAFETY: as above.
                let b = unsafe { load(b, at + v * LANES) };
                let b_high = _mm512_srli_epi64::<52>(b);
                *lo = _mm512_madd52lo_epu64(*lo, a, b);
                *mid = _mm512_madd52hi_epu64(*mid, a, b);
                *hi = _mm512_madd52hi_epu64(*hi, a, b_high);
                *mid = _mm512_madd52lo_epu64(*mid, a, b_high);
                *hi = _mm512_madd52hi_epu64(*hi, a_high, b);
                *mid = _mm512_madd52lo_epu64(*mid, a_high, b);
                *hi = _mm512_madd52lo_epu64(*hi, a_high, b_high);
            }
        }
    }
    for (k, out) in out.iter_mut().enumerate() {
        let out = out[at..at + VECTORS * LANES].as_chunks_mut::<LANES>().0;
        for (sums, out) in sums.iter().zip(out) {
            let [lo, mid, hi] = sums[k];
            let [lo, mid, hi] = [words(lo), words(mid), words(hi)];
            for (i, out) in out.iter_mut().enumerate() {
                let start = if start == Start::Output { *out } else { 0 };
                *out = c.reduce([lo[i] + start, mid[i], hi[i]]);
            }
        }
    }
}

/// # Safety
/// Eight words from `at` on lie inside `x`.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(x: &[u64], at: usize) -> __m512i {
    // SAFETY: as the caller promises.
    unsafe { _mm512_loadu_si512(x.as_ptr().add(at).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn words(x: __m512i) -> [u64; LANES] {
    let mut words = [0; LANES];
    // SAFETY: the array has eight words.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), x) };
    words
}
