//! AVX2: four sums of words, q below 2^30.
//!
//! A product is one instruction and below 2^60, so a word of 64 bits holds 16 of them; only a finished sum
//! is reduced.

use core::arch::x86_64::*;

use super::{Start, Term, terms_below};
use crate::ntt::scalar::Factor;

const LANES: usize = 4;

/// What a sum is reduced with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    q: u32,
    /// ⌊2^32 / q⌋.
    one: u32,
    /// 2^32 modulo q, and ⌊2^32·that / q⌋.
    word: [u32; 2],
    /// Terms between reductions.
    terms: usize,
    /// The length of q in bits, b: 2^(b−1) ≤ q < 2^b.
    bits: u32,
    /// ⌊(2^(b+31) − 1) / q⌋, below 2^32.
    inverse: u32,
}

impl Constants {
    /// For q below 2^30.
    pub(super) fn new(q: u64) -> Self {
        let (word, bits) = ((1 << 32) % q, q.ilog2() + 1);
        Self {
            q: q as u32,
            one: ((1 << 32) / q) as u32,
            // The upper half of the quotient by 2^64 is the one by 2^32.
            word: [word as u32, (Factor::new(word, q).quotient >> 32) as u32],
            terms: terms_below(64, q),
            bits,
            inverse: (((1 << (bits + 31)) - 1) / q) as u32,
        }
    }
}

/// The sums of as many elements as whole vectors hold; returns how many that are.
///
/// # Safety
/// All outputs and factors have the same length.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sums<const K: usize>(
    c: &Constants,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) -> usize {
    let len = out[0].len();
    let (blocks, whole) = (len / (2 * LANES) * (2 * LANES), len / LANES * LANES);
    for at in (0..blocks).step_by(2 * LANES) {
        // SAFETY: at + 2·LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<K, 2>(c, at, out, terms, start) };
    }
    if blocks < whole {
        // SAFETY: blocks + LANES ≤ len, and the caller promises that all lengths are len.
        unsafe { block::<K, 1>(c, blocks, out, terms, start) };
    }
    whole
}

/// `V` vectors of elements from `at` on.
///
/// # Safety
/// `V` vectors from `at` on lie inside every output and factor.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn block<const K: usize, const V: usize>(
    c: &Constants,
    at: usize,
    out: &mut [&mut [u64]; K],
    terms: &[Term<'_, K>],
    start: Start,
) {
    let mut sums = [[_mm256_setzero_si256(); V]; K];
    if start == Start::Output {
        for (sums, out) in sums.iter_mut().zip(&*out) {
            // SAFETY: the caller promises V vectors from `at` on.
            *sums = unsafe { load(out, at) };
        }
    }
    for terms in terms.chunks(c.terms) {
        for (a, b) in terms {
            // SAFETY: as above.
            let a: [_; V] = unsafe { load(a, at) };
            for (sums, b) in sums.iter_mut().zip(b) {
                // SAFETY: as above.
                let b: [_; V] = unsafe { load(b, at) };
                for v in 0..V {
                    sums[v] = _mm256_add_epi64(sums[v], _mm256_mul_epu32(a[v], b[v]));
                }
            }
        }
        for sum in sums.as_flattened_mut() {
            *sum = if terms.len() == 1 { reduce_product(c, *sum) } else { reduce(c, *sum) };
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(at + v * LANES).cast(), sum) };
        }
    }
}

/// # Safety
/// `V` vectors from `at` on lie inside `x`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load<const V: usize>(x: &[u64], at: usize) -> [__m256i; V] {
    core::array::from_fn(|v| {
        // SAFETY: the caller promises V vectors from `at` on.
        unsafe { _mm256_loadu_si256(x.as_ptr().add(at + v * LANES).cast()) }
    })
}

/// `x` modulo q, in [0, q), for any word.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce(c: &Constants, x: __m256i) -> __m256i {
    let high = |x| _mm256_srli_epi64::<32>(x);
    // Each half times its weight, less its estimate of the quotient times q, is below 2q: 4q < 2^32 together.
    let upper = high(x);
    let from_upper = high(_mm256_mul_epu32(upper, broadcast(c.word[1])));
    let from_lower = high(_mm256_mul_epu32(x, broadcast(c.one)));
    let quotient = _mm256_add_epi64(from_upper, from_lower);
    let lower = _mm256_blend_epi32::<0xaa>(x, _mm256_setzero_si256());
    let sum = _mm256_add_epi64(_mm256_mul_epu32(upper, broadcast(c.word[0])), lower);
    let rest = _mm256_sub_epi64(sum, _mm256_mul_epu32(quotient, broadcast(c.q)));
    reduce_once(reduce_once(rest, broadcast(2 * c.q)), broadcast(c.q))
}

/// The same for x < q² + q, by Barrett's quotient.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_product(c: &Constants, x: __m256i) -> __m256i {
    // Below 2^(b+1) + 1. The quotient is less than x/q by less than 2^(b−1)/q for the bits below b − 1, 1/2
    // for the inverse and 1 for the floor: the rest is below 3q.
    let above = _mm256_srl_epi64(x, _mm_cvtsi32_si128(c.bits as i32 - 1));
    let quotient = _mm256_srli_epi64::<32>(_mm256_mul_epu32(above, broadcast(c.inverse)));
    let rest = _mm256_sub_epi64(x, _mm256_mul_epu32(quotient, broadcast(c.q)));
    reduce_once(reduce_once(rest, broadcast(2 * c.q)), broadcast(c.q))
}

/// The smaller of `x` and `x − m` as words of 32 bits, which is x modulo m for x < 2m; the upper ones are 0.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_once(x: __m256i, m: __m256i) -> __m256i {
    _mm256_min_epu32(x, _mm256_sub_epi32(x, m))
}

/// In the lower halves of words of 64 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn broadcast(x: u32) -> __m256i {
    _mm256_set1_epi64x(x.into())
}
